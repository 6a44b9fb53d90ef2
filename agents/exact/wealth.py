"""The exact optimum and the exact worth of a policy where the account's wealth decides too: margin, limits by profit, CVaR, any
utility of final wealth.

V_t(x, q, w) = max over actions of E[reward + V_{t+1}(x', q', w')], w the running profit (or how far it is below its peak), on a
grid of its own or, where all gains and moves lie on one, on the lattice of wealth, without interpolation. In each step quotes
trade, the mid moves, and an account that no longer holds is closed: its value is then what closing it leaves.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.exact.choices import is_own, line_ways
from agents.exact.outcomes import Problem, start_law
from agents.exact.price_grid import Axis, axis_by, laws_of
from agents.exact.price_line import Line
from agents.exact.quote_search import Wealth
from agents.exact.room import levels_of, progress, require_room
from agents.exact.stated import check_law
from agents.exact.wealth_grid import WealthGrid, grid_of, is_terminal, outcome_of
from agents.exact.wealth_kernel import follow_wealth, improve_wealth
from agents.exact.wealth_moves import Moves
from mm_env.core import engine
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.price.law import joint

Floats = NDArray[np.float64]
_OF_MOVES = 100.0  # numbers that a move of the mid takes for each wealth, about
_LOOKED_AT = 64  # rows of a table, of which the first and the last are two
_SCAN, _AGAIN = 48, 8  # points of a line that are looked at first in the last step, and in those before it


@dataclass
class WealthProblem:
    """One market on the nodes of its price, its inventories and its wealth: what solving and evaluating it share."""

    market: Market
    axis: Axis
    grid: WealthGrid
    known: InitVar[Problem | None] = None

    @classmethod
    def of(cls, market: Market, nodes: int, wealths: int = 0) -> WealthProblem:
        """On a grid of `wealths` (the lattice or the usual number of nodes if 0).

        Raises: Unsolvable where the wealth's own recursion cannot hold the market.
        """
        kinds, kind = laws_of(market, nodes)
        check_law(market, kinds[0])
        axis = axis_by(market, [(joint(law),) for law in kinds], kind)
        problem = Problem(market, axis)
        return cls(market, axis, grid_of(problem, wealths), problem)

    def __post_init__(self, known: Problem | None) -> None:
        self.problem, self.levels = known or Problem(self.market, self.axis), levels_of(self.market)
        self.terminal, self.moves = is_terminal(self.market), Moves(self.problem, self.grid)
        numbers = (self.market.clock.steps + 1.0) * self.size * (1 + self.market.quote.width)
        numbers += self.moves.count() * self.grid.nodes * _OF_MOVES
        require_room(self.market, "the recursion over wealth", numbers, nodes=self.axis.count * self.grid.nodes)

    def reached_by(self, table: Floats, wealths: int = 0) -> WealthProblem:
        """The problem on a grid of what a table (rows, nodes or 1, cells, 1, width) reaches: grids are kept."""
        rows = table[..., 0, :].reshape(-1, *table.shape[2:3], table.shape[-1])
        some = np.linspace(0, len(rows) - 1, min(len(rows), _LOOKED_AT)).astype(int)
        grid = grid_of(self.problem, wealths, rows[some])
        if grid not in self.on_grid:
            self.on_grid[grid] = WealthProblem(self.market, self.axis, grid, self.problem)
        return self.on_grid[grid]

    @cached_property
    def on_grid(self) -> dict[WealthGrid, WealthProblem]:
        """The same problem on other grids that were asked for."""
        return {self.grid: self}

    @property
    def size(self) -> int:
        """How many (node, cell, wealth) there are."""
        return self.axis.count * len(self.axis.held) * self.grid.nodes

    @cached_property
    def final(self) -> Floats:
        """What each (node, cell, wealth) is worth once trading has ended."""
        shape = (self.axis.count, len(self.axis.held), self.grid.nodes)
        if not self.terminal:
            return np.zeros(shape)
        reward = record(self.market.reward).reward
        ends = [[reward(outcome_of(w, q, 1.0)) for w in self.grid.values.tolist()] for q in self.axis.held.tolist()]
        return np.broadcast_to(np.array(ends), shape)

    def look_ahead(self, following: Floats, step: int) -> Floats:
        """What each (node, cell, wealth) is worth once the quotes of a step have traded."""
        penalty = 0.0 if self.terminal else self.problem.penalties.after(step + 1)[..., None]
        line: Line = self.axis.lines_at(step)[0]
        return np.ascontiguousarray(self._moved(line) + self.moves.look_ahead(line, following - penalty)).reshape(-1)

    def _moved(self, line: Line) -> Any:
        """What holding an inventory gains by the mid's expected move, (nodes, cells, 1): part of a wealth that is the value."""
        return 0.0 if self.terminal else (line.law.drift[:, None] * self.axis.held)[..., None]

    def arguments(self, step: int, ahead: Floats) -> tuple[Any, ...]:
        """What both kernels are told."""
        market, grid = self.market, self.grid
        shapes = record(market), self.axis.template, (0.0,) * market.quote.width, self.axis.places
        wealth = Wealth(grid.lowest, grid.lowest, grid.spacing, grid.nodes, 0.0 if self.terminal else 1.0)
        where = (ahead, len(self.axis.held), self.levels, wealth, float(grid.of == "drawdown"))
        return (*shapes, float(step)), where

    def at_start(self, value: Floats, wealth: float = 0.0) -> float:
        """The worth of an episode that starts with this wealth, from the values (node, cell, wealth) of its first step."""
        here = self.moves.reading(np.full((1, 1), wealth), np.ones((1, 1))).toarray()[0]
        by_level = self.axis.at_start((value.reshape(-1, self.grid.nodes) @ here).reshape(self.axis.size, -1))
        return float(start_law(self.market) @ by_level)


def solved(problem: WealthProblem) -> tuple[Floats, Floats]:
    """The values (steps + 1, nodes, levels, wealth) and the best actions (steps, nodes, levels, wealth, width)."""
    market, quote = problem.market, problem.market.quote
    discrete = float(quote.space.n) if isinstance(quote.space, gym.spaces.Discrete) else 0.0
    steps, shape = market.clock.steps, (problem.axis.size, problem.levels, problem.grid.nodes)
    value, actions = np.zeros((steps + 1, *shape)), np.zeros((steps, *shape, quote.width))
    value[steps] = problem.final.reshape(shape)
    ways, guess, run = line_ways(market), np.zeros(problem.size * quote.width), None
    for step in progress(range(steps - 1, -1, -1), "solving over wealth", "step"):
        following = value[step + 1].reshape(problem.axis.count, -1, problem.grid.nodes)
        before, after = problem.arguments(step, problem.look_ahead(following, step))
        scan = _SCAN if step == steps - 1 or is_own(quote) else _AGAIN
        arguments = (*before, discrete, ways, scan, *after, value[step].reshape(-1), guess)
        run = run or engine.compiled(improve_wealth, *arguments)
        run(*arguments)
        actions[step] = guess.reshape(actions[step].shape)
    return value, actions


def followed(problem: WealthProblem, table: Floats) -> Floats:
    """The values (steps + 1, nodes, levels, wealths) of a table (steps or 1, nodes or 1, cells, wealths or 1, width)."""
    steps, run = problem.market.clock.steps, None
    value = np.zeros((steps + 1, problem.axis.size, problem.levels, problem.grid.nodes))
    value[steps] = problem.final.reshape(value[0].shape)
    for step in progress(range(steps - 1, -1, -1), "evaluating over wealth", "step"):
        following = value[step + 1].reshape(problem.axis.count, -1, problem.grid.nodes)
        before, after = problem.arguments(step, problem.look_ahead(following, step))
        row = np.ascontiguousarray(table[step % len(table)], np.float64)
        arguments = (*before, *after, value[step].reshape(-1), row.reshape(-1), row.shape[-2])
        run = run or engine.compiled(follow_wealth, *arguments)
        run(*arguments)
    return value
