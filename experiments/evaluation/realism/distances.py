"""Distances of two distributions, as LOB-Bench takes them, with intervals over stretches.

L1 is the total variation, half the sum of |p - q| over bins: those of Freedman & Diaconis over both samples, or one for each
value of a discrete figure. Wasserstein-1 is taken after both samples together are brought to mean 0 and standard deviation 1.
Intervals draw whole stretches anew, of both sides: neighbouring messages tell nearly the same, and an interval of single
messages drawn anew, as LOB-Bench's is, would be too short.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Samples = Sequence[Floats]  # the values in each stretch
BINS = 10_000  # at most


class Distance(NamedTuple):
    """A distance, and what it was with stretches drawn anew, (resamples,)."""

    value: float
    drawn: Floats

    @property
    def interval(self) -> tuple[float, float]:
        """The 2.5 and 97.5 % quantiles of `drawn`."""
        known = self.drawn[np.isfinite(self.drawn)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
        return float(low), float(high)

    @staticmethod
    def mean(of: Sequence[Distance]) -> Distance:
        """The mean of several, drawn together; of those that are numbers."""
        values = np.array([[one.value, *one.drawn] for one in of])
        known = values[np.isfinite(values[:, 0])]
        means = known.mean(axis=0) if len(known) else np.full(values.shape[1], np.nan)
        return Distance(float(means[0]), means[1:])


class Score(NamedTuple):
    """Both distances of one figure; 1 and NaN where a side has no value at all."""

    l1: Distance
    wasserstein: Distance


def score(real: Samples, made: Samples, discrete: bool, resamples: int = 100, seed: int = 1) -> Score:
    """How far `made` is from `real`."""
    if not sum(map(len, real)) or not sum(map(len, made)):
        return Score(Distance(1.0, np.ones(resamples)), Distance(np.nan, np.full(resamples, np.nan)))
    pooled, counts = np.concatenate([*real, *made]), _weights(real, made, resamples, seed)
    bins = np.unique(pooled, return_inverse=True)[1] if discrete else _binned(pooled, np.concatenate(real))
    own = np.repeat(np.arange(len(real) + len(made)), [len(x) for x in (*real, *made)])
    table = np.zeros((len(real) + len(made), bins.max() + 1))
    np.add.at(table, (own, bins), 1.0)
    l1 = [_total_variation(w[: len(real)] @ table[: len(real)], w[len(real) :] @ table[len(real) :]) for w in counts]
    order, scale = np.argsort(pooled, kind="stable"), pooled.std()
    steps, held = np.diff(pooled[order]), own[order][:-1]
    is_real = held < len(real)
    sizes = np.array([len(x) for x in (*real, *made)], np.float64)
    distances = [
        _wasserstein(w, sizes, held, is_real, steps, len(real)) / scale if scale > 0.0 else 0.0 for w in counts
    ]
    return Score(_distance(l1), _distance(distances))


def edges(pooled: Floats) -> Floats:
    """The inner edges of Freedman & Diaconis's bins of equal width, at most `BINS` of them."""
    low, high = pooled.min(), pooled.max()
    quartiles = np.subtract(*np.percentile(pooled, [75, 25]))
    width = 2.0 * quartiles * len(pooled) ** (-1.0 / 3.0)
    number = min(int(np.ceil((high - low) / width)), BINS) if width > 0.0 else 1
    return np.linspace(low, high, max(number, 1) + 1)[1:-1]


def _binned(pooled: Floats, real: Floats) -> NDArray[np.int64]:
    """The bin of each value. Where half of all values are the same, as where a book has one size only, the width is that of
    the real ones alone, and if these are so too each value has a bin: one bin for all would be no distance."""
    for sample in (pooled, real):
        if np.subtract(*np.percentile(sample, [75, 25])) > 0.0:
            inner = edges(sample)
            return np.digitize(pooled, inner)
    return np.unique(pooled, return_inverse=True)[1]


def _weights(real: Samples, made: Samples, resamples: int, seed: int) -> list[Floats]:
    """How often each stretch counts: once, and then as it is drawn."""
    random, found = np.random.default_rng(seed), [np.ones(len(real) + len(made))]
    for _ in range(resamples):
        drawn = [np.bincount(random.integers(0, len(x), len(x)), minlength=len(x)) for x in (real, made)]
        found.append(np.concatenate(drawn).astype(np.float64))
    return found


def _total_variation(p: Floats, q: Floats) -> float:
    if p.sum() == 0.0 or q.sum() == 0.0:
        return float("nan")
    return float(0.5 * np.abs(p / p.sum() - q / q.sum()).sum())


def _wasserstein(
    weight: Floats, sizes: Floats, held: NDArray[np.int64], is_real: NDArray[np.bool_], steps: Floats, real: int
) -> float:
    """The integral of |F - G| over the sorted values of both, of which the k-th belongs to the stretch `held[k]`."""
    totals = weight * sizes
    if totals[:real].sum() == 0.0 or totals[real:].sum() == 0.0:
        return float("nan")
    mass = np.where(is_real, 1.0 / totals[:real].sum(), -1.0 / totals[real:].sum()) * weight[held]
    return float(np.abs(np.cumsum(mass)) @ steps)


def _distance(found: Sequence[float]) -> Distance:
    return Distance(float(found[0]), np.array(found[1:]))
