"""What a venue of a user's own, or a dealer of such parts, says may come of a quote, held to its simulated steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.choices import trial_actions
from agents.exact.nodes import Unsolvable
from agents.exact.reader import read
from agents.exact.timed import parts_of
from mm_env.core import engine
from mm_env.core.component import count, flat, record, rules, store
from mm_env.core.noise import draw
from mm_env.market import Market
from mm_env.state import held_at
from mm_env.venue.venue import Transition

Floats = NDArray[np.float64]
_STEPS, _ERRORS, _SEED = 2**15, 6.0, 20_080_101  # from each state, standard errors, and a seed: trials come out alike
_ACTIONS = 3
_ROUNDING = 1e-9
_RARE, _KURTOSIS = 50.0, 9.0  # steps that are too few to tell, and that of an exponential


def check_outcomes(market: Market) -> None:
    """Refuse a venue whose `transitions` are not what its steps do; one made of this package's parts alone is not tried.

    Raises: Unsolvable with what is stated and what came.
    """
    if all(function.__module__.split(".")[0] == "mm_env" for function in _functions(market)):
        return
    read(market, trial_actions(market, _ACTIONS))  # refuses quotes that mean nothing
    steps, limit = market.clock.steps, market.max_inventory
    held = sorted({-limit, 0.0, market.order_size, limit})
    for i, (step, action) in enumerate(
        zip([0.0, steps // 2, steps - 1], trial_actions(market, _ACTIONS), strict=False)
    ):
        for inventory in held:
            _try(
                market, held_at(record(market).begin(0.0, market.initial_mid), float(step), inventory), tuple(action), i
            )


def _functions(market: Market) -> Iterator[Any]:
    for part in (market.venue, market.fees, market.quote):
        for inner in parts_of(part):
            yield from rules(type(inner)).values()


def _try(market: Market, state: Any, action: tuple[float, ...], round: int) -> None:
    model, width = record(market), 3 + count(state.world.venue)
    action = tuple(float(number) for number in action)
    seen, arguments = np.empty(_STEPS * width), (model, state, action, _SEED, round)
    engine.compiled(take_deals, *arguments, seen)(*arguments, seen)
    sample = seen.reshape(_STEPS, width)
    quote = model.quote.decode(action, model.now(state, ()))
    said = _together(model.venue.transitions(model, state, quote))
    where = f"at step {state.step:g}, inventory {state.account.inventory:g} and {quote}"
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
    _hold(
        market, where, "probability", chance, n / _STEPS, math.sqrt(max(chance * (1.0 - chance), 0.0) / _STEPS), 1e-12
    )
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
