"""Who trades with a pool without knowing better: uninformed orders, fewer the higher the fee."""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.component import Component, rule
from mm_env.core.maths import exp, one_minus_exp
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative
from mm_env.venue.pool.liquidity import Pair
from mm_env.venue.pool.swaps import Core, Gain, pushed
from mm_env.world import Now


class Orders(NamedTuple):
    """What uninformed traders do within a block."""

    turnover: float  # volume bought and sold again at the same price, a share of what active liquidity is worth over all prices
    up: float  # how far buyers move the log price, >= 0
    down: float  # how far sellers do, after them


class Traders(Component):
    """Uninformed traders, whose orders are routed by depth: what they trade is in proportion to the liquidity at the price,
    so that a position earns the same a unit of liquidity whoever is beside it. Override `orders`; for exact solvers
    `outcomes` too.
    """

    @rule
    def orders(self, fee: float, noise: Noise, dt: float, now: Now) -> Orders:
        """Their orders within a block of dt on average, however long this one lasts."""
        raise NotImplementedError

    @rule
    def trade(self, core: Core, orders: Orders, markup: float) -> tuple[Core, Gain]:
        """The pool after those of them that move its price, and what our position has gained by it."""
        return pushed(core, orders.up, orders.down, markup)

    def outcomes(self, fee: float, dt: float, now: Any) -> list[tuple[float, Orders]]:
        """All that they may do within a step of dt, with probabilities. Raises: NotImplementedError where it is not said."""
        raise NotImplementedError(f"{type(self).__name__} needs a method outcomes(fee, dt, now) for an exact solution")


class NoTraders(Traders):
    """None: arbitrageurs alone trade with the pool."""

    @rule
    def trade(self, core: Core, orders: Orders, markup: float) -> tuple[Core, Gain]:
        return core, Gain(Pair(0.0, 0.0), Pair(0.0, 0.0))

    @rule
    def orders(self, fee: float, noise: Noise, dt: float) -> Orders:
        return Orders(0.0, 0.0, 0.0)

    def outcomes(self, fee: float, dt: float, now: Any) -> list[tuple[float, Orders]]:
        return [(1.0, Orders(0.0, 0.0, 0.0))]


class SteadyTraders(Traders):
    """turnover exp(-elasticity fee) dt of what active liquidity is worth over all prices (2 L sqrt(P)) is traded within a
    block, half of it bought and half sold: orders that offset each other leave the price where it is."""

    turnover: NonNegative  # 1 / time
    elasticity: NonNegative = 0.0

    @rule
    def trade(self, core: Core, orders: Orders, markup: float) -> tuple[Core, Gain]:
        return core, Gain(Pair(0.0, 0.0), Pair(0.0, 0.0))

    @rule
    def orders(self, fee: float, noise: Noise, dt: float) -> Orders:
        return Orders(self.turnover * exp(-self.elasticity * fee) * dt, 0.0, 0.0)

    def outcomes(self, fee: float, dt: float, now: Any) -> list[tuple[float, Orders]]:
        return [(1.0, Orders(self.turnover * float(exp(-self.elasticity * fee)) * dt, 0.0, 0.0))]


class RandomTraders(Traders):
    """An order to buy and one to sell, each within a block with probability 1 - exp(-rate exp(-elasticity fee) dt), that moves
    the log price by `impact`."""

    rate: NonNegative  # orders a side / time
    impact: NonNegative  # log price
    elasticity: NonNegative = 0.0

    @rule
    def orders(self, fee: float, noise: Noise, dt: float) -> Orders:
        chance = one_minus_exp(self.rate * exp(-self.elasticity * fee) * dt)
        return Orders(0.0, self.impact if noise.ask < chance else 0.0, self.impact if noise.bid < chance else 0.0)

    def outcomes(self, fee: float, dt: float, now: Any) -> list[tuple[float, Orders]]:
        p, d = float(one_minus_exp(self.rate * exp(-self.elasticity * fee) * dt)), float(self.impact)
        sides = [(1.0 - p, 0.0), (p, d)]
        return [(a * b, Orders(0.0, up, down)) for a, up in sides for b, down in sides]
