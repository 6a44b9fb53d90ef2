"""Queue-reactive intensities: how often a queue is joined, left and hit, given its level and size.

Huang, Lehalle & Rosenbaum 2015 (JASA 110(509)), with the visible levels of the book in the place of distances from a
reference price, as these are mostly empty where the tick is small. Sizes are counted in mean limit orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import Floats
from experiments.calibration.levels import DELETE, NEW, PARTIAL, Rate, Side, first_executions, rates, sides, time_in
from mm_env.data.recording import Ints, Recording

SIZES = 10  # queues of 1, 2, ... mean orders, rounded up; the last takes all that are longer


@dataclass(frozen=True)
class QueueRates:
    """Per second and side (both sides pooled), by [level][size]: the queue at `level` (0 is the best) as it stands."""

    unit: float  # the mean limit order, units of the instrument
    limit: list[list[Rate]]  # an order joins the queue
    cancel: list[list[Rate]]  # an order leaves it, wholly or in part
    market: list[list[Rate]]  # a market order starts at it; at the best level only
    inside: Rate  # an order comes between the best quotes


def queue_rates(recording: Recording) -> QueueRates | None:
    """Events over the time in which a queue had that size; None where single messages, or any limit order, are not recorded."""
    both, messages = sides(recording), recording.messages
    if both is None or messages is None or not (new := messages.kind == NEW).any():
        return None
    unit = float(messages.size[new].mean())
    levels = messages.bids.shape[1]
    cells = levels * SIZES
    seconds = np.sum([_time(side, unit, levels) for side in both], axis=0)
    events = [_events(side, unit, messages.time[1:]) for side in both]

    def table(name: str) -> list[list[Rate]]:
        cell, block = (np.concatenate([event[name][i] for event in events]) for i in (0, 1))
        flat = rates(cell, block, seconds, cells)
        return [flat[level * SIZES : (level + 1) * SIZES] for level in range(levels)]

    nearer = [(side.kind == NEW) & (side.order_price > side.price[:, 0]) for side in both]
    block = np.concatenate([side.block[inside] for side, inside in zip(both, nearer)])
    whole = np.sum([time_in(side.block * 0, side.block, side.seconds, 1) for side in both], axis=0)
    inside = rates(block * 0, block, whole, 1)[0]
    return QueueRates(unit, table("limit"), table("cancel"), table("market"), inside)


def _bin(size: Floats, unit: float) -> Ints:
    return np.clip(np.ceil(size / unit).astype(np.int64), 1, SIZES) - 1


def _time(side: Side, unit: float, levels: int) -> Floats:
    held = side.size > 0
    cell = np.arange(levels) * SIZES + _bin(side.size, unit)
    block = np.broadcast_to(side.block[:, None], held.shape)
    seconds = np.broadcast_to(side.seconds[:, None], held.shape)
    return time_in(cell[held], block[held], seconds[held], levels * SIZES)


def _events(side: Side, unit: float, time: Ints) -> dict[str, tuple[Ints, Ints]]:
    """Name -> (cell, block) of each event at a level that stands."""
    at = side.price == side.order_price[:, None]
    level, standing = at.argmax(axis=1), at.any(axis=1)
    cell = level * SIZES + _bin(side.size[np.arange(len(level)), level], unit)
    chosen = {
        "limit": standing & (side.kind == NEW),
        "cancel": standing & ((side.kind == PARTIAL) | (side.kind == DELETE)),
        "market": standing & (level == 0) & first_executions(side, time),
    }
    return {name: (cell[mask], side.block[mask]) for name, mask in chosen.items()}
