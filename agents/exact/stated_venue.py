"""What a venue of a user's own, or a dealer of such parts, says may come of a quote, held to its simulated steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.choices import trial_actions
from agents.exact.law_states import node_states
from agents.exact.nodes import Unsolvable
from agents.exact.price_grid import Axis
from agents.exact.reader import Reader, read
from mm_env.core import engine
from mm_env.core.component import count, flat, parts, record, rules, store
from mm_env.core.noise import draw
from mm_env.market import Market
from mm_env.price.law import Law
from mm_env.state import State, held_at
from mm_env.venue.venue import Transition

Floats = NDArray[np.float64]
_STEPS, _ERRORS, _SEED = 2**15, 6.0, 20_080_101  # from each state, standard errors, and a seed: trials come out alike
_ACTIONS = 3
_NODES, _SPREAD, _PLACES = 5, 8, 16  # of each grid, of the venue's states and of all nodes, and of both together
_ROUNDING = 1e-9
_RARE, _KURTOSIS = 50.0, 9.0  # steps that are too few to tell, and that of an exponential
_FEW = 12.0  # steps to what is rare that may come by chance: by Poisson's law, of which the normal is no limit


def check_outcomes(market: Market, axis: Axis) -> None:
    """Refuse a venue whose `transitions` are not what its steps do; one made of this package's parts alone is not tried.

    Raises: Unsolvable with what is stated and what came.
    """
    if all(function.__module__.split(".")[0] == "mm_env" for function in _functions(market)):
        return
    actions = trial_actions(market, _ACTIONS)
    read(market, actions)  # refuses quotes that mean nothing
    table = np.broadcast_to(actions[0], (1, 1, len(axis.held), actions.shape[1]))
    Reader(market, axis)(table, np.zeros(1), axis.count)  # refuses outcomes that cannot be
    held = sorted({-market.max_inventory, 0.0, market.order_size, market.max_inventory})
    steps = [0.0, market.clock.steps // 2, market.clock.steps - 1]
    for place, state in enumerate(_places(market)):
        for i, (step, action) in enumerate(zip(steps, actions, strict=False)):
            for inventory in held:
                _try(market, held_at(state, float(step), inventory), tuple(action), len(steps) * place + i)


def _places(market: Market) -> list[State]:
    """The start, and states spread over those of the venue and the nodes of the price's law, without the ends of grids."""
    model, laws = record(market), market.price.law(market.clock.step_length, _NODES).axes
    start = model.begin(0.0, float(model.initial_mid))
    numbers = np.arange(math.prod(len(law.nodes) for law in laws)).reshape([len(law.nodes) for law in laws])
    inner, states = numbers[np.ix_(*(_told_nodes(law) for law in laws))].ravel(), node_states(start, laws)
    nodes, venues = _spread([states[i] for i in inner]), _spread(list(market.venue.states()) or [start.world.venue])
    found, n, v = {start: None}, len(nodes), len(venues)  # in order, each once
    for k in range(min(n * v, _PLACES)):
        first, turn = k % max(n, v), k // max(n, v)  # all of either come first, whichever are more
        node, venue = nodes[(first + (turn if n < v else 0)) % n], venues[(first + (turn if n >= v else 0)) % v]
        found[node._replace(world=node.world._replace(venue=venue))] = None
    return list(found)


def _told_nodes(law: Law) -> NDArray[np.int64]:
    """The nodes of which a law says the states, or the first of those that are all alike."""
    n = len(law.nodes)
    if law.states is None:
        return np.arange(1)
    return np.arange(1, n - 1) if law.kind == "grid" and n > 2 else np.arange(n)


def _spread(places: list[Any]) -> list[Any]:
    return [places[i] for i in np.unique(np.linspace(0, len(places) - 1, _SPREAD).round().astype(int))]


def _told(state: Any) -> str:
    """The states of price and venue, in words."""
    said = [f", the {name} at {part}" for name in ("price", "venue") if (part := getattr(state.world, name)) != ()]
    return f", mid {state.mid:.6g}" + "".join(said)


def _functions(market: Market) -> Iterator[Any]:
    for part in (market.venue, market.fees, market.quote):
        for _, inner in parts(part):
            yield from rules(type(inner)).values()


def _try(market: Market, state: Any, action: tuple[float, ...], round: int) -> None:
    model, width = record(market), 3 + count(state.world.venue)
    action = tuple(float(number) for number in action)
    seen, arguments = np.empty(_STEPS * width), (model, state, action, _SEED, round)
    engine.compiled(take_deals, *arguments, seen)(*arguments, seen)
    sample = seen.reshape(_STEPS, width)
    quote = model.quoted(action, state)
    said = _together(model.venue.transitions(model, state, quote))
    where = f"at step {state.step:g}, inventory {state.account.inventory:g}{_told(state)} and {quote}"
    came = np.zeros(len(sample), np.bool_)
    for key, outcomes in said.items():
        mine = np.abs(sample[:, [0, *range(3, width)]] - np.array(key)).max(axis=1) <= _ROUNDING * (1.0 + abs(key[0]))
        came |= mine
        _compare(market, f"{where} an inventory of {key[0]:.6g} after it", outcomes, sample[mine])
    if not came.all():
        raise Unsolvable(
            f"venue: {type(market.venue).__name__}.transitions contradict its simulated steps: {where} they know of no "
            f"inventory of {sample[~came][0, 0]:.6g} after it"
        )


def _together(outcomes: tuple[Transition, ...]) -> dict[tuple[float, ...], list[Transition]]:
    """The outcomes by what tells them apart: inventory and state of the venue."""
    found: dict[tuple[float, ...], list[Transition]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.inventory, *flat(outcome.venue)), []).append(outcome)
    return found


def _compare(market: Market, where: str, outcomes: list[Transition], sample: Floats) -> None:
    """Hold the probability of some outcomes, and the moments of money and jump given them, to the steps that came to them."""
    chance, n = sum(o.probability for o in outcomes), len(sample)
    error, slack = math.sqrt(max(chance * (1.0 - chance), 0.0) / _STEPS), _FEW / _STEPS if chance > 0.0 else 0.0
    _hold(market, where, "probability", chance, n / _STEPS, error, slack + 1e-12)
    if n < 100 or not chance > 0.0:
        return
    shares = np.array([o.probability / chance for o in outcomes])
    for column, name, means, variances in (
        (1, "money from trades", [o.gain for o in outcomes], [0.0] * len(outcomes)),
        (2, "jump of the mid", [o.jump for o in outcomes], [o.jump_variance for o in outcomes]),
    ):
        x, mean, variance = sample[:, column], np.array(means), np.array(variances)
        said = float(shares @ mean)
        off, rare = (mean - said) ** 2, shares * n < _RARE
        scatter, missed = float(shares @ (off + variance)), shares * rare
        slack = 1e-9 * (1.0 + abs(said)) + float(missed @ np.sqrt(off))
        _hold(market, where, f"mean {name}", said, float(x.mean()), math.sqrt(max(scatter, float(x.var())) / n), slack)
        square, fourth = (x - said) ** 2, float(shares @ (off**2 + 6.0 * off * variance + _KURTOSIS * variance**2))
        error = math.sqrt(max(float(square.var()), fourth - scatter**2) / n)
        slack = 1e-9 * (1.0 + said**2) + float(missed @ (off + variance))
        _hold(market, where, f"variance of the {name}", scatter, float(square.mean()), error, slack)


def _hold(market: Market, where: str, name: str, said: float, seen: float, error: float, slack: float) -> None:
    if not abs(said - seen) <= _ERRORS * error + slack:
        raise Unsolvable(
            f"venue: {type(market.venue).__name__}.transitions contradict its simulated steps: {where} has {name} {said:.6g} "
            f"as stated and {seen:.6g} ±{error:.1g} in {_STEPS:,} steps"
        )


def take_deals(market: Any, state: Any, action: Any, seed: int, round: int, seen: Any) -> None:
    """What comes of an action, many times over: inventory, money over the mid, jump, and the venue's state after it."""
    width = 3 + count(state.world.venue)
    for i in range(seen.shape[0] // width):
        dealt = market.venue.deal(market, state, action, draw(seed, i, round, 0), ())
        gained = dealt.account.cash - state.account.cash
        gained += (dealt.account.inventory - state.account.inventory) * state.mid
        numbers = (dealt.account.inventory, gained, dealt.jump, dealt.venue)
        store(numbers, seen, i * width, 1)
