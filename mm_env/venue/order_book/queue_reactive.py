"""Flows that look at the queue they come to: Huang, Lehalle & Rosenbaum 2015 (JASA 110(509), 107-122)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.parameters import Positive, Probability, RateRows
from mm_env.venue.order_book.birth_death import stationary_queue
from mm_env.venue.order_book.ladder import BID
from mm_env.venue.order_book.order_flow import OrderFlow


class QueueRates(OrderFlow):
    """Rates by distance and by queue size, looked up: what `QueueReactive` and `QueueDependent` share.

    Row i holds the rates at distance i = 1, 2, ..., for queues of 0, 1, 2, ... orders, ours included; the last is that of all
    longer queues and the last row that of all greater distances.
    """

    takes_in_vain: ClassVar[bool] = False  # market orders come to a side that others have left, too

    if TYPE_CHECKING:  # parameters that both have, in an order of their own

        @property
        def arrival(self) -> RateRows: ...
        @property
        def cancellation(self) -> RateRows: ...
        @property
        def taking(self) -> RateRows: ...
        @property
        def activity(self) -> Any: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        shape, kind = np.shape(self.arrival), type(self).__name__
        for name in ("cancellation", "taking"):
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(
                    f"{kind}.{name} must have the shape of arrival, {shape}, got {np.shape(getattr(self, name))}"
                )
        if shape[1] < 2:
            raise ValueError(f"{kind}.arrival must give rates for queues of 0 and 1 orders at least, got {shape[1]}")
        leaving = np.array(self.cancellation)[:, -1] + np.array(self.taking)[:, -1]
        if not (leaving > np.array(self.arrival)[:, -1]).all():
            raise ValueError(f"{kind}: the longest queue must shrink, cancellation + taking > arrival in its column")

    @property
    def capacity(self) -> float:
        """The most orders that may come to stand at a price."""
        arrival = np.array(self.arrival)
        return np.inf if arrival[:, -1].any() else float(np.flatnonzero(arrival.any(axis=0)).max(initial=-1) + 1)

    def table(self, levels: int) -> NDArray[np.float64]:
        """(4, levels, sizes), flat: arrival, cancellation, taking, and P(queue <= n) of the stationary law."""
        rates = np.array([self.arrival, self.cancellation, self.taking])
        rates = rates[:, np.minimum(np.arange(levels), rates.shape[1] - 1)]
        rates[1, :, 0] = 0.0  # nothing leaves an empty queue
        rates[2, :, 0] *= self.takes_in_vain
        rates = np.pad(rates, ((0, 0), (0, 0), (0, _further(rates))), mode="edge")
        leaving = (rates[1] + rates[2]) * (np.arange(rates.shape[2]) > 0)
        law = np.array([stationary_queue(up, down).probability for up, down in zip(rates[0], leaving)])
        header = np.array([float(rates.shape[2])])
        return np.concatenate([header, rates.ravel(), law.cumsum(axis=1).ravel()])

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        return self.activity * self.look_up(table, 0, distance, queue)

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        return self.activity * self.look_up(table, 1, distance, queue)

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        return self.activity * self.look_up(table, 2, distance, queue)

    @rule
    def look_up(self, table: Any, what: int, distance: int, queue: float) -> float:
        """A number of the table at the nearest queue size."""
        sizes = int(table[0])
        levels = (table.shape[0] - 1) // (4 * sizes)
        return table[1 + (what * levels + distance - 1) * sizes + min(int(queue + 0.5), sizes - 1)]


class QueueDependent(QueueRates):
    """Rates by distance from the other side's best price and by queue size, so that a book needs no reference price.

    The rates of Huang, Lehalle & Rosenbaum 2015, with the distances of Cont, Stoikov & Talreja 2010; rows and columns as in
    `QueueRates`. `taking` is by the spread, and by the queue at the best price; its first column is of a side that others have
    left: such market orders meet our order behind that price, or nobody. Where limit orders no longer come to the
    longest queue (0 in the last column of `arrival`) queues are finite, and a book of few prices has an exact optimum.
    `activity` multiplies all rates.
    """

    takes_in_vain: ClassVar[bool] = True

    arrival: RateRows  # limit orders / (time price)
    cancellation: RateRows  # cancellations / (time price)
    taking: RateRows  # market orders / time against one side
    activity: Positive = 1.0


class QueueReactive(QueueRates):
    """Rates by distance from a reference price and by queue size, and a reference price that moves at times.

    Rows and columns as in `QueueRates`. Queues are independent birth-death processes as long as the reference rests (the
    paper's Model I; `taking` at the best price only). When the mid moves and nobody stands between it and the reference, the
    reference follows by a tick with probability `following`, and then the whole book is drawn anew from its stationary law
    with probability `renewal` (Model III). `activity` multiplies all rates.
    """

    arrival: RateRows  # limit orders / (time price)
    cancellation: RateRows  # cancellations / (time price)
    taking: RateRows  # market orders / time against one side
    following: Probability = 0.0  # "theta"
    renewal: Probability = 0.0  # "theta_reinit"
    activity: Positive = 1.0

    @property
    def signals(self) -> tuple[str, ...]:
        """The reference, ticks above others' best bid."""
        return ("reference",)

    @rule
    def show(self, book: Any, observations: Any, place: int) -> None:
        observations[place] = book.reference - book.best[BID]

    @rule
    def anchored(self) -> bool:
        return True

    @rule
    def follow(self) -> float:
        return self.following

    @rule
    def renew(self) -> float:
        return self.renewal

    @rule
    def fresh(self, table: Any, distance: int, uniform: float) -> float:
        queue = 0.0
        while queue < table[0] - 1.0 and self.look_up(table, 3, distance, queue) < uniform:
            queue += 1.0
        return queue


def _further(rates: NDArray[np.float64]) -> int:
    """How many sizes beyond the listed ones hold all but 1e-12 of the stationary law of every queue."""
    shrink = (rates[0, :, -1] / (rates[1, :, -1] + rates[2, :, -1])).max()
    return int(np.ceil(np.log(1e-12) / np.log(shrink))) if shrink > 0.0 else 0
