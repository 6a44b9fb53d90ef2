"""How many lots an order has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    def table(self) -> NDArray[np.float64]:
        """Numbers that `draw_of` looks up, (m, n), m >= 1 and n >= 1."""
        return np.zeros((1, 1))

    @rule
    def draw_of(self, table: Any, kind: int, uniform: float) -> float:
        """As `draw`, for an event of one of `KINDS`."""
        return self.draw(uniform)

    @rule
    def leaving(self, queue: int, size: int) -> int:
        """The lots that a cancellation of `size` takes from a queue of so many."""
        return size

    @rule
    def place(self, queue: int, size: int, uniform: float) -> int:
        """The lots of a queue that stand before those that a cancellation of `size` takes."""
        return int(uniform * queue)


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
