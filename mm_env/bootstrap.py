"""Intervals by the block bootstrap, for rows that may depend on their neighbours, as windows of a day: of means and others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCK, RESAMPLES, SEED = 2, 10_000, 1  # of every interval over recorded windows


def block_means(values: Floats, block: int, resamples: int, seed: int) -> Floats:
    """Means (resamples,) of `values` (n,) drawn anew in blocks of `block` neighbours; the last is followed by the first.

    The circular block bootstrap of Politis & Romano 1992. Blocks are drawn until there are n values; what is over is cut off.
    """
    n = len(values)
    if not 1 <= block <= n:
        raise ValueError(f"block must hold from 1 to all {n} windows, got {block}")
    first = np.random.default_rng(seed).integers(0, n, (resamples, -(-n // block)))
    drawn = (first[:, :, None] + np.arange(block)) % n
    return values[drawn.reshape(resamples, -1)[:, :n]].mean(axis=1)


def interval(values: Floats, block: int, resamples: int, seed: int) -> tuple[float, float]:
    """The 2.5 and 97.5 % quantiles of `block_means`."""
    low, high = np.quantile(block_means(values, block, resamples, seed), [0.025, 0.975])
    return float(low), float(high)


def half_width(values: Floats, windows: NDArray[np.int64]) -> float:
    """Half the length of the 95 % interval of the mean of `values` (n,), played in the windows of these numbers (n,).

    Windows are drawn anew in blocks of two neighbours, each with all that was played in it: the same window played again
    tells nothing new. NaN for a single window, which tells nothing of others.
    """
    _, which = np.unique(windows, return_inverse=True)
    sums: Floats = np.bincount(which, values).astype(np.float64)
    if len(sums) < 2:
        return float("nan")
    shares = sums * (len(sums) / len(values))
    low, high = interval(shares, min(BLOCK, len(sums) // 2), RESAMPLES, SEED)
    return 0.5 * (high - low)


def interval_of(
    statistic: Callable[[NDArray[np.int64]], float], n: int, block: int, resamples: int, seed: int
) -> tuple[float, float]:
    """The 2.5 and 97.5 % quantiles of a statistic of `n` rows drawn anew as in `block_means`; it is given their numbers (n,).

    Samples of which it is NaN, as one without a tail is, are left out; NaN where all are.
    """
    if not 1 <= block <= n:
        raise ValueError(f"block must hold from 1 to all {n} rows, got {block}")
    random, found = np.random.default_rng(seed), np.empty(resamples)
    for i in range(resamples):
        first = random.integers(0, n, -(-n // block))
        found[i] = statistic(((first[:, None] + np.arange(block)) % n).ravel()[:n])
    known = found[~np.isnan(found)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
