"""What the market maker owns, and what venues charge."""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.component import Component, rule
from mm_env.core.maths import scalar
from mm_env.core.parameters import Real
from mm_env.world import Now


class Portfolio(NamedTuple):
    """Cash, the inventory of the quoted instrument, and the position in each hedge: () where there are none."""

    cash: float
    inventory: float
    hedges: tuple[float, ...] = ()


class Fees(Component):
    """What a venue charges per unit traded, in price units; a negative fee is a rebate."""

    maker: Real = 0.0
    taker: Real = 0.0

    @rule
    def maker_fee(self, price: float, now: Now) -> float:
        """Fee per unit for a fill of our quote at `price`."""
        return self.maker

    @rule
    def taker_fee(self, price: float, now: Now) -> float:
        """Fee per unit for our market order at `price`."""
        return self.taker


class ProportionalFees(Fees):
    """Fees as a share of the price (0.0002 is two basis points)."""

    @rule
    def maker_fee(self, price: float) -> float:
        return self.maker * abs(price)

    @rule
    def taker_fee(self, price: float) -> float:
        return self.taker * abs(price)


@scalar
def buy(account: Portfolio, size: float, price: float, fee: float) -> Portfolio:
    """Buy `size` units (sell, if negative) at `price`, paying `fee` for each unit either way."""
    return Portfolio(account.cash - size * price - abs(size) * fee, account.inventory + size, account.hedges)
