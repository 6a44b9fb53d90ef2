"""The two CSV files of a LOBSTER day, found, read and checked line by line."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.data.recording import Ints

NAME = re.compile(r"([^_/\\]+)_(\d{4}-\d\d-\d\d)_(\d+)_(\d+)_(message|orderbook)_(\d+)\.csv$")
NEW, EXECUTED, HALT = 1, 4, 7
KINDS = {1: "new", 2: "partial", 3: "delete", 4: "execute", 5: "hidden", 6: "cross", 7: "halt"}
COLUMNS = ("time", "type", "order id", "size", "price", "direction")


class Files(NamedTuple):
    """The two halves of a day, and what their names say."""

    ticker: str
    day: str
    start: int  # ns after midnight
    end: int
    levels: int
    message: tuple[str, bytes]
    orderbook: tuple[str, bytes]


def find(path: Path) -> Files:
    """The message and orderbook files at `path`, unpacked."""
    if not path.is_file():
        raise ValueError(f"path must name a LOBSTER zip or message CSV, got {path}, which is no file")
    held = _unzipped(path) if zipfile.is_zipfile(path) or path.suffix == ".zip" else _beside(path)
    named = {match[5]: (name, data, match) for name, data in held.items() if (match := NAME.search(name))}
    if set(named) != {"message", "orderbook"}:
        raise ValueError(
            f"{path} must hold TICKER_DATE_START_END_message_LEVEL.csv and its orderbook, got {sorted(held) or 'nothing'}"
        )
    name, data, match = named["message"]
    if match.group(1, 2, 3, 4, 6) != named["orderbook"][2].group(1, 2, 3, 4, 6):
        raise ValueError(f"{path} must hold two files of one day, got {name} and {named['orderbook'][0]}")
    start, end = int(match[3]) * 1_000_000, int(match[4]) * 1_000_000
    return Files(match[1], match[2], start, end, int(match[6]), (name, data), named["orderbook"][:2])


def _unzipped(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name.endswith(".csv")}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise ValueError(f"{path} is no whole zip file: {error}") from error


def _beside(path: Path) -> dict[str, bytes]:
    other = path.with_name(path.name.replace("_message_", "_orderbook_"))
    if not NAME.search(path.name) or "_message_" not in path.name:
        raise ValueError(
            f"path must name a LOBSTER zip or a CSV called TICKER_DATE_START_END_message_LEVEL.csv, got {path.name}"
        )
    if not other.is_file():
        raise ValueError(f"{path.name} must have {other.name} beside it, got none")
    return {file.name: file.read_bytes() for file in (path, other)}


def messages(files: Files) -> dict[str, Ints]:
    """Column -> numbers, times as ns after midnight, all checked."""
    name, data = files.message
    table = _numbers(name, data, COLUMNS, whole=COLUMNS[1:])
    seconds = table["time"]
    _require(name, np.isfinite(seconds), "time", "a number of seconds", seconds)
    columns = {column: np.asarray(table[column], np.int64) for column in COLUMNS[1:]}
    columns["time"] = np.rint(seconds * 1e9).astype(np.int64)
    kind, time = columns["type"], columns["time"]
    inside = (time >= files.start) & (time <= files.end)
    span = f"{files.start / 1e9:g} to {files.end / 1e9:g}, the session of its name"
    _require(name, inside, "time", f"from {span}", seconds)
    _require(name, np.diff(time, prepend=time[0]) >= 0, "time", "not before that of the line above", seconds)
    _require(name, np.isin(kind, list(KINDS)), "type", f"one of {sorted(KINDS)}", kind)
    halt = kind == HALT
    for column, rule, holds in [
        ("size", "> 0", columns["size"] > 0),
        ("price", "> 0", columns["price"] > 0),
        ("direction", "1 or -1", np.abs(columns["direction"]) == 1),
    ]:
        _require(name, holds | halt, column, rule, columns[column])
    _require(name, ~halt | np.isin(columns["price"], [-1, 0, 1]), "price", "-1, 0 or 1 in a halt", columns["price"])
    return columns


def orderbook(files: Files, rows: int) -> Ints:
    """The rows (n, 4 levels): ask price, ask size, bid price, bid size of each level, checked."""
    name, data = files.orderbook
    quantities = ("ask price", "ask size", "bid price", "bid size")
    sides = [f"{what} {level + 1}" for level in range(files.levels) for what in quantities]
    table = _numbers(name, data, sides, whole=sides)
    if len(table[sides[0]]) != rows:
        raise ValueError(f"{name} must have a row for each of {rows} messages, got {len(table[sides[0]])}")
    for side in sides[1::2]:
        _require(name, table[side] >= 0, side, ">= 0", table[side])
    return np.column_stack([table[side] for side in sides]).astype(np.int64)


def _numbers(name: str, data: bytes, columns: Any, whole: Any) -> dict[str, NDArray[Any]]:
    """A CSV without a header as column -> numbers; an error names what is missing and where."""
    try:
        import polars as pl  # here, as only this reader needs it
    except ImportError as error:
        raise ValueError("reading LOBSTER files needs polars: pip install 'mm_env[data]'") from error
    if not data.strip():
        raise ValueError(f"{name} must hold messages, got an empty file")
    try:
        frame = pl.read_csv(data, has_header=False, infer_schema=False, new_columns=None)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{name} is no whole CSV file: {str(error).splitlines()[0]}") from error
    if frame.width != len(columns):
        raise ValueError(f"{name} must have {len(columns)} columns, got {frame.width}")
    frame.columns = list(columns)
    kinds = {column: pl.Int64 if column in whole else pl.Float64 for column in columns}
    read = frame.select(pl.col(column).str.strip_chars().cast(kind, strict=False) for column, kind in kinds.items())
    for column in columns:
        _require(
            name,
            read[column].is_not_null().to_numpy(),
            column,
            "a whole number" if column in whole else "a number",
            frame[column].to_list() if read[column].null_count() else (),
        )
    return {column: read[column].to_numpy() for column in columns}


def _require(name: str, holds: NDArray[np.bool_], column: str, rule: str, values: Any) -> None:
    """Refuse a file unless every line keeps the rule; the first that does not is named."""
    if not holds.all():
        line = int(np.argmin(holds))
        shown = "nothing (the line is cut short)" if values[line] is None else values[line]
        raise ValueError(f"{name}, line {line + 1}: {column} must be {rule}, got {shown}")
