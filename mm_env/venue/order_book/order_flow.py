"""Others' orders as rates: what a model of the flow into an order book says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, rule

KINDS = ("limit bid", "limit ask", "cancel bid", "cancel ask", "market sell", "market buy")
LIMIT, CANCEL, MARKET = (
    0,
    2,
    4,
)  # the kind of an event is one of these plus its side (of a market order: the side it hits)


class OrderFlow(Component):
    """Rates of limit orders, cancellations and market orders. Override `limit`, `cancel` and `market`, or more.

    Distances are whole ticks from the other side's best price (ours included), 1, 2, ...; queues are counted in orders of the
    mean size. `table` is what the flow's own `table(levels)` gave, for rates that are looked up.
    """

    @property
    def signals(self) -> tuple[str, ...]:
        """What of the flow's own state a book shows that shows it (`Book.flow_seen`): see `show`."""
        return ()

    @rule
    def show(self, book: Any, observations: Any, place: int) -> None:
        """Write `signals` from `place` on."""

    def table(self, levels: int) -> NDArray[np.float64]:
        """Numbers that the rules look up, the same in all lanes, for a book of `levels` distances: (n,), n >= 1."""
        return np.zeros(1)

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        """Limit orders / time at one price, where `queue` orders stand."""
        raise NotImplementedError

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        """Cancellations / time of all orders at one price, where `queue` > 0 orders stand."""
        raise NotImplementedError

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        """Market orders / time against one side, whose best price lies at `distance` and holds `queue` orders (0: none)."""
        raise NotImplementedError

    @rule
    def sees_best(self) -> bool:
        """Whether rates depend on where their own side's best price lies: then `limit_by` and `cancel_by` are asked for."""
        return False

    @rule
    def limit_by(self, table: Any, distance: int, queue: float, best: int) -> float:
        """As `limit`, told the distance of others' best price of that side."""
        return self.limit(table, distance, queue)

    @rule
    def cancel_by(self, table: Any, distance: int, queue: float, best: int) -> float:
        """As `cancel`, told the distance of others' best price of that side."""
        return self.cancel(table, distance, queue)

    @rule
    def rate(self, table: Any, kind: int, weight: float, excitement: float) -> float:
        """Events / time of one of `KINDS`, from the sum of its rates over the prices and its excitement."""
        return weight

    @rule
    def remembers(self) -> bool:
        """Whether past events excite later ones: then `fade` and `kick` are asked for."""
        return False

    @rule
    def fade(self, kind: int, dt: float) -> float:
        """The share of a kind's excitement that is left after dt."""
        return 1.0

    @rule
    def kick(self, table: Any, kind: int, cause: int) -> float:
        """How much an event of kind `cause` adds to the excitement of `kind`."""
        return 0.0

    @property
    def memories(self) -> int:
        """How many numbers a book keeps of the past; by kind, if a flow states only `fade` and `kick`."""
        return len(KINDS)

    @rule
    def excited(self, table: Any, memory: Any, kind: int) -> float:
        """The excitement of a kind, from the `memories` that are kept."""
        return memory[kind]

    @rule
    def forget(self, table: Any, memory: Any, dt: float) -> None:
        """Let what is kept fade for dt."""
        for kind in range(6):
            memory[kind] *= self.fade(kind, dt)

    @rule
    def excite(self, table: Any, memory: Any, cause: int) -> None:
        """Add to what is kept what an event of kind `cause` excites."""
        for kind in range(6):
            memory[kind] = min(memory[kind] + self.kick(table, kind, cause), self.most_excited())

    @rule
    def most_excited(self) -> float:
        """The most excitement that a kind may have."""
        return np.inf

    @rule
    def expires(self) -> bool:
        """Whether excitement is whole units that end one by one, at random: then `expiry` is asked for. It is an event of the
        book, after which a decision is due like after any other."""
        return False

    @rule
    def expiry(self) -> float:
        """1 / time, of each unit of excitement."""
        return 0.0

    @rule
    def anchored(self) -> bool:
        """Whether distances are counted from a reference price, not from the other side's best: bids at reference + 1 -
        distance, asks at reference + distance. Then `follow`, `renew` and `fresh` are asked for."""
        return False

    @rule
    def follow(self) -> float:
        """P(the reference moves by a tick | the mid moved that way and nobody stands next to the reference on that side)."""
        return 0.0

    @rule
    def renew(self) -> float:
        """P(the whole book is drawn anew | the reference moved)."""
        return 0.0

    @rule
    def fresh(self, table: Any, distance: int, uniform: float) -> float:
        """A queue in orders, drawn from its stationary law, where one comes into view or the book is drawn anew."""
        return 0.0
