"""What a replay plays: recorded days, read once a process as long as their files do not change."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from mm_env.data.recording import SECOND, Recording
from mm_env.venue.replay import tape as tapes
from mm_env.venue.replay.window import Window

Path = str | tuple[str, ...]
WHOLE = (0.0, float("inf"))


def check_there(path: Path) -> None:
    """Refuse a path that names no file. Raises: ValueError."""
    from mm_env.data.listing import expand

    try:
        expand(path)
    except ValueError as error:
        raise ValueError(f"Replay.path must name recorded days: {error}") from error


def recording(path: Path, tick: float, window: Window) -> Recording:
    """The days one after the other, in ticks of `tick`; of stored days only the single messages of the window's part."""
    return _read(path, tick, _changed(path), *_part(path, window))


def tape(path: Path, tick: float, window: Window, reach: int, starts: bytes, span: float, unit: float) -> Any:
    """The messages as one array, with the windows' starts."""
    return _tape(path, tick, _changed(path), *_part(path, window), reach, starts, span, unit)


def shares(path: Path, window: Window, other_path: Path, other: Window) -> bool:
    """Whether two parts of recorded days hold some of the same time."""
    mine, theirs = _days(path, _changed(path)), _days(other_path, _changed(other_path))
    if mine == theirs:
        return window.meets(other, len(mine))
    played = [{days[i] for i in one.days(len(days))} for days, one in ((mine, window), (theirs, other))]
    return bool(played[0] & played[1]) and window.begins < other.ends and other.begins < window.ends


@lru_cache(maxsize=32)
def _days(path: Path, changed: int) -> tuple[tuple[str, str, str], ...]:
    """(instrument, day, file) of each day."""
    return tuple((day.instrument, day.day, str(day.files[0].resolve())) for day in _listed(path))


def _listed(path: Path) -> Any:
    from mm_env.data import days  # needs polars

    return days(path, depth=True)


def _changed(path: Path) -> int:
    """When a file was last written."""
    from mm_env.data.listing import expand

    return max(file.stat().st_mtime_ns for file in expand(path))


@lru_cache(maxsize=32)
def _is_stored(path: Path) -> bool:
    from mm_env.data.listing import expand
    from mm_env.data.stored import META

    return all(file.name == META for file in expand(path))


def _part(path: Path, window: Window) -> tuple[float, float]:
    """The seconds of each day that are read: all but of a store."""
    return (float(window.begins), float(window.ends)) if _is_stored(path) else WHOLE


@lru_cache(maxsize=2)
def _read(path: Path, tick: float, changed: int, begins: float, ends: float) -> Recording:
    """The days with prices in ticks of `tick`: the recording's, or another that all prices are whole numbers of, finer only
    where the recording's is a guess."""
    from mm_env.data.join import join

    days = _listed(path)
    if len({day.instrument for day in days}) > 1:
        raise ValueError(f"Replay.path must hold one instrument, got {', '.join(sorted({d.instrument for d in days}))}")
    found = join(days, None, begins, ends)
    if abs(found.tick - tick) <= 1e-9 * tick:
        return found
    try:
        if tick < found.tick and not found.tick_guessed:
            raise ValueError("nobody quotes between the recording's ticks")
        return join(days, tick, begins, ends)
    except ValueError as error:
        raise ValueError(f"Replay.tick must be the recording's {found.tick:g}, got {tick:g}") from error


@lru_cache(maxsize=8)
def _tape(
    path: Path, tick: float, changed: int, begins: float, ends: float, reach: int, starts: bytes, span: float,
    unit: float,
) -> Any:  # fmt: skip
    read = _read(path, tick, changed, begins, ends)
    return tapes.tape(read, reach, np.frombuffer(starts, np.int64), round(span * SECOND), unit)
