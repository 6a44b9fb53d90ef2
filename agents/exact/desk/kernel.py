"""The compiled loops over a desk's positions: the best quotes, what given ones are worth, and the chain they make."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import numpy as np

from agents.exact.desk.legs import chance_of, is_open, level_of, position, pushed, quoted, space
from agents.exact.desk.search import best, earned, trade_cost
from mm_env.core.maths import scalar


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
