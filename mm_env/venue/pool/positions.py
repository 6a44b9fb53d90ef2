"""Several positions in one pool: what is in all of them together, and what moving them trades and realises."""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.maths import scalar
from mm_env.core.tuples import each, largest, total
from mm_env.venue.pool.liquidity import Level, Pair, Placement, Position, chosen, covers, placed, tokens

Positions = tuple[Position, ...]


class Moment(NamedTuple):
    """When positions are moved."""

    price: Level  # of the pool
    mid: float


class Replaced(NamedTuple):
    """A position after it was moved, or as it was."""

    position: Position
    moves: float  # 1.0 if liquidity was put in or taken out, which costs gas
    swap: float  # units that had to be bought outside for it
    realised: float  # what was taken out is worth more than what was put in, price units


@scalar
def replaced(position: Position, wanted: Placement, at: Moment) -> Replaced:
    """A position taken out and placed as wanted, at the pool's price, if it is to move and there is anything to be moved."""
    old, new = tokens(position, at.price), placed(at.price, wanted.half_width, wanted.centre, wanted.value)
    moves, put_in = wanted.moves if (position.liquidity > 0.0) | (wanted.value > 0.0) else 0.0, position.deposit
    realised = moves * ((old.x - put_in.x) * at.mid + old.y - put_in.y)
    return Replaced(chosen(moves > 0.0, position, new), moves, moves * (new.deposit.x - old.x), realised)


@scalar
def tokens_in(positions: Positions, price: Level) -> Pair:
    """The tokens in all positions at a pool's price. As each is held inside its own range, the sum is that of a walk of the
    price from end to end of all ranges."""
    pairs = each(tokens, positions, price)
    return Pair(total(each(_x, pairs, 0.0)), total(each(_y, pairs, 0.0)))


@scalar
def active(positions: Positions, price: Level) -> float:
    """The liquidity of all positions whose range the price is in."""
    return total(each(active_of, positions, price))


@scalar
def active_of(position: Position, price: Level) -> float:
    """The liquidity of a position if the price is in its range, else 0.0."""
    return position.liquidity if covers(position, price) else 0.0


@scalar
def any_in_range(positions: Positions, price: Level) -> float:
    """1.0 if the price is in the range of any position, else 0.0."""
    return largest(each(_is_in_range, positions, price))


@scalar
def _is_in_range(position: Position, price: Level) -> float:
    return 1.0 if covers(position, price) else 0.0


@scalar
def empty(_: float, price: Level) -> Position:
    """A place where there is no position yet."""
    return Position(price, price, 0.0, 0.0, Pair(0.0, 0.0), 0.0)


@scalar
def placed_at(one: Replaced, _: float) -> Position:
    """The position itself."""
    return one.position


@scalar
def moves_of(one: Replaced, _: float) -> float:
    """1.0 if it was moved."""
    return one.moves


@scalar
def swap_of(one: Replaced, _: float) -> float:
    """Units that were bought outside for it."""
    return one.swap


@scalar
def realised_of(one: Replaced, _: float) -> float:
    """What it realised, price units."""
    return one.realised


@scalar
def _x(pair: Pair, _: float) -> float:
    return pair.x


@scalar
def _y(pair: Pair, _: float) -> float:
    return pair.y
