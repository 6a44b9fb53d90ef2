"""What a reader of an exchange's archive hands on: events in order, in columns, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.data.recording import Floats, Ints

OTHER, NEW, PARTIAL, DELETE, EXECUTED, HIDDEN, CROSS = 0, 1, 2, 3, 4, 5, 6
LEVEL, SHOWN, CLEAR, REST, TRADE = 8, 9, 10, 11, 12
KINDS = {
    "new": NEW,  # a limit order of `size` joins the queue at `price`
    "partial": PARTIAL,  # an order is cancelled by `size`
    "delete": DELETE,  # an order of what is left, `size`, is withdrawn
    "execute": EXECUTED,  # a resting order trades `size`
    "hidden": HIDDEN,  # a trade that touches no visible queue
    "cross": CROSS,
    "level": LEVEL,  # the queue at `price` is of `size` now: what that means is told by what it was, and by trades
    "shown": SHOWN,  # the same, and no message: a price that came into view, a line of a snapshot
    "clear": CLEAR,  # both sides are empty until told otherwise
    "rest": REST,  # an order of `size` was there already: a line of a snapshot of orders
    "trade": TRADE,  # a trade of `size`; `side` is the aggressor's. It explains what `level` takes away
}
CHANGES = (NEW, PARTIAL, DELETE, EXECUTED, LEVEL, SHOWN, REST)


class Events(NamedTuple):
    """Events (n,) whose times do not go back. Sides are those of the resting order, +1 bid and -1 ask."""

    time: Ints  # ns since the epoch, or since midnight: whichever, the same in all
    kind: Ints  # one of KINDS
    side: Ints
    size: Floats  # units of the instrument
    price: Ints  # 1e-8 price units
    order: Ints  # the order's number; 0 where none is told


def events(time: Ints, kind: Ints, side: Ints, size: Floats, price: Ints, order: Ints | None = None) -> Events:
    """Events with the columns' types made what they must be."""
    numbers = np.zeros(len(time), np.int64) if order is None else order
    whole = [np.ascontiguousarray(column, np.int64) for column in (time, kind, side, price, numbers)]
    return Events(whole[0], whole[1], whole[2], np.ascontiguousarray(size, np.float64), whole[3], whole[4])


def part(columns: Events, rows: NDArray[np.bool_] | slice | Ints) -> Events:
    """Some of the events."""
    chosen: list[Any] = [column[rows] for column in columns]
    return Events(*chosen)


def joined(chunks: list[Events]) -> Events:
    """Chunks as one."""
    return Events(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))


def merged(*streams: Iterator[Events]) -> Iterator[Events]:
    """Streams of chunks as one stream by time. Of equal times those of the first stream come first."""
    held = [[next(stream, None), stream] for stream in streams]
    while waiting := [one for one in held if one[0] is not None]:
        until = min(int(one[0].time[-1]) for one in waiting)
        taken = []
        for one in waiting:
            if int(one[0].time[-1]) == until:  # there may be more of this time in its next chunk
                one[0] = _through(one[0], until, one[1])
            cut = int(np.searchsorted(one[0].time, until, side="right"))
            taken.append(part(one[0], slice(0, cut)))
            rest = part(one[0], slice(cut, None))
            one[0] = rest if len(rest.time) else next(one[1], None)
        whole = joined(taken)
        yield part(whole, np.argsort(whole.time, kind="stable"))


def _through(chunk: Events, until: int, stream: Iterator[Events]) -> Events:
    """The chunk and as many more of its stream as hold the time `until`."""
    chunks = [chunk]
    while int(chunks[-1].time[-1]) == until and (more := next(stream, None)) is not None:
        chunks.append(more)
    return joined(chunks) if len(chunks) > 1 else chunk
