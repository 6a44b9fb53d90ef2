"""LOBSTER's message and orderbook files (lobsterdata.com; format of 1 Sept 2013), from the zip or unpacked.

Rules, where the file leaves a choice:
- Visible executions (type 4) are trades; hidden ones (5) and crosses (6) are counted, change no row and enter no estimate.
- A halt (type 7, from price -1 until price 1) is cut out of time. What happens within it changes the book but is counted in
  no estimate, and no window may span it.
- A row that is crossed (ask <= bid) or lacks a side is counted and gives no quote: the one before goes on.
- The session is that of the file's name, from the first stamp on.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.data.recording import Ints, Messages, Quotes, Recording, common_step, market_orders
from mm_env.data.rows import DIFFERS, REVEALS, check_rows

NAME = re.compile(r"([^_/\\]+)_(\d{4}-\d\d-\d\d)_(\d+)_(\d+)_(message|orderbook)_(\d+)\.csv$")
NEW, EXECUTED, HIDDEN, CROSS, HALT = 1, 4, 5, 6, 7
KINDS = {1: "new", 2: "partial", 3: "delete", 4: "execute", 5: "hidden", 6: "cross", 7: "halt"}
UNIT = 1e-4  # dollars: the file's prices are ten-thousandths
EMPTY = 9_999_999_999  # the price of a level that does not exist, negative on the bid side
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


def read(path: str | Path) -> Recording:
    """Read and check a LOBSTER day: its zip, or its message CSV with the orderbook CSV beside it.

    Raises: ValueError that says what is wrong, with file and line, for a path that does not exist, a file that is not a
    LOBSTER day, is empty, cut short, holds no numbers, or whose stamps go back.
    """
    files = find(Path(path))
    columns = _messages(files)
    book = _orderbook(files, len(columns["time"]))
    kind, time = columns["type"], columns["time"]
    trading, within, cuts = _cut_halts(time, kind, columns["price"])
    prices = np.stack([book[:, 2::4], book[:, 0::4]], axis=1)  # bids, asks
    sizes = np.stack([book[:, 3::4], book[:, 1::4]], axis=1)
    outcome = check_rows(
        kind, columns["direction"], columns["size"], columns["price"], prices, sizes, np.array([-EMPTY, EMPTY])
    )
    visible = (kind >= NEW) & (kind <= EXECUTED)
    exists = np.abs(prices) < EMPTY
    step = common_step(np.r_[prices[exists], columns["price"][visible]])
    two_sided = exists[:, :, 0].all(axis=1)
    crossed = two_sided & (prices[:, 1, 0] <= prices[:, 0, 0])
    usable = two_sided & ~crossed
    if not usable.any():
        raise ValueError(f"{files.orderbook[0]} must have a row with a bid below an ask, got none")
    length = int(trading[-1] + (0 if within[-1] else files.end - time[-1]))
    bids, asks = np.where(exists, prices, 0).transpose(1, 0, 2) // step
    traded = (kind == EXECUTED) & ~within
    return Recording(
        instrument=files.ticker,
        day=files.day,
        source="LOBSTER",
        tick=step * UNIT,
        length=length,
        quotes=Quotes(
            trading[usable], bids[usable, 0], asks[usable, 0], sizes[usable, 0, 0] * 1.0, sizes[usable, 1, 0] * 1.0
        ),
        orders=market_orders(
            trading[traded],
            -columns["direction"][traded],
            columns["size"][traded] * 1.0,
            columns["price"][traded] // step,
        ),
        messages=Messages(
            trading,
            np.where(within, 0, kind),
            columns["direction"],
            columns["size"] * 1.0,
            columns["price"] // step,
            bids,
            asks,
            sizes[:, 0] * 1.0,
            sizes[:, 1] * 1.0,
        ),
        cuts=cuts,
        counts={
            "messages": len(time),
            **{name: int((kind == number).sum()) for number, name in KINDS.items()},
            "during halts": int((within & (kind != HALT)).sum()),
            "crossed rows": int(crossed.sum()),
            "one-sided rows": int((~two_sided).sum()),
            "levels": files.levels,
        },
        checks={
            "visible messages": int(visible.sum()),
            "without a row before": int(visible[0]),
            "rows that differ": int((outcome == DIFFERS).sum()),
            "visible messages whose row differs": int(((outcome == DIFFERS) & visible).sum()),
            "rows where a level came into view": int((outcome == REVEALS).sum()),
        },
    )


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


def _messages(files: Files) -> dict[str, Ints]:
    """Column -> numbers, times as ns after midnight, all checked."""
    name, data = files.message
    table = _numbers(name, data, COLUMNS, whole=COLUMNS[1:])
    seconds = table["time"]
    _require(name, np.isfinite(seconds), "time", "a number of seconds", seconds)
    columns = {column: np.asarray(table[column], np.int64) for column in COLUMNS[1:]}
    columns["time"] = np.rint(seconds * 1e9).astype(np.int64)
    kind, time = columns["type"], columns["time"]
    inside = (time >= files.start) & (time <= files.end)
    span = f"{files.start / 1e9:g} to {files.end / 1e9:g}, the session of its name,"
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


def _orderbook(files: Files, rows: int) -> Ints:
    """The rows (n, 4 levels): ask price, ask size, bid price, bid size of each level, checked."""
    name, data = files.orderbook
    sides = [f"{side} {what} {level + 1}" for level in range(files.levels) for side in ("ask", "bid") for what in ("price", "size")]
    table = _numbers(name, data, sides, whole=sides)
    if len(table[sides[0]]) != rows:
        raise ValueError(f"{name} must have a row for each of {rows} messages, got {len(table[sides[0]])}")
    for side in sides[1::2]:
        _require(name, table[side] >= 0, side, ">= 0", table[side])
    return np.column_stack([table[side] for side in sides]).astype(np.int64)


def _numbers(name: str, data: bytes, columns: Any, whole: Any) -> dict[str, NDArray[Any]]:
    """A CSV without a header as column -> numbers; an error names what is missing and where."""
    import polars as pl  # here, as it takes a tenth of a second and only readers need it

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


def _cut_halts(time: Ints, kind: Ints, price: Ints) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """Trading time (n,) from the first stamp on, which messages lie within a halt, and when halts were cut out."""
    halted = np.zeros(len(time), np.bool_)
    is_halted = False
    for i in np.flatnonzero((kind == HALT) & (price != 0)):
        if is_halted == (price[i] == -1):
            state = "halted" if is_halted else "open"
            raise ValueError(f"a trading halt must start (price -1) and end (price 1) in turn, got {price[i]} while {state}")
        is_halted = not is_halted
        halted[i:] = is_halted
    passing = np.where(halted[:-1], 0, np.diff(time))
    trading = np.r_[0, np.cumsum(passing)]
    starts = np.flatnonzero(halted & ~np.r_[False, halted[:-1]])
    return trading, halted, trading[starts]
