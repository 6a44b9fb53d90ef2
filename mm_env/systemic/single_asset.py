"""The equilibrium price of one asset of which a + b / p + c p is sold between prices at which holders begin and end to sell."""

from __future__ import annotations

import numpy as np

from mm_env.systemic.arrays import Floats
from mm_env.systemic.deleveraging import Pieces


def settled(pieces: Pieces, units: Floats, shocked: Floats, slope: float, rounding: float) -> Floats:
    """The greatest p = max(shocked - slope sold(p), 0) for each of the `shocked` prices, in their shape.

    Breakpoints are sorted, and between two of them p solves (1 + slope c) p^2 - (shocked - slope a) p + slope b = 0: the
    highest segment that holds a root of its own has the equilibrium, which is its larger one. A root that is outside a segment
    by `rounding` counts as on its border.
    """
    borders, sums = _segments(pieces, units)
    start = np.asarray(shocked, np.float64)
    found = np.full(start.shape, np.nan)
    for top, bottom, (a, b, c) in zip(np.r_[np.inf, borders], np.r_[borders, 0.0], sums):
        root = _larger_root(1.0 + slope * c, start - slope * a, slope * b)
        inside = (root >= bottom - rounding) & (root <= top + rounding)
        found = np.where(np.isnan(found) & inside, np.clip(root, bottom, top), found)
    return np.where(np.isnan(found), np.maximum(start - slope * units.sum(), 0.0), found)


def _segments(pieces: Pieces, units: Floats) -> tuple[Floats, Floats]:
    """Borders from the highest down, and a, b, c of all holders together above the first, between each two, and below."""
    everything = np.stack([units, 0.0 * units, 0.0 * units], axis=-1)
    steps = np.concatenate([pieces.coefficients, everything - pieces.coefficients])
    borders = np.concatenate([pieces.begins, pieces.ends])
    order = np.argsort(-borders, kind="stable")
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(steps[order], axis=0)])
    return borders[order], sums


def _larger_root(square: float, linear: Floats, constant: float) -> Floats:
    """The larger p of square p^2 - linear p + constant = 0, NaN where there is none; linear / square where constant is 0."""
    if square == 0.0:
        return np.full(linear.shape, np.nan) if constant == 0.0 else constant / np.where(linear == 0.0, np.nan, linear)
    if constant == 0.0:
        return linear / square
    inner = linear**2 - 4.0 * square * constant
    reach = np.sqrt(np.where(inner >= 0.0, inner, np.nan))
    return np.maximum((linear + reach) / (2.0 * square), (linear - reach) / (2.0 * square))
