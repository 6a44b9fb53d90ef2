"""What trades bring a position: tokens and fees at the mid, by where the pool's log price goes within the range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def tokens(half_width: float, offset: Any) -> tuple[Any, Any]:
    """The tokens of a position with a unit of liquidity whose middle is at a price of 1, at log prices from there."""
    at, end = np.clip(offset, -half_width, half_width), np.exp(-0.5 * half_width)
    return np.exp(-0.5 * at) - end, np.exp(0.5 * at) - end


def swap(half_width: float, before: Any, after: Any, log_mid: Any, markup: float) -> Any:
    """What a move of the pool's log price brings such a position, fees included, valued at a mid (its log, from the middle)."""
    x, y = (new - old for new, old in zip(tokens(half_width, after), tokens(half_width, before), strict=True))
    return np.exp(log_mid) * (x + markup * np.maximum(x, 0.0)) + y + markup * np.maximum(y, 0.0)


def turned_over(half_width: float, offset: Any, log_mid: Any, markup: float, turnover: float, spacing: float) -> Any:
    """The fees of volume that is bought and sold at one price; the share of a cell of the grid that is in range counts, without
    which where a range ends between two nodes would be lost."""
    inside = np.clip((half_width - np.abs(offset)) / spacing + 0.5, 0.0, 1.0)
    return inside * markup * turnover * (np.exp(log_mid - 0.5 * offset) + np.exp(0.5 * offset))
