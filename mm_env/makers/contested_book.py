"""A simulated order book in which several makers have orders, as a venue."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.makers.book_decision import brought
from mm_env.venue.order_book import events, several
from mm_env.venue.order_book.order_flow import OrderFlow
from mm_env.venue.order_book.size import OrderSize
from mm_env.venue.venue import Dealt, Venue


def fields(reach: int, makers: int, flow: OrderFlow, size: OrderSize) -> list[Any]:
    """What is kept of a world: its book, and what its makers want and trade in a decision."""
    whole, each = [("since", np.float64)], (makers,)  # the time of the last decision
    decided = [("acts", np.int64), ("bid", np.int64), ("ask", np.int64), ("units", np.float64), ("held", np.float64)]
    traded = [("closed", np.int64), ("worth", np.int64), ("middle", np.int64)]  # the market order of each
    more = [("turn_of", np.int64), ("lived", np.float64)]  # who acts when; how long each account was open
    return [*several.fields(reach, makers), *events.fields(flow, size), *whole,
            *((name, kind, each) for name, kind in (*decided, *traded, *more))]  # fmt: skip


class ContestedBook(Venue):
    """An order book with orders of several makers, one a side and maker: what `contested` makes of one of a class.

    Others' orders come as they do in the book itself, which counts all makers' orders as it counts ours. Of others a maker sees
    everyone but itself: flow and rivals. The mid, by which all wealth is marked, is that of the flow's best prices.
    """

    loops: ClassVar[str] = "makers_events"
    unsolvable: ClassVar[str] = "several makers have orders in its queues, and what one earns depends on all of them"
    makers: ClassVar[int] = 2  # of the class that `contested` makes

    def memory(self, num_lanes: int) -> tuple[NDArray[Any], ...]:
        """The books of all worlds, a record array (num_lanes / makers,), and the table of the flow."""
        book: Any = self
        kind = np.dtype(fields(book.levels, self.makers, book.flow, book.size), align=True)
        table = np.ascontiguousarray(book.flow.table(book.levels), np.float64)
        return events.empty_books(kind, num_lanes // self.makers, book.size), table

    @rule
    def elapsed(self, time: float, memory: Any) -> float:
        return memory[4]

    @rule
    def deal(self, market: Any, state: Any, action: Any, noise: Noise, memory: Any) -> Dealt:
        """What came of a maker's action: `memory` is the flow's table, the world's book after it, scratch space, the maker, and
        the time of the decision."""
        return brought(market, memory[1], memory[3], state.account, market.now(state, memory))

    @rule
    def touch(self, book: Any, side: int) -> int:
        return several.touch(book, side)

    @rule
    def made_at(self, book: Any, side: int, price: int) -> int:
        return several.made_at(book, side, price)

    @rule
    def standing(self, book: Any) -> int:
        return book.standing[0] + book.standing[1]

    @rule
    def filled(self, book: Any, side: int) -> int:
        return several.filled(book, side)

    @rule
    def limit(self, book: Any, side: int, price: int, size: int) -> None:
        several.limit(book, side, price, size)

    @rule
    def market(self, book: Any, side: int, size: int) -> None:
        several.market(book, side, size)

    @rule
    def cancel(self, book: Any, side: int, price: int, position: int, size: int) -> None:
        several.cancel(book, side, price, position, size)

    @rule
    def keep_within(self, book: Any, side: int, edge: int) -> None:
        several.keep_within(book, side, edge)

    @rule
    def keep_places(self, book: Any) -> None:
        several.keep_places(book)

    @rule
    def clear_orders(self, book: Any) -> None:
        several.clear_orders(book)

    @rule
    def move_orders(self, book: Any, shift: int) -> None:
        several.move_orders(book, shift)

    @rule
    def clear_fills(self, book: Any) -> None:
        several.clear_fills(book)


def check_contested(venue: Venue) -> None:
    """Refuse a book whose own rules would be passed over in silence where several makers have orders in it."""
    passed_over = {name for name, found in vars(ContestedBook).items() if getattr(found, "is_rule", False)}
    for name in sorted(passed_over | {"cross", "memory"}):
        if not getattr(type(venue), name).__module__.startswith("mm_env."):
            raise ValueError(
                f"{type(venue).__name__}.{name} must not be overridden in an order book of several makers, which never calls it"
            )
