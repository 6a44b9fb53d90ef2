"""The maximum drawdown of driftless Brownian motion: its law, its mean, and what cover against it is worth.

The drawdown max_{s <= t} W_s - W_t is |B_t| in law (Levy 1948), so that its maximum is that of |B|, whose law is known.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mm_env.core.parameters import Interval, check

Floats = NDArray[np.float64]
_TERMS, _NODES, _REACH = (
    12,
    80,
    10.0,
)  # of a series, of a quadrature, and standard deviations beyond which nothing is left
_EVEN = (
    1.4  # levels in standard deviations below which one of the two series, and above which the other, converges faster
)


def max_drawdown_probability(level: ArrayLike, sigma: float, horizon: float) -> Floats:
    """P[max drawdown of sigma W over [0, horizon] > level], the shape of `level` (price units, >= 0).

    With x = level / (sigma sqrt(horizon)) it is 1 - (4 / pi) sum_k (-1)^k / (2 k + 1) exp(-(2 k + 1)^2 pi^2 / (8 x^2)), or, the
    same by reflections, 4 sum_k (-1)^k (1 - N((2 k + 1) x)) (Feller 1971, sec. X.5).
    """
    x = np.asarray(level, np.float64)[..., None] / _deviation(sigma, horizon)
    odd = 2.0 * np.arange(_TERMS) + 1.0
    sign = np.where(np.arange(_TERMS) % 2 == 0, 1.0, -1.0)
    low = 1.0 - 4.0 / math.pi * (sign / odd * np.exp(-((odd * math.pi / np.maximum(x, 1e-9)) ** 2) / 8.0)).sum(-1)
    high = 2.0 * (sign * _erfc(odd * np.maximum(x, 1e-9) / math.sqrt(2.0))).sum(-1)
    return np.where(x[..., 0] < _EVEN, low, high)


def max_drawdown_cover(level: float, sigma: float, horizon: float) -> float:
    """E[(max drawdown of sigma W over [0, horizon] - level)+], price units: what is fair for a cover of losses beyond `level`.

    From 0 on it is the mean of the maximum drawdown, sqrt(pi / 2) sigma sqrt(horizon) (Magdon-Ismail et al. 2004). A position
    of q units in a mid of volatility sigma has a drawdown of volatility |q| sigma.

    Raises: TypeError or ValueError that names the argument, the rule and the value.
    """
    check("level", level, Interval(0.0))
    deviation = _deviation(sigma, horizon)
    split, end = max(level, _EVEN * deviation), max(level, _EVEN * deviation) + _REACH * deviation
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    parts = [(0.5 * (b - a), 0.5 * (a + b)) for a, b in ((level, split), (split, end))]
    return float(
        sum(half * (weights @ max_drawdown_probability(mid + half * points, sigma, horizon)) for half, mid in parts)
    )


def _deviation(sigma: float, horizon: float) -> float:
    check("sigma", sigma, Interval(0.0, low_open=True))
    check("horizon", horizon, Interval(0.0, low_open=True))
    return sigma * math.sqrt(horizon)


def _erfc(x: Any) -> Floats:
    return np.vectorize(math.erfc, otypes=[np.float64])(x)
