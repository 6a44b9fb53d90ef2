"""A function of three variables as a uniform cubic B-spline in memory, for rules."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import clip, routine

Floats = NDArray[np.float64]


class Spline(NamedTuple):
    """A function on a grid, at a point: its value, and its derivatives by the grid's second and third coordinate."""

    value: float
    by_second: float
    by_third: float
    curvature: float  # the second derivative by the second coordinate


def spline_coefficients(values: Any) -> Floats:
    """The uniform cubic B-spline through values (n, m, k) on a grid, as `spline_at` reads it: n, m, k and its coefficients.

    Its third derivative is continuous next to the ends too ("not a knot"), but the function is even where the last axis begins.
    """
    shape, found = values.shape, values
    for axis, n in enumerate(shape):
        rows = np.zeros((n + 2, n + 2))
        for i in range(n):
            rows[i + 1, i : i + 3] = (1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0)
        rows[0, :5] = rows[-1, -5:] = (1.0, -4.0, 6.0, -4.0, 1.0)
        if axis == len(shape) - 1:
            rows[0, :5] = (-1.0, 0.0, 1.0, 0.0, 0.0)
        known = np.insert(np.moveaxis(found, axis, 0), [0, n], 0.0, axis=0)
        found = np.moveaxis(np.linalg.solve(rows, known.reshape(n + 2, -1)).reshape(known.shape), 0, axis)
    return np.concatenate([shape, found.ravel()])


@routine
def spline_at(first: float, second: float, third: float, table: Any, base: int) -> Spline:
    """The spline whose numbers begin at table[base], at a point of [0, 1]^3; points outside are moved to the edge."""
    cells_a, cells_b, cells_c = table[base] - 1.0, table[base + 1] - 1.0, table[base + 2] - 1.0
    a, b, c = clip(first, 0.0, 1.0) * cells_a, clip(second, 0.0, 1.0) * cells_b, clip(third, 0.0, 1.0) * cells_c
    i, j, k = min(math.floor(a), cells_a - 1.0), min(math.floor(b), cells_b - 1.0), min(math.floor(c), cells_c - 1.0)
    weights_a, weights_b, weights_c = basis(a - i), basis(b - j), basis(c - k)
    slopes_b, slopes_c, curves_b = basis_slopes(b - j), basis_slopes(c - k), basis_curves(b - j)
    long, wide = int(cells_b) + 3, int(cells_c) + 3
    value, by_second, by_third, curvature = 0.0, 0.0, 0.0, 0.0
    for p in range(4):
        for q in range(4):
            start = base + 3 + ((int(i) + p) * long + int(j) + q) * wide + int(k)
            row, sloped = 0.0, 0.0
            for r in range(4):
                row += weights_c[r] * table[start + r]
                sloped += slopes_c[r] * table[start + r]
            value += weights_a[p] * weights_b[q] * row
            by_second += weights_a[p] * slopes_b[q] * row
            by_third += weights_a[p] * weights_b[q] * sloped
            curvature += weights_a[p] * curves_b[q] * row
    return Spline(value, by_second * cells_b, by_third * cells_c, curvature * cells_b * cells_b)


@routine
def basis(t: float) -> tuple[float, float, float, float]:
    """The four uniform cubic B-splines that are not 0 at t in [0, 1] of a cell."""
    s = 1.0 - t
    return (
        s * s * s / 6.0,
        (4.0 - 3.0 * t * t * (2.0 - t)) / 6.0,
        (4.0 - 3.0 * s * s * (2.0 - s)) / 6.0,
        t * t * t / 6.0,
    )


@routine
def basis_slopes(t: float) -> tuple[float, float, float, float]:
    """Their derivatives."""
    s = 1.0 - t
    return -0.5 * s * s, 0.5 * t * (3.0 * t - 4.0), -0.5 * s * (3.0 * s - 4.0), 0.5 * t * t


@routine
def basis_curves(t: float) -> tuple[float, float, float, float]:
    """Their second derivatives."""
    s = 1.0 - t
    return s, 3.0 * t - 2.0, 3.0 * s - 2.0, t
