"""Arrays that balance sheets come in, checked: the last axes are dealers (and assets), those before them scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # of an amount, within which it counts as paid, or as settled


def amounts(name: str, values: Any, axes: int) -> Floats:
    """`values` as floats with at least `axes` axes, none of them negative.

    Raises: ValueError with the name and the first wrong value.
    """
    found = np.asarray(values, np.float64)
    if found.ndim < axes or found.size == 0:
        raise ValueError(f"{name} must have {axes} axes or more, none of them empty, got shape {found.shape}")
    wrong = ~(np.isfinite(found) & (found >= 0.0))
    if wrong.any():
        raise ValueError(f"{name} must be finite and >= 0, got {found[wrong][0]:g}")
    return found


def claims(name: str, values: Any) -> Floats:
    """Liabilities (..., dealers, dealers): square, none negative, and nobody owes itself. Raises: ValueError otherwise."""
    found = amounts(name, values, 2)
    if found.shape[-1] != found.shape[-2]:
        raise ValueError(f"{name} must be square, a row a debtor and a column a creditor, got {found.shape}")
    itself = np.diagonal(found, axis1=-2, axis2=-1)
    if itself.any():
        raise ValueError(f"{name} must be 0 on the diagonal, as nobody owes itself, got {itself[itself != 0.0][0]:g}")
    return found


def share(name: str, value: Any) -> float:
    """A number in [0, 1]. Raises: ValueError otherwise."""
    if not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")
    return float(value)
