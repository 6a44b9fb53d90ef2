"""Lookback options on a price watched at dates: exact prices, at the start by Spitzer's identity and midway by quadrature."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mm_env.core.parameters import Interval, check
from mm_env.options.black_scholes import black_scholes, check_side

Floats = NDArray[np.float64]
_POSITIVE = Interval(0.0, low_open=True)
_REACH, _NODES = 9.0, 6.0  # standard deviations to the farthest node, and nodes in each of a date's


def watched_floating_lookback(
    side: float, spot: float, extreme: float, time_left: float, sigma: float, rate: float, dividend: float, dates: int
) -> float:
    """The price of a floating-strike lookback call (side 1.0: S_T - min) or put (-1.0: max - S_T), price units.

    The extreme is of the `extreme` so far, of the `spot`, and of the prices at `dates` evenly spaced dates, the last of them
    the expiry; dS/S = (rate - dividend) dt + sigma dW.

    Raises: TypeError or ValueError that names the argument, the rule and the value.
    """
    _check(side, spot, extreme, time_left, sigma, rate, dividend, dates)
    reached = min(extreme, spot) if side > 0.0 else max(extreme, spot)
    distance, step = abs(math.log(reached / spot)), (sigma, (rate - dividend) / dates * time_left, time_left / dates)
    if distance == 0.0:
        beyond = abs(expected_extreme(-side, *step, dates) - 1.0)
    else:
        beyond = expected_excess(-side, distance, *step, dates)
    owed = math.exp(-rate * time_left) * (reached - side * spot * beyond)
    return side * (spot * math.exp(-dividend * time_left) - owed)


def watched_fixed_lookback(
    side: float, spot: float, strike: float, extreme: float, time_left: float, sigma: float, rate: float, dividend: float,
    dates: int,
) -> float:  # fmt: skip
    """The price of a fixed-strike lookback call (side 1.0: (max - K)+) or put (-1.0: (K - min)+), price units, watched as
    `watched_floating_lookback` is.

    Raises: TypeError or ValueError that names the argument, the rule and the value.
    """
    check("strike", strike, Interval(0.0, low_open=True))
    reached = max(extreme, strike) if side > 0.0 else min(extreme, strike)
    floating = watched_floating_lookback(-side, spot, reached, time_left, sigma, rate, dividend, dates)
    return floating + side * (spot * math.exp(-dividend * time_left) - strike * math.exp(-rate * time_left))


def expected_extreme(side: float, sigma: float, growth: float, dt: float, dates: int) -> float:
    """E[max(S_0, .., S_n)] / S_0 (side 1.0) or E[min(S_0, .., S_n)] / S_0 (-1.0) of n `dates`; ln E[S_dt / S_0] is `growth`.

    Spitzer 1956: with b_k = E[max(S_0, S_k)] / S_0, a call, n a_n = b_1 a_{n-1} + .. + b_n a_0 and a_0 = 1.
    """
    ends = np.array([1.0 + side * _option(side, 0.0, sigma, k * growth, k * dt) for k in range(1, dates + 1)])
    extremes = np.ones(dates + 1)
    for n in range(1, dates + 1):
        extremes[n] = ends[:n] @ extremes[n - 1 :: -1] / n
    return float(extremes[dates])


def expected_excess(side: float, distance: float, sigma: float, growth: float, dt: float, dates: int) -> float:
    """By how much S is expected to go beyond a level at ln(level / S_0) = side x `distance` at `dates` dates, in shares of S_0.

    With y the distance, u_0 = 0 and u_{n+1}(y) = u_1(y) + e^growth E[u_n(max(y - side X, 0))], u_1 a European option and
    X = ln(S_dt / S_0) with S as numeraire, a normal: followed from date to date by Gauss-Legendre quadrature.
    """
    step, mean = sigma * math.sqrt(dt), side * (growth + 0.5 * sigma**2 * dt)
    top = max(0.0, mean * dates) + (_REACH + step) * step * math.sqrt(dates)
    points, weights = np.polynomial.legendre.leggauss(math.ceil(_NODES * top / step) + 1)
    nodes, weights = 0.5 * top * (points + 1.0), 0.5 * top * weights
    places = np.concatenate([[0.0, distance], nodes])
    once = np.array([_option(side, side * y, sigma, growth, dt) for y in places])
    onward = np.exp(-0.5 * ((places[:, None] - nodes - mean) / step) ** 2) * weights / (math.sqrt(2.0 * math.pi) * step)
    beyond = _tail((places - mean) / step)
    excess = once
    for _ in range(dates - 1):
        excess = once + math.exp(growth) * (onward @ excess[2:] + beyond * excess[0])
    return float(excess[1])


def _option(side: float, log_strike: float, sigma: float, growth: float, time: float) -> float:
    """E[max(side (S_t / S_0 - strike), 0)]."""
    return math.exp(growth) * black_scholes(side, 1.0, math.exp(log_strike), time, sigma, growth / time, 0.0).price


def _tail(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(x / math.sqrt(2.0)) for x in z])


def _check(
    side: float, spot: float, extreme: float, time_left: float, sigma: float, rate: float, dividend: float, dates: int
) -> None:
    check_side("side", side)
    for names, rule, values in (("spot extreme time_left sigma", _POSITIVE, (spot, extreme, time_left, sigma)),
                                ("rate dividend", Interval(), (rate, dividend))):  # fmt: skip
        for name, value in zip(names.split(), values, strict=True):
            check(name, value, rule)
    check("dates", dates, Interval(1, whole=True))
