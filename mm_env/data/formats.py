"""What a file is that a reader cannot take, in words for people."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path

STARTS = {  # the first bytes of a file -> what it is
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, to be unpacked first (7z x FILE)",
    b"Rar!": "a rar archive, to be unpacked first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd, to be unpacked first (zstd -d FILE)",
    b"BZh": "compressed by bzip2, to be unpacked first (bunzip2 FILE)",
    b"\xfd7zXZ": "compressed by xz, to be unpacked first (unxz FILE)",
    b"DBN": "Databento's binary format (DBN), which is not read",
    b"PAR1": "a Parquet table, which data=recording reads",
    b"ARROW1": "an Arrow table, which is not read",
    b"\x89HDF": "an HDF5 file, which is not read",
    b"\x93NUMPY": "a NumPy array, which is not read",
}
TEXTS = [  # how a text starts -> what it is
    (r"exchange,symbol,timestamp,local_timestamp", "a table of Tardis (tardis.dev), which data=recording reads"),
    (r"ts_recv,|ts_event,|rtype,", "a table of Databento, of which data=recording reads MBO"),
    (
        r"(agg_trade_id|trade_id|id,price|update_id|open_time|timestamp,percentage|create_time),|\d+,[\d.]+,[\d.]+,[\d.]+,\d+,(true|false)",
        "a table of Binance's archive (data.binance.vision), of which data=recording reads bookTicker, trades and aggTrades",
    ),
    (r"\d{4,5}\.\d+,[1-7],-?\d+,\d+,-?\d+,-?1\b", "LOBSTER's message file (data=lobster)"),
    (r"\s*[{\[]", "JSON without a time of receipt before each message, which is not read"),
    (r"\d{9,20}\s+[{\"]", "a Binance log (data=binance)"),
]
ARCHIVE = re.compile(
    r"^[A-Z0-9_]+-(trades|aggTrades|bookTicker|bookDepth|\d+[smhdw]|klines|metrics).*\.(csv|zip)$", re.I
)


def described(path: Path) -> str:
    """What the file is, if it is something known; else nothing."""
    if path.is_dir():
        return "a folder"
    try:
        return _by_start(path, _head(path))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return ""


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(512)
    if head[:2] == b"\x1f\x8b":
        with gzip.open(path) as file:
            return file.read(512)
    return head


def _by_start(path: Path, head: bytes) -> str:
    if head[:2] == b"PK" and zipfile.is_zipfile(path):
        names = zipfile.ZipFile(path).namelist()
        source = " of Binance's archive (data.binance.vision)" if ARCHIVE.match(path.name) else ""
        return f"a zip archive{source} that holds {listed(names)}"
    if ".dbn" in path.name.lower():
        return STARTS[b"DBN"]
    for start, what in STARTS.items():
        if head.startswith(start):
            return what
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    return next((what for pattern, what in TEXTS if re.match(pattern, text, re.I)), "")


def listed(names: list[str], most: int = 4) -> str:
    """Some of the names, and how many more there are."""
    shown = ", ".join(sorted(names)[:most]) or "nothing"
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
