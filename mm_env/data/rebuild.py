"""The book rebuilt from events, and what each of them was as a message.

Plain Python as it stands; `mm_env.core.engine.run` makes machine code of it.
"""

from __future__ import annotations

from typing import Any

from mm_env.core.maths import routine

TINY = 1e-9  # units: a queue that holds less is empty
POOL = 4096  # trades that may wait for the change of the book that they made
NEW, PARTIAL, DELETE, EXECUTED, LEVEL, SHOWN, CLEAR, REST, TRADE = 1, 2, 3, 4, 8, 9, 10, 11, 12
WAITING, ROWS, POOLED, NUMBER, AMISS, STILL, UNEXPLAINED = 0, 1, 2, 3, 4, 5, 6  # places in `held`
STATE = 7


def rebuild(events: Any, book: Any, pool: Any, held: Any, patience: int, out: Any) -> int:
    """How many rows of `out` are complete; the last message waits in the row behind them.

    `events` are Events' columns. `book` is (prices (2, c), sizes (2, c), counts (2,)), bids first, each side's best last.
    `pool` is (times, sides, prices, sizes) of trades that wait, no longer than `patience`. `out` is (time, kind, side, size,
    price, order, prices (n, 2, levels), sizes (n, 2, levels)), whose row 0 holds the waiting message of the last call.
    """
    time, kind, side, size, price, order = events
    row = 0
    for i in range(len(time)):
        s = 0 if side[i] > 0 else 1
        if kind[i] == TRADE:
            _wait(pool, held, time[i], 1 - s, price[i], size[i], patience)
        elif kind[i] >= SHOWN:
            if held[WAITING] == 0 or out[0][row] != time[i]:
                row = _begin(book, held, out, row, time[i], 0, 1, 0.0, 0, 0)
            if kind[i] == CLEAR:
                book[2][0], book[2][1] = 0, 0
            else:
                before = _held(book, s, price[i]) if kind[i] == REST else 0.0
                _put(book, s, price[i], before + size[i])
        elif kind[i] == LEVEL:
            change = size[i] - _held(book, s, price[i])
            if change > TINY:
                row = _begin(book, held, out, row, time[i], NEW, side[i], change, price[i], 0)
            elif change < -TINY:
                row = _taken(book, pool, held, out, row, time[i], side[i], -change, price[i], patience, size[i] <= TINY)
            else:
                held[STILL] += 1
            _put(book, s, price[i], size[i])
        else:
            row = _begin(book, held, out, row, time[i], kind[i], side[i], size[i], price[i], order[i])
            if kind[i] == NEW:
                _put(book, s, price[i], _held(book, s, price[i]) + size[i])
            elif kind[i] >= PARTIAL and kind[i] <= EXECUTED:
                left = _held(book, s, price[i]) - size[i]
                if left < -TINY:
                    held[AMISS] += 1
                _put(book, s, price[i], max(left, 0.0))
    return row


@routine
def _taken(book: Any, pool: Any, held: Any, out: Any, row: int, time: int, side: int, size: float, price: int,
           patience: int, whole: bool) -> int:  # fmt: skip
    """Messages of what left a queue: executed as far as waiting trades say so, cancelled else."""
    s = 0 if side > 0 else 1
    traded = _explained(pool, held, time, s, price, size, patience)
    if traded > TINY:
        row = _begin(book, held, out, row, time, EXECUTED, side, traded, price, 0)
        _put(book, s, price, _held(book, s, price) - traded)
    if size - traded > TINY:
        row = _begin(book, held, out, row, time, DELETE if whole else PARTIAL, side, size - traded, price, 0)
    return row


@routine
def _begin(book: Any, held: Any, out: Any, row: int, time: int, kind: int, side: int, size: float, price: int,
           order: int) -> int:  # fmt: skip
    """Complete the waiting message with the book as it stands, and let another wait: the row where it does."""
    if held[WAITING] == 1:
        show(book, out[6], out[7], row)
        row += 1
    held[WAITING] = 1
    held[NUMBER] += 1
    out[0][row], out[1][row], out[2][row], out[3][row], out[4][row] = time, kind, side, size, price
    out[5][row] = order if order != 0 else -held[NUMBER]
    return row


@routine
def show(book: Any, prices: Any, sizes: Any, row: int) -> None:
    """Write the best levels of both sides into a row, zeros where there are none."""
    for s in range(2):
        count = book[2][s]
        for level in range(prices.shape[2]):
            known = level < count
            prices[row, s, level] = book[0][s, count - 1 - level] if known else 0
            sizes[row, s, level] = book[1][s, count - 1 - level] if known else 0.0


@routine
def _place(book: Any, s: int, price: int) -> int:
    """Where a price stands, or would: the first place whose price is not further from the other side."""
    sign, low, high = 1 - 2 * s, 0, int(book[2][s])
    while low < high:
        middle = (low + high) // 2
        if sign * book[0][s, middle] < sign * price:
            low = middle + 1
        else:
            high = middle
    return low


@routine
def _held(book: Any, s: int, price: int) -> float:
    """The size at a price."""
    place = _place(book, s, price)
    return book[1][s, place] if place < book[2][s] and book[0][s, place] == price else 0.0


@routine
def _put(book: Any, s: int, price: int, size: float) -> None:
    """Let a price hold a size; none if it is tiny."""
    place, count = _place(book, s, price), int(book[2][s])
    here = place < count and book[0][s, place] == price
    if size > TINY:
        if not here:
            for i in range(count, place, -1):
                book[0][s, i], book[1][s, i] = book[0][s, i - 1], book[1][s, i - 1]
            book[0][s, place] = price
            book[2][s] += 1
        book[1][s, place] = size
    elif here:
        for i in range(place, count - 1):
            book[0][s, i], book[1][s, i] = book[0][s, i + 1], book[1][s, i + 1]
        book[2][s] -= 1


@routine
def _wait(pool: Any, held: Any, time: int, s: int, price: int, size: float, patience: int) -> None:
    """Let a trade wait for the change that it made; those that waited too long are forgotten."""
    _forget(pool, held, time - patience)
    if held[POOLED] == POOL:
        _forget(pool, held, pool[0][0] + 1)
    n = held[POOLED]
    pool[0][n], pool[1][n], pool[2][n], pool[3][n] = time, s, price, size
    held[POOLED] = n + 1


@routine
def _forget(pool: Any, held: Any, before: int) -> None:
    """Drop the trades that are used up, and those from before a time."""
    kept = 0
    for i in range(held[POOLED]):
        used = pool[3][i] <= TINY
        if used or pool[0][i] < before:
            held[UNEXPLAINED] += 0 if used else 1
        else:
            pool[0][kept], pool[1][kept], pool[2][kept], pool[3][kept] = pool[0][i], pool[1][i], pool[2][i], pool[3][i]
            kept += 1
    held[POOLED] = kept


@routine
def _explained(pool: Any, held: Any, time: int, s: int, price: int, size: float, patience: int) -> float:
    """How much of what left a queue waiting trades explain: one of the very size, else the oldest first."""
    for i in range(held[POOLED]):
        same = pool[1][i] == s and pool[2][i] == price and time - pool[0][i] <= patience
        if same and abs(pool[3][i] - size) <= TINY:
            pool[3][i] = 0.0
            return size
    found = 0.0
    for i in range(held[POOLED]):
        if pool[1][i] == s and pool[2][i] == price and time - pool[0][i] <= patience and found < size - TINY:
            taken = min(pool[3][i], size - found)
            pool[3][i] -= taken
            found += taken
    return found
