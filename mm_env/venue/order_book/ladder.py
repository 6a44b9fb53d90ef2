"""One order book: others' lots by price, our own two orders among them, and price-time priority to the lot.

Prices are whole ticks, sizes whole lots, side 0 is the bid and side 1 the ask; `out`, -1 for bids and +1 for asks, points
away from the market. Others' lots are kept as a sum a price, which is all that priority needs: of the lots at our price it
is known how many stand before ours. Every function works on one record of `fields` and is plain Python as it stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.maths import routine, scalar

BID, ASK = 0, 1


def fields(reach: int) -> list[Any]:
    """The fields of a book in which no order stands further than `reach` ticks from the other side's best."""
    slots = 1 << (2 * reach + 1).bit_length()  # a power of two above the ticks from edge to edge
    return [
        ("volume", np.int64, (slots,)),  # others' lots at price p: volume[p & (slots - 1)], zero outside the edges
        ("best", np.int64, (2,)),  # others' best prices; of a side that is empty, the last one
        ("edge", np.int64, (2,)),  # the furthest prices at which orders stand
        ("price", np.int64, (2,)),  # of our orders
        ("left", np.int64, (2,)),  # what is left of them, lots; 0 is no order
        ("ahead", np.int64, (2,)),  # others' lots that trade before ours at our price
        ("filled", np.int64, (2,)),  # lots of our orders that traded since the counters were cleared
        ("value", np.int64, (2,)),  # the sum of price x lots over them
        ("gained", np.int64, (2,)),  # the sum of distance from the mid x lots over them, half ticks
    ]


@scalar
def lots(book: Any, price: int) -> int:
    """Others' lots at a price within the edges."""
    return book.volume[price & (book.volume.shape[0] - 1)]


@scalar
def touch(book: Any, side: int) -> int:
    """The best price of a side, our order included; the last one where nobody stands."""
    ours, best = book.price[side], book.best[side]
    return ours if book.left[side] > 0 and (best - ours) * (2 * side - 1) > 0 else best


@scalar
def mid_twice(book: Any) -> int:
    """Twice the mid of others' best prices: what we quote ourselves does not move it."""
    return book.best[BID] + book.best[ASK]


@scalar
def made_at(book: Any, side: int, price: int) -> int:
    """Our lots of a side at a price."""
    return book.left[side] if price == book.price[side] else 0


@scalar
def standing(book: Any) -> int:
    """Our lots of both sides."""
    return book.left[BID] + book.left[ASK]


@routine
def limit(book: Any, side: int, price: int, size: int) -> None:
    """Another's limit order: it trades with what it crosses, and what is left joins the queue at `price`."""
    left, _ = _walk(book, 1 - side, size, price, False)
    if left > 0:
        join(book, side, price, left)


@routine
def market(book: Any, side: int, size: int) -> None:
    """Another's market order against `side`, from the best price on; what finds nobody is void."""
    _walk(book, side, size, book.edge[side], False)


@routine
def cancel(book: Any, side: int, price: int, position: int, size: int) -> None:
    """Of others' lots at `price`, numbered from the front of the queue, number `position` and the size - 1 behind it leave."""
    slot = price & (book.volume.shape[0] - 1)
    gone = min(size, book.volume[slot] - position)
    if gone > 0:
        if book.left[side] > 0 and book.price[side] == price:
            book.ahead[side] -= max(0, min(gone, book.ahead[side] - position))
        book.volume[slot] -= gone
        seek_best(book, side)


@routine
def quote(book: Any, side: int, price: int, size: int) -> None:
    """Our order of that side shall be `size` lots at `price`: none if size is 0 or the price lies beyond the edges.

    A price that meets the other side is held back to one tick from it. An order that stands there already keeps its place and
    what is left of it, at most `size`; else it is withdrawn and a new one joins the back of the queue.
    """
    out, other = 2 * side - 1, 1 - side
    price = held_back(book, side, price)
    if book.left[other] > 0 and (price - book.price[other]) * out <= 0:
        price = book.price[other] + out
    if price < book.edge[BID] or price > book.edge[ASK]:
        size = 0
    if size > 0 and book.left[side] > 0 and book.price[side] == price:
        book.left[side] = min(book.left[side], size)
    else:
        book.price[side], book.left[side], book.ahead[side] = price, size, lots(book, price) if size > 0 else 0


@scalar
def held_back(book: Any, side: int, price: int) -> int:
    """The price itself, or one tick from others' best price of the other side if it meets that."""
    out, best = 2 * side - 1, book.best[1 - side]
    return best + out if lots(book, best) > 0 and (price - best) * out <= 0 else price


@routine
def hedge(book: Any, side: int, size: int) -> tuple[int, int]:
    """Our market order against `side`: lots traded, and the sum of price x lots. It meets others only: where it comes to our
    own order, that one is withdrawn."""
    left, value = _walk(book, side, size, book.edge[side], True)
    return size - left, value


@routine
def keep_within(book: Any, side: int, edge: int) -> None:
    """Let no order of a side stand further out than `edge`: those that do are withdrawn, ours too."""
    out = 2 * side - 1
    while (book.edge[side] - edge) * out > 0:
        book.volume[book.edge[side] & (book.volume.shape[0] - 1)] = 0
        book.edge[side] -= out
    book.edge[side] = edge
    if (book.best[side] - edge) * out > 0:
        set_best(book, side, edge)
    if (book.price[side] - edge) * out > 0:
        book.left[side] = 0


@routine
def keep_places(book: Any) -> None:
    """Let our orders stand no further back than others' lots at their price reach, which have just been drawn anew."""
    for side in range(2):
        book.ahead[side] = min(book.ahead[side], lots(book, book.price[side])) if book.left[side] > 0 else 0


@routine
def clear_orders(book: Any) -> None:
    """We have no orders."""
    for side in range(2):
        book.left[side], book.price[side], book.ahead[side] = 0, book.best[side], 0


@routine
def move_orders(book: Any, shift: int) -> None:
    """Move our orders by `shift` ticks."""
    for side in range(2):
        book.price[side] += shift


@routine
def clear_fills(book: Any) -> None:
    """Start counting what our orders trade."""
    for side in range(2):
        book.filled[side], book.value[side], book.gained[side] = 0, 0, 0


@routine
def _walk(book: Any, side: int, size: int, worst: int, own: bool) -> tuple[int, int]:
    """Trade `size` lots against `side` in priority, no further than `worst`: the lots left over and the sum of price x lots.

    `own`: the order is ours, so that our resting order is withdrawn in its turn.
    """
    out, value, middle = 2 * side - 1, 0, mid_twice(book)
    while size > 0:
        ours, price = book.left[side] > 0, book.best[side]
        if ours and (lots(book, price) == 0 or (price - book.price[side]) * out >= 0):
            price = book.price[side]
        else:
            ours = False
        theirs = lots(book, price) if price == book.best[side] else 0
        if (not ours and theirs == 0) or (price - worst) * out > 0:
            break
        first = min(size, book.ahead[side] if ours else theirs)
        if ours:
            book.ahead[side] -= first
        taken = 0 if own or not ours else min(size - first, book.left[side])
        if ours and first < size:
            book.left[side] -= book.left[side] if own else taken
        last = min(size - first - taken, theirs - first)
        book.volume[price & (book.volume.shape[0] - 1)] -= first + last
        book.filled[side] += taken
        book.value[side] += taken * price
        book.gained[side] += taken * (2 * price - middle) * out
        size -= first + taken + last
        value += (first + taken + last) * price
        seek_best(book, side)
    return size, value


@routine
def join(book: Any, side: int, price: int, size: int) -> None:
    """Another's lots join the back of the queue."""
    if lots(book, book.best[side]) == 0 or (book.best[side] - price) * (2 * side - 1) > 0:
        set_best(book, side, price)
    book.volume[price & (book.volume.shape[0] - 1)] += size


@scalar
def set_best(book: Any, side: int, price: int) -> None:
    """Others' best price of a side, as it comes in or anew. An empty other side's last price gives way if that meets it."""
    out, other = 2 * side - 1, 1 - side
    book.best[side] = price
    if lots(book, book.best[other]) == 0 and (price - book.best[other]) * out <= 0:
        book.best[other] = price - out


@routine
def seek_best(book: Any, side: int) -> None:
    """Move others' best price out to where lots stand; it stays if there are none."""
    out, price = 2 * side - 1, book.best[side]
    while lots(book, price) == 0 and (book.edge[side] - price) * out > 0:
        price += out
    if lots(book, price) > 0:
        book.best[side] = price
