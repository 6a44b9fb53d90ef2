"""Probability and size of cascades, and what they cost, over scenarios, with bootstrap intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.bootstrap import interval_of
from mm_env.systemic.arrays import Floats
from mm_env.systemic.tail_estimates import RESAMPLES, SEED, Estimated


class Cascades(NamedTuple):
    """Figures of scenarios in which some dealers fail by the shock itself, and others because those do."""

    probability: Estimated  # that a cascade takes `at_least` dealers
    size: Estimated  # mean share of all dealers that it takes, where there is one; NaN where there is none
    largest: float  # share of all dealers
    loss_share: Estimated  # what contagion loses as a share of all that is lost, NaN where nothing is


def cascades(
    by_shock: Any, in_the_end: Any, direct_loss: Any, whole_loss: Any, at_least: int = 1,
    resamples: int = RESAMPLES, seed: int = SEED,
) -> Cascades:  # fmt: skip
    """The cascades of scenarios: who fails by the shock itself, and who has failed in the end, (scenarios, dealers), and the
    losses of the system by the shock, and in the end, (scenarios,), currency.

    A cascade takes the dealers that fail in the end and not by the shock. Scenarios are independent of each other.

    Raises: ValueError unless who failed by the shock has failed in the end, and shapes agree.
    """
    first, final = np.asarray(by_shock, bool), np.asarray(in_the_end, bool)
    direct, whole = np.asarray(direct_loss, np.float64), np.asarray(whole_loss, np.float64)
    if first.ndim != 2 or first.shape != final.shape or direct.shape != first.shape[:1] or whole.shape != direct.shape:
        shapes = f"{first.shape}, {final.shape}, {direct.shape} and {whole.shape}"
        raise ValueError(f"failures must be (scenarios, dealers) and losses (scenarios,), got {shapes}")
    if (first & ~final).any():
        raise ValueError("who fails by the shock must have failed in the end, and somebody has not")
    taken = (final & ~first).sum(axis=1)
    hit = taken >= at_least
    share = np.where(hit, taken, 0) / first.shape[1]
    return Cascades(
        mean_of(hit, resamples, seed), _ratio(share, hit * 1.0, resamples, seed),
        float(share.max()), _ratio(whole - direct, whole, resamples, seed),
    )  # fmt: skip


def mean_of(values: Any, resamples: int = RESAMPLES, seed: int = SEED) -> Estimated:
    """The mean over independent scenarios, (scenarios,): of what is true or false its probability."""
    found = np.asarray(values, np.float64)
    return _ratio(found, np.ones(len(found)), resamples, seed)


def _ratio(above: Floats, below: Floats, resamples: int, seed: int) -> Estimated:
    """The mean of one over that of the other, NaN where that is 0."""

    def statistic(rows: NDArray[np.int64]) -> float:
        whole = below[rows].sum()
        return float(above[rows].sum() / whole) if whole > 0.0 else float("nan")

    return Estimated(statistic(np.arange(len(above))), *interval_of(statistic, len(above), 1, resamples, seed))
