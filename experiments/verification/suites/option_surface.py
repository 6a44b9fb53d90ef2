"""Heston's model as QuantLib prices it: a call that is known, and the parameters of a surface that is given by options=FILE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.calibration.options.fit import Fit, Settings, fit
from experiments.calibration.options.models import Pricer, require_quantlib
from experiments.calibration.options.reader import read
from experiments.calibration.options.surface import YEAR, Smile, Surface
from experiments.verification.suite import Asked, Row, Skipped, suite
from mm_env.core.extras import MissingExtra

CALL = np.array([1.5768, 0.0398, 0.5751, -0.5711, 0.0175])  # kappa, theta, vol, rho, v0
KNOWN = {  # value, and half of its last digit
    "kappa": (5.8515, 5e-5), "theta": (0.071176, 5e-7), "vol": (1.53347, 5e-6), "rho": (-0.57166, 5e-6), "v0": (0.144118, 5e-7),
}  # fmt: skip
RMSE, STARTS = 0.55854, 24  # volatility points
SHORTEST = 14.0  # days: without the row of 13


@suite(
    "heston_call_quantlib",
    "Heston 1993: kappa 1.5768, theta .0398, vol .5751, rho -.5711, v0 .0175, S = K = 100, T = 1",
    1.0,
)
def call(_: Asked) -> Iterator[Row]:
    """By the implied volatility that the calibration gives these parameters."""
    require()
    quoted = Smile(YEAR, 0.0, np.array([100.0]), np.array([0.2]))
    vols = Pricer(Surface("at the money", 100.0, (quoted,)), "heston").vols(CALL)
    yield Row("call", 5.78515543, float(replace(quoted, vols=vols).calls(100.0)[0][0]), 1e-7)


@suite(
    "heston_calibrated", "the DAX surface without its 13-day row, 91 quotes, equal weights on implied volatility", 60.0
)
def calibrated(asked: Asked) -> Iterator[Row]:
    """The fit, its error, and how many of its starts end there."""
    require()
    if asked.options is None:
        raise Skipped("options=FILE names the DAX surface (../shared/data/options)")
    found = fit(read(asked.options, min_maturity_days=SHORTEST), Settings(model="heston", starts=STARTS))
    yield Row("quotes", 91.0, float(found.surface.quotes), 0.0)
    yield from _parameters(found)
    yield Row("RMSE, volatility points", RMSE, 100.0 * found.rmse, 5e-6)
    yield Row(f"starts that end there, of {STARTS}", float(STARTS), float(found.at_best), 0.0)


def _parameters(found: Fit) -> Iterator[Row]:
    for name, (known, tolerance) in KNOWN.items():
        yield Row(name, known, found.named[name], tolerance)


def require() -> None:
    """Raises: Skipped where QuantLib is not installed."""
    try:
        require_quantlib()
    except MissingExtra as missing:
        raise Skipped(str(missing)) from None
