"""European options under Heston 1993 by quadrature of the characteristic function: price, delta and vega, in numpy."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.options.black_scholes import black_scholes

Floats = NDArray[np.float64]
_NODES, _WAVE = 384, 400.0  # of a panel, and how far a phase may turn in one
_GONE = -40.0  # the logarithm of what is negligible


class SquareRootVariance(NamedTuple):
    """dv = kappa (theta - v) dt + vol sqrt(v) dZ, d<W, Z> = rho dt, under the measure that prices."""

    kappa: float  # 1 / time
    theta: float  # 1 / time
    vol: float  # 1 / time
    rho: float


class HestonGreeks(NamedTuple):
    """The price of an option and its derivatives."""

    price: float  # price units
    delta: float  # by the underlying's price
    vega: float  # by the square root of the variance; price sqrt(time)
    gamma: float  # delta, by the underlying's price; 1 / price


def mean_variance(law: SquareRootVariance, time: Any, v: Any) -> Any:
    """E[integral of v over `time`], from v: the variance of the log price that Black & Scholes's formula is taken at."""
    return law.theta * time + (v - law.theta) * -np.expm1(-law.kappa * time) / law.kappa


def heston(
    law: SquareRootVariance, side: float, spot: float, strike: float, time_left: float, v: float, rate: float = 0.0,
    dividend: float = 0.0,
) -> HestonGreeks:  # fmt: skip
    """Price, delta, vega and gamma of a European call (side 1.0) or put (-1.0), where dS/S = (rate - dividend) dt + sqrt(v) dW.

    With F = S e^((rate - dividend) T) and phi the characteristic function of ln(F_T / F), the price is Black & Scholes's at the
    mean variance and, discounted, sqrt(F K) / pi times the integral from 0 of Re[(F / K)^(i u) (phi_BS - phi)(u - i / 2)] /
    (u^2 + 1 / 4): Lewis 2001, with Andersen & Piterbarg's 2010 control variate.
    """
    x = math.log(spot / strike) + (rate - dividend) * time_left
    w, growth, discount = mean_variance(law, time_left, v), math.exp(-dividend * time_left), math.exp(-rate * time_left)
    plain = black_scholes(side, spot, strike, time_left, math.sqrt(w / time_left), rate, dividend)
    u, weights, normal, own, slope = transforms(law, time_left, v, panels(law, abs(x), time_left, v))
    waves = np.exp(1j * u * x) * weights
    excess = float((waves @ (normal - own)).real)
    along = float((waves * (0.5 + 1j * u) @ (normal - own)).real)
    bent = -float((waves * (u * u + 0.25) @ (normal - own)).real)
    by_variance = -2.0 * math.sqrt(v) * float((waves @ (slope * own)).real)
    scale = math.exp(-0.5 * x)  # sqrt(K / F)
    return HestonGreeks(plain.price + discount * strike * excess / scale, plain.delta + growth * scale * along,
                        discount * strike * by_variance / scale,
                        plain.gamma + discount * strike * bent / (scale * spot * spot))  # fmt: skip


def excesses(law: SquareRootVariance, moneyness: Floats, time_left: float, v: Floats) -> Floats:
    """By how much options are dearer than Black & Scholes's at the mean variance w, in shares of sqrt(F K w), (n, variances).

    They are at ln(F / K) = `moneyness` x sqrt(w), of an evenly spaced grid, (n,), and each of the variances.
    """
    spread = np.sqrt(mean_variance(law, time_left, v))
    farthest = np.abs(moneyness).max() * spread
    most = max(panels(law, x, time_left, each) for x, each in zip(farthest.tolist(), v.tolist(), strict=True))
    parts = [transforms(law, time_left, each, most) for each in v.tolist()]
    u, shares = np.stack([part[0] for part in parts]), np.stack([part[1] * (part[2] - part[3]) for part in parts])
    waves = shares * np.exp(1j * moneyness[0] * spread[:, None] * u)
    onward = np.exp(1j * (moneyness[1] - moneyness[0]) * spread[:, None] * u)
    found = np.empty((len(moneyness), len(v)))
    for row in found:
        row[:] = waves.sum(axis=1).real / spread
        waves *= onward
    return found


def panels(law: SquareRootVariance, farthest: float, time_left: float, v: float) -> int:
    """How many panels an integral takes at |ln(F / K)| = `farthest`."""
    return 1 + int(farthest * _end(law, time_left, v) / _WAVE)


def transforms(
    law: SquareRootVariance, time_left: float, v: float, panels: int
) -> tuple[Floats, Floats, Any, Any, Any]:
    """Nodes u and weights, 1 / (pi (u^2 + 1 / 4)) included; phi_BS and phi at u - i / 2, and the derivative of ln phi by v."""
    w, end = mean_variance(law, time_left, v), _end(law, time_left, v)
    each, shares = _unit_legendre()
    points = ((np.arange(panels)[:, None] + each) / panels).ravel()
    u, weights = end * points**2, 2.0 * end * points * np.tile(shares / panels, panels)
    level, slope = exponents(law, u, time_left)
    square = u * u + 0.25
    return u, weights / (math.pi * square), np.exp(-0.5 * w * square), np.exp(level + slope * v), slope


def exponents(law: SquareRootVariance, u: Floats, time: float) -> tuple[Any, Any]:
    """(C, D) of phi(u - i / 2) = e^(C + D v), without jumps (Albrecher et al. 2007), nor loss where vol is small."""
    square, vol2 = u * u + 0.25, law.vol**2
    beta = law.kappa - 0.5 * law.rho * law.vol - 1j * law.rho * law.vol * u
    d = np.sqrt(beta * beta + vol2 * square)
    fallen = -np.expm1(-d * time)
    fast = -square / (beta + d)  # (beta - d) / vol^2
    slope = -square * fallen / (2.0 * d + vol2 * fast * fallen)
    return law.kappa * law.theta * (fast * time - 2.0 * np.log1p(vol2 * fast * fallen / (2.0 * d)) / vol2), slope


def _end(law: SquareRootVariance, time: float, v: float) -> float:
    """Where both transforms are negligible."""
    u = math.sqrt(-2.0 * _GONE / mean_variance(law, time, v)) * 2.0 ** np.arange(0.0, 24.0, 0.25)
    level, slope = exponents(law, u, time)
    gone = (level + slope * v).real < _GONE
    return float(u[np.argmax(gone)]) if gone.any() else float(u[-1])


@cache
def _unit_legendre() -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    return 0.5 * (points + 1.0), 0.5 * weights
