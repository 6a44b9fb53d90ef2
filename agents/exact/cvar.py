"""The threshold at which a static CVaR is its own, exactly; and nested CVaR, which is another objective."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.outcomes import Problem, Rows, start_law
from agents.exact.price_grid import axis_of
from agents.exact.solvable import check_solvable
from agents.exact.wealth import WealthProblem, solved
from agents.exact.wealth_worth import evaluated
from mm_env.core.parameters import Interval, check
from mm_env.market import Market
from mm_env.reward import CVaR

Floats = NDArray[np.float64]
_NODES, _QUANTILES = 41, 200
_SEARCHED = 1e-4  # of the wealth's reach: how well a threshold is found that takes a solution for each look


def best_threshold(market: Market, nodes: int = _NODES) -> float:
    """The threshold of the market's `CVaR` reward at which the optimum is largest, price units: its value at risk.

    Rockafellar & Uryasev 2000: CVaR(X) = max over z of z - E[(z - X)+] / (1 - level). Where nothing but the reward goes by the
    profit, one solution has them all: z + V(-z), V(w) the optimum with threshold 0 from a profit of w.
    """
    at_nothing = _with_threshold(market, 0.0)
    check_solvable(at_nothing, wealth=True)
    problem = WealthProblem.of(at_nothing, nodes)
    if market.may_close or market.limits.watches:
        return _searched(problem, lambda z: problem.at_start(solved(_with(problem, z))[0][0]))
    return _read(problem, solved(problem)[0][0])


def threshold_of(market: Market, actions: Floats, nodes: int = _NODES) -> tuple[float, float]:
    """The value at risk and the CVaR (with the mean mixed in as the reward says) of the profit of a table, exactly."""
    at_nothing = _with_threshold(market, 0.0)
    check_solvable(at_nothing, wealth=True)
    problem = WealthProblem.of(at_nothing, nodes)
    if np.ndim(actions) < 5 and not market.may_close:
        value = evaluated(problem, actions).value[0]
        z = _read(problem, value)
        return z, z + problem.at_start(value, -z)
    z = _searched(problem, lambda z: evaluated(_with(problem, z), actions).worth)
    return z, evaluated(_with(problem, z), actions).worth


def nested_cvar(market: Market, actions: Floats, level: float) -> float:
    """The nested CVaR of a table, price units: of each step's gain and all that follows, the mean of the worst 1 - level.

    V_t = CVaR_level[gain + V_{t+1}], Ruszczynski 2010: consistent in time, and far more careful than the static CVaR of the
    final profit: a step is shorter than a fill, and with a level of 1/2 or more no quote is worth its risk.

    Raises: Unsolvable for rewards that are no penalty, and prices with a state.
    """
    check("level", level, Interval(0.0, 1.0 - 1e-9))
    check_solvable(market)
    axis = axis_of(market)
    if axis.size > 1 or axis.timed or market.reward.watches:
        raise Unsolvable("nested CVaR is solved for a penalty, and a price and a venue without a state that matters")
    problem = Problem(market, axis)
    rows, (moves, weights) = Rows.of(problem, actions), _moves(axis.lines[0].law)
    value = np.zeros(len(axis.held))
    for step in range(market.clock.steps - 1, -1, -1):
        holding = value - problem.penalties.after(step + 1)[0]
        gains, chances = [], []
        for outcome in rows.at(step):
            level_after = outcome.level[0]
            gained = outcome.cash[0] + axis.held[level_after] * outcome.jump[0] + holding[level_after]
            gains.append(gained[:, None] + axis.held[level_after][:, None] * moves)
            chances.append(outcome.probability[0][:, None] * weights)
        value = worst_mean(np.concatenate(gains, axis=1), np.concatenate(chances, axis=1), level)
    return float(start_law(market) @ value)


def worst_mean(gains: Floats, chances: Floats, level: float) -> Floats:
    """The mean of the worst 1 - level of gains (n, outcomes) that come with these chances; (n,)."""
    order = np.argsort(gains, axis=1)
    gains, chances = np.take_along_axis(gains, order, 1), np.take_along_axis(chances, order, 1)
    before = np.cumsum(chances, axis=1) - chances
    counted = np.clip(1.0 - level - before, 0.0, chances)
    return (counted * gains).sum(axis=1) / counted.sum(axis=1)


def _moves(law: Any) -> tuple[Floats, Floats]:
    """What the mid moves by and with what probability: the branches, a normal one by the means of its quantiles."""
    from scipy.stats import norm

    if not law.variance.any():
        return law.mean[0], law.probability[0]
    edges = norm.pdf(norm.ppf(np.linspace(0.0, 1.0, _QUANTILES + 1)))
    z = -np.diff(edges) * _QUANTILES
    moves = law.mean[0][:, None] + np.sqrt(law.variance[0])[:, None] * z
    return moves.ravel(), np.repeat(law.probability[0] / _QUANTILES, _QUANTILES)


def _with_threshold(market: Market, threshold: float) -> Market:
    if not isinstance(market.reward, CVaR):
        raise TypeError(f"the market's reward must be a CVaR, got {market.reward}")
    return replace(market, reward=replace(market.reward, threshold=threshold))


def _with(problem: WealthProblem, threshold: float) -> WealthProblem:
    return replace(problem, market=_with_threshold(problem.market, threshold))


def _read(problem: WealthProblem, value: Floats) -> float:
    """The z at which z + V(-z) is largest."""
    from scipy.optimize import minimize_scalar

    grid = problem.grid
    worths = [-w + problem.at_start(value, w) for w in grid.values.tolist()]
    best = int(np.clip(np.argmax(worths), 1, grid.nodes - 2))
    if grid.lattice:
        return -float(grid.values[best])
    ends = (-float(grid.values[best + 1]), -float(grid.values[best - 1]))
    found: Any = minimize_scalar(lambda z: -z - problem.at_start(value, -z), bounds=ends, method="bounded")
    return float(found.x)


def _searched(problem: WealthProblem, worth: Any) -> float:
    """The z of the largest worth, by golden sections: it is concave in z."""
    from scipy.optimize import minimize_scalar

    grid, reach = problem.grid, problem.grid.spacing * problem.grid.nodes
    ends = (grid.lowest, grid.lowest + reach)
    found: Any = minimize_scalar(
        lambda z: -worth(z), bounds=ends, method="bounded", options={"xatol": _SEARCHED * reach}
    )
    z = float(found.x)
    if not grid.lattice:
        return z
    return max((_node(grid, z, way) for way in (np.floor, np.ceil)), key=worth)


def _node(grid: Any, x: float, way: Any) -> float:
    return float(grid.lowest + grid.spacing * way((x - grid.lowest) / grid.spacing))
