"""Surfaces from files.

JSON, one grid:

    {"spot": 4468.17, "days": [13, 41], "rates": [0.0357, 0.0349], "strikes": [3400, 3600],
     "vols": [[0.6625, 0.4875], [0.6007, 0.4543]]}            (a row for each strike, a column for each maturity)

CSV, a line for each quote in any order: strike; days, or maturity in years; implied_volatility; rate (zero rate, continuously
compounded); and, the same in all, spot, unless data.spot says it.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from experiments.calibration.options.surface import YEAR

KEYS = ("spot", "days", "rates", "strikes", "vols")
NAMES = {
    "strike": ("strike",),
    "days": ("days", "maturity_days"),
    "maturity": ("maturity", "maturity_years", "years"),
    "vol": ("implied_volatility", "implied_vol", "volatility", "vol"),
    "rate": ("rate", "zero_rate"),
    "spot": ("spot",),
}


class Quote(NamedTuple):
    """One quote as it stands in the file; NaN where nothing does."""

    strike: float
    days: float
    vol: float
    rate: float


def quotes(path: Path) -> tuple[list[Quote], float | None]:
    """All quotes of a file, and the spot if it holds one.

    Raises: ValueError for a file that is no surface; OSError for none.
    """
    if path.suffix.lower() not in (".json", ".csv"):
        raise ValueError(f"path must be an option surface, FILE.json or FILE.csv, got {path}")
    if not path.is_file():
        raise ValueError(f"path must name an option surface, got {path}, which is no file")
    return _grid(path) if path.suffix.lower() == ".json" else _lines(path)


def _grid(path: Path) -> tuple[list[Quote], float | None]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must hold JSON: {error}") from None
    if not isinstance(held, dict) or (missing := [key for key in KEYS[1:] if key not in held]):
        what = f"lacks {', '.join(missing)}" if isinstance(held, dict) else f"is a {type(held).__name__}"
        raise ValueError(f"{path} must hold an object with {', '.join(KEYS)}, and {what}")
    days, rates, strikes = ([number(f"{path}, {key}", x) for x in _list(path, key, held)] for key in KEYS[1:4])
    rows = _list(path, "vols", held)
    shape = f"{len(strikes)} rows (a strike each) of {len(days)} numbers (a maturity each)"
    if len(rates) != len(days):
        raise ValueError(f"{path} must hold a rate for each of {len(days)} maturities, got {len(rates)}")
    if len(rows) != len(strikes) or any(not isinstance(row, list) or len(row) != len(days) for row in rows):
        widths = sorted({len(row) if isinstance(row, list) else 1 for row in rows})
        raise ValueError(f"{path}, vols must be {shape}, got {len(rows)} rows of {', '.join(map(str, widths))}")
    for what, values in (("strikes", strikes), ("days", days)):
        falls = [(a, b) for a, b in itertools.pairwise(values) if not a < b]
        if falls:
            raise ValueError(f"{path}, {what} must rise, got {falls[0][1]:g} after {falls[0][0]:g}")
    found = [
        Quote(strike, day, number(f"{path}, vols", row[j]), rate)
        for strike, row in zip(strikes, rows)
        for j, (day, rate) in enumerate(zip(days, rates))
    ]
    return found, number(f"{path}, spot", held["spot"]) if "spot" in held else None


def _list(path: Path, key: str, held: dict[str, Any]) -> list[Any]:
    if not isinstance(held[key], list):
        raise ValueError(f"{path}, {key} must be a list, got {held[key]!r}")
    return held[key]


def _lines(path: Path) -> tuple[list[Quote], float | None]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        names = _columns(path, next(reader, []))
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    found, spots = [], set[float]()
    for line, row in rows:
        cells = {
            name: number(f"{path}, line {line}, {name}", row[i] if i < len(row) else None) for i, name in names.items()
        }
        days = cells["days"] if "days" in cells else YEAR * cells["maturity"]
        found.append(Quote(cells["strike"], days, cells["vol"], cells["rate"]))
        spots |= {cells["spot"]} if not math.isnan(cells.get("spot", math.nan)) else set()
    if len(spots) > 1:
        raise ValueError(f"{path} must hold one spot, got {', '.join(f'{spot:g}' for spot in sorted(spots)[:3])}")
    return found, spots.pop() if spots else None


def _columns(path: Path, header: list[str]) -> dict[int, str]:
    """Place -> what stands there."""
    plain = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in header]
    found = {name: i for name, others in NAMES.items() for i, cell in enumerate(plain) if cell in others}
    if not {"strike", "vol", "rate"} <= set(found) or len({"days", "maturity"} & set(found)) != 1:
        wanted = "strike, days or maturity (years), implied_volatility, rate and, if it holds it, spot"
        raise ValueError(f"{path} must have the columns {wanted}, got {', '.join(header) or 'none'}")
    return {i: name for name, i in found.items()}


def number(name: str, value: Any) -> float:
    """A number, NaN where there is none. Raises: ValueError for anything else."""
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan", "na", "null", "none")):
        return math.nan
    try:
        if isinstance(value, bool | list | dict):
            raise ValueError
        return float(value)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {value!r}") from None
