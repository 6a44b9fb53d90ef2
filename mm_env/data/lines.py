"""Text files that may be gzipped, in pieces of whole lines, with a bar of how far the reading has come."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("reading logs", "data", "tqdm")
from tqdm import tqdm

PIECE = 1 << 22  # bytes
PATIENCE = 1.0  # seconds before the bar comes
BOM = b"\xef\xbb\xbf"


def pieces(paths: Sequence[Path]) -> Iterator[tuple[Path, int, bytes]]:
    """(file, number of the first line from 1 on, lines that all end in a newline), through all the files.

    Raises: ValueError for a file that is cut short or corrupt.
    """
    total = sum(path.stat().st_size for path in paths)
    with tqdm(total=total, unit="B", unit_scale=True, desc="reading", delay=PATIENCE, leave=False, disable=None) as bar:
        for path in paths:
            line = 1
            for piece in _whole_lines(path, bar):
                yield path, line, piece
                line += piece.count(b"\n")


def _whole_lines(path: Path, bar: tqdm) -> Iterator[bytes]:
    rest = b""
    for number, data in enumerate(_read(path, bar)):
        data = rest + (data if number else data.removeprefix(BOM))
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if end:
            yield data[:end]
    if rest:
        yield rest + b"\n"


def _read(path: Path, bar: tqdm) -> Iterator[bytes]:
    before = bar.n
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if zipped else raw
        try:
            while data := file.read(PIECE):
                bar.update(before + raw.tell() - bar.n)
                yield data
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path.name} is no whole log: {error}") from error
