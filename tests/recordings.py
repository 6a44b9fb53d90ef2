"""Small recordings in the exchanges' formats, written by the tests: an order book that keeps itself, and flows with known
parameters."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

OPEN, CLOSE = 34_200, 57_600  # seconds after midnight
EMPTY = 9_999_999_999
BID, ASK = 1, -1


class Tape:
    """A book of orders by price that writes LOBSTER's two files; independent of the reader, price by price.

    Prices are in 1e-4 dollars, times in seconds after midnight. A message that changes no visible row is not written.
    """

    def __init__(self, levels: int = 5, ticker: str = "TEST", close: float = CLOSE) -> None:
        self.levels, self.ticker, self.close = levels, ticker, close
        self.book: dict[int, dict[int, int]] = {BID: {}, ASK: {}}
        self.messages: list[str] = []
        self.rows: list[list[int]] = []

    def preload(self, side: int, price: int, size: int) -> None:
        """What rested before the first message."""
        self.book[side][price] = self.book[side].get(price, 0) + size

    def new(self, time: float, side: int, price: int, size: int = 1) -> None:
        self.preload(side, price, size)
        self._write(time, 1, size, price, side)

    def cancel(self, time: float, side: int, price: int, size: int = 1, kind: int = 2) -> None:
        self._take(side, price, size)
        self._write(time, kind, size, price, side)

    def delete(self, time: float, side: int, price: int, size: int = 1) -> None:
        self.cancel(time, side, price, size, kind=3)

    def execute(self, time: float, side: int, price: int, size: int = 1) -> None:
        self.cancel(time, side, price, size, kind=4)

    def other(self, time: float, kind: int, price: int, size: int = 1, side: int = BID) -> None:
        """A message that leaves the book as it is: a hidden execution, a cross, a halt."""
        self._write(time, kind, size, price, side, always=True)

    def hit(self, time: float, side: int, price: int, size: int = 1) -> None:
        """An order comes to rest at `price` and is executed at once: a market order that pays `price`."""
        self.new(time, side, price, size)
        self.execute(time, side, price, size)

    def row(self) -> list[int]:
        """The visible levels as LOBSTER writes them."""
        asks = sorted(self.book[ASK].items())[: self.levels]
        bids = sorted(self.book[BID].items(), reverse=True)[: self.levels]
        asks += [(EMPTY, 0)] * (self.levels - len(asks))
        bids += [(-EMPTY, 0)] * (self.levels - len(bids))
        return [number for ask, bid in zip(asks, bids, strict=True) for number in (*ask, *bid)]

    def names(self, day: str = "2012-06-21") -> tuple[str, str]:
        stem = f"{self.ticker}_{day}_{OPEN * 1000}_{round(self.close * 1000)}"
        return f"{stem}_message_{self.levels}.csv", f"{stem}_orderbook_{self.levels}.csv"

    def texts(self) -> tuple[str, str]:
        return "\n".join(self.messages) + "\n", "\n".join(",".join(map(str, row)) for row in self.rows) + "\n"

    def save(self, folder: Path) -> Path:
        """Both files in a zip."""
        return zipped(folder / f"{self.ticker}.zip", dict(zip(self.names(), self.texts(), strict=True)))

    def _take(self, side: int, price: int, size: int) -> None:
        left = self.book[side][price] - size
        assert left >= 0
        self.book[side][price] = left
        if left == 0:
            del self.book[side][price]

    def _write(self, time: float, kind: int, size: int, price: int, side: int, always: bool = False) -> None:
        row = self.row()
        if always or not self.rows or row != self.rows[-1]:
            self.messages.append(f"{time:.9f},{kind},{len(self.messages) + 1},{size},{price},{side}")
            self.rows.append(row)


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def dealer_tape(
    seed: int, seconds: int, rate: float, k: float, sigma: float, half_spread: int = 20_000, jump=lambda reach: 0.0
) -> Tape:
    """The dealer market on a tick of 1e-4 dollars: in each second, orders of each side arrive as a Poisson process of
    `rate` and pay an exponential of mean 1 / k beyond the mid at its start; then the mid moves by a normal of `sigma`, and by
    `jump` in the direction of each side's orders, given how far beyond the mid they came (dollars, -1 if none did)."""
    random = np.random.default_rng(seed)
    tape, mid = Tape(3, close=OPEN + seconds), 1_000_000
    tape.preload(BID, mid - half_spread, 100)
    tape.new(OPEN, ASK, mid + half_spread, 100)
    for second in range(seconds):
        furthest = {BID: -1.0, ASK: -1.0}
        for offset in np.sort(random.uniform(0.0, 1.0, random.poisson(2.0 * rate))):
            side = ASK if random.random() < 0.5 else BID
            reach = int(random.exponential(1e4 / k))
            tape.hit(OPEN + second + offset, side, mid - side * max(reach, 1))
            furthest[side] = max(furthest[side], reach / 1e4)
        moved = mid + round(1e4 * (sigma * random.normal() + jump(furthest[ASK]) - jump(furthest[BID])))
        for side in (BID, ASK):
            tape.new(OPEN + second + 1, side, moved - side * half_spread, 100)
            tape.delete(OPEN + second + 1, side, mid - side * half_spread, 100)
        mid = moved
    return tape


def hawkes_events(seed: int, end: float, base, branching, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """(times, kinds) of a Hawkes process by its branching structure (Hawkes & Oakes 1974).

    An event of kind n brings a Poisson number, of mean branching[m][n], of events of kind m, each an exponential of rate
    `decay` later.
    """
    random, base, branching = np.random.default_rng(seed), np.asarray(base), np.asarray(branching)
    waiting = [(time, m) for m in range(len(base)) for time in random.uniform(0.0, end, random.poisson(base[m] * end))]
    found = []
    while waiting:
        time, n = waiting.pop()
        found.append((time, n))
        for m in range(len(base)):
            children = time + random.exponential(1.0 / decay, random.poisson(branching[m, n]))
            waiting += [(child, m) for child in children if child < end]
    times, kinds = zip(*sorted(found))
    return np.array(times), np.array(kinds)


def zero_intelligence_tape(
    seed: int, seconds: float, arrival, cancellation, market: float, levels: int = 10, tick: int = 100
) -> Tape:
    """The Poisson order book of Cont, Stoikov & Talreja 2010 with orders of one unit: on each side, limit orders arrive
    at i ticks from the opposite best quote at rate arrival[i - 1], each order there is cancelled at rate
    cancellation[i - 1], and market orders of rate `market` take one unit of the best quote; nothing happens further off."""
    random, tape, middle = np.random.default_rng(seed), Tape(levels, close=OPEN + seconds), 10_000
    for distance in range(1, 400):
        tape.preload(BID, (middle - distance) * tick, 1000 if distance == 399 else 3)
        tape.preload(ASK, (middle + distance) * tick, 1000 if distance == 399 else 3)
    reach, time = len(arrival), float(OPEN)
    distances = np.arange(1, reach + 1)
    tape.other(time, 5, middle * tick)
    best = {BID: (middle - 1) * tick, ASK: (middle + 1) * tick}
    while True:
        rates = []
        for side in (BID, ASK):
            prices = best[-side] - side * distances * tick
            resting = np.array([tape.book[side].get(price, 0) for price in prices.tolist()])
            rates += [*arrival, *(cancellation * resting), market]
        total = np.cumsum(rates)
        time += random.exponential(1.0 / total[-1])
        if time >= OPEN + seconds:
            return tape
        chosen = int(np.searchsorted(total, random.uniform(0.0, total[-1])))
        side, event = (BID, ASK)[chosen // (2 * reach + 1)], chosen % (2 * reach + 1)
        price = int(best[-side] - side * (event % reach + 1) * tick)
        if event < reach:
            tape.new(time, side, price)
            best[side] = max(best[side] * side, price * side) * side
        elif event < 2 * reach:
            tape.delete(time, side, price)
        else:
            tape.execute(time, side, best[side])
        if best[side] not in tape.book[side]:
            best[side] = max(p * side for p in tape.book[side]) * side


def binance_log(path: Path, lines: list[tuple[int, dict]]) -> Path:
    """A gzipped log of (time of receipt in ns, message)."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{time} {json.dumps(message)}\n" for time, message in lines)
    return path


def stream(name: str, **data) -> dict:
    """A message of one of Binance's streams."""
    return {"stream": f"btcusdt@{name}", "data": {"s": "BTCUSDT", **data}}


def real(name: str) -> Path:
    """A file of real data, which the project does not hold: the test is skipped where it is absent."""
    home = Path(os.environ.get("MM_ENV_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (home / name).is_file():
        pytest.skip(f"{name} is not at hand (MM_ENV_DATA says where real data lies)")
    return home / name
