"""The variance of what an option brings that is delta-hedged at dates, under Black & Scholes: exactly, and its limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.parameters import Interval, check
from mm_env.options.black_scholes import check_side

Floats = NDArray[np.float64]
_POSITIVE = Interval(0.0, low_open=True)
_REACH, _NODES = 8.0, 40  # standard deviations to the farthest node, and nodes of a quadrature
_PANELS = 60  # by which the limit is integrated


def hedging_error_variance(
    side: float, spot: float, strike: float, expiry: float, sigma: float, horizon: float, intervals: int
) -> float:
    """Var[C(horizon) - C(0) - sum of delta (S' - S)] of one option, hedged at `intervals` dates, evenly from 0 on; price^2.

    dS = sigma S dW, without rates. What an interval brings has mean 0 given its start, so that the variance is the sum of
    E[Var[C' - delta S' | S]], by quadrature over both normals. `horizon` <= `expiry`, where the option pays.

    Raises: TypeError or ValueError that names the argument, the rule and the value.
    """
    _check(side, spot, strike, expiry, sigma, horizon, intervals)
    dt, total = horizon / intervals, 0.0
    for i in range(intervals):
        start, weights = _spots(spot, sigma, i * dt, _NODES * math.ceil(math.sqrt(intervals)))
        total += float(weights @ _conditional(side, start[:, None], strike, expiry - i * dt, sigma, dt))
    return total


def hedging_error_limit(spot: float, strike: float, expiry: float, sigma: float, horizon: float) -> float:
    """What `hedging_error_variance` is divided by the interval, as that becomes short: price^2 / time, of a call or a put.

    sigma^4 / 2 times the integral of E[S^4 Gamma^2] over [0, horizon] (Bertsimas, Kogan & Lo 2000), with

        E[S_t^4 Gamma_t^2] = K^2 / (2 pi sigma^2 sqrt(T^2 - t^2)) exp(-(ln(S_0 / K) - sigma^2 T / 2)^2 / (sigma^2 (T + t))).
    """
    _check(1.0, spot, strike, expiry, sigma, horizon, 1)
    square, away = sigma**2, math.log(spot / strike) - 0.5 * sigma**2 * expiry
    points, weights = np.polynomial.legendre.leggauss(_PANELS)
    top = math.asin(min(horizon / expiry, 1.0))  # t = T sin(angle): dt / sqrt(T^2 - t^2) = d angle
    angle = 0.5 * top * (points + 1.0)
    bell = np.exp(-(away**2) / (square * expiry * (1.0 + np.sin(angle))))
    return float(0.5 * square**2 * strike**2 / (2.0 * math.pi * square) * 0.5 * top * (weights @ bell))


def derman_kamal(vega: float, sigma: float, intervals: int) -> float:
    """About the variance of a hedge to the expiry at `intervals` dates, near the money: pi / 4 (vega sigma)^2 / dates; price^2.

    (Derman & Kamal 1999, When you cannot hedge continuously.) `vega` is that of the start, price sqrt(time).
    """
    check("sigma", sigma, _POSITIVE)
    check("intervals", intervals, Interval(1, whole=True))
    return 0.25 * math.pi * (vega * sigma) ** 2 / intervals


def _spots(spot: float, sigma: float, time: float, nodes: int) -> tuple[Floats, Floats]:
    """Nodes and weights of S after a time, (nodes,) each: closer together than what an interval moves it by."""
    z, weights = _normals(-_REACH, _REACH, nodes)
    return _moved(spot, z, sigma, time), weights


def _conditional(side: float, spot: Floats, strike: float, left: float, sigma: float, dt: float) -> Floats:
    """Var[C' - delta S' | S] of an interval, at spots (n, 1): in two parts that meet where S' is the strike, the kink of what
    is paid."""
    spread = sigma * math.sqrt(dt)
    kink = np.clip((np.log(strike / spot) + 0.5 * spread**2) / spread, -_REACH, _REACH)
    price, delta = _option(side, spot, strike, left, sigma)
    found = np.zeros(len(spot))
    for low, high in ((-_REACH, kink), (kink, _REACH)):
        z, weights = _normals(low, high, _NODES)
        after = _moved(spot, z, sigma, dt)
        moved = _option(side, after, strike, left - dt if left - dt > 1e-12 * left else 0.0, sigma)[0]
        found += (weights * (moved - price - delta * (after - spot)) ** 2).sum(axis=1)
    return found


def _normals(low: Any, high: Any, nodes: int) -> tuple[Floats, Floats]:
    """Nodes of a normal between two numbers, and their weights."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    z = middle + half * points
    return z, half * weights * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def _moved(spot: Any, z: Floats, sigma: float, time: float) -> Floats:
    """S after a time, by its normal."""
    spread = sigma * math.sqrt(time)
    return spot * np.exp(spread * z - 0.5 * spread**2)


def _option(side: float, spot: Floats, strike: float, left: float, sigma: float) -> tuple[Floats, Floats]:
    """Price and delta at spots (n,)."""
    from scipy.special import ndtr

    if left <= 0.0:
        return np.maximum(side * (spot - strike), 0.0), np.where(side * (spot - strike) > 0.0, side, 0.0)
    spread = sigma * math.sqrt(left)
    d1 = np.log(spot / strike) / spread + 0.5 * spread
    mine = ndtr(side * d1)
    return side * (spot * mine - strike * ndtr(side * (d1 - spread))), side * mine


def _check(
    side: float, spot: float, strike: float, expiry: float, sigma: float, horizon: float, intervals: int
) -> None:
    check_side("side", side)
    given = {"spot": spot, "strike": strike, "expiry": expiry, "sigma": sigma, "horizon": horizon}
    for name, value in given.items():
        check(name, value, _POSITIVE)
    check("intervals", intervals, Interval(1, whole=True))
    if horizon > expiry * (1.0 + 1e-12):
        raise ValueError(f"horizon must be <= expiry {expiry:g}, got {horizon:g}")
