"""Stretches of messages, recorded or simulated, that are scored against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from mm_env.data.recording import SECOND, Messages

NEW, PARTIAL, DELETE, EXECUTED = 1, 2, 3, 4


def cut(messages: Messages, begins: float, ends: float, length: float) -> list[Messages]:
    """The whole stretches of `length` seconds from `begins` to `ends`, end to end, each from time 0."""
    starts = np.arange(begins, ends - length + 1e-6, length)
    return [within(messages, start, start + length) for start in starts]


def within(messages: Messages, begins: float, ends: float) -> Messages:
    """The messages from `begins` to before `ends` (seconds), from time 0, with the row before the first at its front.

    That row is of kind 0, no message.
    """
    first, last = np.searchsorted(messages.time, np.rint(np.array([begins, ends]) * SECOND).astype(np.int64)).tolist()
    rows = np.arange(max(first - 1, 0), last)
    part = _rows(messages, rows)
    time, kind = np.maximum(part.time - round(begins * SECOND), 0), part.kind.copy()
    if first > 0 and len(kind):
        kind[0] = 0
    return replace(part, time=time, kind=kind)


def visible(messages: Messages) -> Messages:
    """Those that changed the rows of the book, and stand on two sides: as an exchange's file of so many levels has them."""
    columns = np.hstack([messages.bids, messages.asks, messages.bid_sizes, messages.ask_sizes])
    changed = np.r_[True, (np.diff(columns, axis=0) != 0).any(axis=1)]
    shown = (messages.kind >= NEW) & (messages.kind <= EXECUTED)
    return _rows(messages, np.flatnonzero(changed & shown & two_sided(messages)))


def two_sided(messages: Messages) -> NDArray[np.bool_]:
    """Which rows have a bid below an ask, (n,)."""
    return (messages.bids[:, 0] > 0) & (messages.asks[:, 0] > messages.bids[:, 0])


def levels_of(messages: Messages, levels: int) -> Messages:
    """The same with the nearest `levels` prices a side only."""
    shown = {name: getattr(messages, name)[:, :levels] for name in ("bids", "asks", "bid_sizes", "ask_sizes")}
    return replace(messages, **shown)


def halves(stretches: list[Messages]) -> Iterator[list[Messages]]:
    """Every other stretch, and those between."""
    yield stretches[0::2]
    yield stretches[1::2]


def _rows(messages: Messages, rows: NDArray[np.int64]) -> Messages:
    return replace(messages, **{column.name: getattr(messages, column.name)[rows] for column in fields(messages)})
