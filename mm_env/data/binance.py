"""Binance's raw websocket log: a line is the time of receipt (ns) and a message, as JSON; plain or gzipped.

The streams are bookTicker (the best quotes), trade and depth differences; a REST snapshot may stand anywhere. Rules:
- Time is that of receipt, which is one clock for all streams; it must not go back. Times in us, ms or s are told by their
  digits, taken, and noted.
- The log is of one symbol in one market, spot or futures. Other streams, and lines that are no message of a stream (blank
  ones, acknowledgements, pings), are counted and passed over; so is what comes twice, as after a reconnection: tickers of an
  update id (which must rise else), trades that agree in id and all else, and differences.
- Trades of one side that bear the same exchange time (ms) and follow each other are one market order.
- Futures' trades off the book (X is not MARKET) are counted and enter no estimate.
- Quotes are the bookTicker's. A locked or crossed one (ask <= bid), or one that lacks a side, is counted and left out: the one
  before goes on.
- A ticker may be received before the trade that moved it; so what a trade did to the mid at once is not seen after it.
- The book is rebuilt as in `depth` and compared with the bookTicker of the largest update id that is not after its own.
- The tick is not in the log: it is the largest step that all prices are multiples of, a guess, unless it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core import engine
from mm_env.data.binance_log import BLANK, NANOSECONDS, NO_ID, UNITS, Columns, Log
from mm_env.data.formats import described
from mm_env.data.lines import pieces
from mm_env.data.prices import UNIT, off_tick, tick_in
from mm_env.data.recording import SECOND, Ints, Orders, Quotes, Recording, Stretches, market_orders

TAKEN = "lines of a time of receipt and a message of Binance's websocket as JSON are taken, plain or .gz"
DAY = 86_400 * SECOND
LARGE = 1 << 20  # bytes: below it machine code is not worth the time to compile it
PROBED = 1 << 20  # bytes that are searched for a symbol
PATIENCE = 256  # lines taken one by one, at most, before the next look for plain ones
KNOWN = ("lines", "snapshots", "bookTicker", "trade", "depth")  # what is used


def read(path: str | Path | Sequence[str | Path], tick: float | None = None) -> Recording:
    """Read and check one log, or several that follow each other.

    `tick`: price units; None takes the largest step of all prices.

    Raises: ValueError that says what is wrong, with file and line, for a path that does not exist, a file that is cut short
    or corrupt, times that go back, a log without best quotes or trades, and prices that are no whole ticks.
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(file) for file in path]
    for file in paths:
        _check(file)
    step, log, last = tick_in(UNIT, tick), Log(), None
    with engine.settled():  # the scanner is asked for once a piece and after each line that is not plain
        for file, line, piece in pieces(paths):
            if file is not last:
                log.begin_file()
            last = file
            _add(log, piece, file.name, line)
    return _recording(log, paths, step)


def names(path: Path) -> tuple[str, str, str]:
    """(symbol, day, market) of a log, told by its first lines; the market is spot or futures, whose differences bear `pu`."""
    _check(path)
    _, _, piece = next(pieces([path]))
    head = piece[:PROBED]
    symbol, stamp = re.search(rb'"s":\s*"(\w+)"', head), re.match(rb"\s*(\d+)", head)
    if symbol is None or stamp is None:
        raise ValueError(f"{path.name} must name its symbol and time in its first lines; {TAKEN}")
    ns = int(stamp[1]) * NANOSECONDS.get(len(stamp[1]), 1)
    market = "futures" if b'"pu":' in piece else "spot"
    return symbol[1].decode(), datetime.fromtimestamp(ns // SECOND, UTC).date().isoformat(), market


def _add(log: Log, piece: bytes, name: str, line: int) -> None:
    """Add the lines of a piece, the first of which is number `line` of the file: plain ones at once, the others one by one."""
    data, start, patience = np.frombuffer(piece, np.uint8), 0, 1
    while start < len(piece):
        taken = 0
        if len(piece) >= LARGE:
            start, taken, messages = log.add_plain(data, start)
            for begin, end, which in messages:
                _add_one(log.add_message, piece[begin:end], name, line + which)
            line += taken
        patience = 1 if taken else min(2 * patience, PATIENCE)
        for _ in range(patience):
            if start < len(piece):
                end = piece.index(b"\n", start)
                _add_one(log.add, piece[start:end], name, line)
                start, line = end + 1, line + 1


def _add_one(add: Callable[[str], None], text: bytes, name: str, line: int) -> None:
    try:
        add(text.decode())
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{name}, line {line}: {what}") from error


def _check(path: Path) -> None:
    """Whether a path may name a log; what is something else is named."""
    if not path.is_file():
        what = "a folder: give its files in their order" if path.is_dir() else "no file"
        raise ValueError(f"path must name a Binance log, got {path}, which is {what}")
    if not path.stat().st_size:
        raise ValueError(f"{path.name} must hold messages, got an empty file")
    found = described(path)
    if found and "data=binance" not in found:
        raise ValueError(f"{path.name} is {found}; {TAKEN}")


def _recording(log: Log, paths: list[Path], tick: int | None) -> Recording:
    if not len(log.tickers) or not len(log.trades):
        missing, where = (
            "trade" if len(log.tickers) else "bookTicker",
            ", ".join(path.name for path in paths) or "no file",
        )
        held = f", but {', '.join(sorted(log.counts))}" if log.counts else ""
        raise ValueError(f"a Binance log must hold bookTicker and trade messages, got no {missing} in {where}{held}")
    bid, ask = log.tickers["bid"], log.tickers["ask"]
    one_sided, usable = (bid == 0) | (ask == 0), (ask > bid) & (bid > 0)
    crossed = ~usable & ~one_sided
    if not usable.any():
        raise ValueError(
            f"a Binance log must hold a ticker with a bid below an ask, got none of {len(usable)}: {one_sided.sum()} lack "
            f"a side, {crossed.sum()} are locked or crossed"
        )
    step, time, length = tick or log.smallest_step, log.tickers["time"] - log.first, log.time - log.first
    for prices in (bid, ask, log.trades["price"]):
        _check_ticks(prices, step, log.smallest_step)
    kept = _distinct(log.trades)
    counts = _counts(log, int(crossed.sum()), int(one_sided.sum()), int((~kept).sum()))
    checks, found = _checks(log)
    return Recording(
        instrument=log.symbol,
        day=datetime.fromtimestamp(log.first // SECOND, UTC).date().isoformat(),
        source="Binance",
        tick=step * UNIT,
        length=length,
        quotes=_quotes(log.tickers, time, usable, step),
        orders=_orders(log, kept, step),
        counts=counts,
        checks=checks,
        without_quote={
            "locked or crossed": Stretches.of(time, crossed, length),
            "one-sided": Stretches.of(time, one_sided, length),
        },
        tick_guessed=tick is None,
        began=log.first % DAY,
        notes=(*_notes(log, counts, "" if tick else f"{step * UNIT:g}"), *found),
    )


def _check_ticks(prices: Ints, tick: int, step: int) -> None:
    wrong = prices % tick != 0
    if wrong.any():
        raise ValueError(off_tick(int(prices[np.argmax(wrong)]), tick, UNIT, step))


def _quotes(tickers: Columns, time: Ints, usable: Any, step: int) -> Quotes:
    bid, ask = (tickers[side][usable] // step for side in ("bid", "ask"))
    return Quotes(time[usable], bid, ask, tickers["bid size"][usable], tickers["ask size"][usable])


def _distinct(trades: Columns) -> NDArray[np.bool_]:
    """Whether each trade, (n,), has not come before: the same id and all else the same."""
    ids, kept = trades["id"], np.ones(len(trades), np.bool_)
    if (np.diff(ids) > 0).all():
        return kept
    columns = [trades[name] for name in ("T", "side", "price", "size")]
    order = np.lexsort([*columns, ids])  # of those that agree, the first that came stays first
    same = np.logical_and.reduce([np.diff(column[order]) == 0 for column in (*columns, ids)])
    kept[order[1:][same & (ids[order[1:]] != NO_ID)]] = False
    return kept


def _orders(log: Log, kept: NDArray[np.bool_], step: int) -> Orders:
    """The market orders at the time when their first trade was received, in place of the exchange's."""
    received, stamp, side, price, size = (log.trades[name][kept] for name in ("time", "T", "side", "price", "size"))
    first = np.r_[True, (np.diff(stamp) != 0) | (np.diff(side) != 0)]
    return replace(market_orders(stamp, side, size, price // step), time=received[first] - log.first)


def _counts(log: Log, crossed: int, one_sided: int, repeated: int) -> dict[str, int]:
    """What was read; of what is seldom there, only what is."""
    lines = log.stamps.total() + log.counts[BLANK]
    always = {"crossed tickers": crossed, "one-sided tickers": one_sided}
    seldom = {
        "repeated trades": repeated,
        "repeated differences": log.book.repeated,
        "snapshots older than the book": log.book.outdated,
    }
    read = {name: count for name, count in log.counts.items() if count}
    return {"lines": lines, **read, **always, **{name: count for name, count in seldom.items() if count}}


def _checks(log: Log) -> tuple[dict[str, int], list[str]]:
    """What came of comparing the rebuilt books with the tickers, and what to say where there was nothing to compare."""
    place = np.searchsorted(log.tickers["u"], log.best["u"], side="right") - 1
    shown, seen = place >= 0, place[place >= 0]
    prices, sizes = (
        [log.tickers[side + what][seen] != log.best[side + what][shown] for side in ("bid", "ask")]
        for what in ("", " size")
    )
    book, pairs = log.book, len(seen)
    differ = {
        "best prices that differ": int(np.logical_or(*prices).sum()),
        "best prices or sizes that differ": int(np.logical_or.reduce([*prices, *sizes]).sum()),
    }
    return {
        "rebuilt books": pairs,
        **(differ if pairs else {}),
        "differences applied": book.applied,
        "differences older than the snapshot": book.dropped,
        "differences without a book": book.waiting,
        "breaks in the sequence": book.gaps,
    }, [] if pairs else [f"Nothing was compared with the best quotes: {_why_none(log)}"]


def _why_none(log: Log) -> str:
    if not log.counts["depth"]:
        return "the log holds no depth differences"
    if not log.counts["snapshots"]:
        return f"the log holds no snapshot that its {log.counts['depth']:,} depth differences could change"
    return (
        f"of {log.counts['depth']:,} depth differences {log.book.applied:,} follow a snapshot, {log.book.dropped:,} are older, "
        f"and {log.book.waiting:,} have no book, after {log.book.gaps:,} breaks in the sequence"
    )


def _notes(log: Log, counts: dict[str, int], guessed: str) -> Iterator[str]:
    for unit, lines in sorted(log.stamps.items()):
        if unit > 1:
            yield f"The times of receipt of {lines:,} lines are in {UNITS[unit]}, and known no closer"
    if guessed:
        yield f"The tick of {guessed} is a guess, the largest step that all prices are multiples of: tick= gives another"
    passed = {name: count for name, count in counts.items() if name not in KNOWN and count}
    if passed:
        yield f"Passed over: {', '.join(f'{count:,} {name}' for name, count in passed.items())}"
