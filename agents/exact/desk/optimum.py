"""The optimum of a desk over its positions: by backward induction to a horizon, or by policy iteration in the long run.

V_t(q) = max over quotes of E[spread + q' drift dt - gamma/2 q' covariance q dt + V_{t+1}(q')], q being held after the trades.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.desk.recursion import ROOM, DeskRecursion
from agents.exact.room import progress
from agents.strategies.instruments import DeskProblem

Floats = NDArray[np.float64]
_ITERATIONS, _CLOSE = 100, 1e-11


@dataclass(frozen=True, eq=False)
class DeskOptimum:
    """The value (steps + 1, states) of a desk at the start of each step, money."""

    desk: DeskRecursion
    value: Floats
    kept: tuple[Floats, Floats] | None = None  # quotes (steps, states, ...), where there was room for them

    @property
    def steps(self) -> int:
        return len(self.value) - 1

    def quotes(self, step: int) -> tuple[Floats, Floats]:
        """The best depths (states, 2 d, K) and outside trades (states, d) of a step."""
        if self.kept is not None:
            return self.kept[0][step], self.kept[1][step]
        return self.desk.improve(self.value[step + 1])[1:]

    def worth(self, positions: Any) -> float:
        """The objective from the start, with these positions (d,), units."""
        return float(self.value[0, self.desk.problem.state_of(positions)])


@dataclass(frozen=True, eq=False)
class ErgodicDesk:
    """The best average reward a unit of time, relative values (states,), quotes, and the share of time in each state."""

    desk: DeskRecursion
    rate: float  # money / time
    value: Floats
    depths: Floats  # (states, 2 d, K)
    trades: Floats  # (states, d)
    law: Floats  # (states,)
    client_volume: float  # units / time
    outside_volume: float  # units / time


def finite_optimum(problem: DeskProblem, horizon: float, steps: int, room: int = 0) -> DeskOptimum:
    """The optimum over `steps` steps to a horizon (time), at which `problem.terminal` is paid.

    Its quotes are kept if they are at most `room` numbers, else made again of the values when they are asked for.
    """
    desk, d = DeskRecursion(problem, horizon / steps), len(problem.instruments)
    value = np.empty((steps + 1, desk.states))
    value[steps] = -problem.at_the_end()
    shapes = (steps, desk.states, 2 * d, desk.streams), (steps, desk.states, d)
    kept = (np.empty(shapes[0]), np.empty(shapes[1])) if sum(map(math.prod, shapes)) <= room else None
    for step in progress(range(steps - 1, -1, -1), "optimum of a desk", "step"):
        value[step], *quotes = desk.improve(value[step + 1])
        if kept is not None:
            kept[0][step], kept[1][step] = quotes
    return DeskOptimum(desk, value, kept)


def backward_quotes(problem: DeskProblem, horizon: float, steps: int) -> Callable[[int], tuple[Floats, Floats]]:
    """The best quotes of each step, as `moments` asks for them: from the last step to the first, of which none is kept."""
    desk = DeskRecursion(problem, horizon / steps)
    value = -problem.at_the_end()

    def quotes(_: int) -> tuple[Floats, Floats]:
        nonlocal value
        value, depths, trades = desk.improve(value)
        return depths, trades

    return quotes


def ergodic_optimum(problem: DeskProblem, dt: float) -> ErgodicDesk:
    """The optimum in the long run at steps of dt, by Howard's policy iteration.

    Raises: ValueError if there are too many states, or it does not settle.
    """
    desk = DeskRecursion(problem, dt)
    if desk.states > ROOM:
        raise ValueError(f"a desk in the long run must have at most {ROOM} states, got {desk.states}: make lots larger")
    value = np.zeros(desk.states)
    for _ in range(_ITERATIONS):
        _, depths, trades = desk.improve(value)
        chain, gain, volume = desk.chain(depths, trades)
        before, (rate, value) = value, poisson(chain, gain, desk.states // 2)
        if np.abs(value - before).max() <= _CLOSE * np.abs(value).max():
            break
    else:
        raise ValueError(f"policy iteration must settle within {_ITERATIONS} rounds: its last change was not small")
    law = stationary(chain)
    clients, outside = (law @ volume / dt).tolist()
    return ErgodicDesk(desk, rate / dt, value, depths, trades, law, clients, outside)


def poisson(chain: Floats, gain: Floats, origin: int) -> tuple[float, Floats]:
    """g and h of g + h = gain + P h with h(origin) = 0: the average reward of a step, and relative values."""
    matrix = np.eye(len(gain)) - chain
    matrix[:, origin] = 1.0
    found = np.asarray(np.linalg.solve(matrix, gain), np.float64)
    rate, found[origin] = float(found[origin]), 0.0
    return rate, found


def stationary(chain: Floats) -> Floats:
    """The share of time in each state in the long run."""
    matrix = np.eye(len(chain)) - chain.T
    matrix[-1] = 1.0
    return np.asarray(np.linalg.solve(matrix, np.eye(len(chain))[-1]), np.float64)
