"""The worth of a loan against collateral, by dynamic programming over its health and debt: of a rule, or of the best moves.

V_t(D, h) = W_t(D, h) + p max over moves of (W_t(D', h') - paid - W_t(D, h))+, with p the probability that a move takes effect,
and W_t(D, h) = carry + E[V_{t+1}(D, h')], in which a liquidation costs what is seized beyond what is repaid. The worth of the
collateral is a martingale but for the token's drift, so that what it gains is no part of the value. A move along the diagonal
repays debt; along a row it tops collateral up, or withdraws it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.exact.loan_grid import LoanGrid
from mm_env.lending.collateral import IDLE, REPAID

Floats = NDArray[np.float64]
_SLACK = 1e-9  # of a node's place
Moves = Callable[
    [Floats, Floats, float], Floats
]  # (ln H, debts / the first, time left), which broadcast -> the action's number


@dataclass(frozen=True)
class LoanWorth:
    """`value[row, node]` at the start of an episode, price units, and the action's numbers (steps, rows, nodes)."""

    grid: LoanGrid
    value: Floats
    numbers: NDArray[np.float32]

    @property
    def worth(self) -> float:
        """What the loan is worth from the start: the expected sum of what it earns less what it costs, price units."""
        return float(smooth(self.grid, self.value[0], np.array([self.grid.start]))[0])


def best_moves(grid: LoanGrid) -> LoanWorth:
    """The best moves, and what the loan is worth with them."""
    return _backward(grid, lambda step, held: _best(grid, step, held))


def follow(grid: LoanGrid, moves: Moves) -> LoanWorth:
    """What a rule makes of the loan."""

    def followed(step: int, held: Floats) -> tuple[Floats, Floats]:
        left, share = grid.dt * (grid.steps - step), grid.debts(step)[:, None] / grid.loan.debt
        numbers = np.broadcast_to(moves(grid.health[None], share, left), held.shape)
        return _asked(grid, step, held, numbers), numbers

    return _backward(grid, followed)


def _backward(grid: LoanGrid, move: Callable[[int, Floats], tuple[Floats, Floats]]) -> LoanWorth:
    value = np.zeros((len(grid.shares), len(grid.health)))
    numbers = np.zeros((grid.steps, *value.shape), np.float32)
    for step in range(grid.steps - 1, -1, -1):
        held = held_worth(grid, step, value)
        reached, numbers[step] = move(step, held)
        sure = 1.0 if step == 0 else grid.loan.inclusion
        value = held + sure * (reached - held)
    return LoanWorth(grid, value, numbers)


def held_worth(grid: LoanGrid, step: int, following: Floats) -> Floats:
    """W_t (rows, nodes), of a loan that is let alone from after the moves at t until those at t + dt."""
    loan, dt, (safe, called) = grid.loan, grid.dt, grid.ahead
    debt = grid.debts(step)[:, None]
    growth = math.expm1(loan.token.drift * dt) - loan.opportunity * dt
    carry = debt * (loan.earning * dt - math.expm1(loan.interest * dt) + growth * grid.secured)
    return carry + following @ safe.T + liquidated(grid, step + 1, following) @ called.T


def liquidated(grid: LoanGrid, step: int, following: Floats) -> Floats:
    """The worth (rows, zero + 1) of a loan just before its liquidation, at the nodes up to health 1."""
    loan, debt = grid.loan, grid.debts(step)[:, None]
    secured = grid.secured[: grid.zero + 1]
    asked = np.where(debt - loan.close_factor * debt < loan.least_debt, 1.0, loan.close_factor)  # of the debt
    covered = secured / (1.0 + loan.bonus)
    repaid = np.minimum(asked, covered)
    over = (covered <= asked) | (asked >= 1.0)
    left = np.where(over, 1.0, 1.0 - asked)
    after = np.where(over, 1.0, loan.counted() * (secured - asked * (1.0 + loan.bonus)) / left)
    onward = _at(grid, following, np.log(np.maximum(after, 1e-12)), math.log1p(-min(loan.close_factor, 0.999999)))
    return np.asarray(-loan.bonus * repaid * debt + np.where(over, 0.0, onward), np.float64)


def _at(grid: LoanGrid, values: Floats, health: Floats, lowered: float) -> Floats:
    """Values (rows, m) at ln H (rows, m), in each row at a debt whose logarithm is `lowered` by so much (<= 0)."""
    row = -math.log(grid.shares[1])
    places = np.arange(len(grid.shares)) - lowered / row
    first = np.minimum(np.floor(places + 1e-9).astype(np.int64), len(grid.shares) - 2)
    share, beyond = np.clip(places - first, 0.0, 1.0)[:, None], np.maximum(places - first - 1.0, 0.0)[:, None]
    along = np.array([np.interp(health[i], grid.health, values[j]) for i, j in enumerate(first)])
    below = np.array([np.interp(health[i], grid.health, values[j + 1]) for i, j in enumerate(first)])
    kept = np.exp(-row * beyond)  # beyond the last row, in proportion to the debt
    return np.asarray((along + share * (below - along)) * kept, np.float64)


def _best(grid: LoanGrid, step: int, held: Floats) -> tuple[Floats, Floats]:
    """The worth of the best moves that take effect, and the action's numbers."""
    loan, h, debt = grid.loan, grid.health, grid.debts(step)[:, None]
    toll = loan.cost * debt * grid.secured
    aims = (h >= math.log(loan.least_health) - _SLACK) & (h <= math.log(loan.most_health) + _SLACK)
    drawn = h >= math.log(loan.threshold / loan.loan_to_value) - _SLACK
    up, to_up = _running(np.where(aims, held - toll, -np.inf)[:, ::-1])
    down, to_down = _running(np.where(aims & drawn, held + toll, -np.inf))
    repaid, to_repaid = _repaid(grid, debt, held, aims)
    choices = [
        (held, np.zeros(held.shape)),
        (up[:, ::-1] + toll - loan.gas, IDLE + (REPAID - IDLE) * _share(grid, h[::-1][to_up][:, ::-1])),
        (down - toll - loan.gas, -IDLE - (1.0 - IDLE) * _share(grid, h[to_down])),
        (repaid, REPAID + (1.0 - REPAID) * _share(grid, to_repaid)),
    ]
    worth = np.stack([choice[0] for choice in choices])
    chosen = worth.argmax(axis=0)  # the first of equals: to let it alone
    number = np.stack([choice[1] for choice in choices])
    return worth.max(axis=0), np.take_along_axis(number, chosen[None], axis=0)[0]


def _running(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The largest of each row so far, and where it stands."""
    best = np.maximum.accumulate(values, axis=1)
    fresh = np.concatenate([np.zeros((len(values), 1), np.bool_), best[:, 1:] > best[:, :-1]], axis=1)
    places = np.where(fresh, np.arange(values.shape[1]), 0)
    return best, np.maximum.accumulate(places, axis=1)


def _repaid(grid: LoanGrid, debt: Floats, held: Floats, aims: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The worth of repaying as much as is best, and the ln H that it leads to: down the rows, and up as many nodes."""
    by, nodes = grid.by_row, held.shape[1]
    allowed = aims & (debt >= grid.loan.least_debt)
    reached = np.where(allowed, held - grid.loan.gas, -np.inf)
    best, target = np.full(held.shape, -np.inf), np.zeros(held.shape)
    for row in range(len(held) - 2, -1, -1):
        directly, further = reached[row + 1, by:], best[row + 1, by:]
        best[row, : nodes - by] = np.maximum(directly, further)
        target[row, : nodes - by] = np.where(directly >= further, grid.health[by:], target[row + 1, by:])
    return best, target


def _share(grid: LoanGrid, target: Floats) -> Floats:
    """How far targets (ln H) are from `least_health` to `most_health`."""
    lowest, highest = math.log(grid.loan.least_health), math.log(grid.loan.most_health)
    return np.clip((target - lowest) / (highest - lowest), 1e-6, 1.0 - 1e-6)  # kept in single precision


def smooth(grid: LoanGrid, values: Floats, health: Floats) -> Floats:
    """Values (n,) at ln H (m,), by cubics through the four nearest nodes: where it is followed, W is smooth."""
    places = (health - grid.health[0]) / (grid.health[1] - grid.health[0])
    first = np.clip(np.floor(places).astype(np.int64) - 1, 0, len(values) - 4)
    x = np.clip(places, 0.0, len(values) - 1.0) - first
    weights = (-(x - 1) * (x - 2) * (x - 3) / 6, x * (x - 2) * (x - 3) / 2, -x * (x - 1) * (x - 3) / 2,
               x * (x - 1) * (x - 2) / 6)  # fmt: skip
    return np.asarray(sum(weight * values[first + i] for i, weight in enumerate(weights)), np.float64)


def _asked(grid: LoanGrid, step: int, held: Floats, numbers: Floats) -> Floats:
    """The worth (rows, nodes) of the moves that numbers (rows, nodes) ask for, if they take effect."""
    loan, h, debt = grid.loan, grid.health[None], grid.debts(step)[:, None]
    if (numbers > REPAID + _SLACK).any():
        raise ValueError("rules that repay debt are not evaluated, only the best moves among them")
    least, most = math.log(loan.least_health), math.log(loan.most_health)
    share = np.where(numbers > 0.0, (numbers - IDLE) / (REPAID - IDLE), (-numbers - IDLE) / (1.0 - IDLE))
    target, lowest = least + share * (most - least), math.log(loan.threshold / loan.loan_to_value)
    to = np.where(numbers > 0.0, np.maximum(target, h), np.minimum(h, np.maximum(target, lowest)))
    to = np.broadcast_to(to, held.shape)
    there = np.array([smooth(grid, held[row], to[row]) for row in range(len(held))])
    moved = there - loan.cost * debt * np.abs(np.exp(to) - np.exp(h)) / loan.counted() - loan.gas
    return np.where((np.abs(numbers) > IDLE) & (np.abs(to - h) > 1e-12), moved, held)
