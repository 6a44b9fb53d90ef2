"""What a tile's lanes need within a step, row by row: rows that belong together are named tuples."""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.component import store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.desk.state import Holding, Kept
from mm_env.world import Now, World

BLOCKS = 4  # of noise, of each instrument
FACTOR_BLOCKS = 2**29  # the blocks from here on are those of factors
VARIANCE_BLOCK = 2**29 - 1  # of the variance that all share


class Offer(NamedTuple):
    """What is quoted to one kind of clients, and the share of their requests that it takes."""

    bid_depth: float
    bid_take: float
    ask_depth: float
    ask_take: float


class Met(NamedTuple):
    """What the requests of an instrument have brought so far in a step."""

    bid_upto: float  # the requests so far own the uniforms below it
    ask_upto: float
    bought: float  # units
    sold: float
    spread: float  # depth x size, price units
    foreseen: float  # the mean of that, given all that was known when quotes were set
    fills: float
    arrivals: float


class Sums(NamedTuple):
    """Over instruments, within a step."""

    gain: float  # of trades over the mids at which quotes were set, price units
    carried: float  # of positions by the mids' moves, price units
    absolute: float  # |q|, units
    squares: float  # w q^2
    variance: float  # of the position, price^2 / time
    spread: float  # price units
    cost: float  # of trades outside, price units
    surprise: float  # what of the money was noise of mean zero, price units
    fills: float
    arrivals: float


DRAWS = 0  # the uniforms of bid and ask
OFFER = 2 * TILE
MET = 6 * TILE
SUMS = 14 * TILE
MOVE = 24 * TILE  # of the mid of an instrument by what it shares with others, price / sqrt(time)
DEPTHS = 25 * TILE  # bid and ask of an action, in [-1, 1]
OUTSIDE = 27 * TILE  # the number of an action for a trade outside, in [-1, 1]
ROWS = 28  # then follow the pushes of trades, the exposures to what is shared, and the normals


@scalar
def clear(j: int, scratch: Any) -> int:
    """Begin a step of the tile's lanes."""
    store(nothing(), scratch, SUMS + j, TILE)
    return 0


@scalar
def zero(j: int, scratch: Any, place: int) -> int:
    """Set one row to 0."""
    store(0.0, scratch, place + j, 1)
    return 0


@scalar
def now(rules: Any, step: float, mid: float) -> Now:
    """The present, as fills and flows are told of it."""
    time = step * rules.clock.dt()
    return Now(time, rules.clock.horizon - time, mid, World((), (), (), (), ()), ())


@scalar
def offered() -> Offer:
    """What an `Offer` looks like."""
    return Offer(0.0, 0.0, 0.0, 0.0)


@scalar
def unmet() -> Met:
    """What has been met before anything was."""
    return Met(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing() -> Sums:
    """The sums before anything happened."""
    return Sums(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing_held() -> Holding:
    """What a `Holding` looks like."""
    return Holding(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing_kept() -> Kept:
    """What a `Kept` looks like."""
    return Kept(nothing_held(), 0.0)


@scalar
def with_variance(sums: Sums, added: float) -> Sums:
    """The sums with so much variance more."""
    return Sums(sums.gain, sums.carried, sums.absolute, sums.squares, sums.variance + added, sums.spread, sums.cost,
                sums.surprise, sums.fills, sums.arrivals)  # fmt: skip
