"""A desk's sides and what is known of them in one state: openness within limits, probabilities, and laws of moves.

A leg is a side of an instrument: 2 a is the bid of instrument a, 2 a + 1 its ask.
"""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import load
from mm_env.core.maths import scalar

BID, ASK = 0, 1


class Legs(NamedTuple):
    """The numbers of a desk in arrays; K is the most streams of a leg, n the numbers of a request."""

    levels: Any  # (2,) positions of each instrument; 1 of one that is not there
    kinds: Any  # (4,) streams of each leg
    shift: Any  # (4, K) lots
    size: Any  # (4, K) units
    rate: Any  # (4, K) P(a request comes in a step)
    requests: Any  # (4 K n,)
    lot: Any  # (2,) units
    outside: Any  # (2, 4) half-spread, quadratic cost, impact, most units a time
    dt: float
    low: float  # of depths
    high: float


class Work(NamedTuple):
    """What is known of the state in hand; b = 0, 1, 2 says that a lot was sold outside, that none was, that one was bought."""

    chance: Any  # (4, K) P(a stream trades) where it is open
    gain: Any  # (4, K) what that earns
    none: Any  # (4, 3) P(nothing trades at a leg | b)
    trade: Any  # (2, 3) P(b)
    law: Any  # (2, 2 reach + 1) P(a position moves by m lots), m from -reach on
    field: Any  # (2 reach + 1,) what such a move of the instrument in hand is worth
    paid: Any  # (2,) for a lot traded outside


@scalar
def space(legs: Any) -> Any:
    """Arrays to work in."""
    most, reach = legs.shift.shape[1], 1 + legs.shift.max()
    arrays = np.zeros((4, most)), np.zeros((4, most)), np.ones((4, 3)), np.zeros((2, 3)), np.zeros((2, 2 * reach + 1))
    return Work(*arrays, np.zeros(2 * reach + 1), np.zeros(2))


@scalar
def level_of(legs, s, a):
    """The level of instrument a in a state."""
    return s // legs.levels[1] if a == 0 else s % legs.levels[1]


@scalar
def position(legs, level, a):
    """The position in instrument a at a level, units."""
    return (level - (legs.levels[a] - 1) // 2) * legs.lot[a]


@scalar
def signed(legs, leg, k):
    """By how many lots a request moves the position."""
    return legs.shift[leg, k] if leg % 2 == BID else -legs.shift[leg, k]


@scalar
def is_open(legs, level, leg, k):
    """Whether a request may trade within the limits at a level."""
    return 0 <= level + signed(legs, leg, k) < legs.levels[leg // 2]


@scalar
def may_trade(legs, level, a, b):
    """Whether a lot may be traded outside."""
    return legs.outside[a, 3] > 0.0 and 0 <= level + b - 1 < legs.levels[a]


@scalar
def pushed(legs, a, b):
    """By how much a trade outside moves the price."""
    return legs.outside[a, 2] * (b - 1) * legs.lot[a]


@scalar
def set_chances(template: Any, legs: Any, width: int, level: int, leg: int, depths: Any, work: Any) -> None:
    """The probabilities of a leg's streams at these depths, and what they earn."""
    for k in range(legs.kinds[leg]):
        request = load(template, legs.requests, (leg * legs.shift.shape[1] + k) * width, 1)
        chance = legs.rate[leg, k] * min(request.fill.take(depths[k], ()), 1.0)
        work.chance[leg, k], work.gain[leg, k] = chance, chance * legs.size[leg, k] * depths[k]
    set_none(legs, level, leg, work)


@scalar
def set_none(legs: Any, level: int, leg: int, work: Any) -> None:
    """P(nothing trades at a leg), after each trade outside."""
    for b in range(3):
        none = 1.0
        for k in range(legs.kinds[leg]):
            if is_open(legs, level + b - 1, leg, k):
                none -= work.chance[leg, k]
        work.none[leg, b] = none


@scalar
def chance_of(legs, at, leg, k, b, work):
    """P(stream k of a leg trades) at a level, that nothing does for k = -1."""
    if k < 0:
        return work.none[leg, b]
    return work.chance[leg, k] if is_open(legs, at, leg, k) else 0.0


@scalar
def set_trade(legs: Any, level: int, a: int, rate: float, work: Any) -> None:
    """The probabilities of an outside trade, and what a lot of it costs."""
    b = 2 if rate > 0.0 else 0
    chance = abs(rate) * legs.dt / legs.lot[a] if rate != 0.0 and may_trade(legs, level, a, b) else 0.0
    work.trade[a, 0], work.trade[a, 1], work.trade[a, 2] = 0.0, 1.0 - chance, 0.0
    work.trade[a, b] = chance
    work.paid[a] = legs.lot[a] * (legs.outside[a, 0] + legs.outside[a, 1] * abs(rate))


@scalar
def set_law(legs: Any, level: int, a: int, work: Any) -> None:
    """P(the position moves by m lots) of instrument a."""
    bid, ask, law = 2 * a, 2 * a + 1, work.law[a]
    law[:] = 0.0
    for b in range(3):
        if work.trade[a, b] > 0.0:
            at, centre = level + b - 1, law.shape[0] // 2 + b - 1
            for i in range(-1, legs.kinds[bid]):
                first = work.trade[a, b] * chance_of(legs, at, bid, i, b, work)
                if first > 0.0:
                    shift = 0 if i < 0 else legs.shift[bid, i]
                    for j in range(-1, legs.kinds[ask]):
                        move = shift - (0 if j < 0 else legs.shift[ask, j])
                        law[centre + move] += first * chance_of(legs, at, ask, j, b, work)


@scalar
def quoted(template: Any, legs: Any, width: int, s: int, depths: Any, trades: Any, work: Any) -> None:
    """All probabilities of a state at given depths (4, K) and outside trades (2,)."""
    for a in range(2):
        level = level_of(legs, s, a)
        set_trade(legs, level, a, trades[a], work)
        set_chances(template, legs, width, level, 2 * a, depths[2 * a], work)
        set_chances(template, legs, width, level, 2 * a + 1, depths[2 * a + 1], work)
        set_law(legs, level, a, work)
