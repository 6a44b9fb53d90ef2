"""Times as exchanges write them: whole numbers whose digits tell their unit, or ISO 8601."""

from __future__ import annotations

import numpy as np

from mm_env.data.recording import Ints
from mm_env.data.tables import WHOLE, Chunk

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def unit_of(time: int) -> int:
    """ns in the unit of a time since the epoch, told by its size: this century's times in s, ms, us and ns lie apart."""
    return next(ns for ns in UNITS.values() if time < 10**11 * 10**9 // ns)


def stamps(chunk: Chunk, column: str, unit: int | None = None) -> Ints:
    """Times in ns, (n,): in `unit` ns, or where that is None in the unit of the first one, or ISO 8601 (UTC)."""
    import polars as pl

    first = str(chunk.frame[column][0])
    if "T" in first or (first.count("-") == 2 and ":" in first):
        text = chunk.frame[column].cast(pl.String).str.strip_chars().str.strip_suffix("Z").str.replace(" ", "T")
        read = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="ns", strict=False).cast(pl.Int64)
        chunk.require(read.is_not_null().to_numpy(), column, "a time such as 2024-08-08T23:54:16.123456789Z")
        return read.to_numpy()
    time = chunk.column(column, WHOLE)
    return time * (unit_of(int(time[0])) if unit is None else unit)


class Rising:
    """Holds the times of one file to their order, chunk by chunk."""

    def __init__(self) -> None:
        self._last = np.iinfo(np.int64).min

    def check(self, chunk: Chunk, column: str, time: Ints) -> Ints:
        """`time` itself. Raises: ValueError that names the line where it goes back."""
        before = np.r_[self._last, time[:-1]]
        chunk.require(time >= before, column, "not before that of the line above")
        self._last = int(time[-1])
        return time
