"""What of a simulated book has been told: the rows of its messages, and the book that they make."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import routine, scalar
from mm_env.venue.order_book.ladder import ASK, BID, lots
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET


class Rows(NamedTuple):
    """Messages of one book in order; `price` 0 and `size` 0 where a side has no such level."""

    time: NDArray[np.float64]  # (n,) since the start of the episode
    said: NDArray[np.int64]  # (n, 6) kind, side, price, lots, lots ahead of them in the queue, lots there before
    price: NDArray[np.int64]  # (n, 2, levels) of bids and asks, best first, after the message
    size: NDArray[np.int64]  # (n, 2, levels) lots


class Told(NamedTuple):
    """The book as the messages so far tell it."""

    lots: NDArray[np.int64]  # (slots,) by price, as in a book of `ladder.fields`
    best: NDArray[np.int64]  # (2,) no lots of a side stand nearer to the other side
    edge: NDArray[np.int64]  # (2,) nor further away


@routine
def write_order(book: Any, told: Any, out: Any, row: int, whole: bool) -> int:
    """Write the first order of the event, as a message for each price that it traded at: the row that is next.

    Prices that a market order walks through beyond the last row are left out. Only in `whole` rows an empty side's last price
    gives way, as it does in the book, to an order of the other side that meets it: others show that order on both sides.
    """
    kind, side, price, left = book.said[0], book.said[1], book.said[2], book.said[3]
    outwards, most = 2 * side - 1, out.time.shape[0]
    if kind == MARKET:
        price = told.best[side]
    elif kind == LIMIT:
        _come_nearer(told, side, price, whole)
    while left > 0 and row < most and (told.edge[side] - price) * outwards >= 0:
        here = told.lots[_slot(told, price)]
        size = left if kind == LIMIT else min(left, here - (book.said[4] if kind == CANCEL else 0))
        if size > 0:
            row = _say(told, out, row, book.time, kind, side, price, size, book.said[4])
        left = left - size if kind == MARKET else 0
        price += outwards
    return row


@routine
def _come_nearer(told: Any, side: int, price: int, gives_way: bool) -> None:
    """Lots of a side come to stand at a price; the other side's last price gives way if it shall."""
    outwards = 2 * side - 1
    if (told.best[side] - price) * outwards > 0:
        told.best[side] = price
    if gives_way and (price - told.best[1 - side]) * outwards <= 0:
        told.best[1 - side] = price - outwards


@routine
def write_rest(book: Any, told: Any, out: Any, row: int) -> int:
    """Write by what the book differs from what was told of it: the row that is next.

    Prices of the window before and of that after may share a slot, so that all that left is told before what came.
    """
    for side in range(2):
        price, outwards = told.best[side], 2 * side - 1
        while (told.edge[side] - price) * outwards >= 0:
            here = told.lots[_slot(told, price)]
            kept = min(here, _standing(book, side, price)) if here > 0 else 0
            if here > kept:
                row = _say(told, out, row, book.time, CANCEL, side, price, here - kept, kept)
            price += outwards
    told.best[:] = book.best
    told.edge[:] = book.edge
    for side in range(2):
        price, outwards = told.best[side], 2 * side - 1
        while (told.edge[side] - price) * outwards >= 0:
            more = lots(book, price) - told.lots[_slot(told, price)]
            if more > 0:
                row = _say(told, out, row, book.time, LIMIT, side, price, more, 0)
            price += outwards
    return row


@scalar
def _slot(told: Any, price: int) -> int:
    return price & (told.lots.shape[0] - 1)


@scalar
def _standing(book: Any, side: int, price: int) -> int:
    """The lots of that side at a price, which may lie anywhere."""
    outwards = 2 * side - 1
    within = (price - book.best[side]) * outwards >= 0 and (book.edge[side] - price) * outwards >= 0
    return lots(book, price) if within else 0


@routine
def _say(told: Any, out: Any, row: int, time: float, kind: int, side: int, price: int, size: int, place: int) -> int:
    """Write a message and the book after it: the row that is next."""
    slot = _slot(told, price)
    out.time[row] = time
    out.said[row, 0], out.said[row, 1], out.said[row, 2], out.said[row, 3] = kind, side, price, size
    out.said[row, 4], out.said[row, 5] = place, told.lots[slot]
    told.lots[slot] += size if kind == LIMIT else -size
    _write_levels(told, BID, out, row)
    _write_levels(told, ASK, out, row)
    return row + 1


@routine
def _write_levels(told: Any, side: int, out: Any, row: int) -> None:
    """The nearest prices of a side where lots stand."""
    price, outwards, level = told.best[side], 2 * side - 1, 0
    while level < out.price.shape[2] and (told.edge[side] - price) * outwards >= 0:
        if told.lots[_slot(told, price)] > 0:
            out.price[row, side, level], out.size[row, side, level] = price, told.lots[_slot(told, price)]
            level += 1
        price += outwards
