"""A small queue-reactive Hawkes flow, and a market of it."""

from dataclasses import replace
from typing import Any

from mm_env.markets import market_named
from mm_env.venue.order_book.listed_size import ListedSize
from mm_env.venue.order_book.queue_reactive_hawkes import QueueReactiveHawkes

SIZE = ListedSize(limits=(1, 2, 3, 6), cancellations=(1, 2, 3, 6), markets=(1, 2, 4, 8), average=3.0, whole=3.0)


def reactive_flow(**changed):
    """Two ranges of spreads, two decays."""
    given: dict[str, Any] = {
        "spreads": (1, 4),
        "better": (1, 2, 4),
        "worse": (0, 1, 2, 5),
        "inside": ((0.5, 0.2), (1.0, 0.6)),
        "joining": ((0.8, 0.5, 0.3), (1.2, 0.7, 0.3)),
        "cancellation": ((0.2, 0.25, 0.3), (0.15, 0.2, 0.25)),
        "taking": ((0.0, 0.6, 0.5, 0.3), (0.0, 0.3, 0.2, 0.1)),
        "base": (0.6, 0.6, 0.5),
        "branching": (
            (0.05, 0.01, 0.04, 0.0, 0.02, 0.1, 0.02, 0.0, 0.01, 0.0, 0.0, 0.05),
            (0.02, 0.0, 0.05, 0.01, 0.1, 0.0, 0.01, 0.0, 0.02, 0.0, 0.0, 0.0),
            (0.0, 0.02, 0.02, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0),
        ),
        "decay": (20.0, 0.5),
    }  # fmt: skip
    return QueueReactiveHawkes(**(given | changed))


def reactive_market(**changed):
    """A book of it in ticks and seconds."""
    book = market_named("hawkes")
    venue = replace(book.venue, flow=reactive_flow(**changed), size=SIZE, levels=12)
    return replace(book, venue=venue, order_size=3.0, max_inventory=15.0)
