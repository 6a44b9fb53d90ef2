"""Figures of a fit: the smiles beside the data, and the valley."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from experiments.calibration.options.fit import Fit
from experiments.calibration.options.models import Pricer
from experiments.calibration.options.surface import Smile, Surface
from experiments.calibration.options.valley import Valley
from experiments.evaluation.plots import ASK, BID, INK, plain

ACROSS = 4  # panels in a row
DENSE = 41  # strikes of a curve


def figures(fit: Fit, valley: Valley) -> dict[str, Figure | None]:
    """Name -> figure."""
    return {"smiles": smiles(fit), "valley": along(valley)}


def smiles(fit: Fit) -> Figure:
    """A panel for each maturity: quotes and the model's implied volatilities, in percent, over the strike."""
    count, dense = len(fit.surface.smiles), _dense(fit.surface)
    columns = min(ACROSS, count)
    figure = Figure(figsize=(3.3 * columns, 2.9 * -(-count // columns)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(-(-count // columns), columns, sharex=True, sharey=True)).ravel()
    curves = np.split(Pricer(dense, fit.model).vols(fit.parameters), count)
    for axis, smile, curve, fine, errors in zip(
        axes, fit.surface.smiles, curves, dense.smiles, fit.by_maturity(fit.errors)
    ):
        axis.plot(fine.strikes, 100.0 * curve, color=ASK, lw=1.6, label=fit.title)
        axis.plot(smile.strikes, 100.0 * smile.vols, "o", color=BID, ms=3.5, label="quoted")
        axis.axvline(smile.forward(fit.surface.spot), color=INK, lw=0.8, ls=":", label="forward")
        axis.set_title(f"{smile.days:g} days, RMSE {100.0 * np.sqrt((errors**2).mean()):.2f}", fontsize=9, color=INK)
        plain(axis)
    for axis in axes[count:]:
        axis.set_visible(False)
    for axis in axes[:count][-columns:]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel("strike", fontsize=9)
    figure.supylabel("implied volatility (%)", fontsize=9)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def along(valley: Valley) -> Figure:
    """The RMSE along the flattest and the steepest direction of the parameters."""
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    axis = figure.subplots()
    axis.plot(100.0 * valley.moves, 100.0 * valley.rmse, color=BID, lw=1.8, label="flattest direction")
    axis.plot(100.0 * valley.moves, 100.0 * valley.steepest_rmse, color=ASK, lw=1.8, label="steepest direction")
    moves = ", ".join(f"{name} {share:+.2f}" for name, share in zip(valley.names, valley.flattest) if abs(share) > 0.02)
    axis.set_title(f"flattest: {moves}", fontsize=9, color=INK)
    axis.set(xlabel="move of the parameter that moves most (%)", ylabel="RMSE (volatility points)", ylim=(0.0, None))
    axis.legend(frameon=False, fontsize=8)
    plain(axis)
    return figure


def _dense(surface: Surface) -> Surface:
    """The same maturities at many strikes; the volatilities are no quotes."""
    found = []
    for smile in surface.smiles:
        strikes = np.linspace(smile.strikes[0], smile.strikes[-1], DENSE)
        found.append(Smile(smile.days, smile.rate, strikes, np.interp(strikes, smile.strikes, smile.vols)))
    return Surface(surface.name, surface.spot, tuple(found))
