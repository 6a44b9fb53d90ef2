"""Lookbacks that are watched at dates, for rules: what their extreme is expected to gain yet, as splines by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import clip, log, scalar
from mm_env.options.contract import FIXED
from mm_env.options.marks import OptionGreeks
from mm_env.options.spline import basis, basis_curves, basis_slopes

Floats = NDArray[np.float64]
_REACH, _FINE = 6.0, 12.0  # standard deviations to the farthest node, and nodes to one of a date's
_NODES, _FAR = 24, 8.0  # of a quadrature, and how many standard deviations it spans
_BUMP = 1e-3  # of the volatility, by which vega is differentiated
_HEAD = 2  # numbers before the splines
_SOON = 1e-9  # of a date


class WatchedRow(NamedTuple):
    """What a spline says at a point."""

    value: float
    slope: float
    curvature: float


@lru_cache(maxsize=64)
def watched_table(way: float, expiry: float, every: float, sigma: float, times: tuple[float, ...]) -> Floats:
    """A table for `marked_watched`: a row for each of `times`, after the date if that is one; dS = sigma S dW.

    With r the extreme so far (way 1.0: the highest, or -1.0) and y = way ln(r / S) it holds U = E[(the extreme at later dates
    beyond r)+] / S, and its derivative by sigma, on an even grid of y. With S as numeraire U is followed from date to date by
    Gauss-Legendre quadrature, in two parts that meet where a new extreme is reached.
    """
    reach = _REACH * sigma * math.sqrt(expiry)
    nodes = 2 * math.ceil(reach * _FINE / (sigma * math.sqrt(every))) + 1
    grid = np.linspace(-reach, reach, nodes)
    up, value, down = (
        _rows(way, expiry, every, s, times, grid) for s in (sigma * (1.0 + _BUMP), sigma, sigma * (1.0 - _BUMP))
    )
    vega = (up - down) / (2.0 * _BUMP * sigma)
    rows = np.concatenate([np.hstack([_coefficients(v), _coefficients(w)]) for v, w in zip(value, vega, strict=True)])
    return np.concatenate([[nodes, reach], rows])


def _rows(way: float, expiry: float, every: float, sigma: float, times: Sequence[float], grid: Floats) -> Floats:
    """U at all times (n, nodes)."""
    from scipy.interpolate import CubicSpline

    dates = round(expiry / every)
    found, after = np.zeros((len(times), len(grid))), np.zeros(len(grid))  # nothing is to come after the last date
    for k in range(dates, 0, -1):
        later = CubicSpline(grid, after)
        for i, time in enumerate(times):
            if (k - 1) * every - _SOON * every <= time < k * every - _SOON * every:
                found[i] = _expected(way, later, sigma * math.sqrt(k * every - time), grid)
        after = _expected(way, later, sigma * math.sqrt(every), grid)
    return found


def _expected(way: float, later: Any, spread: float, y: Floats) -> Floats:
    """U so much before a date, after which it is `later`."""
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    kink = np.clip((way * y - 0.5 * spread**2) / spread, -_FAR, _FAR)[:, None]
    found = np.zeros(len(y))
    for low, high in ((-_FAR, kink), (kink, _FAR)):
        z = 0.5 * (high + low) + 0.5 * (high - low) * points
        there = y[:, None] - way * (0.5 * spread**2 + spread * z)
        gained = np.where(there < 0.0, way * (1.0 - np.exp(way * there)), 0.0)
        worth = gained + later(np.clip(there, 0.0, y[-1]))
        found += (0.5 * (high - low) * weights * np.exp(-0.5 * z * z) * worth).sum(axis=1)
    return found / math.sqrt(2.0 * math.pi)


def _coefficients(values: Floats) -> Floats:
    """The uniform cubic B-spline through values (n,), without curvature at its ends: (n + 2,)."""
    from scipy.linalg import solve_banded

    n = len(values)
    bands = np.zeros((3, n - 2))
    bands[0, 1:], bands[1], bands[2, :-1] = 1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0
    known = values[1:-1].copy()
    known[[0, -1]] -= values[[0, -1]] / 6.0
    inner = np.concatenate([values[:1], solve_banded((1, 1), bands, known), values[-1:]])
    return np.concatenate([[2.0 * inner[0] - inner[1]], inner, [2.0 * inner[-1] - inner[-2]]])


@scalar
def marked_watched(
    kind: float, way: float, spot: float, strike: float, extreme: float, row: float, table: Any, base: int
) -> OptionGreeks:
    """The mark and the greeks of a lookback watched at dates, by row `row` of the table whose numbers begin at table[base].

    A floating one is worth way (r - S) + S U, a fixed one way (r - K) + S U, r being the extreme so far, or the strike if that
    is beyond it.
    """
    is_fixed = kind == FIXED
    reached = max(way * extreme, way * strike) * way if is_fixed else extreme
    y = way * log(reached / spot)
    nodes, reach = table[base], table[base + 1]
    cell = clip((y + reach) / (2.0 * reach), 0.0, 1.0) * (nodes - 1.0)
    first, scale = min(math.floor(cell), nodes - 2.0), (nodes - 1.0) / (2.0 * reach)
    start = base + _HEAD + int(row) * 2 * (int(nodes) + 2) + int(first)
    gain, vega = row_at(cell - first, table, start), row_at(cell - first, table, start + int(nodes) + 2)
    slope, curvature = gain.slope * scale, gain.curvature * scale * scale
    price = way * (reached - (strike if is_fixed else spot)) + spot * gain.value
    delta = gain.value - way * slope - (0.0 if is_fixed else way)
    return OptionGreeks(price, delta, (curvature - way * slope) / spot, spot * vega.value)


@scalar
def row_at(t: float, table: Any, start: int) -> WatchedRow:
    """A uniform cubic B-spline whose four coefficients begin at table[start], at t in [0, 1] of its cell."""
    w, s, c = basis(t), basis_slopes(t), basis_curves(t)
    p, q, r, u = table[start], table[start + 1], table[start + 2], table[start + 3]
    return WatchedRow(
        w[0] * p + w[1] * q + w[2] * r + w[3] * u,
        s[0] * p + s[1] * q + s[2] * r + s[3] * u,
        c[0] * p + c[1] * q + c[2] * r + c[3] * u,
    )
