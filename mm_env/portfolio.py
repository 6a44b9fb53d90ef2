"""Cash, inventory and fees."""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.component import Component, rule
from mm_env.core.maths import scalar
from mm_env.core.parameters import Real


class Account(NamedTuple):
    """What the market maker owns."""

    cash: float
    inventory: float


class Dealt(NamedTuple):
    """What was traded between two decisions."""

    account: Account
    surprise: float  # what of the wealth change was noise of mean zero
    captured: float  # over our fills, depth x size, less what market orders paid, price units
    fills: float  # in orders of ours
    arrivals: float  # market orders, of the size of ours
    dt: float


class Fees(Component):
    """What a venue charges per unit traded, in price units; a negative fee is a rebate."""

    maker: Real = 0.0
    taker: Real = 0.0

    @rule
    def maker_fee(self, price: float) -> float:
        """Fee per unit for a fill of our quote at `price`."""
        return self.maker

    @rule
    def taker_fee(self, price: float) -> float:
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
def buy(account: Account, size: float, price: float, fee: float) -> Account:
    """Buy `size` units (sell, if negative) at `price`, paying `fee` for each unit either way."""
    return Account(account.cash - size * price - abs(size) * fee, account.inventory + size)
