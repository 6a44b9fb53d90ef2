"""What an action means. Policies act in [-1, 1] or by index; here that becomes depths in price units."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mm_env.action_parts import PLAIN, ActionPart, unnamed
from mm_env.core.component import Component, record, rule
from mm_env.core.maths import clip, scalar
from mm_env.core.parameters import Count, Listed, NonNegative, Positive, Real, check_fields
from mm_env.core.tuples import pick
from mm_env.world import Now

NOWHERE = 1e9  # a depth at which no order stands


class Quote(NamedTuple):
    """Where we quote within one step, and what we first do at the market."""

    bid_depth: float  # mid - bid price
    ask_depth: float  # ask price - mid
    cut: float  # share of the inventory that a market order closes first
    cut_cost: float  # what a market order pays away from the mid, price units


ANY = Quote(1.0, 1.0, 0.0, 0.0)  # to see by what outcomes look like


class View(NamedTuple):
    """What a quoting that counts from the best prices converts depths by: numbers, or arrays (...) with one a lane."""

    half_spread: ArrayLike  # others' best ask less the mid, price units
    tick: ArrayLike  # price units

    def ticks_behind(self, depths: NDArray[np.float64]) -> NDArray[np.float64]:
        """How many ticks behind others' best prices quotes at `depths` (..., 2) from the mid stand, in an order book, which
        rounds a price to the nearest tick and, where two are as near, to the outer one."""
        tick = np.asarray(self.tick)[..., None]
        halves = np.rint(2.0 * np.asarray(self.half_spread)[..., None] / tick)
        return np.floor(depths / tick - 0.5 * halves + 0.5)

    def depths(self, ticks_behind: NDArray[np.float64]) -> NDArray[np.float64]:
        """The depths (..., 2) from the mid, price units, of quotes so many ticks behind others' best prices."""
        return np.asarray(self.half_spread)[..., None] + np.asarray(self.tick)[..., None] * ticks_behind


class Quoting(Component):
    """How an action becomes a quote. `width` numbers make one action; it means the same in every lane."""

    rebalances: ClassVar[bool] = False  # `cut` > 0 asks a channel to be rebalanced
    of_pool: ClassVar[bool] = False  # what is quoted is a range of prices in a pool
    sets_fee: ClassVar[bool] = False  # it is the pool's fee

    @property
    def needs_book(self) -> bool:
        """Whether it means something in an order book only."""
        return bool(record(self).at_touch())

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)

    @property
    def width(self) -> int:
        return 2

    @property
    def space(self) -> gym.Space[Any]:
        """The space of one lane's action."""
        return gym.spaces.Box(-1.0, 1.0, (self.width,), np.float32)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        """The parts of one lane's action by name, unit and ends, for people to set; numbers without names unless overridden."""
        return unnamed(self.space)

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        """The actions (..., width) that quote `depths` (..., 2), price units from the mid, or the nearest that can be quoted.

        A quoting that counts from the best prices (`at_touch`) converts by the `view` it is given; others need none.
        """
        name = type(self).__name__
        raise TypeError(
            f"{name} needs a method encode(depths, view), the actions that quote depths, for strategies to act"
        )

    @rule
    def at_touch(self) -> bool:
        """Whether depths are ticks from the best price of the own side of an order book, not price units from the mid."""
        return False

    @rule
    def decode(self, action: tuple[float, ...], now: Now) -> Quote:
        """The quote of one action; what lies outside [-1, 1] counts as the nearest end."""
        raise NotImplementedError


@scalar
def rescale(action: float, low: float, high: float) -> float:
    """The number from `low` at -1 to `high` at +1; what lies outside [-1, 1] counts as the nearest end."""
    return low + 0.5 * (clip(action, -1.0, 1.0) + 1.0) * (high - low)


def _unscale(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.clip(2.0 * (value - low) / (high - low) - 1.0, -1.0, 1.0)


class Depths(Quoting):
    """(bid depth, ask depth), each from min_depth at -1 to max_depth at +1."""

    max_depth: Real
    min_depth: Real = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _less("Depths.min_depth", self.min_depth, "max_depth", self.max_depth)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return tuple(ActionPart(f"{side} depth", "price", self.min_depth, self.max_depth) for side in ("bid", "ask"))

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        return _unscale(depths, self.min_depth, self.max_depth)

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        bid_depth = rescale(action[0], self.min_depth, self.max_depth)
        return Quote(bid_depth, rescale(action[1], self.min_depth, self.max_depth), 0.0, 0.0)


class SpreadAndSkew(Quoting):
    """(half-spread, skew): the half-spread from min_half_spread to max_half_spread, the skew from -max_skew to max_skew.

    The skew moves both quotes up: bid depth = half-spread - skew, ask depth = half-spread + skew.
    """

    max_half_spread: Positive
    max_skew: Positive
    min_half_spread: Real = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _less("SpreadAndSkew.min_half_spread", self.min_half_spread, "max_half_spread", self.max_half_spread)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        half_spread = ActionPart("half-spread", "price", self.min_half_spread, self.max_half_spread)
        return half_spread, ActionPart("skew", "price", -self.max_skew, self.max_skew)

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        half_spread = _unscale(depths.mean(axis=-1), self.min_half_spread, self.max_half_spread)
        skew = 0.5 * (depths[..., 1] - depths[..., 0])
        return np.stack([half_spread, _unscale(skew, -self.max_skew, self.max_skew)], axis=-1)

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        half_spread = rescale(action[0], self.min_half_spread, self.max_half_spread)
        skew = self.max_skew * clip(action[1], -1.0, 1.0)
        return Quote(half_spread - skew, half_spread + skew, 0.0, 0.0)


class Skew(Quoting):
    """The skew alone, around a half-spread that is given."""

    half_spread: Real
    max_skew: Positive

    @property
    def width(self) -> int:
        return 1

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return (ActionPart("skew", "price", -self.max_skew, self.max_skew),)

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        skew = 0.5 * (depths[..., 1:] - depths[..., :1])
        return _unscale(skew, -self.max_skew, self.max_skew)

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        skew = self.max_skew * clip(action[0], -1.0, 1.0)
        return Quote(self.half_spread - skew, self.half_spread + skew, 0.0, 0.0)


class Grid(Quoting):
    """One index for a pair (half-spread, skew) on an even grid, for agents that choose among finitely many actions."""

    max_half_spread: Positive
    max_skew: NonNegative
    half_spreads: Count = 5
    skews: Count = 5
    min_half_spread: Real = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_spreads > 1:
            _less("Grid.min_half_spread", self.min_half_spread, "max_half_spread", self.max_half_spread)

    @property
    def width(self) -> int:
        return 1

    @property
    def space(self) -> gym.Space[Any]:
        return gym.spaces.Discrete(self.half_spreads * self.skews)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        half_spreads = [
            _level(i, self.min_half_spread, self.max_half_spread, self.half_spreads) for i in range(self.half_spreads)
        ]
        skews = [_level(i, -self.max_skew, self.max_skew, self.skews) for i in range(self.skews)]
        return ActionPart.choice("half-spread", "price", _shown(half_spreads)), ActionPart.choice(
            "skew", "price", _shown(skews)
        )

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        half_spread, skew = depths.mean(axis=-1), 0.5 * (depths[..., 1] - depths[..., 0])
        row = _nearest(half_spread, self.min_half_spread, self.max_half_spread, self.half_spreads)
        return (row * self.skews + _nearest(skew, -self.max_skew, self.max_skew, self.skews))[..., None]

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        row = (action[0] + 0.5) // self.skews
        column = action[0] - row * self.skews
        half_spread = _level(row, self.min_half_spread, self.max_half_spread, self.half_spreads)
        skew = _level(column, -self.max_skew, self.max_skew, self.skews)
        return Quote(half_spread - skew, half_spread + skew, 0.0, 0.0)


@scalar
def _level(index: float, low: float, high: float, levels: float) -> float:
    return low + (high - low) * (index / (levels - 1.0) if levels > 1.0 else 0.5)


def _nearest(value: NDArray[np.float64], low: float, high: float, levels: int) -> NDArray[np.float64]:
    share = (value - low) / (high - low) if high > low else np.zeros_like(value)
    return np.clip(np.rint(share * (levels - 1)), 0, levels - 1)


class DepthGrid(Quoting):
    """One index for a pair of depths from a list, each side its own, for agents that choose among finitely many actions.

    Index i n + j of n depths quotes the bid at depths[i] and the ask at depths[j]. A depth of 1e9 is no quote.
    """

    depths: Listed  # price units, increasing

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(right <= left for left, right in pairwise(self.depths)):
            raise ValueError(f"DepthGrid.depths must increase, got {list(self.depths)}")

    @property
    def width(self) -> int:
        return 1

    @property
    def space(self) -> gym.Space[Any]:
        return gym.spaces.Discrete(len(self.depths) ** 2)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        labels = ["none" if depth >= NOWHERE else f"{depth:g}" for depth in self.depths]
        return tuple(ActionPart.choice(f"{side} depth", "price", labels) for side in ("bid", "ask"))

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        known = np.array(self.depths)
        nearest = np.abs(depths[..., None] - known).argmin(axis=-1)
        return (nearest[..., 0] * len(known) + nearest[..., 1])[..., None].astype(np.float64)

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        bid = math.floor((action[0] + 0.5) / len(self.depths))
        return Quote(pick(self.depths, bid), pick(self.depths, action[0] - bid * len(self.depths)), 0.0, 0.0)


class MarketOrders(Quoting):
    """`quoting` and one number more: above 0 it is the share of the inventory that a market order closes at once.

    The order trades whole order sizes at the mid less (plus) `half_spread`, before the quotes of the step are set.
    """

    quoting: Quoting
    half_spread: NonNegative  # price

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.quoting.space, gym.spaces.Box) or isinstance(self.quoting, MarketOrders):
            raise TypeError(
                f"MarketOrders.quoting must have a Box of actions, market orders aside, got {self.quoting!r}"
            )

    @property
    def width(self) -> int:
        return self.quoting.width + 1

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return *self.quoting.action_parts, ActionPart("share closed at the market (above 0)", "1")

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        quoted = self.quoting.encode(depths, view) if self.at_touch() else self.quoting.encode(depths)
        return np.concatenate([quoted, np.full_like(quoted[..., :1], -1.0)], axis=-1)

    @rule
    def at_touch(self) -> bool:
        return self.quoting.at_touch()

    @rule
    def decode(self, action: tuple[float, ...], now: Now) -> Quote:
        quote = self.quoting.decode(action[:-1], now)
        return Quote(quote.bid_depth, quote.ask_depth, clip(action[-1], 0.0, 1.0), self.half_spread)


class Touch(Quoting):
    """One index for a choice on each side of an order book: one tick inside the spread, at the best price, 1, ..., `behind`
    ticks behind it, or no quote. With `hedging`, one index more: no quotes, and a market order that closes the inventory.

    Counted from the best prices of all others. Index i is the bid's choice i // (behind + 3) and the ask's i % (behind + 3).
    """

    behind: Count = 1
    hedging: bool = False

    @property
    def choices(self) -> int:
        """Of one side."""
        return self.behind + 3

    @property
    def width(self) -> int:
        return 1

    @property
    def space(self) -> gym.Space[Any]:
        return gym.spaces.Discrete(self.choices**2 + self.hedging)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        behind = [f"{ticks} behind" for ticks in range(1, self.behind + 1)]
        labels, closing = (
            ["1 inside", "at the best", *behind, "none"],
            ["none, and close all at the market"] * self.hedging,
        )
        return ActionPart.choice("bid", "ticks", [*labels, *closing]), ActionPart.choice("ask", "ticks", labels)

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        """The indices (..., 1) that quote `depths` (..., 2), price units from the mid; beyond `behind` is no quote.

        Raises: ValueError without a `view`: ticks from the best prices are for `index`.
        """
        if view is None:
            raise ValueError(
                "Touch.encode needs a View(half_spread, tick) of the book, as depths are price units from the mid; "
                "Touch.index takes ticks behind the best prices"
            )
        return self.index(view.ticks_behind(depths))

    def index(self, ticks_behind: NDArray[np.float64]) -> NDArray[np.float64]:
        """The indices (..., 1) that quote so many ticks (..., 2) behind the best prices; beyond `behind` is no quote."""
        choice = np.clip(np.rint(ticks_behind) + 1.0, 0.0, self.choices - 1)
        return (choice[..., :1] * self.choices + choice[..., 1:]).astype(np.float64)

    @rule
    def at_touch(self) -> bool:
        return True

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        choices = self.behind + 3.0
        bid = math.floor((action[0] + 0.5) / choices)
        ask = action[0] - bid * choices
        closing = bid >= choices
        none = choices - 1.0
        bid_depth = NOWHERE if closing or bid >= none else bid - 1.0
        return Quote(bid_depth, NOWHERE if closing or ask >= none else ask - 1.0, 1.0 if closing else 0.0, 0.0)


class Unbounded(Quoting):
    """(bid depth, ask depth) as they are, in price units: how closed-form strategies quote."""

    @property
    def space(self) -> gym.Space[Any]:
        return gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return tuple(ActionPart(f"{side} depth", "price", -np.inf, np.inf, PLAIN) for side in ("bid", "ask"))

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        return depths

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        return Quote(action[0], action[1], 0.0, 0.0)


def _shown(levels: list[float]) -> list[str]:
    """Levels as labels, to the digits that tell them apart."""
    return [f"{level:.6g}" for level in levels]


def _less(name: str, low: float, other: str, high: float) -> None:
    if low >= high:
        raise ValueError(f"{name} must be < {other} = {high}, got {low}")
