"""How many lots an order has."""

from __future__ import annotations

import math

from mm_env.core.component import Component, rule
from mm_env.core.maths import log
from mm_env.core.parameters import AtLeastOne


class OrderSize(Component):
    """The law of the size of others' limit orders, market orders and cancellations."""

    @rule
    def draw(self, uniform: float) -> float:
        """A size in whole lots, >= 1, from a uniform in (0, 1)."""
        raise NotImplementedError

    @rule
    def mean(self) -> float:
        """The mean size, lots: queues are counted in orders of it."""
        raise NotImplementedError


class UnitSize(OrderSize):
    """Every order is one lot, as in the papers."""

    @rule
    def draw(self, uniform: float) -> float:
        return 1.0

    @rule
    def mean(self) -> float:
        return 1.0


class GeometricSize(OrderSize):
    """P(size = n) = p (1 - p)^(n - 1), n = 1, 2, ..., with p = 1 / average."""

    average: AtLeastOne  # lots

    @rule
    def draw(self, uniform: float) -> float:
        return 1.0 + math.floor(log(uniform) / log(max(1.0 - 1.0 / self.average, 1e-300)))

    @rule
    def mean(self) -> float:
        return self.average
