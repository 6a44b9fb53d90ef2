"""Any number of recorded days, of any instruments, from files, folders, globs and lists of them."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mm_env.data import archive as archives
from mm_env.data import binance_vision, databento, generic, lobster, tardis
from mm_env.data.archive import Archive
from mm_env.data.join import join
from mm_env.data.rebuilt import LEVELS
from mm_env.data.recognise import Found, recognise
from mm_env.data.recording import Recording
from mm_env.data.stamps import stamps
from mm_env.data.stored import META, keep, keep_recording, stored
from mm_env.data.tables import tables

PathLike = str | Path
Paths = PathLike | Sequence[PathLike]


class Day(Protocol):
    """A recorded day of one instrument, of which nothing but its name need have been read."""

    @property
    def instrument(self) -> str: ...
    @property
    def day(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def files(self) -> list[Path]: ...
    def recording(self, begins: float = 0.0, ends: float = float("inf"), tick: float | None = None) -> Recording: ...


@dataclass(frozen=True)
class FileDay:
    """A day in an exchange's files, read whole when it is asked for."""

    instrument: str
    day: str
    source: str
    files: list[Path]
    read: Callable[[float | None], Recording]  # given the tick
    archive: Archive | None = None  # its events, where a store can take them chunk by chunk

    def recording(self, begins: float = 0.0, ends: float = float("inf"), tick: float | None = None) -> Recording:
        """The day. Raises: ValueError as its reader."""
        return self.read(tick)


Maker = Callable[[list[Found], "Options"], list[FileDay]]


@dataclass(frozen=True)
class Options:
    """What is asked of readers beside a path."""

    tick: float | None = None
    levels: int = LEVELS
    schema: str | None = None
    depth: bool = False  # whether Binance's depth differences are read as single messages


def days(
    path: Paths,
    day: str | None = None,
    instrument: str | None = None,
    tick: float | None = None,
    levels: int = LEVELS,
    schema: str | None = None,
    depth: bool = False,
) -> list[Day]:
    """The days at a path, by instrument and day; of several those that `day` and `instrument` name.

    `path`: a file, a folder (with all below it), a glob, a store of days, or a list of these. `tick`: price units, None for
    each file's own. `levels`: prices a side of books that are rebuilt. `schema`: a YAML file for tables of one's own.
    `depth`: whether Binance's depth differences are read as single messages.

    Raises: ValueError for a path that holds nothing, for what is no recording, and for two files of one day.
    """
    options = Options(tick, levels, schema, depth)
    found: list[Day] = []
    files: dict[str, list[Found]] = {}
    for one in expand(path):
        if one.name == META:
            found.append(replace(stored(one.parent), tick=tick))
        elif (told := recognise(one, schema is not None)) is not None:
            files.setdefault(told.format, []).append(told)
    for name, several in files.items():
        found += MAKERS[name](several, options)
    found = sorted(found, key=lambda one: (one.instrument, one.day))
    chosen = [one for one in found if _is(one.day, day) and _is(one.instrument, instrument)]
    if not chosen:
        raise ValueError(_none(path, found, day, instrument))
    _check_distinct(chosen)
    return chosen


def read(
    path: Paths,
    day: str | None = None,
    instrument: str | None = None,
    tick: float | None = None,
    levels: int = LEVELS,
    schema: str | None = None,
    depth: bool = False,
) -> Recording:
    """The days at a path as one Recording, one after the other, whatever format they are in. Arguments as of `days`.

    Raises: ValueError as `days` and the readers, and for days of several instruments.
    """
    found = days(path, day, instrument, tick, levels, schema, depth)
    names = sorted({one.instrument for one in found})
    if len(names) > 1:
        raise ValueError(
            f"path must hold one instrument, got {', '.join(names[:6])}: choose one by instrument= (data.instrument={names[0]})"
        )
    return join(found, tick)


def store(path: Paths, folder: PathLike, overwrite: bool = False, **asked: Any) -> list[Day]:
    """Keep the days at a path in the store at `folder`, each written chunk by chunk: the days as the store has them."""
    kept: list[Day] = []
    for one in days(path, **asked):
        source = getattr(one, "archive", None)
        if source is None:
            kept.append(keep_recording(one.recording(tick=asked.get("tick")), Path(folder), overwrite))
        else:
            kept.append(keep(source, Path(folder), asked.get("levels", LEVELS), asked.get("tick"), overwrite))
    return kept


def expand(path: Paths) -> list[Path]:
    """The files that a path means, each once, in order. Raises: ValueError for one that means none."""
    if not isinstance(path, str | Path):
        several = [file for one in path for file in expand(one)]
        if not several:
            raise ValueError("path must name files, got an empty list")
        return list(dict.fromkeys(several))
    one = Path(path)
    if one.is_file():
        return [one]
    if one.is_dir():
        found = list(_below(one))
    else:
        found = [file for name in sorted(glob.glob(str(path), recursive=True)) for file in expand(name)]
    if not found:
        what = "an empty folder" if one.is_dir() else "no file"
        raise ValueError(f"path must name recorded days, got {path}, which is {what}")
    return list(dict.fromkeys(found))


def _below(folder: Path) -> Iterator[Path]:
    """All files below a folder; of a stored day its `day.json` alone."""
    if (folder / META).is_file():
        yield folder / META
        return
    for one in sorted(folder.iterdir()):
        if one.is_dir() and not one.name.startswith("."):
            yield from _below(one)
        elif one.is_file():
            yield one


def _is(value: str, asked: str | None) -> bool:
    return asked is None or value.lower() == str(asked).lower()


def _none(path: Paths, found: Sequence[Day], day: str | None, instrument: str | None) -> str:
    held = ", ".join(f"{one.instrument} of {one.day}" for one in found[:6]) or "no recording"
    asked = [f"{name}={value}" for name, value in (("day", day), ("instrument", instrument)) if value is not None]
    return f"{' and '.join(asked) or 'path'} must name a day of {path}, which holds {held}"


def _check_distinct(found: Sequence[Day]) -> None:
    seen: dict[tuple[str, str], Day] = {}
    for one in found:
        other = seen.setdefault((one.instrument, one.day), one)
        if other is not one:
            raise ValueError(
                f"{one.instrument} of {one.day} must be there once, got it in {other.files[0]} ({other.source}) and in "
                f"{one.files[0]} ({one.source})"
            )


def _lobster(found: list[Found], options: Options) -> list[FileDay]:
    made = []
    for one in found:
        for ticker, day in lobster.held(one.path):
            load = partial(_lobster_day, one.path, day, ticker)
            made.append(FileDay(ticker, day, "LOBSTER", [one.path], load))
    return made


def _lobster_day(path: Path, day: str, ticker: str, tick: float | None) -> Recording:
    return lobster.read(path, day, ticker, tick)


def _binance(found: list[Found], options: Options) -> list[FileDay]:
    """Logs that follow each other, one day; told apart by the market that each is of."""
    from mm_env.data import binance, binance_depth  # they need tqdm

    groups: dict[tuple[str, str], list[Path]] = {}
    for one in found:
        symbol, day, market = binance.names(one.path)
        groups.setdefault((symbol + ("" if market == "spot" else f"_{market}"), day), []).append(one.path)
    made, before = [], {}
    for (name, day), several in sorted(groups.items()):
        messages = binance_depth.archive(several, name, before.get(name, ())) if options.depth else None
        if options.depth:
            before[name] = several if binance_depth.has_snapshot(several) else [*before.get(name, ()), *several]
        load = partial(_binance_day, several, messages, options)
        made.append(
            FileDay(name, day, "Binance", several, load, None if messages is None else replace(messages, day=day))
        )
    return made


def _binance_day(files: list[Path], messages: Archive | None, options: Options, tick: float | None) -> Recording:
    """The log, quotes as its bookTicker has them; with single messages where they are asked for."""
    from mm_env.data import binance

    read = binance.read(files, tick if tick is not None else options.tick)
    if messages is None:
        return read
    told = archives.assembled(messages, read.tick, options.levels)
    if told.messages is None:
        return read
    late = (told.began - read.began) % archives.DAY
    return replace(read, messages=replace(told.messages, time=told.messages.time + late))


def _of_tables(
    found: list[Found], options: Options, key: Callable[[Found], tuple[str, str]], make: Callable[..., Archive]
) -> list[FileDay]:
    """Files grouped by (instrument, day), and by the kind of table within."""
    groups: dict[tuple[str, str], dict[str, list[Path]]] = {}
    for one in found:
        groups.setdefault(key(one), {}).setdefault(one.kind, []).append(one.path)
    made = []
    for (instrument, day), kinds in groups.items():
        archive = make(kinds, instrument)
        files = [file for several in kinds.values() for file in several]
        made.append(_day(archive, instrument, day, files, options))
    return made


def _day(archive: Archive, instrument: str, day: str, files: list[Path], options: Options) -> FileDay:
    load = lambda tick: archives.assembled(archive, options.tick if tick is None else tick, options.levels)  # noqa: E731
    return FileDay(instrument, day, archive.source, files, load, replace(archive, day=day))


def _tardis(found: list[Found], options: Options) -> list[FileDay]:
    def key(one: Found) -> tuple[str, str]:
        chunk = next(tables(one.path, ("symbol", "local_timestamp")))
        return str(chunk.frame["symbol"][0]), archives.day_of(int(stamps(chunk, "local_timestamp", 1000)[0]))

    return _of_tables(found, options, key, tardis.archive)


def _vision(found: list[Found], options: Options) -> list[FileDay]:
    def key(one: Found) -> tuple[str, str]:
        return binance_vision.symbol_of(one.path), archives.day_of(binance_vision.first_time(one.path, one.kind))

    return _of_tables([one for one in found if one.kind != "bookDepth"], options, key, binance_vision.archive)


def _databento(found: list[Found], options: Options) -> list[FileDay]:
    groups: dict[tuple[str, str], list[Path]] = {}
    for one in found:
        for symbol, first in databento.symbols(one.path).items():
            groups.setdefault((symbol, archives.day_of(first)), []).append(one.path)
    return [
        _day(databento.archive(files, symbol), symbol, day, files, options) for (symbol, day), files in groups.items()
    ]


def _generic(found: list[Found], options: Options) -> list[FileDay]:
    made = []
    for one in found:
        beside = one.path.with_name(f"{one.path.name.split('.')[0]}.yaml")
        told = options.schema or (beside if beside.is_file() else None)
        archive = generic.archive([one.path], generic.schema(told) if told else generic.Schema())
        day = archive.day or archives.day_of(int(next(archive.events()).time[0]))
        made.append(_day(archive, archive.instrument, day, [one.path], options))
    return made


MAKERS: dict[str, Maker] = {
    "LOBSTER": _lobster,
    "Binance": _binance,
    "Tardis": _tardis,
    "Binance Vision": _vision,
    "Databento MBO": _databento,
    "generic": _generic,
}


def register(
    name: str, recognises: Callable[[Path, str], str | None], make: Callable[[dict[str, list[Path]], str], Archive],
    named: Callable[[Path], tuple[str, str]],
) -> None:  # fmt: skip
    """Take files of a format of one's own: `recognises(path, first line)` is the kind of table ("" where there is but one) or
    None, `named(path)` is (instrument, day), and `make(kind -> files, instrument)` the Archive of their events."""
    from mm_env.data import recognise as told

    told.register(name, recognises)
    MAKERS[name] = lambda found, options: _of_tables(found, options, lambda one: named(one.path), make)
