"""Between the nodes of an even grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def cubic(place: Floats, nodes: int) -> tuple[Places, Floats]:
    """The first of four nodes around each place on an even grid, and their weights in Lagrange's cubic; held to the grid."""
    place = np.clip(place, 0.0, nodes - 1.0)
    first = np.clip(np.floor(place).astype(np.int64) - 1, 0, nodes - 4)
    t = place - first
    return first, np.stack([
        -(t - 1.0) * (t - 2.0) * (t - 3.0) / 6.0, t * (t - 2.0) * (t - 3.0) / 2.0,
        -t * (t - 1.0) * (t - 3.0) / 2.0, t * (t - 1.0) * (t - 2.0) / 6.0,
    ], axis=-1)  # fmt: skip
