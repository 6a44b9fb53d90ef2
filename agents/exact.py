"""What a tabulated policy is worth, exactly: by recursion over the very process that is simulated, without noise.

Both sides may fill in one step, each with its own probability, at the market's dt, with its limits, fees and jumps. This is
the oracle that the simulator is held to, and what finds the best policy of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.fixed import FixedSymmetric, LinearSkew
from agents.latent import Axis, Unsolvable, axis_of, check_law
from mm_env import engine, kernel
from mm_env.account import Fees
from mm_env.clock import Ergodic
from mm_env.component import leaves, record
from mm_env.impact import ArrivalImpact, FillImpact, NoImpact
from mm_env.market import Market
from mm_env.parameters import Distribution
from mm_env.quote import Unbounded
from mm_env.reward import CARA, InventoryPenalty
from mm_env.rollout import check_table, inventory_levels
from mm_env.venue.dealer import Dealer

Floats = NDArray[np.float64]
NODES = 41  # of the grid of a latent state, where one is needed


class Outcome(NamedTuple):
    """One of the four things that may happen in a step, for each level of inventory; all (levels,)."""

    probability: Floats
    level: NDArray[np.int64]  # the index of the inventory after it
    cash: Floats  # earned on the fills, relative to the mid at t
    jump: Floats  # the expected jump of the mid


@dataclass(frozen=True)
class Evaluation:
    """`value[t, node, level]`: the expected sum of rewards from step t on (InventoryPenalty), or the certainty equivalent of
    the wealth gained from step t on (CARA); (steps + 1, nodes, levels), price units. One node unless the price has a state
    that matters."""

    market: Market
    axis: Axis
    value: Floats

    @property
    def objective(self) -> float:
        """The expected sum of rewards of an episode, as the simulator counts it."""
        value = float(self.axis.at(self.value[0].T, self.market.initial_mid)[_start(self.market)])
        reward = self.market.reward
        return -float(np.expm1(-reward.gamma * value)) / reward.gamma if isinstance(reward, CARA) else value


def evaluate(market: Market, actions: Floats, nodes: int = 1) -> Evaluation:
    """The exact value of acting by a table (steps or 1, levels, width) of the market's actions.

    Raises: Unsolvable if the market's objective has no recursion over (time, inventory) and the axis of its price.
    """
    check_solvable(market)
    check_table(market, actions)
    axis, steps, q = axis_of(market, nodes), market.clock.steps, inventory_levels(market)
    outcomes = [list(_outcomes(market, row)) for row in _rows(market, actions)]
    gather = _gather_cara if isinstance(market.reward, CARA) else _gather_wealth
    values = np.zeros((steps + 1, len(axis.nodes), len(q)))
    for step in reversed(range(steps)):
        ahead = axis.look_ahead(market, values[step + 1], step + 1 == steps)
        values[step] = gather(market, outcomes[step % len(outcomes)], ahead)
    return Evaluation(market, axis, values)


def evaluate_depths(market: Market, depths: Floats) -> Evaluation:
    """As `evaluate`, for a table (steps or 1, levels, 2) of depths in price units."""
    return evaluate(replace(market, quote=Unbounded()), depths)


def inventory_law(market: Market, actions: Floats) -> Floats:
    """P(inventory = level) at each step, (steps + 1, levels), from the market's initial inventory."""
    check_solvable(market)
    check_table(market, actions)
    steps, outcomes = market.clock.steps, [list(_outcomes(market, row)) for row in _rows(market, actions)]
    law = np.zeros((steps + 1, len(inventory_levels(market))))
    law[0, _start(market)] = 1.0
    for step in range(steps):
        for outcome in outcomes[step % len(outcomes)]:
            np.add.at(law[step + 1], outcome.level, law[step] * outcome.probability)
    return law


def average_reward(market: Market, actions: Floats) -> float:
    """The long-run reward per unit of time of a stationary table (1, levels, width), price units / time."""
    check_solvable(market)
    check_table(market, actions)
    if isinstance(market.reward, CARA) or len(axis_of(market, NODES).nodes) > 1:
        raise Unsolvable("an average reward is solved for InventoryPenalty and a price without a state that matters")
    return poisson_equation(market, actions)[0]


def poisson_equation(market: Market, actions: Floats) -> tuple[float, Floats]:
    """(g, h) of a stationary table: h = r - g dt + P h, h = 0 at no inventory. g is the reward per unit of time."""
    outcomes = list(_outcomes(market, next(_rows(market, actions))))
    levels, dt = len(inventory_levels(market)), market.clock.step_length
    moves = np.zeros((levels, levels))
    for outcome in outcomes:
        np.add.at(moves, (np.arange(levels), outcome.level), outcome.probability)
    rewards = _gather_wealth(market, outcomes, axis_of(market).look_ahead(market, np.zeros((1, levels)), False))[0]
    system = np.eye(levels) - moves
    system[:, levels // 2] = dt  # in the place of h at no inventory, which is zero
    solution = np.linalg.lstsq(system, rewards, rcond=None)[0]
    rate, solution[levels // 2] = float(solution[levels // 2]), 0.0
    return rate, solution


def best_fixed(market: Market) -> FixedSymmetric:
    """The constant symmetric quotes of the highest exact objective (average reward in an ergodic market)."""
    from scipy.optimize import minimize_scalar

    return FixedSymmetric(float(_best(lambda h: worth_fixed(market, h), _depth_scale(market), minimize_scalar)))


def worth_fixed(market: Market, half_spread: float) -> float:
    """The exact objective of constant symmetric quotes; the average reward in an ergodic market."""
    return _worth(replace(market, quote=Unbounded()), np.full((1, len(inventory_levels(market)), 2), half_spread))


def _worth(market: Market, actions: Floats) -> float:
    ergodic = isinstance(market.clock, Ergodic)
    return average_reward(market, actions) if ergodic else evaluate(market, actions, NODES).objective


def _best(worth: Callable[[float], float], scale: float, minimize_scalar: Any) -> float:
    grid = scale * np.linspace(0.0, 12.0, 49)
    middle = int(np.clip(np.argmax([worth(h) for h in grid]), 1, len(grid) - 2))
    bounds = (grid[middle - 1], grid[middle + 1])
    return minimize_scalar(lambda h: -worth(h), bounds=bounds, method="bounded", options={"xatol": 1e-9 * scale}).x


def _depth_scale(market: Market) -> float:
    """The depth at which fills are about half as likely as at the mid."""
    free = replace(market, quote=Unbounded())
    depths = np.repeat(np.append(0.0, 2.0 ** np.arange(-30.0, 31.0))[:, None], 2, axis=1)
    chance = _read(free, depths)[1][:, :2].sum(axis=1)
    return float(depths[np.argmax(chance < 0.5 * chance[0]), 0])


def check_solvable(market: Market) -> None:
    for leaf in leaves(market):
        if isinstance(leaf.value, Distribution) or np.ndim(leaf.value):
            raise Unsolvable(f"{leaf.path} differs by lane: {leaf.value}")
    parts = {"venue": (Dealer,), "reward": (InventoryPenalty, CARA), "fees": (Fees,)}
    for name, kinds in parts.items():
        if type(getattr(market, name)) not in kinds:
            raise Unsolvable(f"{name} has no exact recursion over (time, inventory): {getattr(market, name)}")
    check_law(market)
    venue: Any = market.venue
    for side in (venue.impact.bid, venue.impact.ask):
        if type(side) not in (NoImpact, FillImpact, ArrivalImpact) or (
            isinstance(market.reward, CARA) and not isinstance(side, NoImpact)
        ):
            raise Unsolvable(f"impact has no exact recursion under this reward: {side}")


def _gather_wealth(market: Market, outcomes: list[Outcome], ahead: Floats) -> Floats:
    q = inventory_levels(market)
    return sum(
        (p * (cash + q[level] * jump + ahead[:, level]) for p, level, cash, jump in outcomes), np.zeros_like(ahead)
    )


def _gather_cara(market: Market, outcomes: list[Outcome], ahead: Floats) -> Floats:
    """Certainty equivalents c: exp(-gamma c) = sum of P exp(-gamma (cash + c')), in logarithms."""
    reward: Any = market.reward
    gamma, total = reward.gamma, np.full_like(ahead, -np.inf)
    for probability, level, cash, _ in outcomes:
        with np.errstate(divide="ignore"):  # the log of a fill that cannot happen
            total = np.logaddexp(total, np.log(probability) - gamma * (cash + ahead[:, level]))
    return -total / gamma


def _start(market: Market) -> int:
    """The level of the initial inventory."""
    return int(np.argmin(np.abs(inventory_levels(market) - market.initial_inventory)))


def _outcomes(market: Market, row: tuple[Floats, Floats]) -> Iterator[Outcome]:
    """The four outcomes of one step, from the quotes (levels, 4) and the chances (levels, 4)."""
    quotes, chances = row
    q, size, fees = inventory_levels(market), market.order_size, market.fees
    venue: Any = market.venue
    cut = np.floor(quotes[:, 2] * np.abs(q) / size + 0.5) * size
    crossed = q - np.sign(q) * cut
    start = np.rint((crossed + market.max_inventory) / size).astype(np.int64)
    bid_chance = np.where(start < len(q) - 1, chances[:, 0], 0.0)
    ask_chance = np.where(start > 0, chances[:, 1], 0.0)
    for bid in (0, 1):
        for ask in (0, 1):
            probability = np.where(bid, bid_chance, 1.0 - bid_chance) * np.where(ask, ask_chance, 1.0 - ask_chance)
            earned = size * (bid * (quotes[:, 0] - fees.maker) + ask * (quotes[:, 1] - fees.maker))
            jump = _jump(venue.impact.ask, ask, ask_chance, chances[:, 3]) - _jump(
                venue.impact.bid, bid, bid_chance, chances[:, 2]
            )
            level = np.clip(start + bid - ask, 0, len(q) - 1)
            yield Outcome(probability, level, earned - cut * (quotes[:, 3] + fees.taker), jump)


def _jump(impact: Any, filled: int, chance: Floats, arrival: Floats) -> Floats:
    """The expected jump after the orders of one side, given whether they filled us."""
    if isinstance(impact, NoImpact):
        return np.zeros_like(chance)
    if isinstance(impact, FillImpact):
        return np.full_like(chance, impact.mean * filled)
    if filled:
        return impact.mean * np.minimum(1.0, arrival / np.maximum(chance, 1e-300))
    return impact.mean * np.maximum(0.0, arrival - chance) / np.maximum(1.0 - chance, 1e-300)


def _rows(market: Market, actions: Floats) -> Iterator[tuple[Floats, Floats]]:
    quotes, chances = _read(market, np.asarray(actions, np.float64).reshape(-1, market.quote.width))
    shape = (len(actions), -1, 4)
    yield from zip(quotes.reshape(shape), chances.reshape(shape), strict=True)


def _read(market: Market, actions: Floats) -> tuple[Floats, Floats]:
    """The quotes and the chances (n, 4) of actions (n, width), by the market's own compiled rules."""
    table, quotes, chances = (
        np.ascontiguousarray(actions).reshape(-1),
        np.zeros(4 * len(actions)),
        np.zeros(4 * len(actions)),
    )
    arguments = (record(market), (0.0,) * market.quote.width, table, quotes, chances)
    engine.compiled(kernel.read_quotes, *arguments)(*arguments)
    return quotes.reshape(-1, 4), chances.reshape(-1, 4)


def best_linear_skew(market: Market) -> LinearSkew:
    """The constant spread and inventory-proportional skew of the highest exact objective."""
    from scipy.optimize import minimize

    scale, q = _depth_scale(market), inventory_levels(market)

    def loss(x: Floats) -> float:
        half_spread, skew = np.abs(x) * scale
        depths = np.stack([half_spread + skew * q, half_spread - skew * q], axis=-1)[None]
        return -_worth(replace(market, quote=Unbounded()), depths)

    start = np.array([best_fixed(market).half_spread / scale, 0.1])
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9})
    half_spread, skew = np.abs(found.x) * scale
    return LinearSkew(float(half_spread), float(skew * market.order_size))
