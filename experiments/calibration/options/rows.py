"""What a fit found as rows: estimates with errors, how well it fits, how well the parameters are told apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.calibration.estimate import EXACT, EstimateRow
from experiments.calibration.options.arbitrage import violations
from experiments.calibration.options.fit import Fit
from experiments.calibration.options.models import UNITS
from experiments.calibration.options.valley import Valley

POINTS = "volatility points"


def rows(fit: Fit, valley: Valley) -> list[EstimateRow]:
    """All numbers of a fit, in the order of the report."""
    return [*_surface(fit), *_parameters(fit), *_goodness(fit), *_correlation(fit), *_valley(valley)]


def _surface(fit: Fit) -> Iterator[EstimateRow]:
    surface, section = fit.surface, "surface"
    found = violations(surface)
    yield EstimateRow(section, "quotes", surface.quotes, EXACT, "")
    yield EstimateRow(section, "maturities", len(surface.smiles), EXACT, "")
    yield EstimateRow(section, "shortest maturity", surface.smiles[0].days, EXACT, "days")
    yield EstimateRow(section, "longest maturity", surface.smiles[-1].days, EXACT, "days")
    yield EstimateRow(section, "spot", surface.spot, EXACT, "price")
    yield EstimateRow(section, "violations of static arbitrage", len(found), EXACT, "")
    yield EstimateRow(section, "largest violation", max((x.points for x in found), default=0.0), EXACT, POINTS)


def _parameters(fit: Fit) -> Iterator[EstimateRow]:
    for name, one in fit.estimates.items():
        yield EstimateRow("parameters", name, one.value, one.error, UNITS[name])
    yield EstimateRow("parameters", "Feller ratio 2 kappa theta / vol^2", fit.feller, EXACT, "")


def _goodness(fit: Fit) -> Iterator[EstimateRow]:
    yield EstimateRow("fit", "RMSE", 100.0 * fit.rmse, EXACT, POINTS)
    yield EstimateRow("fit", "largest error", 100.0 * float(np.abs(fit.errors).max()), EXACT, POINTS)
    yield EstimateRow("fit", "starts", len(fit.ends), EXACT, "")
    yield EstimateRow("fit", "starts that ended at the best", fit.at_best, EXACT, "")
    yield EstimateRow("fit", "largest error by the quadrature", 100.0 * fit.quadrature, EXACT, POINTS)
    yield EstimateRow("fit", "RMSE where the worst start ended", 100.0 * fit.ends[-1].rmse, EXACT, POINTS)
    for smile, errors in zip(fit.surface.smiles, fit.by_maturity(fit.errors)):
        rmse = 100.0 * float(np.sqrt((errors**2).mean()))
        yield EstimateRow("fit, by maturity", f"RMSE at {smile.days:g} days", rmse, EXACT, POINTS)


def _correlation(fit: Fit) -> Iterator[EstimateRow]:
    for i, name in enumerate(fit.names):
        for j in range(i):
            pair = f"{fit.names[j]} and {name}"
            yield EstimateRow("correlation of the estimates", pair, float(fit.correlation[i, j]), EXACT, "")


def _valley(valley: Valley) -> Iterator[EstimateRow]:
    for i, value in enumerate(valley.eigenvalues.tolist(), 1):
        yield EstimateRow("valley", f"eigenvalue {i}", value, EXACT, "volatility^2")
    yield EstimateRow("valley", "condition number", valley.condition, EXACT, "")
    for name, share in zip(valley.names, valley.flattest.tolist()):
        yield EstimateRow("valley", f"flattest direction, {name}", share, EXACT, "relative move")
