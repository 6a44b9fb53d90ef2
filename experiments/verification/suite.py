"""A suite: values of one source, each beside what this package computes. `@suite(...)` makes one of a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from experiments.verification import suites
from experiments.verification.convergence import Limit, limit

LONG = 10.0  # seconds from which a suite is left out by quick=true


class Skipped(Exception):
    """The suite needs what is not there, as the text says: a file of data, say."""


class Row(NamedTuple):
    """A value: what is published, what ours is, and how far ours may be off, in the value's own units.

    Where ours is a limit, `limit` holds the values it was taken of. `source` is that of the suite where it is empty.
    """

    name: str
    published: float
    ours: float
    tolerance: float
    limit: Limit | None = None
    source: str = ""

    @classmethod
    def converging(
        cls, name: str, published: float, values_by_dt: Mapping[float, float], tolerance: float, source: str = ""
    ) -> Row:
        """The limit of values by step, beside the published one."""
        found = limit(values_by_dt)
        return cls(name, published, found.value, tolerance, found, source)

    @property
    def passed(self) -> bool:
        """Whether ours is within the tolerance; what is no number is not."""
        return math.isfinite(self.ours) and abs(self.ours - self.published) <= self.tolerance


class Asked(NamedTuple):
    """What is asked of the suites: paths of simulations and their seed, and the file of an option surface, if there is one."""

    episodes: int
    seed: int
    options: str | None = None


class Suite(NamedTuple):
    """Rows of one source; `seconds` are about what they take on one core."""

    name: str
    source: str
    seconds: float
    rows: Callable[[Asked], Iterable[Row]]

    @property
    def is_long(self) -> bool:
        return self.seconds >= LONG


_KNOWN: dict[str, Suite] = {}


def suite(
    name: str, source: str, seconds: float
) -> Callable[[Callable[[Asked], Iterable[Row]]], Callable[[Asked], Iterable[Row]]]:
    """Register a function that yields the rows of a suite."""

    def register(rows: Callable[[Asked], Iterable[Row]]) -> Callable[[Asked], Iterable[Row]]:
        _KNOWN[name] = Suite(name, source, seconds, rows)
        return rows

    return register


def known_suites() -> dict[str, Suite]:
    """Name -> suite of all in `experiments.verification.suites`."""
    for module in iter_modules(suites.__path__):
        import_module(f"{suites.__name__}.{module.name}")
    return dict(sorted(_KNOWN.items()))


def chosen_suites(names: Iterable[str] | None, quick: bool) -> tuple[list[Suite], list[Suite]]:
    """The suites of these names (of all names if None), and those of them that `quick` leaves out.

    Raises: ValueError for a name that is none, with those that are.
    """
    known = known_suites()
    wanted = [_named(known, str(name)) for name in names] if names is not None else list(known.values())
    left_out = [one for one in wanted if quick and one.is_long]
    return [one for one in wanted if one not in left_out], left_out


def _named(known: Mapping[str, Suite], name: str) -> Suite:
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"suites must be among {', '.join(known)}, got {name!r}.{hint}")
