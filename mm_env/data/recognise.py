"""What a file is, told by its content; and which reader takes it. One's own reader is registered here."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mm_env.data import binance_vision, databento, generic, tardis
from mm_env.data.first_line import first_line
from mm_env.data.formats import described
from mm_env.data.lobster_find import NAME

TAKEN = ", ".join(
    [
        "LOBSTER's zips and CSV pairs",
        "Binance's raw log",
        *(one.TAKEN for one in (binance_vision, tardis, databento, generic)),
    ]
)


@dataclass(frozen=True)
class Found:
    """A file, the format that it is in, and which table of it."""

    path: Path
    format: str
    kind: str = ""


Recogniser = Callable[[Path, str], str | None]
OWN: dict[str, Recogniser] = {}


def recognise(path: Path, schema: bool = False) -> Found | None:
    """The format of a file; None for what is no recording (notes, checksums, an orderbook CSV of LOBSTER's).

    With a `schema`, what is no other format is a table of one's own.

    Raises: ValueError that names what was found and what is taken.
    """
    if _beside_the_point(path):
        return None
    if _is_lobster(path):
        return Found(path, "LOBSTER")
    line = first_line(path)
    for name, recognises in OWN.items():
        if (kind := recognises(path, line)) is not None:
            return Found(path, name, kind)
    columns = [column.strip().strip('"') for column in line.split(",")]
    for name, kind in (("Tardis", tardis.kind_of(columns)), ("Binance Vision", binance_vision.kind_of(line))):
        if kind:
            return Found(path, name, kind)
    if set(databento.COLUMNS) <= set(columns):
        return Found(path, "Databento MBO")
    if schema or set(generic.COLUMNS) <= set(columns):
        return Found(path, "generic")
    if "data=binance" in described(path):
        return Found(path, "Binance")
    raise ValueError(f"{path} is {described(path) or _shown(line)}; {TAKEN} are taken")


def register(name: str, recognises: Recogniser) -> None:
    """Let files be of a format of one's own: `recognises(path, first line)` is the kind of table ("" where there is one), or
    None for a file of another format."""
    OWN[name] = recognises


def _beside_the_point(path: Path) -> bool:
    orderbook = NAME.search(path.name)
    return (
        path.name.startswith(".")
        or path.suffix.lower() in (".md", ".yaml", ".yml", ".json", ".checksum", ".png", ".pdf")
        or path.name.lower() in ("license", "license.txt", "readme.txt", "readme")
        or bool(orderbook and orderbook[5].lower() == "orderbook")
        or (path.suffix.lower() == ".txt" and "readme" in path.name.lower())
    )


def _is_lobster(path: Path) -> bool:
    if NAME.search(path.name):
        return True
    if not zipfile.is_zipfile(path):
        return False
    return any(NAME.search(name) for name in zipfile.ZipFile(path).namelist())


def _shown(line: str) -> str:
    return f"a text that begins with {line[:60]!r}" if line.isprintable() else "no text"
