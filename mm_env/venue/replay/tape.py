"""A recorded day as one array, a row a message: what it says, how the book looks after it, and when its order had come."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.data.recording import Ints, Messages, Recording

NEW, EXECUTED = 1, 4
NEVER = -1
LARGEST = np.iinfo(np.int32).max


def fields(levels: int) -> list[Any]:
    """The fields of a row of a recording with that many prices a side. Beside the messages, rows hold the windows' starts."""
    return [
        ("time", np.int64),  # ns of trading since the first line
        ("kind", np.int64),  # 1 new, 2 partly cancelled, 3 deleted, 4 executed; others change no queue
        ("side", np.int64),  # of the resting order
        ("price", np.int64),  # ticks
        ("lots", np.int64),
        ("there", np.int64),  # the order was surely in its queue after this row's message
        ("absent", np.int64),  # and surely not before this one's; NEVER where nothing is known
        ("known", np.int64, (2,)),  # prices in view, of bids and asks, after the message
        ("far", np.int64, (2,)),  # up to this price all is in view
        ("prices", np.int32, (2, levels)),  # best first
        ("sizes", np.int32, (2, levels)),
        ("start", np.int64),  # of a window, ns; NEVER below the last one
        ("windows", np.int64),  # how many there are: the same in all rows
    ]


def tape(recording: Recording, reach: int, starts: NDArray[np.int64], span: int, unit: float = 1.0) -> Any:
    """The record array (n,) of a recording, of whose book the prices within `reach` ticks of the other side's best are in view,
    with windows of `span` that begin at `starts` (ns). A lot is `unit` units of the file's sizes.

    A row that is crossed or lacks a side shows the book of the row before, as in `Recording.quotes`.

    Raises: ValueError where the recording has no single messages, or fewer of them than windows, for a reach within which a
    side shows nothing in some window, and for prices or sizes of more than 31 bits.
    """
    messages = recording.messages
    if messages is None:
        raise ValueError(f"a replay needs single messages, and {recording.source} does not record them")
    if len(starts) > len(messages.time):
        raise ValueError(f"there must be at most as many windows as messages, {len(messages.time)}, got {len(starts)}")
    messages = in_lots(messages, unit)
    most = max(column.max() for column in (messages.bids, messages.asks, messages.bid_sizes, messages.ask_sizes))
    if most > LARGEST:
        raise ValueError(f"a replay needs prices in ticks and sizes up to {LARGEST:,}, got {most:,.0f}")
    rows = np.zeros(len(messages.time), np.dtype(fields(messages.bids.shape[1]), align=True)).view(np.recarray)
    rows.time, rows.kind, rows.price, rows.lots = messages.time, messages.kind, messages.price, messages.size
    rows.side = messages.side < 0
    _show_books(rows, messages, reach)
    _check_reach(rows, reach, starts, span)
    rows.absent = rows.there = _born(messages)
    _guess_births(rows)
    rows.start = np.r_[starts, np.full(len(rows) - len(starts), NEVER)]
    rows.windows = len(starts)
    return rows


def in_lots(messages: Messages, unit: float) -> Messages:
    """The messages with sizes in whole lots of `unit`. Raises: ValueError where a size is none."""
    names = ("size", "bid_sizes", "ask_sizes")
    lots = {name: np.rint(getattr(messages, name) / unit) for name in names}
    for name, column in lots.items():
        size = getattr(messages, name)
        off = np.abs(column * unit - size) > 1e-6 * np.maximum(unit, size)
        if off.any():
            raise ValueError(
                f"Replay.unit must be a size that all sizes are multiples of, got {unit:g} and {size[off].flat[0]:g}"
            )
    return replace(messages, **lots)


def _show_books(rows: Any, messages: Messages, reach: int) -> None:
    """The prices in view after each message, and how far the view goes: to the last recorded price, or else to the reach."""
    usable = (messages.bids[:, 0] > 0) & (messages.asks[:, 0] > messages.bids[:, 0])
    shown = np.maximum.accumulate(np.where(usable, np.arange(len(usable)), int(np.argmax(usable))))
    both = ((messages.bids, messages.bid_sizes), (messages.asks, messages.ask_sizes))
    for side, (prices, sizes) in enumerate(both):
        out, opposite = 2 * side - 1, both[1 - side][0][shown, 0]
        prices, edge = prices[shown], opposite + out * reach
        near = (prices > 0) & ((edge[:, None] - prices) * out >= 0)
        rows.prices[:, side], rows.sizes[:, side] = prices, sizes[shown]
        rows.known[:, side] = near.sum(axis=1)
        rows.far[:, side] = np.where(near.all(axis=1), prices[:, -1], edge)


def _check_reach(rows: Any, reach: int, starts: NDArray[np.int64], span: int) -> None:
    """Refuse a reach that leaves a side of some window's book out of view: its best quote would be nobody's."""
    first, last = np.searchsorted(rows.time, starts) - 1, np.searchsorted(rows.time, starts + span)
    played = np.zeros(len(rows) + 1, np.int64)  # windows that begin less those that end at each row
    np.add.at(played, np.maximum(first, 0), 1)
    np.add.at(played, last, -1)
    spread = (rows.prices[:, 1, 0] - rows.prices[:, 0, 0])[np.cumsum(played[:-1]) > 0]
    if (spread > reach).any():
        raise ValueError(
            f"Replay.levels must be >= {spread.max()}, the widest spread in the windows in ticks, got {reach}: in "
            f"{(spread > reach).sum():,} of {len(spread):,} rows a side would show nothing"
        )


def _born(messages: Messages) -> Ints:
    """The message (n,) by which the order that each one names came to the book; NEVER if none is recorded."""
    _, first, number = np.unique(messages.order, return_index=True, return_inverse=True)
    return np.where(messages.kind[first] == NEW, first, NEVER)[number]


def _guess_births(rows: Any) -> None:
    """Of orders whose coming is not recorded: they were there when their price last came into view."""
    foreign = (rows.there == NEVER) & (rows.kind > NEW) & (rows.kind <= EXECUTED)
    for side in range(2):
        out = 2 * side - 1
        nearness = (out * rows.far[:, side]).tolist()  # a price is in view while out x price is at most this
        rising: list[int] = []  # nearness of the rows since which none was nearer, and those rows
        places: list[int] = []
        asked = set(np.flatnonzero(foreign & (rows.side == side)).tolist())
        for row, near in enumerate(nearness):
            if row in asked:  # the last row before this one in which its price was out of view, and the one after that
                hidden = bisect_left(rising, out * int(rows.price[row])) - 1
                rows.there[row] = places[hidden] + 1 if hidden >= 0 else NEVER
            while rising and rising[-1] >= near:
                rising.pop()
                places.pop()
            rising.append(near)
            places.append(row)
