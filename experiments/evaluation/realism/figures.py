"""What is scored: LOB-Bench's statistics of messages and books (Nagy et al. 2025, arXiv:2502.09172), a number for each event.

Each figure gives the values of one stretch, (n,). Prices are ticks and sizes units of the instrument; the book is that after
the message but for cancellations, whose level is that in the book before. Five levels stand in the place of LOB-Bench's ten
where a file has no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.realism.stretches import DELETE, EXECUTED, NEW, PARTIAL
from mm_env.data.recording import SECOND, Messages

Floats = NDArray[np.float64]
NOTHING = 1e-9  # the time in the place of 0, whose logarithm is taken (LOB-Bench's)
CANCELS = (PARTIAL, DELETE)


class Figure(NamedTuple):
    """A statistic: its values in a stretch, and whether each value is a bin of its own."""

    of: Callable[[Messages], Floats]
    discrete: bool = False


def spread(m: Messages) -> Floats:
    """ask - bid after each message, ticks."""
    return (m.asks[:, 0] - m.bids[:, 0])[m.kind > 0].astype(np.float64)


def imbalance(m: Messages) -> Floats:
    """(bid size - ask size) / (bid size + ask size) at the best prices after each message."""
    bid, ask = m.bid_sizes[m.kind > 0, 0], m.ask_sizes[m.kind > 0, 0]
    return (bid - ask) / (bid + ask)


def log_inter_arrival(m: Messages) -> Floats:
    """ln of the milliseconds between neighbouring messages."""
    gaps = np.diff(m.time[m.kind > 0]) / SECOND * 1000.0
    return np.log(np.where(gaps > 0.0, gaps, NOTHING))


def log_time_to_cancel(m: Messages) -> Floats:
    """ln of the seconds from an order's arrival to its first cancellation, in part or whole; both within the stretch."""
    told = (m.kind == NEW) | np.isin(m.kind, CANCELS)
    order, kind, time = m.order[told], m.kind[told], m.time[told]
    by_order = np.argsort(order, kind="stable")
    order, kind, time = order[by_order], kind[by_order], time[by_order]
    follows = (order[1:] == order[:-1]) & (kind[:-1] == NEW) & (kind[1:] != NEW)
    gaps = (time[1:] - time[:-1])[follows] / SECOND
    return np.log(np.where(gaps > 0.0, gaps, NOTHING))


def volume(side: str, levels: int | None) -> Callable[[Messages], Floats]:
    """Size of one side after each message, at the best price or over all levels."""
    return lambda m: getattr(m, side)[m.kind > 0, :levels].sum(axis=1)


def depth(sign: int, kinds: tuple[int, ...]) -> Callable[[Messages], Floats]:
    """|price - mid| of the messages of some kinds above (1) or below (-1) the mid after them, ticks."""

    def values(m: Messages) -> Floats:
        away = sign * (m.price - 0.5 * (m.bids[:, 0] + m.asks[:, 0]))[np.isin(m.kind, kinds)]
        return away[away > 0.0]

    return values


def level(side: int, kinds: tuple[int, ...]) -> Callable[[Messages], Floats]:
    """Which price of its side, 1 the best, messages of some kinds are about: after limit orders, before cancellations."""

    def values(m: Messages) -> Floats:
        book = m.bids if side > 0 else m.asks
        told = np.isin(m.kind, kinds) & (m.side == side)
        if NEW not in kinds:
            book, told = np.roll(book, 1, axis=0), told & (np.arange(len(told)) > 0)
        at = book[told] == m.price[told, None]
        return at.argmax(axis=1)[at.any(axis=1)] + 1.0

    return values


def size(kinds: tuple[int, ...]) -> Callable[[Messages], Floats]:
    """Size of the messages of some kinds."""
    return lambda m: m.size[np.isin(m.kind, kinds)]


def volume_per_minute(m: Messages) -> Floats:
    """60 times what was executed in each second in which anything was."""
    executed = m.kind == EXECUTED
    seconds, which = np.unique(m.time[executed] // SECOND, return_inverse=True)
    return np.asarray(60.0 * np.bincount(which, m.size[executed], minlength=len(seconds)), np.float64)


def returns(seconds: float) -> Callable[[Messages], Floats]:
    """Moves of the mid over whole intervals of so many seconds from the stretch's start, half ticks."""

    def values(m: Messages) -> Floats:
        grid = np.arange(0, (m.time[-1] if len(m.time) else 0) + 1, round(seconds * SECOND))
        held = np.maximum(np.searchsorted(m.time, grid, side="right") - 1, 0)
        return np.diff((m.bids[:, 0] + m.asks[:, 0])[held]).astype(np.float64) if len(m.time) else np.zeros(0)

    return values


FIGURES: dict[str, Figure] = {
    "spread": Figure(spread, True),
    "orderbook imbalance": Figure(imbalance),
    "log inter-arrival time": Figure(log_inter_arrival),
    "log time to cancel": Figure(log_time_to_cancel),
    "ask volume at touch": Figure(volume("ask_sizes", 1)),
    "bid volume at touch": Figure(volume("bid_sizes", 1)),
    "ask volume": Figure(volume("ask_sizes", None)),
    "bid volume": Figure(volume("bid_sizes", None)),
    "ask limit order depth": Figure(depth(1, (NEW,))),
    "bid limit order depth": Figure(depth(-1, (NEW,))),
    "ask cancellation depth": Figure(depth(1, CANCELS)),
    "bid cancellation depth": Figure(depth(-1, CANCELS)),
    "ask limit order level": Figure(level(-1, (NEW,)), True),
    "bid limit order level": Figure(level(1, (NEW,)), True),
    "ask cancellation level": Figure(level(-1, CANCELS), True),
    "bid cancellation level": Figure(level(1, CANCELS), True),
    "limit order size": Figure(size((NEW,)), True),
    "execution size": Figure(size((EXECUTED,)), True),
    "volume per minute": Figure(volume_per_minute),
    "mid return, 1 s": Figure(returns(1.0), True),
    "mid return, 60 s": Figure(returns(60.0)),
}
