"""Response functions of six kinds of events (Eisler, Bouchaud & Kockelkoren 2012, Quantitative Finance 12(9), eq. 15).

    R_pi(l) = E[(p(t + l) - p(t)) epsilon(t) | the event at t is of kind pi],

p(t) the mid just before event t, t counted in events at the best prices, epsilon the sign of the pressure: +1 for an event
that tends to raise the mid, a buy, a limit bid, a cancelled ask. Kinds: market orders (MO), limit orders (LO) and
cancellations (CA) that leave the mid as it is (0) or move it (1). Executions of one stamp and side are one market order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.realism.stretches import EXECUTED, NEW
from mm_env.data.recording import Messages

Floats = NDArray[np.float64]
KINDS = ("MO0", "MO1", "LO0", "LO1", "CA0", "CA1")
LAGS = (1, 2, 5, 10, 20, 50, 100)  # events


def events(m: Messages) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Kind (n,), sign (n,), and mid before each and after the last, ticks (n + 1,), of a stretch's events at the touch."""
    if len(m.kind) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(1)
    mid, best = 0.5 * (m.bids[:, 0] + m.asks[:, 0]), np.where(m.side > 0, m.bids[:, 0], m.asks[:, 0])
    before = np.where(m.side[1:] > 0, m.bids[:-1, 0], m.asks[:-1, 0])
    touches = (m.kind[1:] > 0) & (((m.price[1:] - np.where(m.kind[1:] == NEW, best[1:], before)) * m.side[1:]) >= 0)
    at = np.flatnonzero(touches) + 1
    taken = m.kind[at] == EXECUTED
    same = taken[1:] & taken[:-1] & (m.time[at][1:] == m.time[at][:-1]) & (m.side[at][1:] == m.side[at][:-1])
    first = np.flatnonzero(np.r_[True, ~same][: len(at)])
    start, end = at[first], at[np.r_[first[1:], len(at)] - 1]
    base = np.where(m.kind[start] == EXECUTED, 0, np.where(m.kind[start] == NEW, 2, 4))
    moved = mid[end] != mid[start - 1]
    sign = np.where(m.kind[start] == NEW, m.side[start], -m.side[start])
    return base + moved, sign, np.r_[mid[start - 1], mid[-1]]


def responses(stretches: Sequence[Messages], lags: Sequence[int] = LAGS) -> Floats:
    """R_pi(l) of each kind and lag, ticks, (6, lags); NaN where nothing is seen."""
    sums, numbers = np.zeros((6, len(lags))), np.zeros((6, len(lags)))
    for kind, sign, mid in map(events, stretches):
        for j, lag in enumerate(lags):
            n = len(kind) + 1 - lag
            if n > 0:
                moves = (mid[lag:] - mid[:n])[: len(kind)] * sign[:n]
                sums[:, j] += np.bincount(kind[:n], moves, minlength=6)
                numbers[:, j] += np.bincount(kind[:n], minlength=6)
    return np.divide(sums, numbers, out=np.full_like(sums, np.nan), where=numbers > 0)


def gap(real: Floats, made: Floats) -> Floats:
    """Mean over lags of |R made - R real| of each kind, ticks, (6,)."""
    return np.abs(made - real).mean(axis=1)
