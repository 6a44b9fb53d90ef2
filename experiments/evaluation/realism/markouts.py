"""Adverse selection: where the mid goes after a resting order was executed, against whoever had it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.realism.distances import Distance
from experiments.evaluation.realism.stretches import EXECUTED
from experiments.reporting.presenter import Column, TextTable
from mm_env.data.recording import SECOND, Messages

Floats = NDArray[np.float64]
HORIZONS = (1.0, 10.0, 60.0)  # seconds


def against(m: Messages, horizon: float) -> tuple[Floats, Floats]:
    """Of each execution whose horizon lies within the stretch: what it earned against the mid just before it, and how far
    the mid went against it from then to `horizon` seconds later, ticks, (n,) each. A stretch ends at its last message."""
    executed = np.flatnonzero((m.kind == EXECUTED) & (np.arange(len(m.kind)) > 0))
    later = m.time[executed] + round(horizon * SECOND)
    executed, later = executed[later <= m.time[-1]], later[later <= m.time[-1]]
    mid, before = 0.5 * (m.bids[:, 0] + m.asks[:, 0]), np.searchsorted(m.time, m.time[executed], side="left") - 1
    executed, later, before = (x[before >= 0] for x in (executed, later, before))
    side, then = m.side[executed], np.searchsorted(m.time, later, side="right") - 1
    return side * (mid[before] - m.price[executed]), side * (mid[before] - mid[then])


def markouts(stretches: Sequence[Messages], resamples: int = 200, seed: int = 1) -> dict[str, Distance]:
    """Mean depth at which executions were, and mean move against them at the HORIZONS, ticks, drawn anew by stretches."""
    weights = np.random.default_rng(seed).multinomial(
        len(stretches), [1.0 / len(stretches)] * len(stretches), resamples
    )
    found = {}
    for horizon in HORIZONS:
        pairs = [against(m, horizon) if len(m.time) else (np.zeros(0), np.zeros(0)) for m in stretches]
        if horizon == HORIZONS[0]:
            found["depth"] = _mean([depth for depth, _ in pairs], weights)
        found[f"{horizon:g} s"] = _mean([move for _, move in pairs], weights)
    return found


def table(found: Mapping[str, Mapping[str, Distance]]) -> TextTable:
    """A row for each book and the day."""
    names = list(next(iter(found.values())))
    columns = [Column("book", "", words=True)]
    columns += [
        Column(name, name if name == "depth" else f"against, {name}", show=_shown, parts=("", "_low", "_high"))
        for name in names
    ]
    rows = [[who, *((each[name].value, *each[name].interval) for name in names)] for who, each in found.items()]
    return TextTable(
        "Markouts of resting orders: depth from the mid, and the mid's move against them, ticks", columns, rows
    )


def _mean(values: Sequence[Floats], weights: NDArray[np.int64]) -> Distance:
    sums, counts = np.array([x.sum() for x in values]), np.array([float(len(x)) for x in values])
    with np.errstate(invalid="ignore", divide="ignore"):
        return Distance(float(sums.sum() / max(counts.sum(), 1e-300)), (weights @ sums) / (weights @ counts))


def _shown(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]"
