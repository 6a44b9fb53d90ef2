"""Grids of nodes, and the error that says a market has no recursion: what all exact solvers share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Unsolvable(ValueError):
    """The market has no exact evaluation here; the message says which part stands in the way."""


def interpolation(grid: Floats, x: Floats, points: int = 4) -> Floats:
    """The matrix that interpolates values on a grid at x by Lagrange polynomials through `points`; (len(x), len(grid))."""
    order = min(points, len(grid))
    left = np.searchsorted(grid, x, side="right") - 1
    first = np.clip(left - (order // 2 - 1), 0, len(grid) - order)
    near = grid[first[:, None] + np.arange(order)]
    matrix = np.zeros((len(x), len(grid)))
    for j in range(order):
        others = [k for k in range(order) if k != j]
        basis = [(x - near[:, k]) / (near[:, j] - near[:, k]) for k in others]
        matrix[np.arange(len(x)), first + j] = np.prod(basis, axis=0) if basis else 1.0
    return matrix
