"""The two CSV files of a LOBSTER day, found by their names: in a zip, in a folder, or beside each other, gzipped or not."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mm_env.data.formats import described

NAME = re.compile(r"([^_/\\]+)_(\d{4}-\d\d-\d\d)_(\d+)_(\d+)_(message|orderbook)_(\d+)\.csv(\.gz)?$", re.IGNORECASE)
CALLED = "TICKER_DATE_START_END_message_LEVEL.csv"
Contents = dict[str, Callable[[], bytes]]  # name of a file -> how to read it


class Files(NamedTuple):
    """The two halves of a day, and what their names say."""

    ticker: str
    day: str
    start: int  # ns after midnight
    end: int
    levels: int
    message: tuple[str, bytes]
    orderbook: tuple[str, bytes]
    passed: Counter[str]  # lines and columns that were passed over when they were read


def find(path: Path, day: str | None = None, instrument: str | None = None) -> Files:
    """The message and orderbook files at `path`, unpacked; of several days and instruments the one that is named.

    Raises: ValueError that says what was found where that is not one day.
    """
    contents = _contents(path)
    days = _days(contents)
    whole = {key: names for key, names in days.items() if len(names) == 2}
    if not whole:
        raise ValueError(_no_day(path, contents, days))
    chosen = [
        key
        for key in whole
        if (day is None or key[2] == str(day)) and (instrument is None or key[1].lower() == str(instrument).lower())
    ]
    if len(chosen) != 1:
        raise ValueError(_not_one_day(path, whole, bool(chosen), day, instrument))
    _, ticker, date, start, end, levels = key = chosen[0]
    message, orderbook = ((name, contents[name]()) for name in (whole[key]["message"], whole[key]["orderbook"]))
    return Files(ticker, date, int(start) * 10**6, int(end) * 10**6, int(levels), message, orderbook, Counter())


def held(path: Path) -> list[tuple[str, str]]:
    """(ticker, day) of each whole day at `path`, in order. Raises: ValueError where there is none."""
    contents = _contents(path)
    found = _days(contents)
    whole = sorted({(key[1], key[2]) for key, names in found.items() if len(names) == 2})
    if not whole:
        raise ValueError(_no_day(path, contents, found))
    return whole


def _days(contents: Contents) -> dict[tuple[str, ...], dict[str, str]]:
    """(folder, ticker, day, start, end, levels) -> which file is which."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for name in sorted(contents, reverse=True):  # a file before the same one gzipped, which it overrules
        if match := NAME.search(name):
            key = (str(PurePosixPath(name).parent), *match.group(1, 2, 3, 4, 6))
            found.setdefault(key, {})[match[5].lower()] = name
    return found


def _no_day(path: Path, contents: Contents, days: dict[tuple[str, ...], dict[str, str]]) -> str:
    names = sorted(name for halves in days.values() for name in halves.values())
    if len(names) == 1 and path.is_file() and path.name == names[0]:
        other = "orderbook" if "message" in names[0].lower() else "message"
        partner = re.sub("message|orderbook", other, names[0], flags=re.IGNORECASE)
        return f"{path.name} must have {partner} beside it, got none"
    if names:
        return f"{path} must hold two files of one day, got {' and '.join(names[:4])}"
    return f"{path} must hold {CALLED} and its orderbook, got {sorted(contents)[:6] or 'nothing'}"


def _not_one_day(path: Path, whole: dict[tuple[str, ...], dict[str, str]], several: bool, *asked: str | None) -> str:
    days = sorted({f"{key[1]} of {key[2]}" for key in whole})
    listed = ", ".join(days[:6]) + (f" and {len(days) - 6} more" if len(days) > 6 else "")
    if several:
        return (
            f"{path.name} holds {len(whole)} LOBSTER days, {listed}: choose one by day= and instrument= "
            f"(data.day={max(whole)[2]}), or give its message CSV, unpacked"
        )
    wanted = " and ".join(f"{name}={value}" for name, value in zip(("day", "instrument"), asked) if value is not None)
    return f"{wanted} must name a day of {path.name}, which holds {listed}"


def _contents(path: Path) -> Contents:
    """The files that `path` holds, or that belong to it; those that macOS adds are none."""
    if path.is_dir():
        return _beside(path)
    if not path.is_file():
        raise ValueError(f"path must name a LOBSTER zip, folder or message CSV, got {path}, which is no file")
    if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return _zipped(path)
    match = NAME.search(path.name)
    if not match:
        found = described(path)
        what = f", which is {found}" if found else ""
        raise ValueError(f"path must name a LOBSTER zip, a folder or a CSV called {CALLED}, got {path.name}{what}")
    parts = match.group(1, 2, 3, 4, 6)
    return {
        name: read
        for name, read in _beside(path.parent).items()
        if name == path.name
        or (
            (other := NAME.search(name))
            and other.group(1, 2, 3, 4, 6) == parts
            and other[5].lower() != match[5].lower()
        )
    }


def _beside(folder: Path) -> Contents:
    files = [file for file in folder.iterdir() if file.is_file() and not file.name.startswith("._")]
    return {file.name: lambda file=file: _unzipped(file.name, file.read_bytes()) for file in files}


def _zipped(path: Path) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and not _of_macos(name)]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{path} is no whole zip file: {error}") from error
    return {name: lambda name=name: _unzipped(name, _extracted(path, name)) for name in names}


def _of_macos(name: str) -> bool:
    return "__MACOSX" in name or PurePosixPath(name).name.startswith("._")


def _extracted(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError(f"{path} is no whole zip file: {error}") from error


def _unzipped(name: str, data: bytes) -> bytes:
    if not name.lower().endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{name} is no whole gzip file: {error}") from error
