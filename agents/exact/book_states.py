"""What makes a state of a small order book, read off a book or off what an agent sees, and packed into one number."""

# pyright: reportAttributeAccessIssue=false
# The venue of these markets is a Book.

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.observed import natural_units
from mm_env.market import Market

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def of_books(market: Market, books: Any, inventory: Floats) -> tuple[NDArray[Any], ...]:
    """What makes a state, (n, columns) in all: spread, queues, our orders, inventory in lots."""
    slots, lanes, columns = books.volume.shape[1], np.arange(len(books)), [books.best[:, 1] - books.best[:, 0]]
    for side, out in ((0, -1), (1, 1)):
        for level in range(market.venue.levels):
            price = books.best[:, side] + out * level
            inside = (books.edge[:, side] - price) * out >= 0
            columns.append(np.where(inside, books.volume[lanes, price & (slots - 1)], 0))
    for side, out in ((0, -1), (1, 1)):
        stands = books.left[:, side] > 0
        columns += [stands, np.where(stands, (books.price[:, side] - books.best[:, side]) * out, 0)]
        columns.append(np.where(stands, books.ahead[:, side], 0))
    return (*columns, np.rint(inventory / market.order_size))


def of_observations(market: Market, observations: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
    """As `of_books`, from what an agent sees."""
    names, scale = market.observation_names, market.venue.queue_scale
    units = {name: scale if "queue" in name or "ahead" in name else 1.0 for name in names}
    shown = [name for name in names if name == "spread" or "_queue_" in name or name.startswith("our_")]
    columns = [np.rint(observations[:, names.index(name)].astype(np.float64) * units[name]) for name in shown]
    return (*columns, natural_units(market, observations)[0])


def pack(market: Market, *columns: Any) -> Ints:
    """One whole number for each state."""
    levels = int(market.venue.levels)
    wide = int(market.venue.flow.capacity) + 2
    held = round(market.max_inventory / market.order_size)
    ours = [(2, 0), (4 * levels + 4, 2 * levels + 2), (wide, 0)]
    shape = [(2 * levels + 2, 0), *[(wide, 0)] * (2 * levels), *ours, *ours, (2 * held + 1, held)]
    key = np.zeros(len(columns[0]), np.int64)
    for (size, offset), column in zip(shape, columns, strict=True):
        key = key * size + np.asarray(column).astype(np.int64) + offset
    return key
