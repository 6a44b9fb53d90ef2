"""What a parameter may be: a number in an interval, an array with one number a lane, or a distribution.

A parameter is declared by its annotation and checked once, where its owner is made:

    class Brownian(Price):
        sigma: Positive
        drift: Real = 0.0

    Brownian(sigma=-1.0)   # ValueError: Brownian.sigma must be > 0, got -1.0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Protocol, cast, get_args, get_origin, get_type_hints, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Interval:
    """The values a parameter may take: finite numbers from `low` to `high`, integers only if `whole`."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    whole: bool = False

    def __str__(self) -> str:
        kind = "a whole number " if self.whole else ""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{kind}in {'(' if self.low_open else '['}{self.low:g}, {self.high:g}]"
        if math.isfinite(self.low):
            return f"{kind}{'>' if self.low_open else '>='} {self.low:g}"
        return f"{kind}<= {self.high:g}" if math.isfinite(self.high) else f"{kind or 'a '}finite number"

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of `values` lies inside; NaN and infinity never do."""
        above = values > self.low if self.low_open else values >= self.low
        whole = values == np.floor(values) if self.whole else True
        return np.isfinite(values) & above & (values <= self.high) & whole


@dataclass(frozen=True)
class Several:
    """Numbers in an interval in a list (`depth` 1) or in rows of equal length (2); the same in all lanes.

    Rules see them as tuples, `self.rates[0]`, where `by_rules` says so; else what reads them are tables in memory.
    """

    rule: Interval
    depth: int = 1
    by_rules: bool = False

    def __str__(self) -> str:
        return f"{'rows of equal length' if self.depth == 2 else 'a list'} of numbers, each {self.rule}"

    def checked(self, name: str, value: Any) -> tuple[Any, ...]:
        """The numbers as (nested) tuples; a TypeError or ValueError where they are no such numbers."""
        try:
            numbers = np.array(value)
        except ValueError:
            numbers = np.empty(0)
        if numbers.ndim != self.depth or numbers.size == 0 or numbers.dtype.kind not in "iuf":
            raise TypeError(f"{name} must be {self}, got {value!r}")
        kept = self.rule.holds(numbers.astype(np.float64))
        if not kept.all():
            raise ValueError(f"{name} must be {self}, got {numbers[~kept][0]}")
        rows: Any = numbers.astype(np.float64).tolist()
        return tuple(tuple(row) for row in rows) if self.depth == 2 else tuple(rows)


Real = Annotated[float, Interval()]
Positive = Annotated[float, Interval(0.0, low_open=True)]
NonNegative = Annotated[float, Interval(0.0)]
Probability = Annotated[float, Interval(0.0, 1.0)]
AtLeastOne = Annotated[float, Interval(1.0)]
Rates = Annotated[tuple[float, ...], Several(Interval(0.0))]
RateRows = Annotated[tuple[tuple[float, ...], ...], Several(Interval(0.0), depth=2)]
Listed = Annotated[tuple[float, ...], Several(Interval(), by_rules=True)]
ListedNonNegative = Annotated[tuple[float, ...], Several(Interval(0.0), by_rules=True)]
ListedRows = Annotated[tuple[tuple[float, ...], ...], Several(Interval(), depth=2, by_rules=True)]
Count = Annotated[int, Interval(1, 2**31, whole=True)]


@runtime_checkable
class Distribution(Protocol):
    """A parameter drawn anew for each lane at each reset: `ppf` maps a uniform in (0, 1) to a value."""

    @property
    def support(self) -> tuple[float, float]: ...

    def ppf(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _ordered(self, "low", "high")

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def ppf(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.low + (self.high - self.low) * uniform


@dataclass(frozen=True)
class LogUniform:
    """exp of a uniform on [ln low, ln high], for a parameter known to within a factor."""

    low: float
    high: float

    def __post_init__(self) -> None:
        check("LogUniform.low", self.low, Interval(0.0, low_open=True))
        _ordered(self, "low", "high")

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def ppf(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.low * (self.high / self.low) ** uniform


@dataclass(frozen=True)
class Integers:
    """A whole number, each from low to high (both included) as likely as any other."""

    low: int
    high: int

    def __post_init__(self) -> None:
        check("Integers.low", self.low, Interval(whole=True))
        check("Integers.high", self.high, Interval(whole=True))
        _ordered(self, "low", "high")

    @property
    def support(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def ppf(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.floor(self.low + (self.high - self.low + 1) * uniform)


def check(name: str, value: Any, rule: Interval) -> None:
    """Refuse `value` with one error that says name, rule and value unless all of it keeps the rule.

    Raises: TypeError if it is no number, array or distribution; ValueError if it breaks the rule.
    """
    if isinstance(value, Distribution):
        if rule.whole and not isinstance(value, Integers):
            raise ValueError(f"{name} must be {rule}, got {value}")
        values = np.array(value.support)
    elif isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number | np.ndarray):
        raise TypeError(f"{name} must be {rule}, or an array or distribution of such, got {value!r}")
    else:
        values = np.asarray(value)
        if values.dtype.kind not in "iuf" or values.ndim > 1 or values.size == 0:
            raise TypeError(f"{name} must be {rule}, one a lane, got an array {values.dtype} {values.shape}")
    kept = rule.holds(values.astype(np.float64))
    if not kept.all():
        shown = value if isinstance(value, Distribution) else np.atleast_1d(values)[~np.atleast_1d(kept)][0]
        raise ValueError(f"{name} must be {rule}, got {shown}")


def _kinds(hint: Any) -> tuple[type, ...]:
    """The classes that a class, or a union of some, allows; of `tuple[str, ...]` it is tuple."""
    members = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(cast(type, get_origin(member) or member) for member in members)


def check_fields(owner: Any, *, scalar: bool = False) -> None:
    """Check each field of a dataclass against the Interval or the class in its annotation.

    With `scalar`, arrays and distributions are refused too: a closed-form strategy holds for one market.
    """
    for field, hint in get_type_hints(type(owner), include_extras=True).items():
        value, name = getattr(owner, field), f"{type(owner).__name__}.{field}"
        rules = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        if rules and isinstance(rules[0], Several):
            object.__setattr__(owner, field, rules[0].checked(name, value))
        elif rules and isinstance(rules[0], Interval):
            if scalar and (isinstance(value, Distribution) or np.ndim(value)):
                raise TypeError(f"{name} must be one number, {rules[0]}, got {value!r}")
            check(name, value, rules[0])
            if get_args(hint)[0] is int and not isinstance(value, Distribution) and np.ndim(value) == 0:
                object.__setattr__(owner, field, int(value))  # a count may come as 4.0
        elif get_origin(hint) is tuple:
            object.__setattr__(owner, field, _several(name, value, get_args(hint)[0]))
        elif isinstance(hint, type | UnionType) and not isinstance(value, _kinds(hint)):
            kinds = " or ".join(kind.__name__ for kind in _kinds(hint))
            raise TypeError(f"{name} must be a {kinds}, got {value!r}")


def _several(name: str, value: Any, kind: type) -> tuple[Any, ...]:
    """A list of components as a tuple."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(item, kind) for item in value):
        raise TypeError(f"{name} must be a list of {kind.__name__}, at least one, got {value!r}")
    return tuple(value)


def _ordered(owner: Any, low: str, high: str) -> None:
    name = type(owner).__name__
    first, second = getattr(owner, low), getattr(owner, high)
    check(f"{name}.{low}", first, Interval())
    check(f"{name}.{high}", second, Interval())
    if first > second:
        raise ValueError(f"{name}.{low} must be <= {high}, got {first} > {second}")
