"""What may happen in one step to a quote at each inventory, and how likely: by the market's own compiled rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.price_grid import Unsolvable, axis_of
from agents.exact.room import levels_of, require_room
from agents.exact.stated import check_rules
from mm_env.core import engine, kernel
from mm_env.core.component import differs, leaves, record
from mm_env.core.parameters import Integers
from mm_env.market import Market
from mm_env.portfolio import Fees
from mm_env.quote import Quote
from mm_env.reward import CARA, InventoryPenalty
from mm_env.rollout import check_table, inventory_levels
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.impact import ArrivalImpact, DepthImpact, FillImpact, NoImpact

Floats = NDArray[np.float64]
CELLS = 2**18  # of steps x levels whose outcomes are in memory at a time
_OF_OUTCOMES = 33  # numbers that take part in the outcomes of one of them
_OF_ROWS = 12  # numbers that are kept of each action of a table: the action itself, its quote and its chances


class Outcome(NamedTuple):
    """One of the four things that may happen in a step, for each level of inventory; all (nodes or 1, levels)."""

    probability: Floats
    level: NDArray[np.int64]  # the index of the inventory after it
    cash: Floats  # earned on the fills, relative to the mid at t
    jump: Floats  # the expected jump of the mid
    jump_variance: Floats

    def after(self, ahead: Floats) -> Floats:
        """`ahead` (nodes, levels) at the inventory after it."""
        return np.take_along_axis(ahead, np.broadcast_to(self.level, ahead.shape), axis=1)


def check_solvable(market: Market) -> None:
    """Refuse a market that has no recursion over time, inventory and the state of its price.

    Raises: Unsolvable, saying which part of the market stands in the way.
    """
    for leaf in leaves(market):
        if differs(leaf.value) and leaf.path != "initial_inventory":
            raise Unsolvable(f"{leaf.path} differs by lane: {leaf.value}")
    if market.venue.loops == "events":
        raise Unsolvable("in an order book more counts than time and inventory: every queue does")
    parts = {"venue": (Dealer,), "reward": (InventoryPenalty, CARA), "fees": (Fees,)}
    for name, kinds in parts.items():
        if type(getattr(market, name)) not in kinds:
            raise Unsolvable(f"{name} has no exact recursion over (time, inventory): {getattr(market, name)}")
    check_rules(market)
    require_room(market, "an exact solution", 16.0 * levels_of(market), steps=False)
    axis_of(market, 3)
    venue: Any = market.venue
    for side in (venue.impact.bid, venue.impact.ask):
        if type(side) not in (NoImpact, FillImpact, ArrivalImpact, DepthImpact) or (
            isinstance(market.reward, CARA) and not isinstance(side, NoImpact)
        ):
            raise Unsolvable(f"impact has no exact recursion under this reward: {side}")


def mean_jumps(market: Market) -> tuple[float, ...]:
    """What the compiled searches want to know of the impact, of bid and ask in turn: the mean jump after a fill, that after an
    arrival, and base, slope, bend and reach of that by depth."""
    venue: Any = market.venue
    sides = (venue.impact.bid, venue.impact.ask)
    by_depth = [side if isinstance(side, DepthImpact) else DepthImpact(0.0) for side in sides]
    return (
        *(_mean(side, FillImpact) for side in sides),
        *(_mean(side, ArrivalImpact) for side in sides),
        *(float(getattr(side, name)) for name in ("base", "slope", "bend", "reach") for side in by_depth),
    )


def _mean(impact: Any, kind: type) -> float:
    return float(impact.mean) if isinstance(impact, kind) else 0.0


def start_law(market: Market) -> Floats:
    """P(initial inventory = level), (levels,)."""
    start, levels = market.initial_inventory, inventory_levels(market)
    held: Any = np.arange(start.low, start.high + 1) if isinstance(start, Integers) else start
    law = np.abs(np.atleast_1d(np.asarray(held, np.float64))[:, None] - levels).argmin(axis=1)
    return np.bincount(law, minlength=len(levels)) / len(law)


@dataclass(frozen=True)
class Rows:
    """A table of actions as quotes and chances, (rows, nodes or 1, levels, 4): what may happen in each step."""

    market: Market
    quotes: Floats
    chances: Floats

    @classmethod
    def of(cls, market: Market, actions: Floats, nodes: int = 1) -> Rows:
        """Of a table (rows, levels, width) or (rows, nodes, levels, width).

        Raises: ValueError if it is no table of the market's actions.
        """
        _check_table(market, actions, nodes)
        cells = np.size(actions) / market.quote.width
        numbers = (
            cells * _OF_ROWS + min(cells, CELLS) * _OF_OUTCOMES + (market.clock.steps + 1.0) * levels_of(market) * nodes
        )
        require_room(market, "the exact evaluation", numbers)
        quotes, chances = read(market, np.asarray(actions, np.float64).reshape(-1, market.quote.width))
        shape = (len(actions), -1, len(inventory_levels(market)), 4)
        return cls(market, quotes.reshape(shape), chances.reshape(shape))

    def at(self, step: int) -> list[Outcome]:
        """The four outcomes of a step; their arrays are (nodes or 1, levels)."""
        row = step % len(self.quotes)
        return list(_outcomes(self.market, self.quotes[row], self.chances[row]))

    def __len__(self) -> int:
        return len(self.quotes)

    def between(self, first: int, last: int) -> Rows:
        """The rows of the steps first, ..., last - 1, of a table with one for each step."""
        return Rows(self.market, self.quotes[first:last], self.chances[first:last])

    def together(self) -> list[Outcome]:
        """The four outcomes of all rows at once; their arrays are (rows, nodes or 1, levels)."""
        return list(_outcomes(self.market, self.quotes, self.chances))


def _check_table(market: Market, actions: Floats, nodes: int) -> None:
    if np.ndim(actions) != 4:
        check_table(market, actions)
        return
    if np.shape(actions)[1] != nodes:
        raise ValueError(f"a table of actions by latent state must have {nodes} nodes, got {np.shape(actions)[1]}")
    for node in range(nodes):
        check_table(market, actions[:, node])


def read(market: Market, actions: Floats) -> tuple[Floats, Floats]:
    """The quotes and the chances (n, 4) of actions (n, width)."""
    table = np.ascontiguousarray(actions).reshape(-1)
    quotes, chances = np.zeros(4 * len(actions)), np.zeros(4 * len(actions))
    arguments = (record(market), (0.0,) * market.quote.width, table, quotes, chances)
    engine.compiled(kernel.read_quotes, *arguments)(*arguments)
    return _usable(market, quotes.reshape(-1, 4)), chances.reshape(-1, 4)


def _usable(market: Market, quotes: Floats) -> Floats:
    """The quotes themselves if they can be priced: finite, and a `cut` that is a share."""
    rules = {
        "finite numbers": np.isfinite(quotes).all(axis=1),
        "a cut in [0, 1]": (quotes[:, 2] >= 0) & (quotes[:, 2] <= 1),
    }
    for said, kept in rules.items():
        if not kept.all():
            first = Quote(*quotes[~kept][0].tolist())
            raise Unsolvable(f"quote: {type(market.quote).__name__}.decode must give {said}, got {first}")
    return quotes


def _outcomes(market: Market, quotes: Floats, chances: Floats) -> Iterator[Outcome]:
    """The four outcomes of one step, from the quotes and the chances (..., levels, 4)."""
    q, size, fees = inventory_levels(market), market.order_size, market.fees
    venue: Any = market.venue
    cut = np.floor(quotes[..., 2] * np.abs(q) / size + 0.5) * size
    crossed = q - np.sign(q) * cut
    start = np.rint((crossed + market.max_inventory) / size).astype(np.int64)
    bid_chance = np.where(start < len(q) - 1, np.minimum(chances[..., 0], 1.0), 0.0)
    ask_chance = np.where(start > 0, np.minimum(chances[..., 1], 1.0), 0.0)
    for bid in (0, 1):
        for ask in (0, 1):
            probability = np.where(bid, bid_chance, 1.0 - bid_chance) * np.where(ask, ask_chance, 1.0 - ask_chance)
            earned = size * (bid * (quotes[..., 0] - fees.maker) + ask * (quotes[..., 1] - fees.maker))
            up, up_variance = _jump(venue.impact.ask, ask, quotes[..., 1], ask_chance, chances[..., 3])
            down, down_variance = _jump(venue.impact.bid, bid, quotes[..., 0], bid_chance, chances[..., 2])
            level = np.clip(start + bid - ask, 0, len(q) - 1)
            cash = earned - cut * (quotes[..., 3] + fees.taker)
            yield Outcome(probability, level, cash, up - down, up_variance + down_variance)


def _jump(impact: Any, filled: int, depth: Floats, chance: Floats, arrival: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the exponential jump after the orders of one side, given whether they filled us."""
    if isinstance(impact, NoImpact):
        return np.zeros_like(chance), np.zeros_like(chance)
    if isinstance(impact, DepthImpact):
        beyond, told = np.maximum(depth, 0.0), np.minimum(1.0, (1.0 - chance) / 0.1)
        bent = np.minimum(beyond, impact.reach)
        mean = told * np.maximum(impact.base + impact.slope * beyond + impact.bend * bent * (2.0 * beyond - bent), 0.0)
        news = mean if filled else -mean * chance / np.maximum(1.0 - chance, 1e-300)
        return news, filled * mean**2
    if isinstance(impact, FillImpact):
        came = np.full_like(chance, float(filled))
    elif filled:
        came = np.minimum(1.0, arrival / np.maximum(chance, 1e-300))
    else:
        came = np.maximum(0.0, arrival - chance) / np.maximum(1.0 - chance, 1e-300)
    return impact.mean * came, impact.mean**2 * came * (2.0 - came)
