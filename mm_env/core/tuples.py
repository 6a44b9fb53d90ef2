"""Arithmetic on tuples of numbers whose length their type says, () among them: unrolled where it is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Numbers = tuple[float, ...]
Rows = tuple[Numbers, ...]


def head(values: Numbers, like: Numbers) -> Numbers:
    """All of `values` but the last, of which there are as many as in `like`."""
    return values[: len(values) - len(like)]


def tail(values: Numbers, like: Numbers) -> Numbers:
    """The last of `values`, as many as there are in `like`."""
    return values[len(values) - len(like) :]


def each(function: Callable[..., Any], values: tuple[Any, ...], told: Any) -> tuple[Any, ...]:
    """function(value, told) of each of `values`; `function` is a scalar function of `core.maths`."""
    return tuple(function(value, told) for value in values)


def first(values: tuple[Any, ...], otherwise: Any) -> Any:
    """The first of `values`; `otherwise` where there is none."""
    return values[0] if values else otherwise


def joined(values: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    """All of several tuples, one after the other."""
    return tuple(item for items in values for item in items)


def at_most_one(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first of `values` alone; () where there is none."""
    return values[:1]


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


def both(function: Callable[..., Any], left: tuple[Any, ...], right: tuple[Any, ...], told: Any) -> tuple[Any, ...]:
    """function(a, b, told) of each pair; `function` is a scalar function of `core.maths`."""
    return tuple(function(a, b, told) for a, b in zip(left, right, strict=True))


def total(values: Numbers) -> float:
    """Their sum, from left to right."""
    return _sum(values)


def largest(values: Numbers) -> float:
    """The largest of them."""
    found = values[0]
    for value in values[1:]:
        found = max(found, value)
    return found


def smallest(values: Numbers) -> float:
    """The smallest of them."""
    found = values[0]
    for value in values[1:]:
        found = min(found, value)
    return found


def pick(values: tuple[Any, ...], index: float) -> Any:
    """The number, or the row of numbers, at a place 0.0, 1.0, ...; as a sum of all with weights 1.0 and 0.0, which has no
    branch where lanes differ in the place."""
    if isinstance(values[0], tuple):
        return tuple(pick(column, index) for column in zip(*values, strict=True))
    reached = [1.0, *(1.0 if index > i - 0.5 else 0.0 for i in range(1, len(values))), 0.0]
    return _sum((reached[i] - reached[i + 1]) * value for i, value in enumerate(values))


def chosen(shares: Numbers, uniform: float) -> float:
    """The place that a uniform in (0, 1) draws by shares that sum to 1."""
    place, upto = 0.0, 0.0
    for share in shares[:-1]:
        upto = upto + share
        place = place + (1.0 if uniform >= upto else 0.0)
    return place


def times_rows(row: Numbers, rows: Rows) -> Numbers:
    """row x rows, a vector."""
    return tuple(_sum(a * b[j] for a, b in zip(row, rows, strict=True)) for j in range(len(rows)))


def one_plus(scale: float, left: Rows, right: Rows) -> Rows:
    """1 + scale x left x right, square matrices."""
    found = tuple(times_rows(row, right) for row in left)
    return tuple(tuple((1.0 if i == j else 0.0) + scale * x for j, x in enumerate(row)) for i, row in enumerate(found))


def squared(rows: Rows) -> Rows:
    """rows x rows."""
    return tuple(times_rows(row, rows) for row in rows)


def _sum(terms: Any) -> float:
    """Their sum from left to right, beginning with the first."""
    first, *others = terms
    for term in others:
        first = first + term
    return first
