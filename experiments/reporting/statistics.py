"""Interquartile means and bootstrap intervals over few seeds: Agarwal, Schwarzer, Castro, Courville & Bellemare 2021.

"Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 34, sec. 4. Scores come as a sequence with
an array (seeds,) for each market: the strata. The bootstrap resamples the seeds within each market, never the markets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 2000  # the ends of an interval then move by some hundredths of its width from one seed to another


class Interval(NamedTuple):
    """A figure and the ends of its 95 % interval: numbers, or arrays of them."""

    value: float | Floats
    low: float | Floats
    high: float | Floats


def interquartile_mean(scores: Floats, axis: int = -1) -> Floats:
    """The mean of what is left when a quarter of the scores, rounded down, is cut off at each end.

    Fewer than four scores are all kept: it is their mean. It is scipy.stats.trim_mean at 0.25, as in the paper's own code.
    """
    from scipy.stats import trim_mean  # takes a second to import

    return np.asarray(trim_mean(scores, 0.25, axis=axis))


def resampled(scores: Sequence[Floats], count: int, random: np.random.Generator) -> list[Floats]:
    """`count` stratified resamples: for each array (seeds, ...) one of (count, seeds, ...), drawn with replacement."""
    return [each[random.integers(0, len(each), (count, len(each)))] for each in scores]


def interval(
    statistic: Callable[[Sequence[Floats]], Floats | float], scores: Sequence[Floats],
    resamples: int = RESAMPLES, seed: int = 0,
) -> Interval:  # fmt: skip
    """`statistic` of the scores with its stratified percentile-bootstrap interval.

    The statistic takes strata (..., seeds, *rest) as `pooled` wants them, and keeps the leading axes.

    Raises: ValueError if a market has no score, or there is none at all.
    """
    strata = [np.asarray(each, np.float64) for each in scores]
    if not strata or not all(len(each) for each in strata):
        raise ValueError(f"scores must hold at least one seed of each market, got {[len(each) for each in strata]}")
    draws = statistic(resampled(strata, resamples, np.random.default_rng(seed)))
    low, high = np.quantile(np.asarray(draws), [0.025, 0.975], axis=0)
    value = np.asarray(statistic([each[None] for each in strata]))[0]
    return Interval(value, low, high)


def pooled_iqm(strata: Sequence[Floats]) -> Floats:
    """The interquartile mean over the seeds of all markets together: strata (count, seeds) -> (count,)."""
    return interquartile_mean(np.concatenate(strata, axis=1))


def curve_iqm(strata: Sequence[Floats]) -> Floats:
    """The interquartile mean over seeds at every place of a curve: one stratum (count, seeds, n) -> (count, n)."""
    (curves,) = strata
    return interquartile_mean(curves, axis=1)


def profile(levels: Floats) -> Callable[[Sequence[Floats]], Floats]:
    """The performance profile: the share of runs whose score is above each of `levels` (n,); -> (count, n).

    Every market has the same weight, however many seeds it has.
    """

    def share(strata: Sequence[Floats]) -> Floats:
        return np.mean([np.mean(each[:, :, None] > levels, axis=1) for each in strata], axis=0)

    return share


def improvement(x: Sequence[Floats], y: Sequence[Floats], resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """P(a run of X scores above a run of Y), a tie counting 1/2, averaged over the markets; both are resampled.

    Raises: ValueError if X and Y have not the same number of markets.
    """
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same markets, got {len(x)} and {len(y)}")

    def wins(strata: Sequence[Floats]) -> Floats:
        ours, theirs = strata[: len(x)], strata[len(x) :]
        return np.mean([_wins(a, b) for a, b in zip(ours, theirs, strict=True)], axis=0)

    return interval(wins, [*x, *y], resamples, seed)


def _wins(a: Floats, b: Floats) -> Floats:
    """The share of pairs that a (count, n) wins against b (count, k)."""
    ours, theirs = a[:, :, None], b[:, None, :]
    return np.mean((ours > theirs) + 0.5 * (ours == theirs), axis=(1, 2))
