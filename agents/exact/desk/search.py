"""The best quotes and outside trades in one state of a desk.

Given the other legs, the value is linear in a leg's probabilities, so that the best depth of each of its streams is that of one
request (`strategies.hamiltonian`); legs are improved in turn until nothing is gained.
"""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

from agents.exact.desk.legs import (
    chance_of,
    is_open,
    level_of,
    may_trade,
    position,
    pushed,
    set_chances,
    set_law,
    set_none,
    set_trade,
    signed,
)  # fmt: skip
from mm_env.core.component import load
from mm_env.core.maths import scalar

_SWEEPS, _GAIN = 50, 1e-13  # relative: what a sweep gains that is the last


@scalar
def best(template: Any, legs: Any, width: int, ahead: Any, s: int, depths: Any, trades: Any, work: Any) -> float:
    """The value of the best quotes and outside trades in a state, which are left in `depths` and `trades`.

    `work` says where to start: from the state before.
    """
    total = -1e300
    for a in range(2):
        work.trade[a, 0], work.trade[a, 1], work.trade[a, 2] = 0.0, 1.0, 0.0
        set_none(legs, level_of(legs, s, a), 2 * a, work)
        set_none(legs, level_of(legs, s, a), 2 * a + 1, work)
        set_law(legs, level_of(legs, s, a), a, work)
    for _ in range(_SWEEPS):
        before = total
        for a in range(2 if legs.levels[1] > 1 else 1):
            level = level_of(legs, s, a)
            set_field(
                ahead, legs.levels[0], legs.levels[1], level, level_of(legs, s, 1 - a), a, work.law[1 - a], work.field
            )
            best_leg(template, legs, width, level, 2 * a, depths[2 * a], work)
            best_leg(template, legs, width, level, 2 * a + 1, depths[2 * a + 1], work)
            if legs.outside[a, 3] > 0.0:
                trades[a] = best_trade(legs, level, a, work)
            set_law(legs, level, a, work)
            total = earned(legs, s, 1 - a, work) - trade_cost(work, 1 - a) - trade_cost(work, a)
            for b in range(3):
                if work.trade[a, b] > 0.0:
                    total += work.trade[a, b] * branch(legs, level, a, b, work)
        if total - before <= _GAIN * abs(total):
            break
    return total


@scalar
def set_field(ahead: Any, rows: int, columns: int, one: int, other: int, a: int, law: Any, field: Any) -> None:
    """What a move of instrument a, at level `one`, is worth, over the moves by `law` of the other."""
    reach = field.shape[0] // 2
    field[:] = 0.0
    low, high = max(-reach, -one), min(reach, (rows if a == 0 else columns) - 1 - one)
    for n in range(-reach, reach + 1):
        chance = law[n + reach]
        if chance > 0.0:
            stride = columns if a == 0 else 1
            start = one * columns + other + n if a == 0 else (other + n) * columns + one
            for m in range(low, high + 1):
                field[m + reach] += chance * ahead[start + m * stride]


@scalar
def worth_of_move(legs, level, a, b, move, work):
    """What it is worth that clients move the position by so many lots, after a trade outside."""
    moved = b - 1 + move
    return work.field[work.field.shape[0] // 2 + moved] + pushed(legs, a, b) * position(legs, level + moved, a)


@scalar
def advantage(legs, level, a, b, move, other, work):
    """What a client's move is worth more than none, after a trade outside and over the requests at the other side."""
    total = work.none[other, b] * (
        worth_of_move(legs, level, a, b, move, work) - worth_of_move(legs, level, a, b, 0, work)
    )
    for k in range(legs.kinds[other]):
        if work.chance[other, k] > 0.0 and is_open(legs, level + b - 1, other, k):
            shift = signed(legs, other, k)
            total += work.chance[other, k] * (
                worth_of_move(legs, level, a, b, move + shift, work) - worth_of_move(legs, level, a, b, shift, work)
            )
    return total


@scalar
def best_leg(template: Any, legs: Any, width: int, level: int, leg: int, depths: Any, work: Any) -> None:
    """Set the depths of a leg to the best ones, its probabilities and what they earn."""
    a, other = leg // 2, leg + 1 - 2 * (leg % 2)
    for k in range(legs.kinds[leg]):
        gained, likely = 0.0, 0.0
        for b in range(3):
            if work.trade[a, b] > 0.0 and is_open(legs, level + b - 1, leg, k):
                gained += work.trade[a, b] * advantage(legs, level, a, b, signed(legs, leg, k), other, work)
                likely += work.trade[a, b]
        depths[k] = legs.high
        if likely > 0.0:
            request = load(template, legs.requests, (leg * legs.shift.shape[1] + k) * width, 1)
            depths[k] = request.best(-gained / (likely * legs.size[leg, k]), legs.low, legs.high)
    set_chances(template, legs, width, level, leg, depths, work)


@scalar
def best_trade(legs: Any, level: int, a: int, work: Any) -> float:
    """The best rate of outside trade, units / time, of which the probabilities are set."""
    lot, half_spread, quadratic, most = legs.lot[a], legs.outside[a, 0], legs.outside[a, 1], legs.outside[a, 3]
    still, found, top = branch(legs, level, a, 1, work), 0.0, 0.0
    for b in (2, 0):
        if may_trade(legs, level, a, b):
            worth = (branch(legs, level, a, b, work) - still) / lot - half_spread
            rate = most if worth > 2.0 * quadratic * most else max(worth, 0.0) / (2.0 * max(quadratic, 1e-300))
            if rate * (worth - quadratic * rate) > top:
                found, top = (b - 1) * rate, rate * (worth - quadratic * rate)
    set_trade(legs, level, a, found, work)
    return found


@scalar
def branch(legs: Any, level: int, a: int, b: int, work: Any) -> float:
    """What an instrument's clients earn and lead to, after a trade outside."""
    total, bid, ask, at = 0.0, 2 * a, 2 * a + 1, level + b - 1
    for i in range(-1, legs.kinds[bid]):
        first = chance_of(legs, at, bid, i, b, work)
        if first > 0.0:
            shift = 0 if i < 0 else legs.shift[bid, i]
            for j in range(-1, legs.kinds[ask]):
                second = chance_of(legs, at, ask, j, b, work)
                if second > 0.0:
                    move = shift - (0 if j < 0 else legs.shift[ask, j])
                    total += first * second * worth_of_move(legs, level, a, b, move, work)
    for leg in (bid, ask):
        for k in range(legs.kinds[leg]):
            if is_open(legs, at, leg, k):
                total += work.gain[leg, k]
    return total


@scalar
def earned(legs, s, a, work):
    """What an instrument is expected to earn by its spread, and by its impact on its own position."""
    level, total = level_of(legs, s, a), 0.0
    for b in range(3):
        if work.trade[a, b] > 0.0:
            moved, at = 0.0, level + b - 1
            for leg in range(2 * a, 2 * a + 2):
                for k in range(legs.kinds[leg]):
                    if is_open(legs, at, leg, k):
                        total += work.trade[a, b] * work.gain[leg, k]
                        moved += work.chance[leg, k] * signed(legs, leg, k)
            total += work.trade[a, b] * pushed(legs, a, b) * (position(legs, at, a) + moved * legs.lot[a])
    return total


@scalar
def trade_cost(work, a):
    """What trading outside is expected to cost."""
    return (work.trade[a, 0] + work.trade[a, 2]) * work.paid[a]
