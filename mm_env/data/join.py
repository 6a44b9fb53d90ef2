"""Days one after the other, as one recording: what lies between them is cut out like a halt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from math import gcd
from typing import Any, Protocol

import numpy as np

from mm_env.data.prices import UNIT
from mm_env.data.recording import Messages, Orders, Quotes, Recording, Stretches


class HasRecording(Protocol):
    """A day that can be read."""

    def recording(self, begins: float = 0.0, ends: float = float("inf"), tick: float | None = None) -> Recording: ...


def join(
    days: Sequence[HasRecording], tick: float | None = None, begins: float = 0.0, ends: float = float("inf")
) -> Recording:
    """The days of one instrument as one Recording, in ticks of `tick`, or of the largest that all prices are multiples of.

    Of stored days the single messages are read from `begins` to `ends`, seconds of each day, alone.
    """
    read = [day.recording(begins, ends, tick) for day in days]
    common = gcd(*(round(one.tick / UNIT) for one in read)) * UNIT
    read = [
        one if abs(one.tick - common) < 0.5 * UNIT else day.recording(begins, ends, common)
        for day, one in zip(days, read)
    ]
    return read[0] if len(read) == 1 else joined(read)


def joined(read: Sequence[Recording]) -> Recording:
    """Recordings of one tick as one. A day begins a nanosecond after the end of the one before, so that no time is of two."""
    starts = np.cumsum([0, *(one.length + 1 for one in read[:-1])])
    single = all(one.messages is not None for one in read)
    first, notes = read[0], dict.fromkeys(note for one in read for note in one.notes)
    if not single and any(one.messages is not None for one in read):
        notes["Single messages are left out: not all days have them"] = None
    return replace(
        first,
        day=f"{first.day}..{read[-1].day}" if read[-1].day != first.day else first.day,
        length=int(starts[-1] + read[-1].length),
        quotes=Quotes(*_columns([one.quotes for one in read], starts)),
        orders=Orders(*_columns([one.orders for one in read], starts)),
        messages=Messages(*_columns(_numbered(read), starts)) if single else None,
        cuts=np.concatenate(
            [np.r_[start, start + one.cuts] if start else one.cuts for start, one in zip(starts, read)]
        ),
        counts=_summed([one.counts for one in read]),
        checks=_summed([one.checks for one in read]),
        without_quote=_stretches(read),
        tick_guessed=any(one.tick_guessed for one in read),
        notes=tuple(notes),
        day_starts=starts.astype(np.int64),
    )


def _columns(parts: Sequence[Any], starts: Any) -> list[Any]:
    """The columns of days' quotes, orders or messages, one after the other, with times made one time."""
    moved = [replace(part, time=part.time + start) for part, start in zip(parts, starts, strict=True)]
    return [np.concatenate([_wide(part, one.name, moved) for part in moved]) for one in fields(moved[0])]


def _wide(part: Any, name: str, parts: Sequence[Any]) -> Any:
    """A column, with as many levels as all days have."""
    column = getattr(part, name)
    return column if column.ndim == 1 else column[:, : min(getattr(other, name).shape[1] for other in parts)]


def _numbered(read: Sequence[Recording]) -> list[Messages]:
    """Days' messages with orders numbered apart: exchanges use the same numbers anew on each day.

    Numbers that a reader made up, where none are recorded, are below 0 and stay so.
    """
    found, above, below = [], 0, 0
    for one in read:
        messages: Any = one.messages
        numbers, place = np.unique(messages.order, return_inverse=True)
        made_up = int((numbers < 0).sum())
        found.append(
            replace(messages, order=np.where(messages.order < 0, below - made_up + place, above + 1 + place - made_up))
        )
        above, below = above + len(numbers) - made_up, below - made_up
    return found


def _summed(several: Sequence[dict[str, int]]) -> dict[str, int]:
    return {
        name: sum(one.get(name, 0) for one in several) for name in dict.fromkeys(key for one in several for key in one)
    }


def _stretches(read: Sequence[Recording]) -> dict[str, Stretches]:
    total, found = sum(one.length for one in read), {}
    for name in dict.fromkeys(key for one in read for key in one.without_quote):
        held = [(one.without_quote.get(name, Stretches(0.0, 0.0)), one.length) for one in read]
        share = sum(part.share * length for part, length in held) / max(total, 1)
        found[name] = Stretches(share, max(part.longest for part, _ in held))
    return found
