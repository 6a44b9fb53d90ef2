"""Arithmetic on tuples of numbers whose length their type says, () among them: unrolled where it is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Numbers = tuple[float, ...]


def head(values: Numbers, like: Numbers) -> Numbers:
    """All of `values` but the last, of which there are as many as in `like`."""
    return values[: len(values) - len(like)]


def tail(values: Numbers, like: Numbers) -> Numbers:
    """The last of `values`, as many as there are in `like`."""
    return values[len(values) - len(like) :]


def each(function: Callable[..., Any], values: tuple[Any, ...], told: Any) -> tuple[Any, ...]:
    """function(value, told) of each of `values`; `function` is a scalar function of `core.maths`."""
    return tuple(function(value, told) for value in values)


def difference(left: Numbers, right: Numbers) -> Numbers:
    """left - right, number by number."""
    return tuple(a - b for a, b in zip(left, right, strict=True))


def scaled(factor: float, values: Numbers) -> Numbers:
    """factor x values, number by number."""
    return tuple(factor * value for value in values)


def weighted(base: float, sizes: Numbers, prices: Numbers) -> float:
    """base + the sum of size x price; `base` itself, to the bit, where there are none."""
    for size, price in zip(sizes, prices, strict=True):
        base = base + size * price
    return base


def gross(base: float, sizes: Numbers, prices: Numbers) -> float:
    """base + the sum of |size x price|."""
    for size, price in zip(sizes, prices, strict=True):
        base = base + abs(size * price)
    return base


def greatest(least: float, values: Numbers) -> float:
    """The greatest of `values`, and no less than `least`."""
    for value in values:
        least = max(least, value)
    return least


def smallest(most: float, values: Numbers) -> float:
    """The smallest of `values`, and no more than `most`."""
    for value in values:
        most = min(most, value)
    return most


def at_place(values: Numbers, index: float) -> float:
    """The number of `values` at the nearest place to `index`: the first below 0, the last beyond the end."""
    found = values[0]
    for i, value in enumerate(values):
        found = value if index > i - 0.5 else found
    return found
