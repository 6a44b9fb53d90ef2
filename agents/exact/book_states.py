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
LONGEST = 20  # orders, of a queue that is shown one-hot


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
    own: list[Any] = []
    if "sells_excited" in market.venue.flow.signals:
        own += [books.excitement[:, 4], books.excitement[:, 5]]
    return (*columns, *own, np.rint(inventory / market.order_size))


def of_observations(market: Market, observations: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
    """As `of_books`, from what an agent sees."""
    names, scale = market.observation_names, market.venue.queue_scale
    units = {name: scale if "queue" in name or "ahead" in name else 1.0 for name in names}
    shown = [name for name in names if name == "spread" or "_queue_" in name or name.startswith("our_")]
    shown += market.venue.flow.signals
    columns = [np.rint(observations[:, names.index(name)].astype(np.float64) * units[name]) for name in shown]
    return (*columns, natural_units(market, observations)[0])


def counted(market: Market) -> dict[str, tuple[float, int, int]]:
    """What a book shows in whole numbers: by name what one is shown as, the least and the most. Queues longer than twenty count
    as twenty. Raises: ValueError where the market is no order book."""
    venue: Any = market.venue
    if venue.loops != "events":
        raise ValueError(f"whole numbers are shown by order books (market=small_book), got {venue}")
    queue, held = 1.0 / venue.queue_scale, round(market.max_inventory / market.order_size)
    longest = int(min(longest_queue(market), LONGEST))
    told = {
        "inventory": (market.order_size / market.inventory_scale, -held, held),
        "spread": (1.0, 1, venue.levels + 1),
    }
    for side in ("bid", "ask"):
        told |= {f"{side}_queue_{i + 1}": (queue, 0, longest) for i in range(venue.observed)}
        told[f"our_{side}_stands"] = (1.0, 0, 1)
        told[f"our_{side}_distance"] = (1.0, -venue.levels, venue.levels)
        told[f"our_{side}_ahead"] = (queue, 0, longest)
    if getattr(venue, "flow_seen", False):
        told |= {name: (1.0, *_reach(market, name)) for name in venue.flow.signals}
    return told


def longest_queue(market: Market) -> float:
    """The most of others' orders that may stand at a price."""
    return getattr(getattr(market.venue, "flow", None), "capacity", np.inf)


def _reach(market: Market, name: str) -> tuple[int, int]:
    """The least and the most that a flow shows of its own state."""
    levels = int(market.venue.levels)
    return (-2 * levels - 2, 2 * levels + 2) if name == "reference" else (0, int(market.venue.flow.most))


def pack(market: Market, *columns: Any) -> Ints:
    """One whole number for each state."""
    key = np.zeros(len(columns[0]), np.int64)
    for (size, offset), column in zip(_shape(market), columns, strict=True):
        key = key * size + np.asarray(column).astype(np.int64) + offset
    return key


def unpack(market: Market, keys: Ints) -> tuple[Ints, ...]:
    """The columns (n,) of which `pack` made `keys`."""
    columns = []
    for size, offset in reversed(_shape(market)):
        keys, column = np.divmod(keys, size)
        columns.append(column - offset)
    return tuple(reversed(columns))


def observations_of(market: Market, keys: Ints) -> NDArray[np.float32]:
    """What an agent sees (n, k) in states at the start of an episode, with no order flow of late."""
    levels, names = int(market.venue.levels), market.observation_names
    spread, *rest, inventory = unpack(market, keys)
    queues, ours = np.stack(rest[: 2 * levels], axis=1), rest[2 * levels : 2 * levels + 6]
    unit = 1.0 / (market.venue.mean_order() * market.venue.queue_scale)
    bid, ask = queues[:, 0], queues[:, levels]
    seen = np.zeros((len(keys), len(names)))
    seen[:, names.index("spread")] = spread
    seen[:, names.index("imbalance")] = (bid - ask) / np.maximum(bid + ask, 1)
    first = names.index("bid_queue_1")
    seen[:, first : first + 2 * levels] = unit * queues
    first += 2 * levels
    seen[:, first : first + 6] = np.stack(ours, axis=1) * np.array([1.0, 1.0, unit, 1.0, 1.0, unit])
    for name, column in zip(market.venue.flow.signals, rest[2 * levels + 6 :], strict=True):
        seen[:, names.index(name)] = column
    seen[:, names.index("inventory")] = inventory * market.order_size / market.inventory_scale
    seen[:, names.index("time_left")] = 1.0
    return seen.astype(np.float32)


def _shape(market: Market) -> list[tuple[int, int]]:
    """Of each column how many whole numbers it may take, and how far below 0 they start."""
    levels = int(market.venue.levels)
    wide = int(longest_queue(market)) + 2
    held = round(market.max_inventory / market.order_size)
    ours = [(2, 0), (4 * levels + 4, 2 * levels + 2), (wide, 0)]
    reach = [_reach(market, name) for name in market.venue.flow.signals]
    flows = [(high - low + 1, -low) for low, high in reach]
    return [(2 * levels + 2, 0), *[(wide, 0)] * (2 * levels), *ours, *ours, *flows, (2 * held + 1, held)]
