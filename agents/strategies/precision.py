"""What a closed form says where its parameters leave double precision: its own name, and the parameter that is furthest out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


class BeyondPrecision(ValueError):
    """The parameters of a closed form are such that its quotes are no finite numbers."""


def furthest(owner: Any) -> tuple[str, float]:
    """The parameter that is furthest from 1 on a scale of logarithms, a large one first, and how far that is."""
    values = _values(owner)
    far = {name: abs(math.log(value)) if value > 0.0 else 0.0 for name, value in values.items()}
    name = max(values, key=lambda name: (round(far[name], 6), values[name]))
    return name, far[name]


def beyond_precision(owner: Any) -> BeyondPrecision:
    """The error that names the parameter furthest from 1, and the others."""
    values, (worst, _) = _values(owner), furthest(owner)
    others = ", ".join(f"{name} = {value:g}" for name, value in values.items() if name != worst)
    beside = f" beside {others}" if others else ""
    return BeyondPrecision(
        f"{type(owner).__name__}.{worst} must be less extreme{beside}, where quotes are no finite numbers, got "
        f"{values[worst]:g}"
    )


def _values(owner: Any) -> dict[str, float]:
    return {f.name: float(v) for f in fields(owner) if isinstance(v := getattr(owner, f.name), int | float)}


@contextmanager
def within_precision(owner: Any) -> Iterator[None]:
    """Turn whatever arithmetic fails within, be it in another closed form that `owner` stands on, into an error of its own."""
    with np.errstate(all="ignore"):
        try:
            yield
        except (ArithmeticError, BeyondPrecision):
            raise beyond_precision(owner) from None


def held(owner: Any, quotes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quotes themselves. Raises: BeyondPrecision if one of them is no finite number."""
    if not np.isfinite(quotes).all():
        raise beyond_precision(owner)
    return quotes


def check_precision(owner: Any, inventory: float, seconds_left: Any) -> None:
    """Refuse parameters whose quotes at +-`inventory` and at these times are no finite numbers."""
    owner.depths(np.array([[-inventory], [0.0], [inventory]]), np.atleast_1d(np.asarray(seconds_left, np.float64)))
