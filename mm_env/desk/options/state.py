"""What a desk of options keeps of each instrument of a lane, and of its whole book."""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.maths import scalar
from mm_env.desk.scratch import nothing_held
from mm_env.desk.state import Holding


class KeptOption(NamedTuple):
    """One instrument of one lane, and a unit's greeks; the underlying's delta is 1."""

    holding: Holding
    extreme: float  # the highest or lowest spot so far, of a lookback; price
    delta: float  # by the spot
    gamma: float  # delta, by the spot; 1 / price
    vega: float  # by the volatility; price sqrt(time)


class Book(NamedTuple):
    """The greeks of all that a lane holds, the underlying included, and what they have been in its episode."""

    delta: float  # units of the underlying
    gamma: float  # units / price
    vega: float  # money sqrt(time)
    absolute_delta: float  # sums of sizes after each step
    absolute_gamma: float
    absolute_vega: float


@scalar
def nothing_option() -> KeptOption:
    """What a `KeptOption` looks like."""
    return KeptOption(nothing_held(), 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing_booked() -> Book:
    """What a `Book` looks like."""
    return Book(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
