"""A position in a pool: the tokens in it at a price (Adams et al. 2021, Uniswap v3, sec. 6)."""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.maths import clip, exp, scalar


class Pair(NamedTuple):
    """So much of the token that is quoted, and of the numeraire."""

    x: float  # units
    y: float  # price units


class Level(NamedTuple):
    """A price of a pool as its square root and the inverse of that, between which nothing has to be divided."""

    root: float
    inverse: float


class Position(NamedTuple):
    """Liquidity over a range of prices."""

    lower: Level
    upper: Level
    half_width: float  # log price
    liquidity: float  # y a unit of root; 0.0: there is no position
    deposit: Pair  # tokens that were put in
    value: float = 0.0  # of them at the pool's price of that moment, price units


class Placement(NamedTuple):
    """What a provider wants of one position, and the fee that is charged."""

    half_width: float  # of the range, log price
    centre: float  # of the range, over the pool's log price
    value: float  # of the position at the pool's price, price units; 0.0: none
    moves: float  # 1.0: the liquidity is taken out and placed so; 0.0: it stays as it is
    fee: float


@scalar
def held(lower: Level, upper: Level, price: Level) -> Pair:
    """The tokens in a unit of liquidity at a pool's price: x = 1/r - 1/b, y = r - a, its root r held inside the range [a,
    b]."""
    x = clip(price.inverse, upper.inverse, lower.inverse) - upper.inverse
    return Pair(x, clip(price.root, lower.root, upper.root) - lower.root)


@scalar
def tokens(position: Position, price: Level) -> Pair:
    """The tokens in a position at a pool's price."""
    unit = held(position.lower, position.upper, price)
    return Pair(position.liquidity * unit.x, position.liquidity * unit.y)


@scalar
def covers(position: Position, price: Level) -> bool:
    """Whether the pool's price is in the range: at the lower end it is, at the upper end no longer."""
    inside = (price.root >= position.lower.root) & (price.root < position.upper.root)
    return inside & (position.liquidity > 0.0)


@scalar
def shifted(price: Level, by: float) -> Level:
    """A price moved by so much of its logarithm."""
    return Level(price.root * exp(0.5 * by), price.inverse * exp(-0.5 * by))


@scalar
def thinned(position: Position, kept: float) -> Position:
    """The position of which the share `kept` is left, and counts as put in."""
    deposit = Pair(position.deposit.x * kept, position.deposit.y * kept)
    liquidity, value = position.liquidity * kept, position.value * kept
    return Position(position.lower, position.upper, position.half_width, liquidity, deposit, value)


@scalar
def placed(price: Level, half_width: float, centre: float, value: float) -> Position:
    """A new position around the pool's log price plus `centre`, worth `value` at the pool's price; none where that is 0."""
    middle, half, none = shifted(price, centre), exp(-0.5 * half_width), value <= 0.0
    wide = 1.0 / half
    lower = Level(price.root if none else middle.root * half, price.inverse if none else middle.inverse * wide)
    upper = Level(price.root if none else middle.root * wide, price.inverse if none else middle.inverse * half)
    unit = held(lower, upper, price)
    worth = unit.x * price.root * price.root + unit.y
    liquidity = 0.0 if none else value / (1.0 if none else worth)
    deposit = Pair(liquidity * unit.x, liquidity * unit.y)
    return Position(lower, upper, 0.0 if none else half_width, liquidity, deposit, 0.0 if none else value)


@scalar
def chosen(second: bool, one: Position, other: Position) -> Position:
    """The second of two positions if so told, else the first; number by number, so that there is no branch."""
    lower = Level(other.lower.root if second else one.lower.root, other.lower.inverse if second else one.lower.inverse)
    upper = Level(other.upper.root if second else one.upper.root, other.upper.inverse if second else one.upper.inverse)
    put_in = Pair(other.deposit.x if second else one.deposit.x, other.deposit.y if second else one.deposit.y)
    half_width, value = other.half_width if second else one.half_width, other.value if second else one.value
    return Position(lower, upper, half_width, other.liquidity if second else one.liquidity, put_in, value)
