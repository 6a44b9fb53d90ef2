"""Events of an archive as messages with the book after each: `Rows`, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mm_env.core import engine
from mm_env.data import rebuild
from mm_env.data.events import EXECUTED, KINDS, TRADE, Events, part
from mm_env.data.recording import SECOND, Floats, Ints

LEVELS = 5  # prices a side that are kept
PATIENCE = SECOND  # how long a trade may wait for the change of the book that it made


class Rows(NamedTuple):
    """Messages (n,) and the best levels (n, 2, levels) after each; bids first. Prices are 1e-8, 0 where there is none."""

    time: Ints
    kind: Ints
    side: Ints
    size: Floats
    price: Ints
    order: Ints
    prices: Ints
    sizes: Floats


class Trades(NamedTuple):
    """Trades (m,); sides are the aggressor's."""

    time: Ints
    side: Ints
    size: Floats
    price: Ints


class Rebuilt:
    """The book that a stream of events is about, and what was counted on the way."""

    def __init__(self, levels: int = LEVELS, patience: int = PATIENCE) -> None:
        self.levels, self.patience, self.counts = levels, patience, dict.fromkeys(KINDS, 0)
        self._book: Any = (np.zeros((2, 0), np.int64), np.zeros((2, 0)), np.zeros(2, np.int64))
        pool = rebuild.POOL
        self._pool = (np.zeros(pool, np.int64), np.zeros(pool, np.int64), np.zeros(pool, np.int64), np.zeros(pool))
        self._held = np.zeros(rebuild.STATE, np.int64)
        self._waiting: Any = None

    def rows(self, stream: Iterable[Events]) -> Iterator[tuple[Rows, Trades]]:
        """The messages of each chunk that are complete, and its trades; the last message comes at the end."""
        said = False  # that trades are told apart from what they did to the book
        for chunk in stream:
            for name, kind in KINDS.items():
                self.counts[name] += int((chunk.kind == kind).sum())
            said = said or bool((chunk.kind == TRADE).any())
            yield self._apply(chunk), trades_in(chunk, said)
        if self._held[rebuild.WAITING]:
            last = self._waiting
            rebuild_show(self._book, last)
            yield Rows(*last), trades_in(part(EMPTY, slice(0)), said)

    @property
    def checks(self) -> dict[str, int]:
        """What did not agree."""
        found = {
            "messages that take more than there was": rebuild.AMISS,
            "levels told again as they were": rebuild.STILL,
            "trades that no change of the book shows": rebuild.UNEXPLAINED,
        }
        return {name: int(self._held[place]) for name, place in found.items()}

    def _apply(self, chunk: Events) -> Rows:
        self._make_room(len(chunk.time))
        out = _columns(2 * len(chunk.time) + 2, self.levels)
        if self._held[rebuild.WAITING]:
            for column, kept in zip(out, self._waiting, strict=True):
                column[0] = kept[0]
        done = engine.run(rebuild.rebuild, tuple(chunk), self._book, self._pool, self._held, self.patience, out)
        if self._held[rebuild.WAITING]:
            self._waiting = tuple(column[done : done + 1].copy() for column in out)
        return Rows(*(column[:done] for column in out))

    def _make_room(self, coming: int) -> None:
        prices, sizes, counts = self._book
        needed = int(counts.max()) + coming + 1
        if prices.shape[1] < needed:
            more = ((0, 0), (0, max(needed, 2 * prices.shape[1]) - prices.shape[1]))
            self._book = (np.pad(prices, more), np.pad(sizes, more), counts)


_NONE = np.zeros(0, np.int64)
EMPTY = Events(_NONE, _NONE, _NONE, np.zeros(0), _NONE, _NONE)


def trades_in(chunk: Events, said: bool) -> Trades:
    """The trades of a chunk; where none are said, executions are."""
    rows = chunk.kind == (TRADE if said else EXECUTED)
    return Trades(chunk.time[rows], chunk.side[rows] * (1 if said else -1), chunk.size[rows], chunk.price[rows])


def rebuild_show(book: Any, last: Any) -> None:
    """Write the book into the one row of `last`."""
    rebuild.show(book, last[6], last[7], 0)


def _columns(n: int, levels: int) -> Any:
    whole = [np.zeros(n, np.int64) for _ in range(5)]
    shape = (n, 2, levels)
    return (*whole[:3], np.zeros(n), *whole[3:], np.zeros(shape, np.int64), np.zeros(shape))
