"""Tables of one's own, CSV or Parquet: which column is what, a small schema file (YAML) says.

Without a schema the columns are `time, event, side, price, size` and, where there are numbers of orders, `order`:

    time: {column: stamp, unit: us}     # ns us ms s since the epoch or since midnight; ISO 8601 needs no unit
    event: {column: type, values: {A: new, X: delete, E: execute}}   # the words of `mm_env.data.events.KINDS`
    side: {column: side, values: {B: buy, S: sell}}   # of the resting order; of `trade` the aggressor's
    price: price                        # price units, at most eight decimals
    size: quantity
    order: id                           # may be left out
    instrument: ACME                    # may be left out, and then is the file's name
    day: 2024-08-08                     # needed where times are since midnight

A word alone is the column's name. What stands in `values` must be all that the column holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.core.extras import require
from mm_env.data.archive import Archive
from mm_env.data.events import KINDS, Events, events
from mm_env.data.stamps import UNITS, Rising, stamps
from mm_env.data.tables import WHOLE, tables

COLUMNS = ("time", "event", "side", "price", "size")
TAKEN = "tables with the columns time, event, side, price and size, or those that a schema file names"
SIDES = {"buy": 1, "bid": 1, "B": 1, "1": 1, "sell": -1, "ask": -1, "S": -1, "-1": -1, "none": 0, "N": 0}
DAY = 86_400 * 10**9


@dataclass(frozen=True)
class Schema:
    """Which column of a table is what."""

    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in (*COLUMNS, "order")})
    kinds: Mapping[str, int] = field(default_factory=lambda: KINDS)
    sides: Mapping[str, int] = field(default_factory=lambda: SIDES)
    unit: int | None = None  # ns; None: told by the digits
    instrument: str | None = None
    day: str | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return tuple(self.columns[name] for name in COLUMNS)


def schema(path: str | Path) -> Schema:
    """The schema in a YAML file. Raises: ValueError for a word that it does not know, or lacks."""
    require("reading a schema file", "data", "yaml")
    import yaml

    file = Path(path)
    if not file.is_file():
        raise ValueError(f"schema must name a YAML file, got {path}, which is no file")
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    known = {*COLUMNS, "order", "instrument", "day"}
    if not isinstance(told, dict) or not set(told) <= known:
        wrong = sorted(set(told) - known) if isinstance(told, dict) else told
        raise ValueError(f"{file.name} must name only {', '.join(sorted(known))}, got {wrong}")
    parts = {name: _part(file, name, told.get(name, name)) for name in (*COLUMNS, "order")}
    unit = parts["time"].get("unit")
    if unit is not None and unit not in UNITS:
        raise ValueError(f"{file.name}: time.unit must be one of {', '.join(UNITS)}, got {unit!r}")
    kinds = _codes(file, "event", parts["event"].get("values"), KINDS)
    sides = _codes(file, "side", parts["side"].get("values"), SIDES)
    day = None if told.get("day") is None else str(told["day"])
    columns = {name: str(one["column"]) for name, one in parts.items()}
    return Schema(columns, kinds, sides, None if unit is None else UNITS[unit], told.get("instrument"), day)


def _part(file: Path, name: str, told: Any) -> dict[str, Any]:
    part = {"column": told} if not isinstance(told, dict) else {"column": name, **told}
    allowed = (
        {"column", "values"} if name in ("event", "side") else {"column", "unit"} if name == "time" else {"column"}
    )
    if not set(part) <= allowed:
        raise ValueError(f"{file.name}: {name} must have only {', '.join(sorted(allowed))}, got {sorted(part)}")
    return part


def _codes(file: Path, name: str, told: Any, words: Mapping[str, int]) -> Mapping[str, int]:
    if told is None:
        return words
    for word in told.values():
        if str(word) not in words:
            raise ValueError(f"{file.name}: {name}.values must be of {', '.join(words)}, got {word!r}")
    return {str(said): words[str(word)] for said, word in told.items()}


def archive(files: list[Path], found: Schema) -> Archive:
    """The day of one instrument, in the files' order."""
    name = found.instrument or files[0].name.split(".")[0]
    day, since = found.day, 0
    if day is not None:
        since = (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY
    return Archive(str(name), "generic", lambda: _stream(files, found, since), day=day)


def _stream(files: list[Path], found: Schema, since: int) -> Iterator[Events]:
    rising, column = Rising(), found.columns
    for file in files:
        for chunk in tables(file, found.needed):
            time = rising.check(chunk, column["time"], stamps(chunk, column["time"], found.unit))
            chunk.require((time >= DAY) | (since > 0), column["time"], "since the epoch, as the schema names no day")
            kind, side = chunk.coded(column["event"], found.kinds), chunk.coded(column["side"], found.sides)
            order = chunk.column(column["order"], WHOLE) if column["order"] in chunk.frame.columns else None
            price, size = chunk.prices(column["price"]), chunk.sizes(column["size"])
            yield events(np.where(time < DAY, time + since, time), kind, side, size, price, order)
