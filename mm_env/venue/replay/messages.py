"""A recorded day in the kernel: its messages on the ladder, what they do to our orders, and how our trades are answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.maths import routine, scalar
from mm_env.data.recording import SECOND
from mm_env.portfolio import Portfolio
from mm_env.venue.order_book.events import clear_counters, pressure
from mm_env.venue.order_book.ladder import ASK, BID, lots, mid_twice, touch
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET
from mm_env.venue.replay.position import EARLIER, LATER, UNKNOWN
from mm_env.venue.replay.tape import EXECUTED, NEW
from mm_env.venue.venue import Dealt

NOWHERE = -1  # no price
NANOSECOND = 1.0 / SECOND

FIELDS: list[Any] = [
    ("time", np.float64),  # since the start of the episode
    ("next", np.int64),
    ("counts", np.int64, (6,)),  # messages of each kind since the start of the episode
    ("arrived", np.int64),  # what of others' orders was executed, or met ours, since the counters were cleared, lots
    ("pressure", np.float64),  # lots bought less lots sold by others' market orders, fading with their age
    ("pressed", np.float64),  # the time at which `pressure` was up to date
    ("start", np.int64),  # of the episode, ns
    ("cursor", np.int64),  # the row of the next message
    ("far", np.int64, (2,)),  # up to this price all is in view
    ("taken", np.int64, (2,)),  # the price of our order when messages last came; NOWHERE without one
    ("joined", np.int64, (2,)),  # the row of the first message after our order
    ("blind", np.int64, (2,)),  # 1 while our order has stood out of view only
    ("displacement", np.float64),  # of the mid by our trades, price units, when it was last brought up to date
    ("displaced", np.float64),  # that time
    ("cost", np.float64),  # of our trades in this decision, beyond their recorded prices
]


@scalar
def displacement(venue: Any, book: Any) -> float:
    """Of the mid by our trades, now, price units."""
    return venue.answer.left(book.displacement, book.time - book.displaced)


@routine
def push(venue: Any, book: Any, lots: int) -> None:
    """Let the market answer our trade of so many lots (bought if > 0)."""
    now, units = displacement(venue, book), venue.lot * lots
    book.cost += venue.answer.cost(now, units)
    book.displacement = venue.answer.pushed(now, units)
    book.displaced = book.time


@scalar
def charged(dealt: Dealt, cost: float) -> Dealt:
    """What was traded, for so much more money."""
    account = Portfolio(dealt.account.cash - cost, dealt.account.inventory, dealt.account.hedges)
    captured = dealt.captured - cost
    return Dealt(
        account, dealt.flow, dealt.venue, dealt.jump, dealt.surprise, captured, dealt.fills, dealt.arrivals, dealt.dt
    )


@routine
def open_tape(venue: Any, table: Any, book: Any, start: int) -> None:
    """The recorded book just before `start`; the first message of all counts as past."""
    for slot in range(book.volume.shape[0]):
        book.volume[slot] = 0
    book.time, book.pressure, book.pressed, book.start, book.cursor = 0.0, 0.0, 0.0, start, _first_from(table, start)
    book.displacement, book.displaced, book.cost = 0.0, 0.0, 0.0
    for kind in range(6):
        book.counts[kind] = 0
    for side in range(2):
        book.left[side], book.ahead[side], book.taken[side] = 0, 0, NOWHERE
    _write(venue, table, book, book.cursor - 1)
    for side in range(2):
        book.price[side] = book.best[side]
    clear_counters(book)


@scalar
def _first_from(table: Any, time: int) -> int:
    """The row of the first message that is not before `time`, the first message of all left out."""
    low, high = 1, table.shape[0]
    while low < high:
        middle = (low + high) // 2
        if table[middle].time < time:
            low = middle + 1
        else:
            high = middle
    return low


@routine
def play(venue: Any, table: Any, book: Any, until: float, pace: int) -> None:
    """Let messages come until the time is `until`; if `pace` is 1 only until one has, if 2 until a best price has changed.
    Those of one stamp come together."""
    _take_in(book)
    bid, ask, row, last, waiting = touch(book, BID), touch(book, ASK), book.cursor, table.shape[0], True
    while waiting and row < last:
        time = (table[row].time - book.start) * NANOSECOND
        if time >= until:
            break
        book.time = time
        if table[row].kind >= NEW and table[row].kind <= EXECUTED:
            _meet(venue, table, book, row)
        _erase(table, book, row - 1)
        _write(venue, table, book, row)
        row += 1
        if pace > 0 and (row == last or table[row].time != table[row - 1].time):
            waiting = pace == 2 and bid == touch(book, BID) and ask == touch(book, ASK)
    book.cursor = row
    if waiting:
        book.time = until
    for side in range(2):
        book.taken[side] = book.price[side] if book.left[side] > 0 else NOWHERE


@scalar
def _take_in(book: Any) -> None:
    """Note when and where our new orders joined."""
    for side in range(2):
        if book.left[side] > 0 and book.taken[side] != book.price[side]:
            book.joined[side] = book.cursor
            book.blind[side] = 1 if (book.price[side] - book.far[side]) * (2 * side - 1) > 0 else 0


@routine
def _meet(venue: Any, table: Any, book: Any, row: int) -> None:
    """What a message does to our orders, and to what is counted."""
    kind, side, price, size = table[row].kind, table[row].side, table[row].price, table[row].lots
    out = 2 * side - 1
    if kind == NEW:
        book.counts[LIMIT + side] += 1
        if book.left[1 - side] > 0 and (price - book.price[1 - side]) * out <= 0:
            book.arrived += min(
                size, book.left[1 - side]
            )  # had we been there, it would have been a market order that far
            _fill(venue, book, 1 - side, size)
    elif kind == EXECUTED:
        book.counts[MARKET + side] += 1
        book.arrived += size
        book.pressure = pressure(venue, book) + size * out
        book.pressed = book.time
        if book.left[side] > 0 and (price - book.price[side]) * out > 0:
            _fill(venue, book, side, size)
        elif book.left[side] > 0 and price == book.price[side]:
            ahead, reaching = venue.position.executed(book.ahead[side], size, _came(table, book, row, side))
            book.ahead[side] = ahead
            _fill(venue, book, side, reaching)
    else:
        book.counts[CANCEL + side] += 1
        if book.left[side] > 0 and price == book.price[side]:
            came = _came(table, book, row, side)
            book.ahead[side] -= venue.position.cancelled(book.ahead[side], lots(book, price), size, came)


@scalar
def _came(table: Any, book: Any, row: int, side: int) -> int:
    """Whether the order of a message came to its queue before ours."""
    if table[row].there < book.joined[side]:
        return EARLIER
    return LATER if table[row].absent >= book.joined[side] else UNKNOWN


@routine
def _fill(venue: Any, book: Any, side: int, size: int) -> None:
    """Up to `size` lots of our order trade."""
    traded, price = min(size, book.left[side]), book.price[side]
    book.left[side] -= traded
    book.filled[side] += traded
    book.value[side] += traded * price
    book.gained[side] += traded * (2 * price - mid_twice(book)) * (2 * side - 1)
    push(venue, book, traded * (1 - 2 * side))


@scalar
def _erase(table: Any, book: Any, row: int) -> None:
    """Take the book after the message of `row` off the ladder."""
    mask = book.volume.shape[0] - 1
    for side in range(2):
        for level in range(table[row].known[side]):
            book.volume[table[row].prices[side, level] & mask] = 0


@routine
def _write(venue: Any, table: Any, book: Any, row: int) -> None:
    """Put the book after the message of `row` on the ladder, and see where our orders stand in it."""
    mask = book.volume.shape[0] - 1
    for side in range(2):
        for level in range(table[row].known[side]):
            book.volume[table[row].prices[side, level] & mask] = table[row].sizes[side, level]
        book.best[side] = table[row].prices[side, 0]
        book.far[side] = table[row].far[side]
        book.edge[side] = table[row].prices[1 - side, 0] + (2 * side - 1) * int(venue.levels)
    for side in range(2):
        out, price = 2 * side - 1, book.price[side]
        if (price - book.edge[side]) * out > 0:
            book.left[side] = 0
        elif book.left[side] > 0 and (price - book.far[side]) * out <= 0:
            theirs = lots(book, price)
            book.ahead[side] = theirs if book.blind[side] == 1 else min(book.ahead[side], theirs)
            book.blind[side] = 0


@routine
def take(book: Any, side: int, size: int) -> tuple[int, int]:
    """Our market order against the recorded prices in view, which stay as they are: lots traded, and the sum of price x lots.
    Where it comes to our own order, that one is withdrawn."""
    out, price, left, value = 2 * side - 1, book.best[side], size, 0
    while left > 0 and (book.far[side] - price) * out >= 0:
        traded = min(left, lots(book, price))
        left -= traded
        value += traded * price
        price += out
    if book.left[side] > 0 and (price - out - book.price[side]) * out >= 0:
        book.left[side], book.taken[side] = 0, NOWHERE
    return size - left, value
