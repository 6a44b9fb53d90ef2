"""Figures of the mid's moves: by horizon, by the time of the day, by regime."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.calibration.calibration import Calibration
from experiments.evaluation.plots import ASK, BID, INK, plain
from mm_env.data.recording import SECOND


def signature(found: Calibration) -> Figure:
    """sigma by horizon with two standard errors, and the one that went into the market."""
    figure, (axis,) = panels(1, width=6.0)
    horizons = [one.horizon for one in found.signature]
    values, errors = zip(*(one.sigma for one in found.signature))
    axis.errorbar(horizons, values, 2.0 * np.array(errors), fmt="o-", color=BID, lw=1.4, ms=4, capsize=3)
    axis.axhline(found.sigma.sigma.value, color=ASK, ls="--", lw=1.2, label=f"the market's, {found.sigma.horizon:g} s")
    axis.set(xscale="log", xlabel="horizon (s)", ylabel="sigma of the mid (price / √s)", ylim=(0.0, None))
    axis.legend(frameon=False, fontsize=8)
    return figure


def daytime(found: Calibration) -> Figure:
    """sigma by the time of the day with two standard errors, and that of the day."""
    figure, (axis,) = panels(1, width=6.0)
    middles = [(part.start + part.end) / 120.0 for part in found.daytime]
    widths = [(part.end - part.start) / 120.0 for part in found.daytime]
    errors = [2.0 * part.sigma.error for part in found.daytime]
    values = [part.sigma.value for part in found.daytime]
    axis.errorbar(middles, values, errors, widths, fmt="o", color=BID, lw=1.4, ms=4, capsize=3)
    axis.axhline(
        found.sigma.sigma.value, color=ASK, ls="--", lw=1.2, label=f"the day's, over {found.sigma.horizon:g} s"
    )
    label = f"sigma over {found.settings.sampling:g} s (price / √s)"
    axis.set(xlabel="minutes of trading since the first line", ylabel=label, ylim=(0.0, None))
    axis.legend(frameon=False, fontsize=8)
    return figure


def regimes(found: Calibration) -> Figure:
    """The mid, and the probability of the turbulent regime given the whole day."""
    model, quotes = found.regimes, found.recording.quotes
    assert model is not None
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    time = (model.start * SECOND).astype(np.int64)
    minutes, mid = model.start / 60.0, quotes.twice_mid[quotes.at(time)] * (0.5 * found.recording.tick)
    above.plot(minutes, mid, color=INK, lw=0.9)
    above.fill_between(
        minutes, mid.min(), mid.max(), where=model.turbulent > 0.5, color=ASK, alpha=0.18, lw=0, step="post"
    )
    below.plot(minutes, model.turbulent, color=ASK, lw=0.9, drawstyle="steps-post")
    above.set(ylabel="mid (price)", title=f"turbulent where shaded: sigma {model.sigma[1]} beside {model.sigma[0]}")
    below.set(xlabel="minutes of trading since the first line", ylabel="P[turbulent]", ylim=(-0.03, 1.03))
    for axis in (above, below):
        plain(axis)
    return figure


def panels(count: int, width: float = 4.6) -> tuple[Figure, Any]:
    """A figure of `count` panels in a row, each `width` inches wide."""
    figure = Figure(figsize=(width * count, 4.0), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, count))
    for axis in axes:
        plain(axis)
    return figure, axes
