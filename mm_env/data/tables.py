"""Tables of exchanges' archives, CSV (plain, gzip, zstd, zip) or Parquet, by chunks: memory does not grow with the file."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require
from mm_env.data.prices import UNIT
from mm_env.data.recording import Ints

ROWS = 1 << 18  # of a chunk
PATIENCE = 1.0  # seconds before the bar comes
WHOLE, REAL, TEXT = "a whole number", "a number", "text"
DECIMALS = round(1.0 / UNIT)
NEAR = 0.01  # of the unit: what a decimal price may be off a whole number of it, as a binary number


class Chunk:
    """Some rows of a table, with the file and the line of each."""

    def __init__(self, name: str, first: int, frame: Any) -> None:
        self.name, self.first, self.frame = name, first, frame

    def __len__(self) -> int:
        return self.frame.height

    def column(self, column: str, kind: str = TEXT) -> NDArray[Any]:
        """The values, (n,), as integers, floats or texts. Raises: ValueError that names the line of what is none."""
        import polars as pl

        series = self.frame[column]
        wanted = {WHOLE: pl.Int64, REAL: pl.Float64, TEXT: pl.String}[kind]
        if series.dtype == pl.String and kind != TEXT:
            series = series.str.strip_chars()
        cast = series.cast(wanted, strict=False)
        self.require((cast.is_not_null()).to_numpy(), column, kind)
        return cast.to_numpy()

    def prices(self, column: str) -> Ints:
        """Prices >= 0 in 1e-8, (n,), as written. Raises: ValueError for what is no decimal of at most eight places."""
        real = self.column(column, REAL)
        scaled = real * DECIMALS
        whole = np.rint(scaled)
        exact = np.isfinite(scaled) & (np.abs(scaled - whole) <= np.maximum(NEAR, 4e-16 * np.abs(scaled))) & (real >= 0)
        self.require(exact, column, "a number >= 0 of at most eight decimals")
        return whole.astype(np.int64)

    def sizes(self, column: str) -> NDArray[np.float64]:
        """Sizes >= 0, (n,)."""
        sizes = self.column(column, REAL)
        self.require(np.isfinite(sizes) & (sizes >= 0.0), column, "a number >= 0")
        return sizes

    def flags(self, column: str) -> NDArray[np.bool_]:
        """Whether a column says true, (n,): true or false, in any case."""
        text = np.char.lower(self.column(column).astype(str))
        self.require(np.isin(text, ("true", "false")), column, "true or false")
        return text == "true"

    def coded(self, column: str, codes: Mapping[str, int]) -> Ints:
        """The code of each text, (n,). Raises: ValueError for a text that has none."""
        import polars as pl

        text = self.frame[column].cast(pl.String)
        found = text.replace_strict(list(codes), list(codes.values()), default=None, return_dtype=pl.Int64)
        self.require(found.is_not_null().to_numpy(), column, f"one of {', '.join(codes)}")
        return found.to_numpy()

    def require(self, holds: NDArray[np.bool_], column: str, rule: str) -> None:
        """Refuse the file unless every row keeps the rule; the first that does not is named."""
        if not holds.all():
            row = int(np.argmin(holds))
            value = self.frame[column][row]
            shown = "nothing" if value is None else value
            raise ValueError(f"{self.name}, line {self.first + row}: {column} must be {rule}, got {shown}")


def tables(path: Path, columns: Sequence[str] = (), headings: bool = True) -> Iterator[Chunk]:
    """The chunks of one table, in order, all cells of a CSV as texts.

    `columns`: those that are needed; without `headings` in the file, the names of all.

    Raises: ValueError for a file that is no whole table, or lacks a column.
    """
    require("reading recorded days", "data", "polars", "tqdm")
    import polars as pl
    from tqdm import tqdm

    with ExitStack() as held:
        file = _unzipped(path, held)
        bar = held.enter_context(
            tqdm(unit="row", unit_scale=True, desc=f"reading {path.name}", delay=PATIENCE, leave=False, disable=None)
        )
        first = 1 + headings
        try:
            for frame in _scanned(file, columns, headings).collect_batches(chunk_size=ROWS):
                _check_columns(path, frame, columns)
                if frame.height:
                    yield Chunk(path.name, first, frame)
                first += frame.height
                bar.update(frame.height)
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{path.name} is no whole table: {str(error).splitlines()[0]}") from error


def _scanned(file: Path, columns: Sequence[str], headings: bool) -> Any:
    import polars as pl

    with file.open("rb") as opened:
        if opened.read(4) == b"PAR1":
            return pl.scan_parquet(file)
    names = None if headings else list(columns)
    options: dict[str, Any] = {} if names is None else {"new_columns": names}
    return pl.scan_csv(file, has_header=headings, infer_schema=False, extra_columns="raise", **options)


def _check_columns(path: Path, frame: Any, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{path.name} must have the columns {', '.join(columns)}, got none called {missing[0]}")


def _unzipped(path: Path, held: ExitStack) -> Path:
    """The file itself, or the one table of a zip, unpacked to a folder that lasts as long as `held`."""
    if not zipfile.is_zipfile(path):
        return path
    try:
        with zipfile.ZipFile(path) as archive:
            name = only_member(path, archive)
            target = Path(held.enter_context(tempfile.TemporaryDirectory())) / Path(name).name
            with archive.open(name, "r") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            return target
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{path.name} is no whole zip file: {error}") from error


def only_member(path: Path, archive: zipfile.ZipFile) -> str:
    """The name of the one file in a zip. Raises: ValueError where there are more, or none."""
    names = [
        n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n and not n.endswith(".CHECKSUM")
    ]
    if len(names) != 1:
        raise ValueError(f"{path.name} must hold one table, got {', '.join(sorted(names)[:4]) or 'nothing'}")
    return names[0]
