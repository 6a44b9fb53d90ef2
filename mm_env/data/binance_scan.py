"""The lines of a Binance log that are plain tickers and trades, read by machine code; all others are left to `binance_log`.

A line is plain if nothing about it needs a decision: time does not go back and keeps its unit, the symbol and the market are
those of the log, the ticker's update id rises, both sides stand, prices have at most eight decimals, and sizes are exact in
double precision. Depth differences are passed by, in their order, as no other stream depends on them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import routine

STOP, PASSED, TICKER, TRADE = 0, 1, 2, 3
WRONG = -1
EXACT = 1 << 53  # whole numbers up to here are exact in double precision
DECIMALS, DIGITS, LARGEST = 8, 18, 10**17
QUOTE, SPACE, NEWLINE, RETURN, AT, POINT, ZERO, NINE, COMMA, CLOSE, BACKSLASH = (ord(c) for c in '" \n\r@.09,}\\')


def _text(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


OPEN, COLON, STREAM, DATA, NEXT = (_text(text) for text in ("{", ":", '"stream"', '"data"', ","))
TRUE, FALSE, MARKET = (_text(text) for text in ("true", "false", "MARKET"))
NAMES = _text("depth"), _text("bookTicker"), _text("trade")
(s, u, b, a, B, A, E, T, t, p, q, m, X, M) = (ord(key) for key in "subaBAETtpqmXM")


class Rows(NamedTuple):
    """What is written, as many rows as a piece of a log may have lines."""

    tickers: NDArray[np.int64]  # (n, 4) time, update id, bid, ask
    ticker_sizes: NDArray[np.float64]  # (n, 2)
    trades: NDArray[np.int64]  # (n, 5) time, exchange's time, side, price, id
    trade_sizes: NDArray[np.float64]  # (n, 1)
    passed: NDArray[np.int64]  # (n, 3) start and end of a message that is passed by, and which line it is

    @staticmethod
    def of(n: int) -> Rows:
        """Room for n lines."""
        tickers, trades, passed = (np.empty((n, width), np.int64) for width in (4, 5, 3))
        return Rows(tickers, np.empty((n, 2)), trades, np.empty((n, 1)), passed)


def scan(data: Any, start: int, symbol: Any, state: Any, rows: Any) -> Any:
    """Read the lines of `data`, bytes that end with one, from `start` on up to the first that is not plain.

    `state` is what the lines so far have told: digits and unit (ns) of times, the time, the ticker's update id, the step of all
    prices, and of which market tickers and trades are (1 futures, 0 spot, -1 not known). Returned are where that line begins,
    how many lines were read, tickers, trades and messages passed by, and time, update id and step after them.
    """
    digits, unit, time, ticker_id, step, tickers_of, trades_of = state
    low, high = np.zeros(128, np.int64), np.zeros(128, np.int64)
    place, lines, tickers, trades, passed = start, 0, 0, 0, 0
    while place < len(data) and lines < len(rows.passed):
        now, begin = _digits(data, place)
        if begin - place != digits or now * unit < time or data[begin] != SPACE:
            break
        kind, at = _stream(data, begin)
        if kind == PASSED:
            while data[at] != NEWLINE:
                at += 1
            rows.passed[passed] = begin, at, lines
            passed += 1
        elif kind != STOP:
            low[:] = 0
            at = _fields(data, at, low, high)
            if at == WRONG or not _is(data, low[s], high[s], symbol) or data[low[s] - 1] != QUOTE:
                break
        if kind == TICKER:
            number, bid, ask = (
                _whole(data, low[u], high[u]),
                _price(data, low[b], high[b]),
                _price(data, low[a], high[a]),
            )
            bid_size, ask_size = _size(data, low[B], high[B]), _size(data, low[A], high[A])
            if number <= ticker_id or bid <= 0 or ask <= 0 or bid_size <= 0.0 or ask_size <= 0.0:
                break
            if (1 if low[E] > 0 else 0) != tickers_of:
                break
            rows.tickers[tickers] = now * unit, number, bid, ask
            rows.ticker_sizes[tickers] = bid_size, ask_size
            tickers, ticker_id, step = tickers + 1, number, _gcd(_gcd(step, bid), ask)
        elif kind == TRADE:
            stamp, number = _whole(data, low[T], high[T]), _whole(data, low[t], high[t])
            price, size = _price(data, low[p], high[p]), _size(data, low[q], high[q])
            sold, bought = _is(data, low[m], high[m], TRUE), _is(data, low[m], high[m], FALSE)
            if (
                stamp < 0
                or number < 0
                or price <= 0
                or size <= 0.0
                or not (sold or bought)
                or data[low[m] - 1] == QUOTE
            ):
                break
            if (1 if low[X] > 0 else 0 if low[M] > 0 else -1) != trades_of:
                break
            if low[X] > 0 and not (_is(data, low[X], high[X], MARKET) and data[low[X] - 1] == QUOTE):
                break
            rows.trades[trades] = now * unit, stamp, -1 if sold else 1, price, number
            rows.trade_sizes[trades] = size
            trades, step = trades + 1, _gcd(step, price)
        elif kind == STOP:
            break
        time, lines, place = now * unit, lines + 1, at + 1
    return place, lines, tickers, trades, passed, time, ticker_id, step


@routine
def _stream(data: Any, at: int) -> tuple[int, int]:
    """The kind of a message, and where its data begin."""
    at = _after(data, _after(data, _after(data, at, OPEN), STREAM), COLON)
    if at == WRONG:
        return STOP, at
    while data[at] == SPACE:
        at += 1
    if data[at] != QUOTE or data[at + 1] == ord("!"):
        return STOP, at
    at += 1
    while data[at] != AT:
        if data[at] == QUOTE or data[at] == NEWLINE or data[at] == BACKSLASH:
            return STOP, at
        at += 1
    begin = at = at + 1
    while data[at] != QUOTE and data[at] != AT and data[at] != NEWLINE:
        at += 1
    kind = STOP
    for i in range(3):
        if _is(data, begin, at, NAMES[i]):
            kind = i + 1
    while data[at] != QUOTE and data[at] != NEWLINE:
        at += 1
    at = _after(data, _after(data, _after(data, at + 1, NEXT), DATA), COLON) if data[at] == QUOTE else WRONG
    return (STOP if at == WRONG else kind), at


@routine
def _fields(data: Any, at: int, low: Any, high: Any) -> int:
    """Where the line ends; WRONG if it is not a flat object. Of each key of one letter, where its value begins and ends, quotes
    left out."""
    at = _after(data, at, OPEN)
    while at != WRONG:
        at = _skip(data, at)
        if data[at] != QUOTE:
            return WRONG
        name, at = at + 1, _closing(data, at + 1)
        key = data[name] if at == name + 1 and data[name] < 128 else 0
        at = _after(data, at + 1, COLON) if at != WRONG else WRONG
        if at == WRONG:
            return WRONG
        at = _skip(data, at)
        if data[at] == QUOTE:
            begin, end = at + 1, _closing(data, at + 1)
            at = end + 1
            if end == WRONG:
                return WRONG
        else:
            begin = at
            while ZERO <= data[at] <= NINE or ord("a") <= data[at] <= ord("z"):
                at += 1
            end = at
        low[key], high[key] = begin, end
        at = _skip(data, at)
        if data[at] == CLOSE:
            break
        if data[at] != COMMA:
            return WRONG
        at += 1
    if at == WRONG or data[_skip(data, at + 1)] != CLOSE:
        return WRONG
    at = _skip(data, _skip(data, at + 1) + 1)
    at += 1 if data[at] == RETURN else 0
    return at if data[at] == NEWLINE else WRONG


@routine
def _skip(data: Any, at: int) -> int:
    while data[at] == SPACE:
        at += 1
    return at


@routine
def _closing(data: Any, at: int) -> int:
    """The end of a string without escapes."""
    while data[at] != QUOTE:
        if data[at] == NEWLINE or data[at] == BACKSLASH:
            return WRONG
        at += 1
    return at


@routine
def _after(data: Any, at: int, text: Any) -> int:
    """Where a text that must come next ends."""
    if at == WRONG:
        return WRONG
    at = _skip(data, at)
    end = at + len(text)
    return end if end < len(data) and _is(data, at, end, text) else WRONG


@routine
def _is(data: Any, low: int, high: int, text: Any) -> bool:
    same = high - low == len(text)
    for i in range(len(text)):
        same = same and data[low + i] == text[i]
    return same


@routine
def _digits(data: Any, at: int) -> tuple[int, int]:
    """A whole number, and where it ends: no more than 19 digits are read."""
    number, begin = 0, at
    while ZERO <= data[at] <= NINE and at - begin < 19:
        number = 10 * number + (data[at] - ZERO)
        at += 1
    return number, at


@routine
def _whole(data: Any, low: int, high: int) -> int:
    """A number that stands without quotes, or WRONG."""
    if low == 0 or high == low or high - low > DIGITS or data[low - 1] == QUOTE:
        return WRONG
    number, end = _digits(data, low)
    return number if end == high else WRONG


@routine
def _decimal(data: Any, low: int, high: int) -> tuple[int, int]:
    """A decimal number in quotes as a whole one and how many decimals that has, or WRONG. Zeros at the end are left out."""
    if low == 0 or high - low > DIGITS + 1 or data[low - 1] != QUOTE:
        return WRONG, 0
    whole, at = _digits(data, low)
    if at == low or (at < high and data[at] != POINT):
        return WRONG, 0
    if at >= high:
        return whole, 0
    last = high
    while data[last - 1] == ZERO:
        last -= 1
    part, end = _digits(data, at + 1)
    if end != high or end == at + 1:
        return WRONG, 0
    decimals = max(0, last - at - 1)
    for _ in range(high - at - 1 - decimals):
        part //= 10
    for _ in range(decimals):
        whole *= 10
    return whole + part, decimals


@routine
def _price(data: Any, low: int, high: int) -> int:
    """A price in 1e-8, or WRONG."""
    number, decimals = _decimal(data, low, high)
    if number < 0 or decimals > DECIMALS:
        return WRONG
    for _ in range(DECIMALS - decimals):
        if number >= LARGEST:
            return WRONG
        number *= 10
    return number


@routine
def _size(data: Any, low: int, high: int) -> float:
    """A size as `float` reads it, or WRONG: of two numbers that are exact, the quotient is the nearest one."""
    number, decimals = _decimal(data, low, high)
    scale = 1.0
    for _ in range(decimals):
        scale *= 10.0
    return number / scale if 0 <= number < EXACT else -1.0


@routine
def _gcd(one: int, other: int) -> int:
    while other:
        one, other = other, one % other
    return one
