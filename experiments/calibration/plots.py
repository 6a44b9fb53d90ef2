"""Figures of the calibration: the fits against the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.calibration.calibration import Calibration
from experiments.calibration.laws import best
from experiments.calibration.levels import Rate
from experiments.calibration.mid_plots import daytime, panels, regimes, signature
from experiments.evaluation.plots import ASK, BID, INK

GREEN, VIOLET, OCHRE = "#4f772d", "#7b5ea7", "#946c00"
MARKS = {"bid": BID, "ask": ASK}


def figures(found: Calibration) -> dict[str, Figure | None]:
    """Name -> figure; None for what was left out."""
    return {
        "signature": signature(found) if found.signature and not found.sigma.missing else None,
        "daytime": daytime(found) if found.daytime else None,
        "regimes": regimes(found) if found.regimes else None,
        "fills": fills(found) if "pooled" in found.fits else None,
        "impact": impact(found) if found.orders.count else None,
        "hawkes": hawkes(found) if found.hawkes else None,
        "queues": queues(found) if found.queues else None,
        "distances": distances(found) if found.zero_intelligence else None,
    }


def fills(found: Calibration) -> Figure:
    """lambda(depth) on a log scale, and the chance of a fill, observed and fitted."""
    figure, (left, right) = panels(2)
    pooled, lifetime = found.fits["pooled"], found.settings.lifetime
    depths = pooled.reach.depths
    shown = depths <= depths[pooled.reach.fills > 0][-1] * 1.05
    for side, color in ((side, color) for side, color in MARKS.items() if side in found.fits):
        reach = found.fits[side].reach
        share = reach.fills / len(reach.reached)
        seen = (share > 0.0) & (share < 1.0) & _thinned(len(share))
        left.plot(depths[seen], -np.log1p(-share[seen]) / lifetime, "o", color=color, ms=3, label=f"{side} quotes")
        right.plot(depths[seen], share[seen], "o", color=color, ms=3, label=f"{side} quotes")
    line = pooled.line.rate * np.exp(-pooled.line.k * depths)
    curves = [
        (pooled.exponential.rates(depths), "A exp(-k depth), likelihood", INK, "-"),
        (pooled.power_law.rates(depths), "power law, likelihood", OCHRE, "--"),
        (line, "log-linear", GREEN, ":"),
    ]
    if (law := best(found.laws)).name not in ("exponential", "power_law"):
        rates = -np.log1p(-np.minimum(law.fitted, 1.0 - 1e-12)) / lifetime
        curves.append((rates, f"{law.name}, the best law", VIOLET, "-."))
    for rates, name, color, style in curves:
        left.plot(depths[shown], rates[shown], style, color=color, lw=1.6, label=name)
        right.plot(depths[shown], -np.expm1(-rates[shown] * lifetime), style, color=color, lw=1.6, label=name)
    left.set(yscale="log", xlabel="depth from the mid (price)", ylabel="fills per second")
    lowest = -np.log1p(-0.5 / len(pooled.reach.reached)) / lifetime
    left.set_ylim(bottom=lowest)
    right.set(xlabel="depth from the mid (price)", ylabel=f"P[filled within {lifetime:g} s]")
    left.legend(frameon=False, fontsize=8)
    return figure


def impact(found: Calibration) -> Figure:
    """The mid after market orders, and against quotes that were filled."""
    figure, (left, right) = panels(2)
    horizons = [f"{one.horizon:g}" for one in found.impacts]
    values, errors = zip(*(one.mean for one in found.impacts)) if found.impacts else ((), ())
    left.errorbar(horizons, values, 2.0 * np.array(errors), fmt="o-", color=BID, lw=1.4, ms=4, capsize=3)
    left.set(xlabel="seconds after a market order", ylabel="mid's move in its direction (price)")
    left.axhline(0.0, color=INK, lw=0.8)
    if "pooled" in found.fits:
        _against(right, found)
    else:
        right.set_visible(False)
    return figure


def _against(right: Any, found: Calibration) -> None:
    """The mid's mean move against filled quotes, by depth, and the fit."""
    pooled = found.fits["pooled"]
    depths = np.arange(0.25, 4.1, 0.25) / pooled.exponential.k.value
    depths = depths[depths <= pooled.reach.depths[-1]]
    moves = [pooled.reach.adverse(depth) for depth in depths]
    right.errorbar(
        depths, [m.value for m in moves], [2.0 * m.error for m in moves], fmt="o-", color=ASK, lw=1.4, ms=4, capsize=3
    )
    if found.adverse:
        near = depths[depths <= found.adverse.reach]
        fitted = [found.adverse.at(depth).value for depth in near]
        right.plot(near, fitted, color=VIOLET, lw=1.6, label="fitted")
    right.plot(depths, depths, "--", color=INK, lw=1.0, label="the depth itself: no gain")
    right.set(xlabel="depth of a filled quote (price)", ylabel="mid's move against it (price)")
    right.legend(frameon=False, fontsize=8)


def hawkes(found: Calibration) -> Figure:
    """The residuals' distribution beside the exponential that a true model would give."""
    kinds = ["all orders", "buys and sells"]
    figure, axes = panels(2)
    for axis, kind in zip(axes, kinds, strict=True):
        fits = {name: fit for name, fit in found.hawkes.items() if name.startswith(kind)}
        for (name, fit), color in zip(fits.items(), (BID, ASK, GREEN, VIOLET)):
            residuals = np.sort(fit.residuals)
            left = 1.0 - np.arange(len(residuals)) / len(residuals)
            label = f"{name.removeprefix(f'{kind}, ')}, distance {fit.distance:.3f}"
            axis.plot(residuals, left, color=color, lw=1.4, label=label)
        longest = max((fit.residuals.max() for fit in fits.values()), default=1.0)
        axis.plot([0.0, longest], np.exp([0.0, -longest]), "--", color=INK, lw=1.0, label="if the model is true")
        axis.set(yscale="log", xlabel="residual", ylabel="share beyond it", title=kind, ylim=(1e-5, 1.5))
        axis.legend(frameon=False, fontsize=8)
    return figure


def queues(found: Calibration) -> Figure:
    """Intensities over the queue's size, by level."""
    figure, axes = panels(3)
    for axis, kind in zip(axes, ("limit", "cancel", "market"), strict=True):
        table = getattr(found.queues, kind)
        for level, color in zip(range(len(table) if kind != "market" else 1), (BID, ASK, GREEN, VIOLET, OCHRE)):
            _over(axis, range(1, len(table[level]) + 1), table[level], color, f"level {level + 1}")
        name = "cancellations" if kind == "cancel" else f"{kind} orders"
        axis.set(title=name, xlabel="queue (mean limit orders)", ylim=(0.0, None))
    axes[0].set_ylabel("events per second and side")
    axes[0].legend(frameon=False, fontsize=8)
    return figure


def distances(found: Calibration) -> Figure:
    """The zero-intelligence parameters by distance, and the power law through lambda."""
    model = found.zero_intelligence
    assert model is not None
    figure, axes = panels(3)
    ticks = np.arange(1, len(model.arrival) + 1)
    _over(axes[0], ticks, model.arrival, BID, "λ")
    axes[0].plot(ticks, model.scale * ticks**-model.exponent, "--", color=INK, lw=1.0, label="power law")
    axes[0].legend(frameon=False, fontsize=8)
    _over(axes[1], ticks, model.cancellation, ASK, "θ")
    axes[2].errorbar(
        ticks,
        [m.value for m in model.depth],
        [2 * m.error for m in model.depth],
        fmt="o-",
        color=GREEN,
        ms=4,
        capsize=2,
    )
    for axis, name in zip(
        axes, ("λ: limit orders per second", "θ: cancellations per order and second", "resting orders")
    ):
        axis.set(title=name, xlabel="ticks from the opposite best quote", ylim=(0.0, None))
    return figure


def _over(axis: Any, x: Any, rates: list[Rate], color: str, label: str) -> None:
    known = [i for i, rate in enumerate(rates) if rate.seconds > 0.0]
    places, values = [list(x)[i] for i in known], [rates[i].rate.value for i in known]
    errors = [2.0 * rates[i].rate.error for i in known]
    axis.errorbar(places, values, errors, fmt="o-", color=color, lw=1.2, ms=3, capsize=2, label=label)


def _thinned(n: int, most: int = 150) -> Any:
    return np.arange(n) % max(1, n // most) == 0
