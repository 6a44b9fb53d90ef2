"""The exact worth of a table of actions where the account's wealth decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.price_grid import Axis
from agents.exact.solvable import check_solvable
from agents.exact.wealth import WealthProblem, followed
from agents.exact.wealth_grid import WealthGrid
from mm_env.market import Market
from mm_env.rollout import check_table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WealthEvaluation:
    """`value[t, node, level, wealth]`: the expected sum of rewards from step t on, or the expected utility at the end."""

    market: Market
    axis: Axis
    wealths: WealthGrid
    value: Floats
    worth: float  # of an episode, price units

    @property
    def objective(self) -> float:
        """The expected sum of rewards of an episode."""
        return self.worth

    @property
    def variance(self) -> float:
        """Not known. Raises: Unsolvable."""
        raise Unsolvable("the variance of the objective has no recursion here where the wealth of the account decides")


def evaluate_wealth(market: Market, actions: Floats, nodes: int, wealths: int = 0) -> WealthEvaluation:
    """The worth of acting by a table (steps or 1, levels, width), (steps or 1, nodes, levels, width) if it looks at the states
    of price and venue, or (steps or 1, nodes, levels, wealths, width) if at the wealth too.

    Raises: Unsolvable if the market has no recursion over its wealth; ValueError if it is no table of the market's actions.
    """
    check_solvable(market, wealth=True)
    return appraised(WealthProblem.of(market, nodes, wealths), actions, wealths)


def appraised(problem: WealthProblem, actions: Floats, wealths: int = 0) -> WealthEvaluation:
    """The same of a problem that is known but for its grid, which is what the actions reach: unless they look at the nodes of
    the problem's own."""
    table = np.asarray(actions, np.float64)
    if table.ndim != 5:
        problem = problem.reached_by(_by_cell(problem, table), wealths)
    return evaluated(problem, table)


def evaluated(problem: WealthProblem, actions: Floats) -> WealthEvaluation:
    """The same on the grid of a problem."""
    value = followed(problem, _by_cell(problem, np.asarray(actions, np.float64)))
    return WealthEvaluation(problem.market, problem.axis, problem.grid, value, problem.at_start(value[0]))


def _by_cell(problem: WealthProblem, table: Floats) -> Floats:
    """The table as `followed` takes it: (steps or 1, nodes or 1, cells, wealths or 1, width)."""
    market, axis = problem.market, problem.axis
    if table.ndim == 5:
        wanted = (axis.size, problem.levels, problem.grid.nodes)
        if table.shape[1:4] != wanted:
            raise ValueError(
                f"a table of actions by wealth must have {wanted} nodes, levels and wealths, got {table.shape[1:4]}"
            )
        return table.reshape(len(table), axis.count, -1, *table.shape[3:])
    if table.ndim == 4:
        if table.shape[1] != axis.size:
            raise ValueError(f"a table of actions by latent state must have {axis.size} nodes, got {table.shape[1]}")
        for node in range(axis.size):
            check_table(market, table[:, node])
        return table.reshape(len(table), axis.count, -1, 1, table.shape[-1])
    check_table(market, table)
    return np.tile(table[:, None, :, None], (1, 1, axis.venues, 1, 1))
