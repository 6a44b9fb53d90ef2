"""A surface of implied volatilities as it was quoted, and the undiscounted calls that it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
YEAR = 365.0  # days


@dataclass(frozen=True)
class Smile:
    """The quotes of one maturity, strikes rising."""

    days: float
    rate: float  # zero rate to the maturity, continuously compounded, 1 / year
    strikes: Floats  # (n,) price units
    vols: Floats  # (n,) implied volatilities, 1 / sqrt(year)

    @property
    def years(self) -> float:
        """Time to maturity, days / 365."""
        return self.days / YEAR

    def forward(self, spot: float) -> float:
        """F = spot exp(rate years)."""
        return spot * float(np.exp(self.rate * self.years))

    def calls(self, spot: float) -> tuple[Floats, Floats]:
        """Undiscounted Black prices of calls and their derivatives by volatility (vega), each (n,), price units."""
        forward, total = self.forward(spot), self.vols * np.sqrt(self.years)
        d1 = np.log(forward / self.strikes) / total + 0.5 * total
        prices = forward * ndtr(d1) - self.strikes * ndtr(d1 - total)
        density = np.exp(-0.5 * d1**2) / np.sqrt(2.0 * np.pi)
        return prices, forward * density * np.sqrt(self.years)

    def log_moneyness(self, spot: float) -> Floats:
        """ln(strike / forward), (n,)."""
        return np.log(self.strikes / self.forward(spot))


@dataclass(frozen=True)
class Surface:
    """Smiles by rising maturity."""

    name: str
    spot: float  # price units
    smiles: tuple[Smile, ...]
    remarks: tuple[str, ...] = ()  # what whoever reads the numbers should know: what was left out or let pass

    @property
    def quotes(self) -> int:
        """How many there are."""
        return sum(len(smile.strikes) for smile in self.smiles)

    @property
    def vols(self) -> Floats:
        """All implied volatilities, (quotes,), smile by smile."""
        return np.concatenate([smile.vols for smile in self.smiles])

    def at_the_money(self) -> Floats:
        """The implied volatility at the forward by maturity, (maturities,), linear between strikes."""
        at = [np.interp(0.0, smile.log_moneyness(self.spot), smile.vols) for smile in self.smiles]
        return np.array(at)
