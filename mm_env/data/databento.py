"""Databento's market by order (MBO) as CSV (databento.com/docs/schemas/mbo), plain, gzipped or compressed by zstd.

- Time is `ts_recv`, as whole ns or ISO 8601; it must not go back. Prices are decimals, or whole numbers of 1e-9 where no price
  of the file's first lines has a decimal point. One instrument of one publisher: of several symbols, `instrument` chooses.
- A(dd), C(ancel), M(odify) and cleaR change the book; T(rade) and F(ill) do not: what they trade follows as a C of the order
  filled, which makes it an execution. A T without a side touched no visible queue: a hidden execution. N(one) is nothing.
- A modified order that gets smaller at its price is cancelled in part and keeps its place; any other is withdrawn and new.
- Records with F_SNAPSHOT (32) say what stood there before, and are no messages.
- A C of an order that was never added takes its size from the queue at its price.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mm_env.data.archive import Archive
from mm_env.data.events import CLEAR, DELETE, EXECUTED, HIDDEN, NEW, PARTIAL, REST, Events, events
from mm_env.data.prices import UNIT
from mm_env.data.recording import Ints
from mm_env.data.stamps import Rising, stamps
from mm_env.data.tables import WHOLE, Chunk, tables

COLUMNS = (
    "ts_recv", "ts_event", "rtype", "publisher_id", "instrument_id", "action", "side", "price", "size", "order_id", "flags",
)  # fmt: skip
TAKEN = "Databento's MBO as CSV"
ACTIONS = {name: ord(name) for name in "ACMRTFN"}
SIDES = {"B": 1, "A": -1, "N": 0}
SNAPSHOT = 32
NANO = round(UNIT / 1e-9)
UNDEFINED = "9223372036854775807"


def archive(files: list[Path], instrument: str) -> Archive:
    """The day of one instrument, in the files' order."""
    orders = Orders()
    return Archive(instrument, "Databento MBO", lambda: _stream(files, instrument, orders), passed=orders.passed)


class Orders:
    """The orders that rest: what an action on one of them is as a message."""

    def __init__(self) -> None:
        self.passed = {"actions without effect": 0}
        self._resting: dict[int, list[int]] = {}  # number -> side, price, size
        self._filled: dict[int, int] = {}  # number -> size that a C is to follow for

    def clear(self) -> None:
        self._resting.clear()
        self._filled.clear()

    def events(self, action: int, side: int, price: int, size: int, order: int, shown: bool) -> list[tuple[int, ...]]:
        """(kind, side, size, price, order) of each message that an action is."""
        if action == ACTIONS["A"]:
            self._resting[order] = [side, price, size]
            return [(REST if shown else NEW, side, size, price, order)]
        if action == ACTIONS["C"]:
            return self._cancel(side, price, size, order, shown)
        if action == ACTIONS["M"]:
            return self._modify(side, price, size, order)
        if action == ACTIONS["R"]:
            self.clear()
            return [(CLEAR, 1, 0, 0, 0)]
        if action == ACTIONS["F"]:
            self._filled[order] = self._filled.get(order, 0) + size
        elif action == ACTIONS["T"] and side == 0:
            return [(HIDDEN, 1, size, price, order)]
        elif action == ACTIONS["N"]:
            self.passed["actions without effect"] += 1
        return []

    def _cancel(self, side: int, price: int, size: int, order: int, shown: bool) -> list[tuple[int, ...]]:
        resting = self._resting.get(order)
        left = 0 if resting is None else resting[2] - size
        if resting is not None:
            resting[2] = left
            if left <= 0:
                del self._resting[order]
        if shown:
            return [(REST, side, -size, price, order)]
        filled = min(self._filled.pop(order, 0), size)
        found = [(EXECUTED, side, filled, price, order)] if filled else []
        return found + ([(PARTIAL if left > 0 else DELETE, side, size - filled, price, order)] if size > filled else [])

    def _modify(self, side: int, price: int, size: int, order: int) -> list[tuple[int, ...]]:
        before = self._resting.get(order)
        self._resting[order] = [side, price, size]
        if before is None:
            return [(NEW, side, size, price, order)]
        if before[:2] == [side, price] and size <= before[2]:
            return [(PARTIAL, side, before[2] - size, price, order)] if size < before[2] else []
        return [(DELETE, before[0], before[2], before[1], order), (NEW, side, size, price, order)]


def _stream(files: list[Path], instrument: str, orders: Orders) -> Iterator[Events]:
    rising, publisher = Rising(), None
    orders.clear()
    for file in files:
        fixed = None
        for chunk in tables(file, COLUMNS):
            chunk = of_symbol(chunk, instrument)
            if not len(chunk):
                continue
            fixed = _fixed_point(chunk) if fixed is None else fixed
            publishers = np.unique(chunk.column("publisher_id", WHOLE)).tolist()
            publisher = publishers[0] if publisher is None else publisher
            if publishers != [publisher]:
                raise ValueError(
                    f"{file.name} must hold one publisher's book, got publisher_id {publishers + [publisher]}"
                )
            yield from _events(chunk, rising, orders, fixed)


def of_symbol(chunk: Chunk, instrument: str) -> Chunk:
    """The rows of one symbol, where the file has symbols."""
    import polars as pl

    if "symbol" not in chunk.frame.columns:
        return chunk
    return Chunk(chunk.name, chunk.first, chunk.frame.filter(pl.col("symbol") == instrument))


def _fixed_point(chunk: Chunk) -> bool:
    return not chunk.frame["price"].cast(str).str.contains(".", literal=True).any()


def _prices(chunk: Chunk, fixed: bool) -> Ints:
    import polars as pl

    text = chunk.frame["price"].cast(pl.String)
    defined = text.is_not_null() & (text != "") & (text != UNDEFINED) & (text.str.to_lowercase() != "nan")
    shown = Chunk(
        chunk.name,
        chunk.first,
        pl.DataFrame({"price": pl.select(pl.when(defined).then(text).otherwise(pl.lit("0"))).to_series()}),
    )
    if not fixed:
        return shown.prices("price")
    whole = shown.column("price", WHOLE)
    shown.require(whole % NANO == 0, "price", f"a whole number of {UNIT:g} price units")
    return whole // NANO


def _events(chunk: Chunk, rising: Rising, orders: Orders, fixed: bool) -> Iterator[Events]:
    time = rising.check(chunk, "ts_recv", stamps(chunk, "ts_recv"))
    columns = (
        time, chunk.coded("action", ACTIONS), chunk.coded("side", SIDES), _prices(chunk, fixed),
        chunk.column("size", WHOLE), chunk.column("order_id", WHOLE), chunk.column("flags", WHOLE) & SNAPSHOT,
    )  # fmt: skip
    found: list[tuple[int, ...]] = []
    for stamp, action, side, price, size, order, shown in zip(*(column.tolist() for column in columns), strict=True):
        for one in orders.events(action, side, price, size, order, bool(shown)):
            found.append((stamp, *one))
    if found:
        times, kinds, sides, sizes, prices, numbers = (np.array(column) for column in zip(*found, strict=True))
        yield events(times, kinds, sides, sizes, prices, numbers)


def symbols(file: Path) -> dict[str, int]:
    """Each symbol in a file, and the time of its first record; where the file has no symbols, its name stands for one."""
    found: dict[str, int] = {}
    for chunk in tables(file, COLUMNS):
        time = stamps(chunk, "ts_recv")
        if "symbol" not in chunk.frame.columns:
            return {file.name.split(".")[0]: int(time[0])}
        names = chunk.frame["symbol"].to_numpy()
        for name in dict.fromkeys(names.tolist()):
            found.setdefault(str(name), int(time[np.argmax(names == name)]))
    return found
