"""Event intensities at each price level of the visible book: events over the time in which they could have happened.

The book before each message is known to the file's `levels`. Only what lies within them is counted, in the events and in
the time alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.blocks import BLOCKS, Floats, Measured, block_of, rate
from mm_env.data.recording import Ints, Messages, Recording

NEW, PARTIAL, DELETE, EXECUTE = 1, 2, 3, 4


@dataclass(frozen=True)
class Side:
    """One side of the book before each message, and the messages that touch it."""

    seconds: Floats  # (n,) how long the book stood like this
    block: Ints  # (n,)
    price: Ints  # (n, levels) ticks towards the middle of the book: the best is the highest; `NONE` where there is none
    size: Floats  # (n, levels)
    opposite: Ints  # (n,) the other side's best, likewise: above all of `price`
    kind: Ints  # (n,) of the message that comes then; 0 where it touches the other side
    order_price: Ints  # (n,)
    order_size: Floats  # (n,)


NONE = -(2**60)


def sides(recording: Recording) -> tuple[Side, Side] | None:
    """(bids, asks), asks with the signs of prices changed; None where single messages are not recorded."""
    messages = recording.messages
    return None if messages is None else (_side(recording, messages, 1), _side(recording, messages, -1))


def _side(recording: Recording, messages: Messages, sign: int) -> Side:
    prices, sizes = (messages.bids, messages.bid_sizes) if sign == 1 else (messages.asks, messages.ask_sizes)
    others = messages.asks if sign == 1 else messages.bids
    usable = (prices[:-1, 0] > 0) & (others[:-1, 0] > 0) & (sign * (others[:-1, 0] - prices[:-1, 0]) > 0)
    touched = (messages.side[1:] == sign) & (messages.kind[1:] >= NEW) & (messages.kind[1:] <= EXECUTE)
    return Side(
        np.where(usable, np.diff(messages.time), 0) / 1e9,
        block_of(recording, messages.time[:-1]),
        np.where(prices[:-1] > 0, sign * prices[:-1], NONE),
        sizes[:-1],
        sign * others[:-1, 0],
        np.where(touched & usable, messages.kind[1:], 0),
        sign * messages.price[1:],
        messages.size[1:],
    )


class Rate(NamedTuple):
    """Events per second under some condition."""

    rate: Measured
    events: int
    seconds: float  # in which the condition held

    @property
    def dispersion(self) -> float:
        """The rate's variance over that of a Poisson process with as many events: 1 if nothing but the condition counts."""
        return self.events * (self.rate.error / self.rate.value) ** 2 if self.events else float("nan")


def rates(cell: Ints, block: Ints, seconds_in: Floats, cells: int, *, weight: Floats | None = None) -> list[Rate]:
    """For each of `cells` conditions, the events that met it (each entry of `cell`) over the time it held.

    Args: cell (e,) and block (e,) of each event, seconds_in (BLOCKS, cells); each event counts `weight` (e,) if given.
    """
    place = block * cells + cell
    counted = np.bincount(place, weight, minlength=BLOCKS * cells).reshape(BLOCKS, cells).astype(np.float64)
    events = np.bincount(cell, minlength=cells)
    return [
        Rate(rate(counted[:, c], seconds_in[:, c]), int(events[c]), float(seconds_in[:, c].sum())) for c in range(cells)
    ]


def time_in(cell: Ints, block: Ints, seconds: Floats, cells: int) -> Floats:
    """(BLOCKS, cells) the sum of `seconds` over the entries of each block and condition."""
    held = np.bincount(block * cells + cell, seconds, minlength=BLOCKS * cells)
    return held.astype(np.float64).reshape(BLOCKS, cells)


def mean_dispersion(rates: Iterable[Rate]) -> float:
    """The dispersion of many rates, each weighted by its events."""
    seen = [rate for rate in rates if rate.events]
    weights = [rate.events for rate in seen]
    return float(np.average([rate.dispersion for rate in seen], weights=weights)) if seen else float("nan")


def first_executions(side: Side, time: Ints) -> NDArray[np.bool_]:
    """(n,) which messages are the first execution of a market order: of its stamp, on this side."""
    executed = np.flatnonzero(side.kind == EXECUTE)
    first = np.zeros(len(side.kind), np.bool_)
    first[executed[np.diff(time[executed], prepend=-1) != 0]] = True
    return first
