"""Heston and Bates as QuantLib prices them: implied volatilities of parameters.

    dS / S = r dt + sqrt(v) dW (+ exp(J) - 1 at the times of a Poisson process of `rate`, J normal (jump_mean, jump_std^2))
    dv = kappa (theta - v) dt + vol sqrt(v) dZ,  d<W, Z> = rho dt,  v(0) = v0

under the pricing measure, the jumps compensated. Time is in years of 365 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from experiments.calibration.options.surface import Floats, Surface
from mm_env.core.extras import require

UNITS = {
    "kappa": "1 / year", "theta": "1 / year", "vol": "1 / year", "rho": "", "v0": "1 / year",
    "rate": "1 / year", "jump_mean": "log price", "jump_std": "log price",
}  # fmt: skip
HESTON = ("kappa", "theta", "vol", "rho", "v0")
MODELS = {"heston": HESTON, "bates": (*HESTON, "rate", "jump_mean", "jump_std")}
QUANTLIB = ("theta", "kappa", "vol", "rho", "v0", "jump_mean", "jump_std", "rate")  # the order of its arguments
PER_TIME = {"kappa", "theta", "vol", "v0", "rate"}  # what is divided where a unit of time is
NODES, MOST_NODES = 128, 192  # of the Gauss-Laguerre quadrature, and the most that QuantLib has
FAR = 10.0  # the error in volatility of parameters that QuantLib has no price for
ORIGIN = (1, 1, 1901)  # only differences of dates count
MOST_DAYS = 100_000  # from then to the last date of QuantLib
STEP = 1e-4  # of central differences, in shares of a parameter


def require_quantlib() -> None:
    """Raises: MissingExtra where QuantLib is not installed."""
    require("the calibration of an option surface", "options", "QuantLib")


def per_day(surface: Surface) -> int:
    """Into how many steps a day is cut so that all maturities are whole: QuantLib knows whole dates only.

    The fewest at which they are, or of those that its calendar has room for the one at which they are off by least.
    """
    days = np.array([smile.days for smile in surface.smiles])
    tried = np.arange(1, max(2, int(MOST_DAYS / days[-1]) + 1))
    off = [round(float(np.abs(np.round(n * days) - n * days).max() / n), 9) for n in tried]
    return int(tried[int(np.argmin(off))])


class Pricer:
    """A surface under a model: one helper of QuantLib for each quote, smile by smile."""

    def __init__(self, surface: Surface, model: str, nodes: int = NODES) -> None:
        require_quantlib()
        import QuantLib

        self.ql, self.surface, self.names, self.cut = QuantLib, surface, MODELS[model], per_day(surface)
        with self._origin():
            rates, none, spot = self._market()
            start = [rates, none, spot, 0.04, 1.0, 0.04, 0.5, -0.5]  # before any are set
            self.model, engine = self._made(model, start, nodes)
            self.helpers = [helper for smile in surface.smiles for helper in self._helpers(smile, rates, none)]
            for helper in self.helpers:
                helper.setPricingEngine(engine)

    def errors(self, parameters: Floats) -> Floats:
        """Implied volatility of the model less that quoted, (quotes,); `parameters` as MODELS names them."""
        with self._origin():
            self.model.setParams(self.ql.Array(self._to_quantlib(parameters)))
            found = np.array([self._error(helper) for helper in self.helpers])
        return np.clip(np.nan_to_num(found, nan=FAR), -FAR, FAR) * np.sqrt(self.cut)

    @staticmethod
    def _error(helper: Any) -> float:
        try:
            return helper.calibrationError()
        except RuntimeError:  # QuantLib's: no root is bracketed
            return FAR

    def vols(self, parameters: Floats) -> Floats:
        """Implied volatilities of the model, (quotes,)."""
        return self.surface.vols + self.errors(parameters)

    def jacobian(self, parameters: Floats) -> Floats:
        """Derivatives of the model's implied volatilities, (quotes, parameters), by central differences."""
        steps = np.diag(STEP * np.maximum(np.abs(parameters), 1e-3))
        moved = [
            (self.errors(parameters + step) - self.errors(parameters - step)) / (2.0 * step.sum()) for step in steps
        ]
        return np.stack(moved, axis=1)

    def _market(self) -> tuple[Any, Any, Any]:
        """The curve through the quoted rates, one of zeros, and the spot."""
        ql, days = self.ql, ql_days(self.surface, self.cut)
        origin, count = ql.Date(*ORIGIN), ql.Actual365Fixed()
        rates = [smile.rate / self.cut for smile in self.surface.smiles]
        curve = ql.ZeroCurve([origin, *(origin + day for day in days)], [rates[0], *rates], count)
        none = ql.YieldTermStructureHandle(ql.FlatForward(origin, 0.0, count))
        return ql.YieldTermStructureHandle(curve), none, ql.QuoteHandle(ql.SimpleQuote(self.surface.spot))

    def _made(self, model: str, start: list[Any], nodes: int) -> tuple[Any, Any]:
        ql = self.ql
        if model == "heston":
            made = ql.HestonModel(ql.HestonProcess(*start))
            return made, ql.AnalyticHestonEngine(made, nodes)
        made = ql.BatesModel(ql.BatesProcess(*start, 0.1, -0.1, 0.1))
        return made, ql.BatesEngine(made, nodes)

    def _helpers(self, smile: Any, rates: Any, none: Any) -> Iterator[Any]:
        ql, spot, kind = self.ql, self.surface.spot, self.ql.BlackCalibrationHelper.ImpliedVolError
        maturity = ql.Period(round(smile.days * self.cut), ql.Days)
        for strike, vol in zip(smile.strikes.tolist(), (smile.vols / np.sqrt(self.cut)).tolist()):
            quote = ql.QuoteHandle(ql.SimpleQuote(vol))
            yield ql.HestonModelHelper(maturity, ql.NullCalendar(), spot, strike, quote, rates, none, kind)

    def _to_quantlib(self, parameters: Floats) -> list[float]:
        named = dict(zip(self.names, parameters.tolist()))
        return [named[name] / (self.cut if name in PER_TIME else 1) for name in QUANTLIB if name in named]

    @contextmanager
    def _origin(self) -> Iterator[None]:
        """QuantLib's date of today, which is one for the whole process, is ours meanwhile."""
        settings = self.ql.Settings.instance()
        before, settings.evaluationDate = settings.evaluationDate, self.ql.Date(*ORIGIN)
        try:
            yield
        finally:
            settings.evaluationDate = before


def ql_days(surface: Surface, cut: int) -> list[int]:
    """The maturities in whole steps of 1 / cut days."""
    return [round(smile.days * cut) for smile in surface.smiles]
