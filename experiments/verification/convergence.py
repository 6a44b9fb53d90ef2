"""The limit of values that depend on a step: its order of convergence, and Richardson's extrapolation to no step at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

_WHOLE = 0.25  # how far from a whole number an order may look whose expansion is in whole powers


class Limit(NamedTuple):
    """The limit `value` of values by step, their order of convergence (NaN where two cannot tell it), and the `finest` of them.

    `values` are pairs (step, value), the largest step first.
    """

    value: float
    order: float
    finest: float
    values: tuple[tuple[float, float], ...]


def limit(values_by_dt: Mapping[float, float], order: float = 1.0) -> Limit:
    """The limit of v(dt) = v + a dt^p + ... as dt -> 0 from its values at two or three steps.

    Of three, p solves (v1 - v2) / (v2 - v3) = (dt1^p - dt2^p) / (dt2^p - dt3^p). Where p is about a whole number n, the terms
    dt^n and dt^(n + 1) are both taken off, else dt^p alone. Of two, `order` is p.

    Raises: ValueError if there are other than two or three steps, or one is not > 0.
    """
    values = tuple(sorted(((float(dt), float(value)) for dt, value in values_by_dt.items()), reverse=True))
    if len(values) not in (2, 3) or values[-1][0] <= 0.0:
        raise ValueError(f"a limit must be of values at two or three steps > 0, got {dict(values)}")
    (dt, before), (fine, finest) = values[-2:]
    if len(values) == 2:
        return Limit(_extrapolated(before, finest, dt / fine, order), math.nan, finest, values)
    observed = _order(values)
    if not math.isfinite(observed):
        return Limit(finest, observed, finest, values)
    whole = round(observed)
    if whole < 1 or abs(observed - whole) > _WHOLE:
        return Limit(_extrapolated(before, finest, dt / fine, observed), observed, finest, values)
    return Limit(_without_two(values, whole), observed, finest, values)


def _extrapolated(coarse: float, fine: float, ratio: float, order: float) -> float:
    return fine + (fine - coarse) / (ratio**order - 1.0)


def _without_two(values: tuple[tuple[float, float], ...], order: int) -> float:
    """v of v(dt) = v + a dt^order + b dt^(order + 1) through three values, by Cramer's rule."""
    (x, one), (y, two), (z, three) = values
    weights = [
        (far * near) ** order * (far - near) * sign for far, near, sign in ((y, z, 1.0), (x, z, -1.0), (x, y, 1.0))
    ]
    return sum(w * v for w, v in zip(weights, (one, two, three), strict=True)) / sum(weights)


def _order(values: tuple[tuple[float, float], ...]) -> float:
    """p of three values; infinite where the finer two are the same, NaN where the values swing about."""
    (x, one), (y, two), (z, three) = values
    if two == three:
        return math.inf
    wanted = (one - two) / (two - three)
    if wanted <= math.log(x / y) / math.log(y / z):  # what the share tends to as p -> 0
        return math.nan
    low, high = 0.0, 64.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        share = ((x / y) ** middle - 1.0) / (1.0 - (z / y) ** middle)
        low, high = (middle, high) if share < wanted else (low, middle)
    return 0.5 * (low + high)
