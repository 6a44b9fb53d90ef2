"""Queues that grow and shrink by one order at a time, at rates that depend on their length: birth-death chains.

`up[k]` and `down[k]` are the rates at which a queue of k orders gains and loses one, k = 0, 1, ..., n, per unit of time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class QueueLaw(NamedTuple):
    """`probability[k]` of k orders, (n + 1,), and the probability that there are more than n; together 1."""

    probability: Floats
    beyond: float


def stationary_queue(up: ArrayLike, down: ArrayLike) -> QueueLaw:
    """The law of a queue's length after a long time: pi(k) = pi(0) prod_{j=1..k} up(j - 1) / down(j).

    Each queue of Model I in Huang, Lehalle & Rosenbaum 2015 (JASA 110(509), sec. 2.3.1) follows it: orders join at `up`, and
    leave, cancelled or hit by market orders, at `down`. Beyond the last length given its rates stay as they are there, and
    the tail is geometric. Where the true queue shrinks faster beyond, or grows slower, `beyond` bounds the mass out there.

    Args: up (n + 1,) >= 0 and down (n + 1,) > 0 but for down[0] = 0, 1 / time.
    Raises: ValueError if rates are not so, or if the queue grows without bound.
    """
    up, down = _rates("up", up), _rates("down", down)
    if up.shape != down.shape:
        raise ValueError(f"up and down must be of one length, got {len(up)} and {len(down)}")
    if down[0] != 0.0 or (down[1:] == 0.0).any():
        raise ValueError(f"down must be 0 at an empty queue and > 0 at any other, got {down}")
    if len(up) == 1 or up[-1] >= down[-1]:
        raise ValueError(f"up must be below down at the longest queue given, got {up[-1]} and {down[-1]}")
    with np.errstate(divide="ignore"):  # the log of a length that cannot be reached
        logs = np.append(0.0, np.cumsum(np.log(up[:-1]) - np.log(down[1:])))
    weight = np.exp(logs - logs.max())
    growth = up[-1] / down[-1]
    tail = weight[-1] * growth / (1.0 - growth)
    total = weight.sum() + tail
    return QueueLaw(weight / total, float(tail / total))


def reaching(up: ArrayLike, down: ArrayLike, start: int) -> Floats:
    """P[a queue of `start` orders reaches m orders before it is empty], m = start, ..., n + 1; (n + 2 - start,).

    sum_{i < start} r_i / sum_{i < m} r_i, r_i = prod_{j=1..i} down(j) / up(j) (Karlin & Taylor 1975, ch. 4.7).

    Args: up and down as in `stationary_queue`, up > 0 from length 1 on; 1 <= start <= n + 1.
    """
    up, down = np.asarray(up, np.float64), np.asarray(down, np.float64)
    logs = np.append(0.0, np.cumsum(np.log(down[1:]) - np.log(up[1:])))
    weight = np.logaddexp.accumulate(logs)
    return np.exp(weight[start - 1] - weight[start - 1 :])


def _rates(name: str, value: ArrayLike) -> Floats:
    rates = np.asarray(value, np.float64)
    if rates.ndim != 1 or not len(rates) or not np.isfinite(rates).all() or (rates < 0.0).any():
        raise ValueError(f"{name} must be finite rates >= 0, one a length, got {value}")
    return rates
