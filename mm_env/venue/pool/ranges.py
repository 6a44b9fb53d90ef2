"""What an action means in a pool: where to place liquidity, how much, and when to move it; or which fee to charge."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.action_parts import LOG, ActionPart
from mm_env.core.component import rule
from mm_env.core.maths import clip, exp, log, scalar
from mm_env.core.parameters import Listed, NonNegative, Positive, Probability
from mm_env.core.tuples import each, largest, pick, smallest
from mm_env.quote import NOWHERE, Quote, Quoting, rescale
from mm_env.venue.pool.liquidity import Placement
from mm_env.world import Now

Floats = NDArray[np.float64]
FULL = 1000.0  # the half-width in log price of a position over all prices
_LAST = 700.0  # of an exponent
_LEAST = 1e-12  # price that a mid at or below zero counts as


class PoolQuoting(Quoting):
    """How an action becomes a placement of liquidity. Override `placed`, or for several positions `slots` and `placements`;
    strategies need `encode_placements`.

    As a quote ranges are their lowest bid and their highest ask, around the pool's price as it stands.
    """

    of_pool: ClassVar[bool] = True

    @rule
    def slots(self) -> tuple[float, ...]:
        """A number for each position that there may be at once: how many there are counts."""
        return (0.0,)

    @rule
    def placed(self, action: tuple[float, ...], now: Now) -> Placement:
        """The placement that an action means, of the one position."""
        raise NotImplementedError

    @rule
    def placements(self, action: tuple[float, ...], now: Now) -> tuple[Placement, ...]:
        """The placements that an action means, one for each of `slots`; all with the same fee."""
        return (self.placed(action, now),)

    @rule
    def decode(self, action: tuple[float, ...], now: Now) -> Quote:
        wanted, root = self.placements(action, now), now.world.venue.core.price.root
        low, high = smallest(each(_lowest_of, wanted, root * root)), largest(each(_highest_of, wanted, root * root))
        return Quote(now.mid - low, min(high - now.mid, NOWHERE), 0.0, 0.0)

    def encode_placements(self, half_width: Floats, share: Floats, moves: NDArray[np.bool_]) -> NDArray[Any]:
        """The actions (n, width), or (n,) if discrete, that place ranges of these half-widths around the pool's price where
        `moves`, and leave them elsewhere."""
        raise NotImplementedError(f"{type(self).__name__} needs a method encode_placements for strategies to act")


class Range(PoolQuoting):
    """(half-width, centre, share of the capital, move): the half-width from min_half_width at -1 to max_half_width at +1,
    evenly in its logarithm; the centre from -max_centre to max_centre around the pool's log price; the share from 0 to 1;
    above 0 the last number moves the liquidity, and at 0 or below it stays."""

    max_half_width: Positive  # log price
    min_half_width: Positive
    max_centre: NonNegative = 0.0  # log price
    capital: Positive = 100.0  # price units, of a position at the pool's price

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_half_width >= self.max_half_width:
            raise ValueError(
                f"Range.min_half_width must be < max_half_width = {self.max_half_width}, got {self.min_half_width}"
            )
        not_beyond("Range.max_half_width", self.max_half_width)

    @property
    def width(self) -> int:
        return 4

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return range_parts(self, self.max_centre)

    @rule
    def placed(self, action: tuple[float, ...], now: Now) -> Placement:
        low, high = log(self.min_half_width), log(self.max_half_width)
        half_width, centre = exp(rescale(action[0], low, high)), self.max_centre * clip(action[1], -1.0, 1.0)
        value, moves = rescale(action[2], 0.0, self.capital), 1.0 if action[3] > 0.0 else 0.0
        return Placement(half_width, centre, value, moves, now.world.venue.fee)

    def encode_placements(self, half_width: Floats, share: Floats, moves: NDArray[np.bool_]) -> Floats:
        low, high = math.log(self.min_half_width), math.log(self.max_half_width)
        shown = 2.0 * (np.log(np.clip(half_width, self.min_half_width, self.max_half_width)) - low) / (high - low) - 1.0
        return np.stack([shown, np.zeros_like(shown), 2.0 * share - 1.0, np.where(moves, 1.0, -1.0)], axis=-1)


class RangeGrid(PoolQuoting):
    """One index, for agents that choose among finitely many actions: a pair of a half-width and a tolerance, or out.

    Index i m + j of m tolerances places the capital in the i-th range around the pool's price, if none is placed, or if the
    mid is at least the j-th tolerance away from the middle of the one that is; else it stays as it is. A tolerance of 0
    moves it whatever the mid, one of 1000 never does. The last index takes liquidity out.
    """

    half_widths: Listed  # log price, increasing
    tolerances: Listed = (0.0, FULL)  # log price, increasing
    capital: Positive = 100.0  # price units, of a position at the pool's price

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_widths[0] <= 0.0 or any(right <= left for left, right in pairwise(self.half_widths)):
            raise ValueError(f"RangeGrid.half_widths must be > 0 and increase, got {list(self.half_widths)}")
        if self.tolerances[0] < 0.0 or any(right <= left for left, right in pairwise(self.tolerances)):
            raise ValueError(f"RangeGrid.tolerances must be >= 0 and increase, got {list(self.tolerances)}")
        not_beyond("RangeGrid.half_widths", self.half_widths[-1])

    @property
    def width(self) -> int:
        return 1

    @property
    def space(self) -> gym.Space[Any]:
        return gym.spaces.Discrete(len(self.half_widths) * len(self.tolerances) + 1)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        widths = [*(f"{width:g}" for width in self.half_widths), "out of the pool"]
        away = ["whatever" if x == 0.0 else "never" if x >= FULL else f"{x:g} away" for x in self.tolerances]
        return ActionPart.choice("half-width", "log price", widths), ActionPart.choice("move when the mid is", "", away)

    @property
    def moves_freely(self) -> bool:
        """Whether every state has an action that moves liquidity and one that leaves it."""
        return self.tolerances[0] == 0.0 and self.tolerances[-1] >= FULL

    @rule
    def placed(self, action: tuple[float, ...], now: Now) -> Placement:
        position, ways = now.world.venue.core.positions[0], len(self.tolerances)
        row = math.floor((action[0] + 0.5) / ways)
        out = row > len(self.half_widths) - 0.5
        half_width = pick(self.half_widths, clip(1.0 * row, 0.0, len(self.half_widths) - 1.0))
        tolerance = pick(self.tolerances, clip(action[0] - row * ways, 0.0, ways - 1.0))
        away = abs(log(max(now.mid, _LEAST) * position.lower.inverse * position.upper.inverse))
        moves = 1.0 if out | (position.liquidity <= 0.0) | (away >= tolerance) else 0.0
        return Placement(half_width, 0.0, 0.0 if out else self.capital, moves, now.world.venue.fee)

    def indices(self, place: NDArray[np.int64], moves: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The actions (n,) that place the range of a place, the last of which is none, where `moves`, and else leave what is.

        Raises: ValueError unless it `moves_freely`.
        """
        if not self.moves_freely:
            raise ValueError(
                f"RangeGrid.tolerances must begin with 0 and end with {FULL:g} for this, got {self.tolerances}"
            )
        ways = len(self.tolerances)
        return np.where(moves, place * ways, ways - 1).astype(np.int64)

    def encode_placements(self, half_width: Floats, share: Floats, moves: NDArray[np.bool_]) -> NDArray[np.int64]:
        known = np.log(np.array(self.half_widths))
        nearest = np.abs(np.log(np.maximum(half_width, 1e-12))[..., None] - known).argmin(axis=-1)
        return self.indices(np.where(share > 0.5, nearest, len(known)), moves)


class DynamicFee(PoolQuoting):
    """The fee that a pool's designer charges until the next block, from min_fee at -1 to max_fee at +1: for one who owns a
    position of `capital` over all prices, placed at the first step for nothing and never moved."""

    sets_fee: ClassVar[bool] = True

    max_fee: Probability
    min_fee: Probability = 0.0
    capital: Positive = 100.0  # price units

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.min_fee < self.max_fee < 1.0:
            raise ValueError(f"DynamicFee needs min_fee < max_fee < 1, got {self.min_fee} and {self.max_fee}")

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return (ActionPart("fee", "share of what comes in", self.min_fee, self.max_fee),)

    @property
    def width(self) -> int:
        return 1

    @rule
    def placed(self, action: tuple[float, ...], now: Now) -> Placement:
        begins = 1.0 if now.world.venue.core.positions[0].liquidity == 0.0 else 0.0
        return Placement(FULL, 0.0, self.capital, begins, rescale(action[0], self.min_fee, self.max_fee))

    @rule
    def decode(self, action: tuple[float, ...], now: Now) -> Quote:
        """A pool with a fee buys at its price less the fee, and sells at its price over 1 - fee."""
        fee, root = self.placed(action, now).fee, now.world.venue.core.price.root
        return Quote(now.mid - root * root * (1.0 - fee), root * root / (1.0 - fee) - now.mid, 0.0, 0.0)

    def encode_fees(self, fee: Floats) -> Floats:
        """The actions (n, 1) that charge fees (n,), or the nearest that can be charged."""
        return np.clip(2.0 * (fee - self.min_fee) / (self.max_fee - self.min_fee) - 1.0, -1.0, 1.0)[..., None]


@scalar
def _lowest_of(wanted: Placement, price: float) -> float:
    return price * exp(wanted.centre) * exp(-wanted.half_width)


@scalar
def _highest_of(wanted: Placement, price: float) -> float:
    return price * exp(wanted.centre) * exp(min(wanted.half_width, _LAST))


def range_parts(quoting: Any, max_centre: float, of: str = "") -> tuple[ActionPart, ...]:
    """The parts of an action that place one position."""
    return (
        ActionPart(f"half-width{of}", "log price", quoting.min_half_width, quoting.max_half_width, LOG),
        ActionPart(f"centre{of}", "log price", -max_centre, max_centre),
        ActionPart(f"share of capital{of}", "1", 0.0, 1.0),
        ActionPart.switch(f"move{of}"),
    )


def not_beyond(name: str, half_width: float) -> None:
    """Refuse a half-width beyond all prices."""
    if half_width > FULL:
        raise ValueError(f"{name} must be at most {FULL:g}, which is all prices, got {half_width:g}")
