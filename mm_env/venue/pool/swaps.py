"""Swaps in a pool: its price goes from one to another, and our positions gain one token for the other, and fees.

Of what comes in, net of it, fees are `markup` = fee / (1 - fee) in the same token, shared by liquidity at each price that
is passed. A unit of liquidity takes d(r) of y on the way up and d(1/r) of x on the way down, r the root of the price: so a
unit in range earns the same whoever is beside it, and a position earns `markup` times what it takes in. That is what the
growth of fees inside a range comes to in Uniswap v3 (Adams et al. 2021, sec. 6.3), the whole's less that outside of either
end, of which nothing has to be kept.
"""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.maths import scalar
from mm_env.venue.pool.liquidity import Level, Pair, Position, shifted
from mm_env.venue.pool.positions import Positions, tokens_in


class Core(NamedTuple):
    """A pool's price, and our positions in it."""

    price: Level
    positions: Positions

    @property
    def position(self) -> Position:
        """The first of our positions, for what is not compiled."""
        return self.positions[0]


class Gain(NamedTuple):
    """What trades have brought our positions."""

    tokens: Pair  # more than before in the positions; negative: less
    fees: Pair


@scalar
def fees_of(gained: Pair, markup: float) -> Pair:
    """The fees of trades one way that brought positions so many tokens: of those that came in."""
    return Pair(markup * max(gained.x, 0.0), markup * max(gained.y, 0.0))


@scalar
def swapped(core: Core, price: Level, markup: float) -> tuple[Core, Gain]:
    """The pool traded to another price, and what our positions have gained by it."""
    before, after = tokens_in(core.positions, core.price), tokens_in(core.positions, price)
    gained = Pair(after.x - before.x, after.y - before.y)
    return Core(price, core.positions), Gain(gained, fees_of(gained, markup))


@scalar
def pushed(core: Core, up: float, down: float, markup: float) -> tuple[Core, Gain]:
    """The pool after buyers have moved its log price by `up` and then sellers by `down`, and what our positions have gained."""
    risen, first = swapped(core, shifted(core.price, up), markup)
    fallen, second = swapped(risen, shifted(risen.price, -down), markup)
    gained = Pair(first.tokens.x + second.tokens.x, first.tokens.y + second.tokens.y)
    return fallen, Gain(gained, Pair(first.fees.x + second.fees.x, first.fees.y + second.fees.y))
