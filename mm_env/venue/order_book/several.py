"""One order book with several makers: others' lots by price, one order a side and maker among them, price-time priority.

`ladder` with D makers in the place of one, and its words: others' lots are those of the flow, who is no maker. Of the lots of
the flow at a maker's price it is known how many stand before its order, and of makers at one price who came first; together
that is the queue. Every function works on one record of `fields` and is plain Python as it stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.maths import routine, scalar
from mm_env.venue.order_book import ladder
from mm_env.venue.order_book.ladder import ASK, BID, join, lots, mid_twice, seek_best, set_best

OTHERS = -1  # who takes, where it is no maker
NOBODY = -1


def fields(reach: int, makers: int) -> list[Any]:
    """The fields of a book of so many makers in which no order stands further than `reach` ticks from the other side's best."""
    kept, slots = ladder.fields(reach)[:3], ladder.fields(reach)[0][2][0]
    own = [(name, np.int64, (2, makers)) for name in (
        "price",  # of makers' orders
        "left",  # what is left of them, lots; 0 is no order
        "ahead",  # others' lots that trade before them at their price
        "turn",  # the number of the order among all that makers ever sent: less is earlier
        "filled",  # lots of their orders that traded since the counters were cleared
        "value",  # the sum of price x lots over them
        "gained",  # the sum of distance from the mid x lots over them, half ticks
    )]  # fmt: skip
    return [
        *kept,
        ("crowd", np.int64, (2, slots)),  # makers' lots of a side at price p: crowd[side, p & (slots - 1)]
        ("front", np.int64, (2,)),  # makers' best prices; of a side where none of them stands, anything
        ("standing", np.int64, (2,)),  # makers' lots of a side
        ("turns", np.int64),  # orders that makers sent
        *own,
    ]


@scalar
def made_at(book: Any, side: int, price: int) -> int:
    """Makers' lots of a side at a price within the edges."""
    return book.crowd[side, price & (book.volume.shape[0] - 1)]


@scalar
def touch(book: Any, side: int) -> int:
    """The best price of a side, makers' orders and, where no other stands, others' last price included."""
    ours, best = book.front[side], book.best[side]
    return ours if book.standing[side] > 0 and (best - ours) * (2 * side - 1) > 0 else best


@routine
def best_beside(book: Any, side: int, maker: int) -> tuple[int, bool]:
    """The best price of a side for one maker, all orders but its own counted, and whether one stands there; others' last
    price where none does."""
    out, best = 2 * side - 1, book.best[side]
    stands = lots(book, best) > 0
    for rival in range(book.left.shape[1]):
        if rival != maker and book.left[side, rival] > 0:
            price = book.price[side, rival]
            if not stands or (best - price) * out > 0:
                best, stands = price, True
    return best, stands


@scalar
def beside(book: Any, side: int, price: int, maker: int) -> int:
    """The lots of a side at a price within the edges, all but this maker's own."""
    own = book.left[side, maker] if book.price[side, maker] == price else 0
    return lots(book, price) + made_at(book, side, price) - own


@routine
def before(book: Any, side: int, maker: int) -> int:
    """The lots that trade before a maker's order at its price: others', and those of makers who came first; 0 without one."""
    if book.left[side, maker] == 0:
        return 0
    total = book.ahead[side, maker]
    for rival in range(book.left.shape[1]):
        alike = book.price[side, rival] == book.price[side, maker]
        if alike and book.turn[side, rival] < book.turn[side, maker]:
            total += book.left[side, rival]
    return total


@routine
def limit(book: Any, side: int, price: int, size: int) -> None:
    """Another's limit order: it trades with what it crosses, and what is left joins the queue at `price`."""
    left, _ = _walk(book, 1 - side, size, price, OTHERS)
    if left > 0:
        join(book, side, price, left)


@routine
def market(book: Any, side: int, size: int) -> None:
    """Another's market order against `side`, from the best price on; what finds nobody is void."""
    _walk(book, side, size, book.edge[side], OTHERS)


@routine
def cancel(book: Any, side: int, price: int, position: int, size: int) -> None:
    """Of others' lots at `price`, numbered from the front of their queue, the size from number `position` on leave."""
    slot = price & (book.volume.shape[0] - 1)
    gone = min(size, book.volume[slot] - position)
    if gone > 0:
        if made_at(book, side, price) > 0:
            for maker in range(book.left.shape[1]):
                if book.left[side, maker] > 0 and book.price[side, maker] == price:
                    book.ahead[side, maker] -= max(0, min(gone, book.ahead[side, maker] - position))
        book.volume[slot] -= gone
        seek_best(book, side)


@routine
def quote(book: Any, side: int, maker: int, price: int, size: int) -> None:
    """A maker's order of that side shall be `size` lots at `price`: none if size is 0 or the price lies beyond the edges.

    A price that meets the other side, other makers' orders and its own included, is held back to one tick from it. An order
    that stands there already keeps its place and what is left of it, at most `size`; else it is withdrawn and a new one joins
    the back of the queue.
    """
    out, other = 2 * side - 1, 1 - side
    price = held_back(book, side, maker, price)
    if book.left[other, maker] > 0 and (price - book.price[other, maker]) * out <= 0:
        price = book.price[other, maker] + out
    if price < book.edge[BID] or price > book.edge[ASK]:
        size = 0
    if size > 0 and book.left[side, maker] > 0 and book.price[side, maker] == price:
        _reduce(book, side, maker, max(0, book.left[side, maker] - size))
    else:
        withdraw(book, side, maker)
        if size > 0:
            _send(book, side, maker, price, size)


@routine
def held_back(book: Any, side: int, maker: int, price: int) -> int:
    """The price itself, or one tick from the other side's best price beside the maker's own if it meets that."""
    out = 2 * side - 1
    best, stands = best_beside(book, 1 - side, maker)
    return best + out if stands and (price - best) * out <= 0 else price


@routine
def hedge(book: Any, side: int, maker: int, size: int) -> tuple[int, int]:
    """A maker's market order against `side`: lots traded, and the sum of price x lots. It meets others and other makers: where
    it comes to its own order, that one is withdrawn."""
    left, value = _walk(book, side, size, book.edge[side], maker)
    return size - left, value


@routine
def withdraw(book: Any, side: int, maker: int) -> None:
    """Take a maker's order of a side out of the book, if it has one."""
    if book.left[side, maker] > 0:
        _reduce(book, side, maker, book.left[side, maker])


@routine
def keep_within(book: Any, side: int, edge: int) -> None:
    """Let no order of a side stand further out than `edge`: those that do are withdrawn, makers' too."""
    out = 2 * side - 1
    if book.standing[side] > 0 and (book.edge[side] - edge) * out > 0:
        for maker in range(book.left.shape[1]):
            if (book.price[side, maker] - edge) * out > 0:
                withdraw(book, side, maker)
    while (book.edge[side] - edge) * out > 0:
        book.volume[book.edge[side] & (book.volume.shape[0] - 1)] = 0
        book.edge[side] -= out
    book.edge[side] = edge
    if (book.best[side] - edge) * out > 0:
        set_best(book, side, edge)


@routine
def keep_places(book: Any) -> None:
    """Let no maker's order stand further back than others' lots at its price reach, which have just been drawn anew."""
    for side in range(2):
        for maker in range(book.left.shape[1]):
            if book.left[side, maker] > 0:
                book.ahead[side, maker] = min(book.ahead[side, maker], lots(book, book.price[side, maker]))


@routine
def clear_orders(book: Any) -> None:
    """No maker has an order, nor ever had one."""
    book.turns = 0
    for side in range(2):
        book.standing[side], book.front[side] = 0, 0
        for slot in range(book.volume.shape[0]):
            book.crowd[side, slot] = 0
        for maker in range(book.left.shape[1]):
            book.left[side, maker], book.price[side, maker] = 0, 0
            book.ahead[side, maker], book.turn[side, maker] = 0, 0


@routine
def clear_fills(book: Any) -> None:
    """Start counting what makers' orders trade."""
    for side in range(2):
        for maker in range(book.left.shape[1]):
            book.filled[side, maker], book.value[side, maker], book.gained[side, maker] = 0, 0, 0


@routine
def move_orders(book: Any, shift: int) -> None:
    """Nothing, as no maker has an order yet where a book is moved."""
    book.turns = 0


@routine
def filled(book: Any, side: int) -> int:
    """What all makers' orders of a side traded since the counters were cleared, lots."""
    total = 0
    for maker in range(book.left.shape[1]):
        total += book.filled[side, maker]
    return total


@routine
def _walk(book: Any, side: int, size: int, worst: int, taker: int) -> tuple[int, int]:
    """Trade `size` lots of a `taker` against `side` in priority, no further than `worst`: the lots left over and the sum of
    price x lots. A maker who takes has its resting order withdrawn in its turn."""
    out, value, middle = 2 * side - 1, 0, mid_twice(book)
    while size > 0:
        price = book.best[side]
        if book.standing[side] > 0 and (lots(book, price) == 0 or (price - book.front[side]) * out >= 0):
            price = book.front[side]
        made = made_at(book, side, price) if book.standing[side] > 0 else 0
        theirs = lots(book, price) if price == book.best[side] else 0
        if made + theirs == 0 or (price - worst) * out > 0:
            break
        maker = _first(book, side, price) if made > 0 else NOBODY
        first = min(size, book.ahead[side, maker] if maker >= 0 else theirs)
        if first > 0:
            _take(book, side, price, first, made)
            size -= first
            value += first * price
        elif maker == taker:
            withdraw(book, side, maker)
        else:
            taken = min(size, book.left[side, maker])
            _reduce(book, side, maker, taken)
            book.filled[side, maker] += taken
            book.value[side, maker] += taken * price
            book.gained[side, maker] += taken * (2 * price - middle) * out
            size -= taken
            value += taken * price
    return size, value


@routine
def _take(book: Any, side: int, price: int, size: int, made: int) -> None:
    """Others' first lots at a price trade, before any of the makers there."""
    if made > 0:
        for maker in range(book.left.shape[1]):
            if book.left[side, maker] > 0 and book.price[side, maker] == price:
                book.ahead[side, maker] -= size
    book.volume[price & (book.volume.shape[0] - 1)] -= size
    seek_best(book, side)


@routine
def _first(book: Any, side: int, price: int) -> int:
    """Of the makers who stand at a price the one who came first."""
    found = NOBODY
    for maker in range(book.left.shape[1]):
        stands = book.left[side, maker] > 0 and book.price[side, maker] == price
        if stands and (found == NOBODY or book.turn[side, maker] < book.turn[side, found]):
            found = maker
    return found


@routine
def _send(book: Any, side: int, maker: int, price: int, size: int) -> None:
    """A maker's new order joins the back of the queue."""
    if book.standing[side] == 0 or (book.front[side] - price) * (2 * side - 1) > 0:
        book.front[side] = price
    book.turns += 1
    book.price[side, maker], book.left[side, maker] = price, size
    book.ahead[side, maker], book.turn[side, maker] = lots(book, price), book.turns
    book.crowd[side, price & (book.volume.shape[0] - 1)] += size
    book.standing[side] += size


@routine
def _reduce(book: Any, side: int, maker: int, size: int) -> None:
    """So many lots of a maker's order go."""
    price = book.price[side, maker]
    book.left[side, maker] -= size
    book.crowd[side, price & (book.volume.shape[0] - 1)] -= size
    book.standing[side] -= size
    if price == book.front[side] and made_at(book, side, price) == 0 and book.standing[side] > 0:
        _seek_front(book, side)


@routine
def _seek_front(book: Any, side: int) -> None:
    """Find makers' best price anew."""
    found = False
    for maker in range(book.left.shape[1]):
        price = book.price[side, maker]
        if book.left[side, maker] > 0 and (not found or (book.front[side] - price) * (2 * side - 1) > 0):
            book.front[side], found = price, True
