"""When a position that nobody trades is liquidated: first passages of a geometric Brownian motion to a barrier below it."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

_REACH, _NODES = (
    9.0,
    6.0,
)  # standard deviations that the law of the log price is followed to, and points in each of a date's


def liquidation_probability(health: float, sigma: float, horizon: float, drift: float = 0.0) -> float:
    """The probability that dS = drift S dt + sigma S dW falls to S_0 / health by `horizon`, watched continuously.

    With b = ln(health), m = drift - sigma^2 / 2 and s = sigma sqrt(horizon) it is
    N(-(b + m T) / s) + exp(-2 m b / sigma^2) N(-(b - m T) / s) (Harrison 1985, sec. 1.8).

    Raises: ValueError for a health below 1 (it is liquidated already), or a sigma or horizon that is not positive.
    """
    _check(health, sigma, horizon)
    distance, mean, spread = math.log(health), (drift - 0.5 * sigma**2) * horizon, sigma * math.sqrt(horizon)
    reflected = math.exp(-2.0 * mean * distance / spread**2) * ndtr((mean - distance) / spread)
    return float(ndtr(-(distance + mean) / spread) + reflected)


def watched_liquidation_probability(
    health: float, sigma: float, horizon: float, dates: int, drift: float = 0.0
) -> float:
    """As `liquidation_probability`, watched at `dates` evenly spaced dates only, the last of them the horizon.

    The law of ln(S / barrier) among those that are not liquidated, followed from date to date by Gauss-Legendre quadrature:
    f_{n+1}(y) = int_0^inf f_n(x) phi((y - x - m dt) / (sigma sqrt(dt))) / (sigma sqrt(dt)) dx.

    Raises: ValueError as `liquidation_probability`, and for less than one date.
    """
    _check(health, sigma, horizon)
    if dates < 1:
        raise ValueError(f"dates must be >= 1, got {dates}")
    step, mean = sigma * math.sqrt(horizon / dates), (drift - 0.5 * sigma**2) * horizon / dates
    distance = math.log(health)
    top = distance + max(0.0, mean * dates) + _REACH * step * math.sqrt(dates)
    points, weights = np.polynomial.legendre.leggauss(math.ceil(_NODES * top / step))
    x, weights = 0.5 * top * (points + 1.0), 0.5 * top * weights
    alive = _density((x - distance - mean) / step) / step
    onward = _density((x[:, None] - x[None, :] - mean) / step) / step * weights
    for _ in range(dates - 1):
        alive = onward @ alive
    return float(1.0 - weights @ alive)


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)


def _check(health: float, sigma: float, horizon: float) -> None:
    if not (health >= 1.0 and sigma > 0.0 and horizon > 0.0):
        raise ValueError(f"health must be >= 1, sigma and horizon > 0, got {health:g}, {sigma:g} and {horizon:g}")
