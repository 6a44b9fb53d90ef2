"""The two CSV files of a LOBSTER day, read and checked line by line.

A message file may have a line of headings and a seventh column, which is not read; blank lines are passed over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require
from mm_env.data.lobster_find import Files
from mm_env.data.recording import Ints

NEW, EXECUTED, HALT = 1, 4, 7
KINDS = {1: "new", 2: "partial", 3: "delete", 4: "execute", 5: "hidden", 6: "cross", 7: "halt"}
COLUMNS = ("time", "type", "order id", "size", "price", "direction")


def messages(files: Files) -> dict[str, Ints]:
    """Column -> numbers, times as ns after midnight, all checked."""
    table = _Table.read(*files.message, COLUMNS, COLUMNS[1:], files.passed, spare=1)
    seconds = table["time"]
    table.require(np.isfinite(seconds), "time", "a number of seconds", seconds)
    columns = {column: np.asarray(table[column], np.int64) for column in COLUMNS[1:]}
    columns["time"] = np.rint(seconds * 1e9).astype(np.int64)
    kind, time = columns["type"], columns["time"]
    inside = (time >= files.start) & (time <= files.end)
    span = f"{files.start / 1e9:g} to {files.end / 1e9:g}, the session of its name"
    table.require(inside, "time", f"from {span}", seconds)
    table.require(np.diff(time, prepend=time[0]) >= 0, "time", "not before that of the line above", seconds)
    table.require(np.isin(kind, list(KINDS)), "type", f"one of {sorted(KINDS)}", kind)
    halt = kind == HALT
    for column, rule, holds in [
        ("size", "> 0", columns["size"] > 0),
        ("price", "> 0", columns["price"] > 0),
        ("direction", "1 or -1", np.abs(columns["direction"]) == 1),
    ]:
        table.require(holds | halt, column, rule, columns[column])
    table.require(~halt | np.isin(columns["price"], [-1, 0, 1]), "price", "-1, 0 or 1 in a halt", columns["price"])
    return columns


def orderbook(files: Files, rows: int) -> Ints:
    """The rows (n, 4 levels): ask price, ask size, bid price, bid size of each level, checked."""
    quantities = ("ask price", "ask size", "bid price", "bid size")
    sides = tuple(f"{what} {level + 1}" for level in range(files.levels) for what in quantities)
    table = _Table.read(*files.orderbook, sides, sides, files.passed)
    if len(table.lines) != rows:
        raise ValueError(f"{table.name} must have a row for each of {rows} messages, got {len(table.lines)}")
    for side in sides[1::2]:
        table.require(table[side] >= 0, side, ">= 0", table[side])
    return np.column_stack([table[side] for side in sides]).astype(np.int64)


@dataclass(frozen=True)
class _Table:
    """A CSV file as columns of numbers."""

    name: str
    columns: dict[str, NDArray[Any]]
    lines: Ints  # of the file, from 1 on, that the rows stand in

    @staticmethod
    def read(
        name: str, data: bytes, columns: tuple[str, ...], whole: tuple[str, ...], passed: Counter[str], spare: int = 0
    ) -> _Table:
        """Read the columns, of which some are `whole` numbers; up to `spare` more are not read.

        What is passed over is counted. Raises: ValueError that names what is missing, and where.
        """
        pl = _polars()
        if not data.strip():
            raise ValueError(f"{name} must hold messages, got an empty file")
        start, headings = _first_row(data, len(columns), spare)
        frame = _frame(name, data[start:])
        if not len(columns) <= frame.width <= len(columns) + spare:
            raise ValueError(f"{name} must have {len(columns)} columns, got {frame.width}")
        passed["columns not read"] += frame.width - len(columns)
        frame = frame.select(frame.columns[: len(columns)]).rename(dict(zip(frame.columns, columns)))
        lines = np.arange(1, frame.height + 1) + data[:start].count(b"\n")
        blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        if blank.any():
            frame, lines = frame.filter(~blank), lines[~blank.to_numpy()]
        passed["heading lines"] += headings
        passed["blank lines"] += int(blank.sum()) + data[:start].count(b"\n") - headings
        kinds = {column: pl.Int64 if column in whole else pl.Float64 for column in columns}
        read = frame.select(pl.col(column).str.strip_chars().cast(kind, strict=False) for column, kind in kinds.items())
        table = _Table(name, {column: read[column].to_numpy() for column in columns}, lines)
        for column in columns:
            if read[column].null_count():
                rule = "a whole number" if column in whole else "a number"
                table.require(read[column].is_not_null().to_numpy(), column, rule, frame[column].to_list())
        return table

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.columns[column]

    def require(self, holds: NDArray[np.bool_], column: str, rule: str, values: Any) -> None:
        """Refuse a file unless every line keeps the rule; the first that does not is named."""
        if not holds.all():
            row = int(np.argmin(holds))
            shown = "nothing (the line is cut short)" if values[row] is None else values[row]
            raise ValueError(f"{self.name}, line {self.lines[row]}: {column} must be {rule}, got {shown}")


def _polars() -> Any:
    require("reading LOBSTER files", "data", "polars")
    import polars  # here, as only this reader needs it

    return polars


def _frame(name: str, data: bytes) -> Any:
    """A CSV without headings as a table of texts."""
    pl = _polars()
    try:
        return pl.read_csv(data, has_header=False, infer_schema=False, new_columns=None)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{name} is no whole CSV file: {str(error).splitlines()[0]}") from error


def _first_row(data: bytes, columns: int, spare: int) -> tuple[int, int]:
    """Where the numbers begin, and how many lines of headings stand before them: such a line holds no number at all."""
    start, headings = 3 * data.startswith(b"\xef\xbb\xbf"), 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        cells = data[start:end].strip().split(b",")
        heading = columns <= len(cells) <= columns + spare and not headings and not any(_is_number(c) for c in cells)
        if cells != [b""] and not heading:
            break
        start, headings = end, headings + heading
    return start, headings


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
