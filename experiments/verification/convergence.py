"""The limit of values that depend on a step: its order of convergence, and Richardson's extrapolation to no step at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

_WHOLE = 0.25  # how far from a whole number an order may look whose expansion is in whole powers
Values = tuple[tuple[float, float], ...]


class Limit(NamedTuple):
    """The limit `value` of values by step, their order of convergence (NaN where they do not tell it), and the `finest` value.

    `values` are pairs (step, value), the largest step first.
    """

    value: float
    order: float
    finest: float
    values: Values


def limit(values_by_dt: Mapping[float, float], order: float = 1.0) -> Limit:
    """The limit of v(dt) = v + a dt^p + ... as dt -> 0 from its values at two steps or more.

    Of the three finest, p solves (v1 - v2) / (v2 - v3) = (dt1^p - dt2^p) / (dt2^p - dt3^p). Where p is about a whole number n,
    the terms dt^n, dt^(n + 1), ... are taken off, one fewer than there are values; else dt^p alone. Of two, `order` is p.

    Raises: ValueError if there are fewer than two steps, or one is not > 0.
    """
    values = tuple(sorted(((float(dt), float(value)) for dt, value in values_by_dt.items()), reverse=True))
    if len(values) < 2 or values[-1][0] <= 0.0:
        raise ValueError(f"a limit must be of values at two steps or more, all > 0, got {dict(values)}")
    if len(values) == 2:
        return Limit(_without(values, [order]), math.nan, values[-1][1], values)
    observed = _order(values[-3:])
    return Limit(_extrapolated(values, observed), observed, values[-1][1], values)


def _extrapolated(values: Values, observed: float) -> float:
    if not math.isfinite(observed):
        return values[-1][1]
    whole = round(observed)
    if whole < 1 or abs(observed - whole) > _WHOLE:
        return _without(values[-2:], [observed])
    return _without(values, [float(whole + i) for i in range(len(values) - 1)])


def _without(values: Values, powers: list[float]) -> float:
    """v of v(dt) = v + sum of a_p dt^p through the values."""
    steps, found = np.array(values).T
    terms = (steps[:, None] / steps[0]) ** np.array([0.0, *powers])
    return float(np.linalg.solve(terms, found)[0])


def _order(values: Values) -> float:
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
