"""What a Binance log holds: taken line by line, kept as columns of numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from functools import lru_cache
from json import JSONDecodeError, JSONDecoder
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core import engine
from mm_env.data.binance_scan import Rows, scan
from mm_env.data.depth import Best, DepthBook
from mm_env.data.prices import units
from mm_env.data.recording import Floats, Ints

INFINITY = float("inf")
NANOSECONDS = {19: 1, 16: 10**3, 13: 10**6, 10: 10**9}  # in a unit of time, by the digits of a time of this century
UNITS = {1: "ns", 10**3: "us", 10**6: "ms", 10**9: "s"}
NO_ID = -1
AT_ONCE = 1 << 15  # plain lines
ACKNOWLEDGED, FAILED, OTHER, BLANK = "acknowledgements", "error messages", "other messages", "blank lines"
OFF_BOOK, REPEATED = "trades off the book", "repeated tickers"
decode = JSONDecoder().decode


class Columns:
    """Rows of numbers: so many whole ones and so many others. They take eight bytes each."""

    def __init__(self, whole: tuple[str, ...], others: tuple[str, ...]) -> None:
        self._whole, self._others = whole, others
        self._numbers, self._reals = array("q"), array("d")

    def add(self, whole: tuple[int, ...], others: tuple[float, ...]) -> None:
        """Add one row."""
        self._numbers.extend(whole)
        self._reals.extend(others)

    def add_rows(self, whole: Ints, others: Floats) -> None:
        """Add the rows of two arrays."""
        self._numbers.frombytes(whole.tobytes())
        self._reals.frombytes(others.tobytes())

    def __len__(self) -> int:
        return len(self._numbers) // len(self._whole)

    def __getitem__(self, name: str) -> Any:
        """A column, (n,), that shares its memory: no row can be added while it is in use."""
        if name in self._whole:
            return np.frombuffer(self._numbers, np.int64).reshape(-1, len(self._whole))[:, self._whole.index(name)]
        return np.frombuffer(self._reals, np.float64).reshape(-1, len(self._others))[:, self._others.index(name)]

    def row(self, i: int) -> tuple[float, ...]:
        """A row, its whole numbers first."""
        whole, others = len(self._whole), len(self._others)
        return (*self._numbers[i * whole : (i + 1) * whole], *self._reals[i * others : (i + 1) * others])

    def find(self, name: str, number: int) -> int:
        """The first row whose whole number of that name, which rises, is not below `number`."""
        column, width = self._whole.index(name), len(self._whole)
        return bisect_left(range(len(self)), number, key=lambda i: self._numbers[i * width + column])


class Log:
    """What has been read so far. Every method raises ValueError, KeyError or TypeError for what is no message."""

    def __init__(self) -> None:
        self.time = self.first = self.ticker_id = -1
        self.symbol, self.step = "", 0
        self.counts: Counter[str] = Counter()
        self.tickers = Columns(("time", "u", "bid", "ask"), ("bid size", "ask size"))
        self.trades = Columns(("time", "T", "side", "price", "id"), ("size",))
        self.best = Columns(("u", "bid", "ask"), ("bid size", "ask size"))
        self.book, self.stamps = DepthBook(), Counter[int]()  # ns in the unit of the times -> lines
        self._unit, self._digits = 0, 0
        self._futures: dict[str, bool] = {}  # stream -> which market it is of
        self._streams = {"bookTicker": self._ticker, "trade": self._trade, "depth": self._depth}
        self._rows = Rows.of(AT_ONCE)

    @property
    def smallest_step(self) -> int:
        """The largest step that all prices are multiples of, in 1e-8."""
        return gcd(self.step, self.book.step)

    def begin_file(self) -> None:
        """Another file may count time in another unit."""
        self._digits = 0

    def add_plain(self, data: NDArray[np.uint8], start: int) -> tuple[int, int, list[list[int]]]:
        """Take the plain tickers and trades among the lines of `data` from `start` on, as far as they go.

        Where the first line that is not plain begins, how many lines were taken, and (start, end, which line) of the messages
        that must still be added.
        """
        if not self.symbol:
            return start, 0, []
        of = (int(self._futures[stream]) if stream in self._futures else -1 for stream in ("bookTicker", "trade"))
        state = (self._digits, self._unit, self.time, self.ticker_id, self.step, *of)
        symbol, rows = np.frombuffer(self.symbol.encode(), np.uint8), self._rows
        start, lines, tickers, trades, passed, self.time, self.ticker_id, self.step = engine.run(
            scan, data, start, symbol, state, rows
        )
        self.tickers.add_rows(rows.tickers[:tickers], rows.ticker_sizes[:tickers])
        self.trades.add_rows(rows.trades[:trades], rows.trade_sizes[:trades])
        for what, count in (("bookTicker", tickers), ("trade", trades)):
            self.counts[what] += count
        self.stamps[self._unit] += lines
        return start, lines, rows.passed[:passed].tolist()

    def add(self, line: str) -> None:
        """Take a line."""
        parts = line.split(None, 1)
        if len(parts) < 2 or not parts[0].isdecimal():
            if line.strip():
                raise ValueError("a line must be a time in ns and a message, and may be cut short")
            self.counts[BLANK] += 1
            return
        self._pass_time(parts[0])
        self.add_message(parts[1])

    def add_message(self, text: str) -> None:
        """Take a message of the present time."""
        message = _parsed(text)
        if isinstance(message, dict) and "stream" in message:
            self._streamed(_stream(message["stream"]), message["data"])
        else:
            self._bare(message)

    def _pass_time(self, stamp: str) -> None:
        if len(stamp) != self._digits:
            self._tell_unit(stamp)
        time = int(stamp) * self._unit
        if time < self.time:
            raise ValueError(f"time must not be before that of the line above, got {stamp} after {self.time}")
        self.stamps[self._unit] += 1
        self.time = time
        if self.first < 0:
            self.first = time

    def _tell_unit(self, stamp: str) -> None:
        if self._digits and int(stamp) * self._unit < self.time:
            raise ValueError(f"time must not be before that of the line above, got {stamp} after {self.time}")
        if self._digits or len(stamp) not in NANOSECONDS:
            now = f"{UNITS[self._unit]} as in the lines above" if self._digits else "ns, us, ms or s since 1970"
            raise ValueError(f"a time of receipt must be in {now}, got {stamp}")
        self._digits, self._unit = len(stamp), NANOSECONDS[len(stamp)]

    def _bare(self, message: Any) -> None:
        """A snapshot, a message of a stream without the wrapper that names it, or what is only counted."""
        if not isinstance(message, dict):
            self.counts[OTHER] += 1
        elif "lastUpdateId" in message:
            self.counts["snapshots"] += 1
            self._of_one_market("snapshot", "E" in message)
            self._rebuilt(self.book.snapshot(message))
        elif "s" in message and ("e" in message or "u" in message):
            event = message.get("e", "bookTicker")
            self._streamed("depth" if event == "depthUpdate" else event, message)
        else:
            failed, answered = "error" in message or "code" in message, "result" in message and "id" in message
            self.counts[FAILED if failed else ACKNOWLEDGED if answered else OTHER] += 1

    def _streamed(self, stream: str, data: Any) -> None:
        self.counts[stream] += 1
        if stream in self._streams:
            if data["s"] != self.symbol:
                self._of_one_symbol(data["s"])
            self._streams[stream](data)

    def _of_one_symbol(self, symbol: str) -> None:
        if self.symbol:
            raise ValueError(f"a log must be of one symbol, got {symbol} after {self.symbol}")
        self.symbol = symbol

    def _of_one_market(self, stream: str, futures: bool) -> None:
        """Each stream is of the spot market or of futures throughout; spot trades (M) stand beside nothing of futures."""
        claims = self._futures
        if claims.get(stream) is futures:
            return
        spot_trade = stream == "trade" and not futures
        if stream in claims or (spot_trade and any(claims.values())) or (futures and claims.get("trade") is False):
            market, other = ("futures", "spot") if futures else ("spot", "futures")
            raise ValueError(f"a log must be of one market, got a {stream} of {market} after messages of {other}")
        claims[stream] = futures

    def _ticker(self, data: dict[str, Any]) -> None:
        self._of_one_market("bookTicker", "E" in data)
        u, bid, ask = data["u"], units(data["b"]), units(data["a"])
        sizes = float(data["B"]), float(data["A"])
        if not (bid > 0 and ask > 0 and 0.0 < sizes[0] < INFINITY and 0.0 < sizes[1] < INFINITY):
            for price, size in ("bB", "aA"):
                if not (units(data[price]) == 0 and float(data[size]) == 0.0):  # a side where nobody stands
                    _positive(data, price, size)
        if u <= self.ticker_id:
            self._repeat(u, (bid, ask, *sizes))
            return
        self.ticker_id = u
        self.step = gcd(self.step, bid, ask)
        self.tickers.add((self.time, u, bid, ask), sizes)

    def _repeat(self, u: int, said: tuple[float, ...]) -> None:
        row = self.tickers.row(self.tickers.find("u", u))
        if row[1:] != (u, *said):
            raise ValueError(f"the bookTicker's update id must rise, got {u} after {self.ticker_id}")
        self.counts[REPEATED] += 1

    def _trade(self, data: dict[str, Any]) -> None:
        if "X" in data or "M" in data:
            self._of_one_market("trade", "X" in data)
        if data.get("X", "MARKET") != "MARKET":
            self.counts[OFF_BOOK] += 1
            return
        price, size = units(data["p"]), float(data["q"])
        if not (price > 0 and 0.0 < size < INFINITY):
            _positive(data, "q", "p")
        side = -1 if data["m"] else 1  # the buyer made the price, so the seller came to him
        self.step = gcd(self.step, price)
        self.trades.add((self.time, data["T"], side, price, data.get("t", NO_ID)), (size,))

    def _depth(self, data: dict[str, Any]) -> None:
        self._of_one_market("depth", "pu" in data)
        self._rebuilt(self.book.difference(data))

    def _rebuilt(self, seen: list[Best]) -> None:
        for best in seen:
            self.best.add((best.u, best.bid, best.ask), (best.bid_size, best.ask_size))


@lru_cache(maxsize=1 << 10)
def _stream(name: str) -> str:
    """btcusdt@depth@100ms -> depth; those of the whole market keep their mark, as !bookTicker."""
    symbol, _, rest = name.partition("@")
    return symbol if symbol.startswith("!") else rest.partition("@")[0] or symbol


def _parsed(text: str) -> Any:
    try:
        return decode(text)
    except JSONDecodeError as error:
        if text.strip().lower() in ("ping", "pong"):
            return None
        raise ValueError(f"a message must be JSON, and may be cut short: {error}") from error


def _positive(data: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if not 0.0 < float(data[key]) < INFINITY:
            raise ValueError(f"{key} must be a number > 0, got {data[key]}")
        if key in "bap" and units(data[key]) < 0:
            raise ValueError(f"{key} must have at most 8 decimals, got {data[key]}")
