"""The best constant depths of a desk: by exact values where there are any, else by simulation on the same noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.desks import DeskStrategyPolicy
from agents.exact.desk.evaluation import average_reward
from agents.exact.desk.recursion import ROOM, DeskRecursion
from agents.exact.desk.simulated import solvable, start_of
from agents.exact.nodes import Unsolvable
from agents.policy import play
from agents.strategies.desk_problem import problem_of
from agents.strategies.desk_rules import ConstantDepths
from agents.strategies.instruments import DeskProblem
from mm_env.clock import Ergodic
from mm_env.desk.desk import Desk

Floats = NDArray[np.float64]
EPISODES, SEED = 512, 1_000_003  # of a search by simulation
_CLOSE, _MOST = 1e-3, 120  # of the widest that may be added to depths; values that are asked for


def best_constant_depths(desk: Desk) -> ConstantDepths:
    """The depths at which each kind of request earns most, and so much deeper as is best, without any trades outside.

    Of several makers, for one who is alone. One number for each instrument where exact values say what is best; else one for
    all, by 512 simulated episodes.

    Raises: NoProblem as `problem_of` does.
    """
    problem_of(desk)
    desk = desk.alone()
    try:
        value, count = exact_value(desk), len(desk.instruments)
    except Unsolvable:
        value, count = simulated_value(desk), 1
    reach = max(one.max_depth - one.min_depth for one in desk.instruments)
    return ConstantDepths.wider(desk, _highest(lambda by: value(ConstantDepths.wider(desk, by)), count, float(reach)))


def exact_value(desk: Desk) -> Callable[[ConstantDepths], float]:
    """The objective of constant depths, exactly; a unit of time, where there is no end.

    Raises: Unsolvable as `solvable` does, or for too many positions.
    """
    problem, clock = solvable(desk), desk.clock
    if (states := len(problem.positions)) > ROOM:
        raise Unsolvable(f"constant depths are worth what is exact in at most {ROOM} positions, got {states}")
    if isinstance(clock, Ergodic):
        return lambda rule: average_reward(problem, clock.step_length, *rule.quotes(problem.positions, 0.0)).rate
    return lambda rule: constant_worth(problem, clock.horizon, clock.steps, rule, start_of(desk))


def constant_worth(problem: DeskProblem, horizon: float, steps: int, rule: ConstantDepths, positions: Any) -> float:
    """The objective to a horizon of quotes that do not change with the time, from `positions` (d,), units."""
    from scipy.sparse import csr_array

    chain, gain, _ = DeskRecursion(problem, horizon / steps).chain(*rule.quotes(problem.positions, horizon))
    few, value = csr_array(chain), -problem.at_the_end()
    for _ in range(steps):
        value = gain + few @ value
    return float(value[problem.state_of(positions)])


def simulated_value(desk: Desk) -> Callable[[ConstantDepths], float]:
    """The mean objective of constant depths, over the same episodes each time."""
    return lambda rule: float(play(desk, DeskStrategyPolicy(desk, rule), EPISODES, SEED).objective.mean())


def _highest(value: Callable[[Floats], float], count: int, reach: float) -> Floats:
    """Where a function of `count` numbers within `reach` is highest, from 0, by the simplices of Nelder and Mead."""
    from scipy.optimize import minimize

    start = np.vstack([np.zeros(count), 0.1 * reach * np.eye(count)])
    options = {"initial_simplex": start, "xatol": _CLOSE * reach, "fatol": np.inf, "maxfev": _MOST}
    return np.asarray(minimize(lambda by: -value(by), start[0], method="Nelder-Mead", options=options).x, np.float64)
