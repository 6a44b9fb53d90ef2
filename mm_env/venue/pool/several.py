"""Several positions at once in a pool: each with its own range, its share of the capital, and when it is moved."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.action_parts import ActionPart
from mm_env.core.component import rule
from mm_env.core.maths import clip, exp, log, scalar
from mm_env.core.parameters import ListedNonNegative, Positive
from mm_env.core.tuples import both, each, head, tail, total
from mm_env.quote import rescale
from mm_env.venue.pool.liquidity import Placement, Position
from mm_env.venue.pool.ranges import PoolQuoting, not_beyond, range_parts
from mm_env.world import Now

Floats = NDArray[np.float64]
_LEAST = 1e-300  # price units


class _Bounds(NamedTuple):
    """Ends of half-widths, in logarithms."""

    low: float
    high: float


class _Range(NamedTuple):
    """Where a range is to be."""

    half_width: float
    centre: float


class _Part(NamedTuple):
    """How much it is to hold, and whether it is to move."""

    value: float
    moves: float


class _Terms(NamedTuple):
    """What all placements have in common."""

    scale: float  # of what they want to hold: below 1 where the capital is not enough
    fee: float


class Ranges(PoolQuoting):
    """K half-widths, then K centres, K shares of the capital and K moves, for as many positions as there are `max_centres`.

    Of each position as `Range` has it: the half-width from min_half_width at -1 to max_half_width at +1, evenly in its
    logarithm; the centre from -max_centre to its max_centre around the pool's log price; the share from 0 to 1; above 0 the
    last number moves it, and at 0 or below it stays. What was put into positions that stay is taken; those that move share
    what is left of the capital in proportion, where it is not enough for all.
    """

    max_half_width: Positive  # log price
    min_half_width: Positive
    max_centres: ListedNonNegative = (0.0, 0.0)  # log price, of each position
    capital: Positive = 100.0  # price units, of all positions together at the pool's price

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_half_width >= self.max_half_width:
            raise ValueError(
                f"Ranges.min_half_width must be < max_half_width = {self.max_half_width}, got {self.min_half_width}"
            )
        not_beyond("Ranges.max_half_width", self.max_half_width)

    @property
    def width(self) -> int:
        return 4 * len(self.max_centres)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        positions = [range_parts(self, most, f" {i}") for i, most in enumerate(self.max_centres, 1)]
        return tuple(part for kind in zip(*positions, strict=True) for part in kind)

    @property
    def space(self) -> gym.Space[Any]:
        return gym.spaces.Box(-1.0, 1.0, (self.width,), np.float32)

    @rule
    def slots(self) -> tuple[float, ...]:
        return self.max_centres

    @rule
    def placements(self, action: tuple[float, ...], now: Now) -> tuple[Placement, ...]:
        like, bounds = self.max_centres, _Bounds(log(self.min_half_width), log(self.max_half_width))
        moves, rest = each(_above, tail(action, like), 0.0), head(action, like)
        shares, places = tail(rest, like), head(rest, like)
        values = each(_value, shares, self.capital)
        ranges = both(_range, head(places, like), both(_centre, tail(places, like), like, 0.0), bounds)
        stays = total(both(_staying, now.world.venue.core.positions, moves, 0.0))
        left, wanted = max(self.capital - stays, 0.0), total(both(_moving, values, moves, 0.0))
        scale = left / max(wanted, _LEAST) if wanted > left else 1.0
        return both(_placement, ranges, both(_part, values, moves, 0.0), _Terms(scale, now.world.venue.fee))

    def encode_placements(self, half_width: Floats, share: Floats, moves: NDArray[np.bool_]) -> Floats:
        first = np.zeros((len(half_width), len(self.max_centres)))
        first[:, 0] = 1.0
        wide = np.where(first > 0.0, half_width[:, None], self.max_half_width)
        return self.encode_several(wide, 0.0 * first, first * share[:, None], (first > 0.0) & moves[:, None])

    def encode_several(self, half_width: Floats, centre: Floats, share: Floats, moves: NDArray[np.bool_]) -> Floats:
        """The actions (n, 4 K) that place positions, all (n, K), or the nearest that can be placed, where `moves`."""
        low, high, most = math.log(self.min_half_width), math.log(self.max_half_width), np.array(self.max_centres)
        shown = 2.0 * (np.log(np.clip(half_width, self.min_half_width, self.max_half_width)) - low) / (high - low) - 1.0
        aside = np.clip(centre, -most, most) / np.where(most > 0.0, most, 1.0)
        held = 2.0 * np.clip(share, 0.0, 1.0) - 1.0
        return np.concatenate([shown, aside, held, np.where(moves, 1.0, -1.0)], axis=-1)


@scalar
def _above(number: float, least: float) -> float:
    return 1.0 if number > least else 0.0


@scalar
def _value(number: float, capital: float) -> float:
    return rescale(number, 0.0, capital)


@scalar
def _centre(number: float, most: float, _: float) -> float:
    return most * clip(number, -1.0, 1.0)


@scalar
def _range(number: float, centre: float, bounds: _Bounds) -> _Range:
    return _Range(exp(rescale(number, bounds.low, bounds.high)), centre)


@scalar
def _staying(position: Position, moves: float, _: float) -> float:
    return position.value if moves <= 0.0 else 0.0


@scalar
def _moving(value: float, moves: float, _: float) -> float:
    return value if moves > 0.0 else 0.0


@scalar
def _part(value: float, moves: float, _: float) -> _Part:
    return _Part(value, moves)


@scalar
def _placement(where: _Range, part: _Part, terms: _Terms) -> Placement:
    return Placement(where.half_width, where.centre, terms.scale * part.value, part.moves, terms.fee)
