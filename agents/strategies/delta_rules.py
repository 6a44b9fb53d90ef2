"""When the maker of options trades their underlying: rules of the delta that a book is left with.

Each has one method, `band(greeks)`: the delta, in units of the underlying, down to which what is held is hedged at each state;
infinity where nothing is traded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mm_env.core.parameters import Count, NonNegative, Positive, check_fields

Floats = NDArray[np.float64]


class BookSeen(NamedTuple):
    """What a rule is told of n books, (n,) each."""

    step: Floats  # whole steps since the episode began
    delta: Floats  # units of the underlying, what is held of it included
    gamma: Floats  # units / price
    spot: Floats  # price


class DeltaRule(Protocol):
    """How much of a book's delta is not hedged."""

    def band(self, book: BookSeen) -> Floats:
        """Units of the underlying, (n,), >= 0."""
        ...


@dataclass(frozen=True)
class HedgeEvery:
    """Hedges all of the delta at every `steps`-th step, and nothing in between."""

    steps: Count = 1

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)

    def band(self, book: BookSeen) -> Floats:
        return np.where(np.mod(book.step, self.steps) == 0.0, 0.0, np.inf)


@dataclass(frozen=True)
class HedgeBand:
    """Hedges the part of the delta that is beyond `width`."""

    width: NonNegative  # units of the underlying

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)

    def band(self, book: BookSeen) -> Floats:
        return np.full(book.delta.shape, self.width)


@dataclass(frozen=True)
class HedgeWhalleyWilmott:
    """Hedges what is beyond (3 half_spread Gamma^2 / (2 gamma))^(1/3), Gamma being the book's: Whalley & Wilmott 1997,
    whose cost of a unit, the share k of the price S, is k S = half_spread. The band is for one option whose gamma changes
    little with time; a book whose gamma is 0 is hedged at once."""

    half_spread: NonNegative  # price
    gamma: Positive  # risk aversion, 1 / money

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)

    def band(self, book: BookSeen) -> Floats:
        return np.cbrt(1.5 * self.half_spread * book.gamma**2 / self.gamma)


class NoDeltaHedge:
    """The delta is never hedged."""

    def band(self, book: BookSeen) -> Floats:
        return np.full(book.delta.shape, np.inf)
