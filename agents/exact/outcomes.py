"""What may happen in one step to a quote at each inventory, and how likely: all that `Venue.transitions` states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.objectives import Penalties, aversion
from agents.exact.price_grid import Axis
from agents.exact.reader import Outcome, Outcomes, Reader
from agents.exact.room import levels_of, require_room
from agents.exact.timed import changes_with_time, nodes_told
from mm_env.core.parameters import Integers
from mm_env.market import Market
from mm_env.rollout import check_table, inventory_levels

Floats = NDArray[np.float64]
CELLS = 2**18  # of steps x levels whose outcomes are in memory at a time
_OF_OUTCOMES = 33  # numbers that take part in the outcomes of one of them


def start_law(market: Market) -> Floats:
    """P(initial inventory = level), (levels,)."""
    start, levels = market.initial_inventory, inventory_levels(market)
    held: Any = np.arange(start.low, start.high + 1) if isinstance(start, Integers) else start
    law = np.abs(np.atleast_1d(np.asarray(held, np.float64))[:, None] - levels).argmin(axis=1)
    return np.bincount(law, minlength=len(levels)) / len(law)


class Problem:
    """A market on an axis, asked once for all that the evaluation of one table after another needs."""

    def __init__(self, market: Market, axis: Axis) -> None:
        self.market, self.axis, self.gamma = market, axis, aversion(market)
        self.timed, self.by_node = changes_with_time(market, axis), nodes_told(market)
        self.penalties, self.reader = Penalties(market, axis), Reader(market, axis)


class Rows:
    """A table of actions, (rows, nodes or 1, cells, width), and what may happen in each step by it."""

    def __init__(self, problem: Problem, table: Floats) -> None:
        self.problem, self.table = problem, table
        self.nodes = problem.axis.count if problem.by_node else table.shape[1]
        self.stride, self.first = max(1, CELLS // (self.nodes * len(problem.axis.held))), -1
        self.known: Any = None  # the rows from `first` on

    @classmethod
    def of(cls, problem: Problem, actions: Floats) -> Rows:
        """Of a table (rows, levels, width) or (rows, nodes, levels, width).

        Raises: ValueError if it is no table of the market's actions.
        """
        market, axis, nodes = problem.market, problem.axis, problem.axis.size
        _check_table(market, actions, nodes)
        cells = np.size(actions) / market.quote.width
        values = (market.clock.steps + 1.0) * levels_of(market) * nodes
        numbers = cells * market.quote.width + min(cells, CELLS) * _OF_OUTCOMES + values
        require_room(market, "the exact evaluation", numbers, nodes=nodes)
        table = np.asarray(actions, np.float64)
        wide = table if np.ndim(table) == 4 else np.repeat(table[:, None], axis.venues, axis=1)
        return cls(problem, wide.reshape(len(table), -1, len(axis.held), market.quote.width))

    def __len__(self) -> int:
        """How many steps differ: all, or one."""
        return self.problem.market.clock.steps if self.problem.timed else len(self.table)

    def at(self, step: int) -> list[Outcome]:
        """The outcomes of a step."""
        row = step % len(self)
        first = row - row % self.stride
        if first != self.first:
            self.first, self.known = first, self.between(first, min(first + self.stride, len(self)))
        return self.known.of_row(row - first)

    def between(self, first: int, last: int) -> Outcomes:
        """Those of the rows first, ..., last - 1."""
        steps = np.arange(first, last)
        return self.problem.reader(self.table[steps % len(self.table)], steps.astype(np.float64), self.nodes)


def _check_table(market: Market, actions: Floats, nodes: int) -> None:
    if np.ndim(actions) != 4:
        check_table(market, actions)
        return
    if np.shape(actions)[1] != nodes:
        raise ValueError(f"a table of actions by latent state must have {nodes} nodes, got {np.shape(actions)[1]}")
    for node in range(nodes):
        check_table(market, actions[:, node])
