"""The first line of a file, whatever it is packed in."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

ZSTD, GZIP, PARQUET = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PAR1"


def first_line(path: Path) -> str:
    """The first line of a text, unpacked; of a Parquet table its columns, by commas.

    Raises: ValueError for a file that is empty or cannot be unpacked.
    """
    try:
        head = _head(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no whole file: {error}") from error
    if not head.strip():
        raise ValueError(f"{path} must hold messages, got an empty file")
    return head.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")[0].rstrip("\r")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(1 << 14)
    if start[:2] == GZIP:
        with gzip.open(path) as file:
            return file.read(1 << 14)
    if start[:4] in (PARQUET, ZSTD):
        return _columns(path, start[:4] == PARQUET)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
            with archive.open(names[0], "r") as file:
                return file.read(1 << 14)
    return start


def _columns(path: Path, parquet: bool) -> bytes:
    """The headings of a table that polars opens."""
    import polars as pl

    try:
        scanned = pl.scan_parquet(path) if parquet else pl.scan_csv(path, infer_schema=False)
        return ",".join(scanned.collect_schema().names()).encode()
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{path} is no whole table: {str(error).splitlines()[0]}") from error
