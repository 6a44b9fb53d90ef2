"""Which order each message of a simulated book is about: an order book keeps lots by price, and first in is first out."""

from __future__ import annotations

import numpy as np

from mm_env.data.recording import SECOND, Messages
from mm_env.messages.told import Rows
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET

NEW, PARTIAL, DELETE, EXECUTED = 1, 2, 3, 4  # kinds of messages, as in `Messages`
UNKNOWN = 0  # the number of an order that stood before the record began
Queue = list[list[int]]  # [order, lots left], front first


def messages_of(rows: Rows, seconds: float = 1.0, units: float = 1.0) -> Messages:
    """The messages of one book, each about one resting order: an execution of several orders is as many messages.

    Args: `seconds` that a unit of the market's time lasts, and `units` of the instrument that a lot is.
    """
    source, kind, order, size, consumed = of_orders(rows)
    said, sizes = rows.said[source], rows.size[source].astype(np.float64)
    prices = rows.price[source]
    unfinished = consumed >= 0  # the level is as it was before the message, less what was consumed so far
    before, at = source[unfinished] - 1, said[unfinished, 1]
    own = np.arange(len(source))[unfinished]
    for side in (0, 1):
        here = at == side
        prices[own[here], side] = rows.price[before[here], side]
        sizes[own[here], side] = rows.size[before[here], side]
        sizes[own[here], side, 0] = said[own[here], 5] - consumed[own[here]]
    return Messages(
        time=np.rint(rows.time[source] * seconds * SECOND).astype(np.int64),
        kind=kind,
        side=1 - 2 * said[:, 1],
        size=units * size,
        price=said[:, 2],
        order=order,
        bids=prices[:, 0],
        asks=prices[:, 1],
        bid_sizes=units * sizes[:, 0],
        ask_sizes=units * sizes[:, 1],
    )


def of_orders(rows: Rows, apart: bool = False) -> tuple[np.ndarray, ...]:
    """Of each message: its row, kind, order, lots, and what its price has lost so far if that row is not finished, else -1.

    A cancellation is told of the first order whose lots it takes, or with `apart` as a message for each of them.
    """
    queues: dict[tuple[int, int], Queue] = {}
    found: list[tuple[int, ...]] = []
    for row, (kind, side, price, size, place, before) in enumerate(rows.said.tolist()):
        queue = queues.setdefault((side, price), [])
        _reconcile(queue, before)
        if kind == LIMIT:
            queue.append([row + 1, size])
            found.append((row, NEW, row + 1, size, -1))
        elif kind == CANCEL:
            parts = _cancelled(queue, place, size)
            found += [(row, *part, -1) for part in (parts if apart else [(*parts[0][:2], size)])]
        elif kind == MARKET:
            found += _executed(row, queue, size)
    columns = np.array(found, np.int64).reshape(-1, 5).T
    return columns[0], columns[1], columns[2], columns[3], columns[4]


def _reconcile(queue: Queue, lots: int) -> None:
    """Let the queue hold so many lots: what was withdrawn unsaid leaves from the back, what came unsaid is nobody's."""
    missing = lots - sum(left for _, left in queue)
    if missing > 0:
        queue.insert(0, [UNKNOWN, missing])
    while missing < 0:
        gone = min(-missing, queue[-1][1])
        queue[-1][1] -= gone
        missing += gone
        if queue[-1][1] == 0:
            queue.pop()


def _cancelled(queue: Queue, place: int, size: int) -> list[tuple[int, int, int]]:
    """Kind, order and lots of each order of which a cancellation of `size` lots with `place` ahead of them takes some."""
    parts = []
    for each in queue:
        ahead = min(place, each[1])
        gone = min(size, each[1] - ahead)
        place, size, each[1] = place - ahead, size - gone, each[1] - gone
        if gone:
            parts.append((PARTIAL if each[1] else DELETE, each[0], gone))
    queue[:] = [each for each in queue if each[1] > 0]
    return parts


def _executed(row: int, queue: Queue, size: int) -> list[tuple[int, int, int, int, int]]:
    """The executions of `size` lots from the front of the queue."""
    made, consumed = [], 0
    while consumed < size:
        gone = min(size - consumed, queue[0][1])
        consumed += gone
        made.append((row, EXECUTED, queue[0][0], gone, consumed if consumed < size else -1))
        queue[0][1] -= gone
        if queue[0][1] == 0:
            queue.pop(0)
    return made
