"""Standard errors by batch means: the day is cut into blocks, and what is summed in them is compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.data.recording import Ints, Recording

BLOCKS = 60
Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """An estimate and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.error:.2g})"


def block_of(recording: Recording, time: Any) -> Ints:
    """The block (0 to BLOCKS - 1) that each trading time lies in."""
    return np.clip(np.asarray(time) * BLOCKS // max(recording.length, 1), 0, BLOCKS - 1).astype(np.int64)


def sums(blocks: Ints, values: Any = None) -> Floats:
    """(BLOCKS,) sums of `values` (each 1 if None) over the entries of each block."""
    weights = None if values is None else np.asarray(values, np.float64)
    return np.bincount(blocks, weights, minlength=BLOCKS).astype(np.float64)


def ratio(above: Floats, below: Floats) -> Measured:
    """sum(above) / sum(below) over blocks (BLOCKS,), its error by the delta method: blocks are taken as independent.

    The error is that of a stationary day, with whatever dependence is shorter than a block. NaN if `below` sums to 0.
    """
    total = float(below.sum())
    if total <= 0.0:
        return Measured(np.nan, np.nan)
    value = float(above.sum()) / total
    residuals, n = above - value * below, len(above)
    return Measured(value, float(np.sqrt(n / (n - 1) * (residuals**2).sum()) / total))


def rate(counts: Floats, seconds: Floats) -> Measured:
    """Events a second by `ratio`; where none came 0, its error that of a single one."""
    found, total = ratio(counts, seconds), float(seconds.sum())
    return found if counts.any() or total <= 0.0 else Measured(0.0, 1.0 / total)


def exposure(recording: Recording) -> Floats:
    """(BLOCKS,) seconds of trading in each block."""
    return np.full(BLOCKS, recording.length / 1e9 / BLOCKS)


def spread_over_blocks(recording: Recording, start: Ints, end: Ints, values: Any) -> Floats:
    """(BLOCKS,) integrals of a path that is `values` from `start` to `end` (seconds x value), exact at the blocks' ends."""
    edges = np.linspace(0.0, float(recording.length), BLOCKS + 1)
    times = np.r_[start, end[-1:]].astype(np.float64)
    integral = np.r_[0.0, np.cumsum(np.asarray(values, np.float64) * (end - start))] / 1e9
    return np.diff(np.interp(edges, times, integral))
