"""Quotes that know no model: a constant half-spread, and one that leans against the inventory.

Every closed form in this folder has one method, `depths(inventory, seconds_left)`: bid and ask depth, shape
broadcast(inventory, seconds_left) + (2,), in price units from the mid-price to the quote. Depths are not
clipped: a negative one crosses the mid. Inventory counts orders (lots), positive when long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.closed_form import ClosedForm
from agents.strategies.precision import held, within_precision
from mm_env.core.parameters import Distribution, Interval, NonNegative, check, check_fields

_TIME_SLACK = 1e-9  # of the horizon: what counting steps of dt may leave over


@dataclass(frozen=True)
class FixedSymmetric(ClosedForm):
    """Both quotes at `half_spread` (price units) from the mid, whatever the inventory."""

    half_spread: NonNegative

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units."""
        return paired(self.half_spread, self.half_spread, inventory, seconds_left)


@dataclass(frozen=True)
class LinearSkew:
    """A constant spread whose centre moves down by `skew` (price units) for each lot held.

    bid depth = half_spread + skew q,  ask depth = half_spread - skew q
    """

    half_spread: NonNegative
    skew: NonNegative

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units."""
        with within_precision(self):
            lean = self.skew * finite("inventory", inventory)
            return held(self, paired(self.half_spread + lean, self.half_spread - lean, inventory, seconds_left))


def paired(bid: ArrayLike, ask: ArrayLike, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
    """Bid and ask depth side by side, shape broadcast(inventory, seconds_left) + (2,)."""
    pair = np.empty((*np.broadcast_shapes(np.shape(inventory), np.shape(seconds_left)), 2))
    pair[..., 0], pair[..., 1] = bid, ask
    return pair


def finite(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """`values` as floats. Raises: ValueError with the first that is NaN or infinite."""
    array = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(array)
    if not kept.all():
        raise ValueError(f"{name} must be a finite number, got {array[~kept].flat[0]}")
    return array


def time_left(seconds_left: ArrayLike, horizon: float) -> NDArray[np.float64]:
    """`seconds_left` within [0, horizon]. Raises: ValueError where it lies outside by more than rounding."""
    seconds = finite("seconds_left", seconds_left)
    inside = np.clip(seconds, 0.0, horizon)
    outside = np.abs(seconds - inside) > _TIME_SLACK * horizon
    if outside.any():
        raise ValueError(f"seconds_left must be in [0, {horizon:g}], got {seconds[outside].flat[0]}")
    return inside


def check_optional(name: str, value: Any, rule: Interval) -> None:
    """Refuse a parameter that is neither None nor one number that keeps the rule.

    Raises: TypeError if it is no number; ValueError if it breaks the rule.
    """
    if np.ndim(value) or isinstance(value, Distribution):
        raise TypeError(f"{name} must be one number, {rule}, or None, got {value!r}")
    if value is not None:
        check(name, value, rule)
