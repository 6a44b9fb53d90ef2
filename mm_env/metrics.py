"""The desk's figures over a set of episodes, each with its 95 % interval.

Every figure is a function of the episodes' distribution. Its influence function psi, one number an episode, gives the
standard error std(psi) / sqrt(n), of means and of ratios and tail means alike (Huber 1981, ch. 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.rollout import Episodes

Floats = NDArray[np.float64]
Z95 = 1.959963984540054


class Estimate(NamedTuple):
    """A figure and the half-width of its 95 % interval."""

    value: float
    half_width: float


def mean(x: Floats) -> Estimate:
    """E[x]."""
    return _estimate(x.mean(), x - x.mean())


def deviation(x: Floats) -> Estimate:
    """The standard deviation of x."""
    centred, spread = x - x.mean(), x.std()
    return _estimate(spread, (centred**2 - spread**2) / (2.0 * spread) if spread > 0 else np.zeros_like(x))


def sharpe(x: Floats) -> Estimate:
    """E[x] / std[x] over one episode, not annualised; NaN if x never varies."""
    centred, spread = x - x.mean(), x.std()
    if spread <= 1e-12 * abs(x.mean()):  # nothing but rounding
        return Estimate(float("nan"), float("nan"))
    ratio = x.mean() / spread
    return _estimate(ratio, centred / spread - 0.5 * ratio * ((centred / spread) ** 2 - 1.0))


def cvar(x: Floats, level: float = 0.95) -> Estimate:
    """The mean of the worst 1 - level of x (Rockafellar & Uryasev 2000), as a profit: the more negative, the worse."""
    threshold = np.quantile(x, 1.0 - level)
    shortfall = threshold - np.maximum(threshold - x, 0.0) / (1.0 - level)
    return _estimate(shortfall.mean(), shortfall - shortfall.mean())


def ratio(numerator: Floats, denominator: Floats) -> Estimate:
    """E[numerator] / E[denominator]; NaN if nothing is below the line."""
    below = denominator.mean()
    if below == 0:
        return Estimate(float("nan"), float("nan"))
    value = numerator.mean() / below
    return _estimate(value, (numerator - value * denominator) / below)


def figures(episodes: Episodes) -> dict[str, Estimate]:
    """Every figure of the table, by name."""
    e = episodes
    return {
        "objective": mean(e.objective),
        "profit": mean(e.profit),
        "profit_std": deviation(e.profit),
        "sharpe": sharpe(e.profit),
        "cvar_95": cvar(e.profit),
        "mean_absolute_position": mean(e.mean_absolute_inventory),
        "terminal_inventory": mean(e.terminal_inventory),
        "terminal_inventory_std": deviation(e.terminal_inventory),
        "spread_captured": mean(e.spread_captured),
        "fill_ratio": ratio(e.fills, e.arrivals),
        "max_drawdown": mean(e.drawdown),
    }


def paired_difference(episodes: Episodes, other: Episodes) -> Estimate:
    """E[objective] less the other's, over the same lanes of the same seed: what both met alike cancels."""
    return mean(episodes.objective - other.objective)


def _estimate(value: float, influence: Floats) -> Estimate:
    return Estimate(float(value), float(Z95 * influence.std() / np.sqrt(len(influence))))
