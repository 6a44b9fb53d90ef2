"""Sizes of orders as they were seen: a table of quantiles for each kind of event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.parameters import AtLeastOne, Interval, Rates, check
from mm_env.venue.order_book.size import OrderSize

LISTS = ("limits", "cancellations", "markets")  # in the order of `KINDS`, two of which are sides of one list


class ListedSize(OrderSize):
    """Limit orders, cancellations and market orders each have a size out of a list, all equally likely: its quantiles.

    A queue of no more than `whole` lots is one order: a cancellation takes all of it. Of a longer one it takes the lots that
    were drawn, from its front or from its back alike: orders mostly have one size, and few of them stand at a price.
    """

    limits: Rates  # lots
    cancellations: Rates  # lots
    markets: Rates  # lots
    average: AtLeastOne  # lots of a limit order: queues are counted in it
    whole: AtLeastOne = 1.0  # lots

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in LISTS:
            if len(getattr(self, name)) != len(self.limits):
                raise ValueError(
                    f"ListedSize.{name} must be as long as limits, {len(self.limits)}, got {len(getattr(self, name))}"
                )
            for size in getattr(self, name):
                check(f"ListedSize.{name}", size, Interval(1.0, whole=True))

    def table(self) -> NDArray[np.float64]:
        """A row for each list."""
        return np.array([getattr(self, name) for name in LISTS])

    @rule
    def draw_of(self, table: Any, kind: int, uniform: float) -> float:
        return table[kind // 2, int(uniform * table.shape[1])]

    @rule
    def mean(self) -> float:
        return self.average

    @rule
    def leaving(self, queue: int, size: int) -> int:
        return queue if queue <= self.whole else min(queue, size)

    @rule
    def place(self, queue: int, size: int, uniform: float) -> int:
        return 0 if uniform < 0.5 else queue - size
