"""The best quotes at each position of a desk, and what may come of given ones: compiled loops over positions.

A leg is a side of an instrument: 2 a is the bid of instrument a, 2 a + 1 its ask. Given the other legs, the value is linear in
a leg's probabilities, so that the best depth of each of its streams is that of one request (`strategies.hamiltonian`); legs
are improved in turn until nothing is gained.
"""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import load
from mm_env.core.maths import scalar

_SWEEPS, _GAIN = 50, 1e-13  # relative: what a sweep gains that is the last
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


def improve(template: Any, legs: Any, width: int, ahead: Any, value: Any, depths: Any, trades: Any) -> None:
    """Write the best depths (states, 4, K), outside trades (states, 2) and the value (states,), given what each state is worth
    `ahead` once the step's trades are done."""
    work = space(legs)
    for s in range(value.shape[0]):
        value[s] = best(template, legs, width, ahead, s, depths[s], trades[s], work)


def follow(
    template: Any, legs: Any, width: int, depths: Any, trades: Any, ahead: Any, variance: Any, mean: Any, spread: Any
) -> None:
    """Write means (n, states) of what is earned from here on by given depths and outside trades, and the variance of the first.

    `ahead` (n, states) and `variance` (states,) are those of each state once the step's trades are done.
    """
    work, most = space(legs), (legs.shift.shape[1] + 1) ** 2 * 3
    chances, gains, shifts = np.empty((2, most)), np.empty((2, most)), np.empty((2, most), np.int64)
    for s in range(spread.shape[0]):
        quoted(template, legs, width, s, depths[s], trades[s], work)
        first = outcomes(legs, work, depths[s], level_of(legs, s, 0), 0, chances[0], shifts[0], gains[0])
        second = outcomes(legs, work, depths[s], level_of(legs, s, 1), 1, chances[1], shifts[1], gains[1])
        mean[:, s], square = 0.0, 0.0
        for i in range(first):
            for j in range(second):
                to = s + shifts[0, i] * legs.levels[1] + shifts[1, j]
                for n in range(ahead.shape[0]):
                    mean[n, s] += chances[0, i] * chances[1, j] * (gains[0, i] + gains[1, j] + ahead[n, to])
        for i in range(first):
            for j in range(second):
                to = s + shifts[0, i] * legs.levels[1] + shifts[1, j]
                away = gains[0, i] + gains[1, j] + ahead[0, to] - mean[0, s]
                square += chances[0, i] * chances[1, j] * (away * away + variance[to])
        spread[s] = square


def transitions(
    template: Any, legs: Any, width: int, depths: Any, trades: Any, chain: Any, gain: Any, volume: Any
) -> None:
    """Write P (states, states), the expected spread less costs (states,), and units traded with clients and outside."""
    work = space(legs)
    reach = work.law.shape[1] // 2
    for s in range(gain.shape[0]):
        quoted(template, legs, width, s, depths[s], trades[s], work)
        gain[s] = earned(legs, s, 0, work) + earned(legs, s, 1, work) - trade_cost(work, 0) - trade_cost(work, 1)
        volume[s, 0] = clients(legs, s, work)
        volume[s, 1] = ((work.trade[:, 0] + work.trade[:, 2]) * legs.lot).sum()
        for m in range(2 * reach + 1):
            for n in range(2 * reach + 1):
                if work.law[0, m] * work.law[1, n] > 0.0:
                    chain[s, s + (m - reach) * legs.levels[1] + n - reach] += work.law[0, m] * work.law[1, n]


@scalar
def clients(legs, s, work):
    """Units that are expected to be traded with clients."""
    total = 0.0
    for leg in range(4):
        for b in range(3):
            for k in range(legs.kinds[leg]):
                if work.trade[leg // 2, b] > 0.0 and is_open(legs, level_of(legs, s, leg // 2) + b - 1, leg, k):
                    total += work.trade[leg // 2, b] * work.chance[leg, k] * legs.size[leg, k]
    return total


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


@scalar
def pushed(legs, a, b):
    """By how much a trade outside moves the price."""
    return legs.outside[a, 2] * (b - 1) * legs.lot[a]


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
def chance_of(legs, at, leg, k, b, work):
    """P(stream k of a leg trades) at a level, that nothing does for k = -1."""
    if k < 0:
        return work.none[leg, b]
    return work.chance[leg, k] if is_open(legs, at, leg, k) else 0.0


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


@scalar
def outcomes(legs: Any, work: Any, depths: Any, level: int, a: int, chances: Any, shifts: Any, gains: Any) -> int:
    """Write what may come of an instrument's step: probability, lots and money; how many there are."""
    n, bid, ask = 0, 2 * a, 2 * a + 1
    for b in range(3):
        if work.trade[a, b] > 0.0:
            at = level + b - 1
            for i in range(-1, legs.kinds[bid]):
                first = work.trade[a, b] * chance_of(legs, at, bid, i, b, work)
                for j in range(-1, legs.kinds[ask]):
                    chance = first * chance_of(legs, at, ask, j, b, work)
                    if chance > 0.0:
                        bought, up = (0.0, 0) if i < 0 else (legs.size[bid, i] * depths[bid, i], legs.shift[bid, i])
                        sold, down = (0.0, 0) if j < 0 else (legs.size[ask, j] * depths[ask, j], legs.shift[ask, j])
                        chances[n], shifts[n] = chance, b - 1 + up - down
                        gains[n] = bought + sold + pushed(legs, a, b) * position(legs, level + shifts[n], a)
                        gains[n] -= 0.0 if b == 1 else work.paid[a]
                        n += 1
    return n
