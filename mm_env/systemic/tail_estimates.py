"""CoVaR, marginal expected shortfall, LRMES and SRISK from samples of returns, with bootstrap intervals.

Returns are profits, (n,): of the `system` and of an `institution`, sample by sample. `level` is the probability of the tail.
Intervals are of 95 %; with a `block` above 1 neighbouring samples are drawn together, as days of a record must be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.bootstrap import interval_of
from mm_env.systemic.arrays import Floats

RESAMPLES, SEED = 200, 1
_HALVINGS, _REACH = 60, 16.0  # of a bracket of the slope; its first half-width, in standard deviations


class Estimated(NamedTuple):
    """An estimate and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def covar_estimate(
    system: Any, institution: Any, level: float, condition: float | None = None,
    resamples: int = RESAMPLES, block: int = 1, seed: int = SEED,
) -> Estimated:  # fmt: skip
    """CoVaR given that the institution's return is equal to its quantile at `condition` (its value at risk if None).

    By linear quantile regression of the system on the institution (Koenker & Bassett 1978; Adrian & Brunnermeier 2016): a
    quantile that is not linear in the institution's return it gets wrong.
    """
    y, x = _pair(system, institution, level, condition)
    at = level if condition is None else condition

    def statistic(rows: NDArray[np.int64]) -> float:
        constant, slope = quantile_regression(y[rows], x[rows], level)
        return constant + slope * _quantile(x[rows], at)

    return _estimated(statistic, len(y), resamples, block, seed)


def delta_covar_estimate(
    system: Any, institution: Any, level: float, resamples: int = RESAMPLES, block: int = 1, seed: int = SEED
) -> Estimated:
    """CoVaR given the institution's value at risk, less CoVaR given its median: of one regression."""
    y, x = _pair(system, institution, level, None)

    def statistic(rows: NDArray[np.int64]) -> float:
        _, slope = quantile_regression(y[rows], x[rows], level)
        return slope * (_quantile(x[rows], level) - _quantile(x[rows], 0.5))

    return _estimated(statistic, len(y), resamples, block, seed)


def covar_at_most_estimate(
    system: Any, institution: Any, level: float, condition: float | None = None,
    resamples: int = RESAMPLES, block: int = 1, seed: int = SEED,
) -> Estimated:  # fmt: skip
    """CoVaR given that the institution's return is at most its quantile at `condition`: the quantile among those samples."""
    y, x = _pair(system, institution, level, condition)
    at = level if condition is None else condition

    def statistic(rows: NDArray[np.int64]) -> float:
        return _quantile(y[rows][x[rows] <= _quantile(x[rows], at)], level)

    return _estimated(statistic, len(y), resamples, block, seed)


def shortfall_estimate(
    system: Any, institution: Any, level: float, resamples: int = RESAMPLES, block: int = 1, seed: int = SEED
) -> Estimated:
    """Marginal expected shortfall: the institution's mean return where the system's is at most its value at risk."""
    y, x = _pair(system, institution, level, None)

    def statistic(rows: NDArray[np.int64]) -> float:
        return float(x[rows][y[rows] <= _quantile(y[rows], level)].mean())

    return _estimated(statistic, len(y), resamples, block, seed)


def long_run_shortfall_estimate(
    market: Any, institution: Any, decline: float = 0.4, resamples: int = RESAMPLES, block: int = 1, seed: int = SEED
) -> Estimated:
    """LRMES of log returns to the horizon: the mean share of its equity that the institution loses where the market falls by
    `decline` or more. Raises: ValueError where it never does."""
    y, x = _pair(market, institution, 0.5, None)
    tail, lost = y <= np.log1p(-decline), -np.expm1(x)
    if not tail.any():
        most = -np.expm1(y.min())
        raise ValueError(f"market must fall by {decline:g} in some sample, and falls by {most:.3g} at most")

    def statistic(rows: NDArray[np.int64]) -> float:
        chosen = rows[tail[rows]]
        return float(lost[chosen].mean()) if len(chosen) else float("nan")

    return _estimated(statistic, len(y), resamples, block, seed)


def srisk(debt: Any, equity: Any, long_run_shortfall: Any, requirement: float = 0.08) -> Floats:
    """The capital that each institution is expected to lack in a crisis, currency; a surplus is negative.

    requirement debt - (1 - requirement) equity (1 - LRMES) (Brownlees & Engle 2017). The system's is the sum of those above 0.

    Raises: ValueError for a requirement outside [0, 1], or a negative debt or equity.
    """
    owed, worth, lost = (np.asarray(x, np.float64) for x in (debt, equity, long_run_shortfall))
    if not 0.0 <= requirement <= 1.0 or (owed < 0.0).any() or (worth < 0.0).any():
        found = f"{requirement:g}, {owed} and {worth}"
        raise ValueError(f"requirement must lie in [0, 1], debt and equity be >= 0, got {found}")
    return requirement * owed - (1.0 - requirement) * worth * (1.0 - lost)


def quantile_regression(y: Floats, x: Floats, level: float) -> tuple[float, float]:
    """Constant and slope of the line below which `level` of the y lie, given x: the least mean check loss, to rounding.

    Given a slope the constant is a quantile of what is left; the loss is convex in the slope, whose sign of improvement
    a bisection follows.
    """
    centre, scale = float(x.mean()), float(x.std())
    if scale == 0.0:
        return _quantile(y, level), 0.0
    z, low, high = (x - centre) / scale, 0.0, 0.0
    width = _REACH * max(float(y.std()), 1e-300)
    while _gain(y, z, low - width, level) > 0.0 or _gain(y, z, high + width, level) < 0.0:
        width *= 2.0
    low, high = -width, width
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _gain(y, z, middle, level) < 0.0 else (low, middle)
    slope = 0.5 * (low + high)
    return _quantile(y - slope * z, level) - slope * centre / scale, slope / scale


def _gain(y: Floats, z: Floats, slope: float, level: float) -> float:
    """What the loss rises by with the slope, apart from a factor > 0: -sum z (level - [below the line])."""
    rest = y - slope * z
    line = _quantile(rest, level)
    below, on = rest < line, rest == line
    split = (level * len(y) - below.sum()) / max(on.sum(), 1)  # the share of those on the line that counts as below
    return float(z[below].sum() + split * z[on].sum() - level * z.sum())


def _quantile(values: Floats, level: float) -> float:
    """The least value that a share `level` of all is at most; NaN of none."""
    if len(values) == 0:
        return float("nan")
    place = min(max(int(np.ceil(level * len(values) - 1e-9)) - 1, 0), len(values) - 1)
    return float(np.partition(values, place)[place])


def _estimated(
    statistic: Callable[[NDArray[np.int64]], float], n: int, resamples: int, block: int, seed: int
) -> Estimated:
    return Estimated(float(statistic(np.arange(n))), *interval_of(statistic, n, block, resamples, seed))


def _pair(system: Any, institution: Any, level: float, condition: float | None) -> tuple[Floats, Floats]:
    y, x = np.asarray(system, np.float64), np.asarray(institution, np.float64)
    if y.ndim != 1 or x.shape != y.shape or len(y) < 2 or not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError(f"returns must be two or more finite numbers of each, got shapes {y.shape} and {x.shape}")
    if not (0.0 < level < 1.0 and (condition is None or 0.0 < condition < 1.0)):
        raise ValueError(f"level and condition must lie in (0, 1), got {level} and {condition}")
    return y, x
