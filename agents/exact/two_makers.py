"""Two makers of one market, exactly: what given quotes are worth to each, the best response to a rival, and the equilibrium.

The state is the time and both inventories; of each side's order the routing says whom it asks, and the venue how likely it
fills there, as in the simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.now_read import parts_read
from agents.exact.objectives import is_utility
from agents.exact.room import progress
from agents.exact.solvable import check_solvable
from mm_env.clock import Ergodic
from mm_env.core.component import flat, record, rules
from mm_env.limits import NoLimits
from mm_env.makers.competition import Competition
from mm_env.price.models import Price
from mm_env.quote import Quote
from mm_env.rollout import inventory_levels
from mm_env.venue.dealer.impact import NoImpact
from mm_env.venue.venue import Chances, certain

Floats = NDArray[np.float64]
_RESTS = 1e-12  # by how much rounding alone may raise a sum, price units
ROUNDS = 200  # of best responses to one another within a step
STEPS = ((0, 0), (1, 0), (0, 1))  # whose inventory an order moves: nobody's, the first maker's, the second's


class Worth(NamedTuple):
    """What an episode is worth to each maker, price units."""

    first: float
    second: float


@dataclass(frozen=True)
class Response:
    """The best response to a rival: depths (steps, own inventory, rival's inventory, 2), and what it is worth, price units."""

    depths: Floats
    worth: float


@dataclass(frozen=True)
class Equilibrium:
    """Depths (steps, own inventory, rival's inventory, 2) from which no maker gains by any other of the grid.

    `gain` is the most that one gained at any time and state, by changing the quotes of that step alone: 0 if all came to rest.
    """

    depths: Floats
    worth: float  # to each, from the start
    gain: float


@dataclass(frozen=True)
class Cartel:
    """Depths (steps, first's inventory, second's, 2) of both by which the sum is largest, as far as one change at a time goes.

    `gain` is by how much the last change of one's quotes within a step still raised the sum: 0 up to rounding if all rested.
    """

    first: Floats
    second: Floats
    worth: float  # of both together, from the start
    gain: float


class TwoMakers:
    """The recursion over both inventories of a `Competition` of two makers who are alike.

    A maker's depths are (steps or 1, levels, 2) by its own inventory, or (steps or 1, levels, levels, 2) by its own and its
    rival's, price units; levels are `mm_env.rollout.inventory_levels`.

    Raises: Unsolvable for more makers, parameters that differ by maker, prices with a state or a drift, impact, margin, limits,
    utilities, and parts that go by the time; and for what has no recursion with one maker.
    """

    def __init__(self, market: Competition) -> None:
        _check(market)
        self.market, self.rules, self.levels = market, record(market), inventory_levels(market)
        self.now, self.dt, self.size = self.rules.opening(), market.clock.step_length, float(market.order_size)
        self.start = round((market.initial_inventory + market.max_inventory) / self.size)

    def worth(self, first: Floats, second: Floats) -> Worth:
        """What given depths of the two are worth to each."""
        values = np.zeros((2, len(self.levels), len(self.levels)))
        for step in range(self.market.clock.steps - 1, -1, -1):
            values = self._step(values, self._at(first, step), np.swapaxes(self._at(second, step), 0, 1), step)
        return Worth(*values[:, self.start, self.start].tolist())

    def best_response(self, rival: Floats, grid: Floats) -> Response:
        """The best depths of `grid`, seeing both inventories, to a rival's: no maker who sees its own alone does better."""
        value, steps, kept = np.zeros((len(self.levels),) * 2), self.market.clock.steps, []
        for step in progress(range(steps - 1, -1, -1), "best response", "step"):
            ahead = self._ahead(value[None], step)[0]
            value, depths = self._answer(ahead, np.swapaxes(self._at(rival, step), 0, 1), grid)
            kept.append(depths)
        return Response(np.stack(kept[::-1]), float(value[self.start, self.start]))

    def equilibrium(self, grid: Floats) -> Equilibrium:
        """The symmetric Markov-perfect equilibrium on `grid`: at each step the two answer one another until they rest."""
        levels, steps, kept, gain = len(self.levels), self.market.clock.steps, [], 0.0
        value, quotes = np.zeros((levels, levels)), np.full((levels, levels, 2), grid[-1])
        for step in progress(range(steps - 1, -1, -1), "equilibrium", "step"):
            ahead = self._ahead(value[None], step)[0]
            for _ in range(ROUNDS):
                answered, best = self._answer(ahead, np.swapaxes(quotes, 0, 1), grid)
                if rested := bool((best == quotes).all()):
                    break
                quotes = best
            if not rested:
                answered, _ = self._answer(ahead, np.swapaxes(quotes, 0, 1), grid)
            value = self._step(np.stack([value, value.T]), quotes, np.swapaxes(quotes, 0, 1), step)[0]
            gain = gain if rested else max(gain, float((answered - value).max()))
            kept.append(quotes)
        return Equilibrium(np.stack(kept[::-1]), float(value[self.start, self.start]), gain)

    def cartel(self, grid: Floats) -> Cartel:
        """What both together can earn: within each step the two in turn take the depths of `grid` that are best for the sum,
        until no change of one's quotes raises it."""
        levels, steps = len(self.levels), self.market.clock.steps
        values, middle = np.zeros((2, levels, levels)), float(grid[len(grid) // 2])
        first, second = (np.full((levels, levels, 2), middle) for _ in range(2))
        kept, gain = [], 0.0
        for step in progress(range(steps - 1, -1, -1), "cartel", "step"):
            ahead, before = self._ahead(values, step).sum(axis=0), np.full((levels, levels), -np.inf)
            for _ in range(ROUNDS):
                _, first = self._answer(ahead, second, grid, 1.0)
                worth, mirrored = self._answer(_mirrored(ahead), np.swapaxes(first, 0, 1), grid, 1.0)
                second = np.swapaxes(mirrored, 0, 1)
                raised, before = float((worth.T - before).max()), worth.T
                if raised <= _RESTS:
                    break
            values, gain = self._step(values, first, second, step), max(gain, raised)
            kept.append((first, second))
        total = float(values[:, self.start, self.start].sum())
        return Cartel(np.stack([one for one, _ in kept[::-1]]), np.stack([two for _, two in kept[::-1]]), total, gain)

    def _at(self, depths: Floats, step: int) -> Floats:
        """A maker's depths at a step, (own, rival's, 2)."""
        row = depths[min(step, len(depths) - 1)]
        return row if row.ndim == 3 else np.broadcast_to(row[:, None], (len(row), len(row), 2))

    def _step(self, values: Floats, first: Floats, second: Floats, step: int) -> Floats:
        """The values (2, first's inventory, second's, ) before a step of given depths of both."""
        ahead = self._ahead(values, step)
        bids, asks = (self._filled(side, first[..., side], second[..., side]) for side in (0, 1))
        likely = bids[..., :, None] * asks[..., None, :]
        gains = np.stack([sum(odds[..., 1 + maker] * self._margin(depth[..., side]) for side, odds in enumerate((bids, asks)))
                          for maker, depth in enumerate((first, second))])  # fmt: skip
        return gains + np.einsum("ijba,mijba->mij", likely, ahead)

    def _answer(self, ahead: Floats, rival: Floats, grid: Floats, rivals: float = 0.0) -> tuple[Floats, Floats]:
        """The best value of the first maker, and depths, at each pair of inventories, to the rival's depths there; the share
        `rivals` of what the rival's fills bring counts too."""
        bids, asks = (self._filled(side, grid, rival[..., side, None]) for side in (0, 1))
        gains = [odds[..., 1] * self._margin(grid) + rivals * odds[..., 2] * self._margin(rival[..., side, None])
                 for side, odds in enumerate((bids, asks))]  # fmt: skip
        worth = np.einsum("ijkb,ijba,ijla->ijkl", bids, ahead, asks, optimize=True)
        worth += gains[0][..., :, None] + gains[1][..., None, :]
        best = worth.reshape(*worth.shape[:2], -1).argmax(axis=-1)
        depths = np.stack([grid[best // len(grid)], grid[best % len(grid)]], axis=-1)
        return worth.max(axis=(-2, -1)), depths

    def _filled(self, side: int, first: Floats, second: Floats) -> Floats:
        """P(nobody, the first maker, the second fills) of one side at each pair of inventories, (..., 3)."""
        depths = np.broadcast_arrays(first, second)
        many = depths[0].ndim - 2  # candidates, where there are any, are the last axis
        opened = [np.reshape(one, one.shape + (1,) * many) for one in self._opened[side]]
        best = np.minimum(np.where(opened[0], depths[0], np.inf), np.where(opened[1], depths[1], np.inf))
        behind = [np.where(o, d - best, 0.0) for o, d in zip(opened, depths, strict=True)]
        weights = [np.where(o, _each(self.rules.routing.weight, b), 0.0) for o, b in zip(opened, behind, strict=True)]
        total = np.maximum(weights[0] + weights[1], 1e-300)
        filled = [w / total * _each(self._chance[side], d) for w, d in zip(weights, depths, strict=True)]
        return np.stack([1.0 - filled[0] - filled[1], *filled], axis=-1)

    @cached_property
    def _opened(self) -> tuple[tuple[Floats, Floats], ...]:
        """Whether the first and the second maker may buy, and sell, at each pair of inventories."""
        own = [np.array([self.rules.open_sides(q)[side] for q in self.levels.tolist()]) for side in (0, 1)]
        shape = (len(self.levels),) * 2
        return tuple((np.broadcast_to(o[:, None], shape), np.broadcast_to(o[None, :], shape)) for o in own)

    @cached_property
    def _chance(self) -> tuple[Callable[[float], float], ...]:
        """How likely a bid, and an ask, fills at a depth, once it is chosen."""

        def chances(depth: float) -> Chances:
            return certain(self.rules.venue.chances(Quote(depth, depth, 0.0, 0.0), self.dt, self.now))

        return (lambda depth: chances(depth).bid), (lambda depth: chances(depth).ask)

    def _margin(self, depths: Floats) -> Floats:
        """What a fill brings over the mid, price units."""
        return self.size * (depths - self.rules.fees.maker_fee(self.now.mid, self.now))

    def _ahead(self, values: Floats, step: int) -> Floats:
        """Values (m, i, j) after a step less what holding costs, by who bought and who sold: (m, i, j, 3, 3)."""
        final, levels = 1.0 if step == self.market.clock.steps - 1 else 0.0, len(self.levels)
        held = np.array([self._penalty(q, final) for q in self.levels.tolist()])
        costs = np.stack(np.broadcast_arrays(held[:, None], held[None, :]))[: len(values)]
        after = values - costs
        padded = np.pad(after, ((0, 0), (1, 1), (1, 1)), mode="edge")  # beyond the limit nothing fills
        moved = [[padded[:, 1 + b[0] - a[0] :, 1 + b[1] - a[1] :][:, :levels, :levels] for a in STEPS] for b in STEPS]
        return np.stack([np.stack(row, axis=-1) for row in moved], axis=-2)

    def _penalty(self, inventory: float, final: float) -> float:
        variance = self.rules.price.variance(self.rules.price.start(), self.dt, self.now)
        return self.rules.reward.penalty(inventory, self.dt, final, self.now, variance, inventory**2)


def _mirrored(ahead: Floats) -> Floats:
    """Values (i, j, 3, 3) by who bought and who sold, with the two makers in each other's place."""
    return np.swapaxes(ahead, 0, 1)[..., [0, 2, 1], :][..., [0, 2, 1]]


def _each(rule: Callable[[float], float], numbers: Floats) -> Floats:
    """A rule of each of many numbers, of which few differ."""
    known, places = np.unique(numbers, return_inverse=True)
    return np.array([rule(number) for number in known.tolist()])[places].reshape(numbers.shape)


def _check(market: Competition) -> None:
    """Refuse what the recursion does not hold: what that of one maker does not, and what it reads of time and state."""
    if not isinstance(market, Competition):
        raise Unsolvable(
            f"market: the recursion is over one inventory a maker, and those of a {type(market).__name__} hold several"
        )
    if market.makers != 2:
        raise Unsolvable(f"makers: the recursion over inventories is of two makers, got {market.makers:g}")
    if isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: the recursion over two inventories is of a finite horizon")
    alone = replace(market, makers=1)
    check_solvable(alone)
    if market.may_close or market.watched or not isinstance(market.limits, NoLimits):
        raise Unsolvable(
            f"margin, limits: the recursion over two inventories has none, got {market.margin}, {market.limits}"
        )
    if is_utility(alone):
        raise Unsolvable(f"reward: it must be the wealth change less a penalty of the inventory, got {market.reward}")
    rule = record(alone)
    if list(flat(rule.price.start())):
        raise Unsolvable("price: it has a state, over which there is no recursion with two inventories")
    if rules(type(market.price))["variance"] is rules(Price)["variance"]:
        raise Unsolvable(f"price: it must give a rule `variance`: {market.price}")
    step, mid = market.clock.step_length, rule.initial_mid
    if rule.price.expected(mid, rule.price.start(), step, rule.opening()) != mid:
        raise Unsolvable(f"price: it must not drift, got {market.price}")
    sides: Any = alone.venue.impact  # pyright: ignore[reportAttributeAccessIssue]
    if any(type(side) is not NoImpact for side in (sides.bid, sides.ask)):
        raise Unsolvable(f"impact: the recursion over two inventories has none, got {sides}")
    for path, read in parts_read(alone).items():
        raise Unsolvable(f"{path}: it reads the {min(read)}, and the recursion over two inventories holds these alone")
