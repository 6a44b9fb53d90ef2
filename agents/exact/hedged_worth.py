"""The exact worth of a table of actions in a market with hedges that are traded in lots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Policy
from agents.exact.hedge_lots import HedgeLots, holding, lots_of
from agents.exact.nodes import Unsolvable
from agents.exact.objectives import Penalties
from agents.exact.outcomes import Problem
from agents.exact.parameter_scenarios import Scenario
from agents.exact.price_grid import Axis, axis_of
from agents.exact.reader import Outcomes
from agents.exact.room import progress
from agents.exact.solvable import check_solvable
from agents.exact.start_worth import start_worth
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.rollout import check_table, inventory_levels

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class HedgedEvaluation:
    """`value[t, node, level, position]`: the expected sum of rewards from step t on; the positions are those of `lots`, all
    that the table reaches."""

    market: Market
    axis: Axis
    lots: HedgeLots
    value: Floats

    @property
    def worth(self) -> float:
        """The objective: the expected sum of rewards of an episode, price units."""
        return start_worth(self.market, self.axis, self.value[0, ..., self.lots.start])

    @property
    def objective(self) -> float:
        return self.worth

    @property
    def variance(self) -> float:
        """Not known. Raises: Unsolvable."""
        raise Unsolvable("the variance of the objective has no recursion here where a hedge is held")


def evaluate_hedged(market: Market, actions: Floats, nodes: int) -> HedgedEvaluation:
    """The worth of acting by a table (steps or 1, levels, width), (steps or 1, nodes, levels, width) if it looks at the states
    of price and venue, or (steps or 1, nodes, levels, positions, width) if at the positions in the hedges too: all of their
    lots, of several each with each, in the order of `lots_of`.

    Raises: Unsolvable if the market has no recursion over its hedges; ValueError if it is no table of the market's actions.
    """
    check_solvable(market, hedged=True)
    return evaluated(Problem(market, axis_of(market, nodes)), actions)


def hedged_table(market: Market, policy: Policy) -> Floats | None:
    """The actions (steps, 1, levels, positions, width) of a policy that goes by what it sees, where that is time, inventory and
    the positions in the hedges; None otherwise.

    Raises: Unsolvable as `evaluate_hedged` does.
    """
    check_solvable(market, hedged=True)
    seen_alone = {"inventory", "time_left", *market.hedges.signals} == set(market.observation_names)
    if not policy.tabulable or not seen_alone or policy.acts_in(market) != market:
        return None
    rules, steps, levels = record(market), market.clock.steps, inventory_levels(market)
    held = [rules.hedges.observe(tuple(position), rules.opening()) for position in lots_of(market).positions.tolist()]
    numbers = [1.0 - np.arange(steps) / steps, levels / market.inventory_scale, np.arange(len(held))]
    left, inventory, place = (part.ravel() for part in np.meshgrid(*numbers, indexing="ij"))
    seen = np.column_stack([inventory, left, np.array(held)[place.astype(int)]]).astype(np.float32)
    return np.asarray(policy.act(seen), np.float64).reshape(steps, 1, len(levels), len(held), market.width)


def hedged_appraiser(cases: Sequence[Scenario], nodes: int) -> Callable[[Floats], float]:
    """What one table after another is worth, the mean over scenarios.

    Raises: Unsolvable as `evaluate_hedged` does.
    """
    for case in cases:
        check_solvable(case.market, hedged=True)
    problems = [(case.weight, Problem(case.market, axis_of(case.market, nodes))) for case in cases]
    return lambda actions: float(sum(weight * evaluated(problem, actions).worth for weight, problem in problems))


def evaluated(problem: Problem, actions: Floats) -> HedgedEvaluation:
    """The same of a problem that is known."""
    lots = lots_of(problem.market)
    table, several = _by_cell(problem, lots, np.asarray(actions, np.float64)), len(lots.deltas)
    wanted = _wanted(problem.market, lots, table[..., -several:])
    if table.shape[3] == 1:  # what is held decides at most how far a target is met: only what is reached is ever held
        reached = (
            np.union1d(wanted, [lots.start]) if (wanted == wanted[..., :1]).all() else np.arange(len(lots.positions))
        )
        lots, wanted = lots.only(reached), np.searchsorted(reached, wanted[..., reached])
    return HedgedEvaluation(problem.market, problem.axis, lots, _followed(problem, lots, table[..., :-several], wanted))


def _followed(problem: Problem, lots: HedgeLots, quotes: Floats, wanted: Places) -> Floats:
    """The values (steps + 1, size, levels, positions) of quotes (rows, nodes or 1, cells, positions or 1, width) and of the
    numbers of the positions wanted, (rows, nodes or 1, cells, positions)."""
    market, axis, steps = problem.market, problem.axis, problem.market.clock.steps
    axes = [holding(axis, *held) for held in zip(lots.positions, lots.exposed, strict=True)]
    penalties = [Penalties(market, each) for each in axes]
    value = np.zeros((steps + 1, axis.count, len(axis.held), len(axes)))
    known: dict[int, Outcomes] = {}
    for step in progress(range(steps - 1, -1, -1), "evaluating", "step"):
        row, kept = step % len(quotes), step if problem.timed else step % len(quotes)
        if kept not in known:
            known = {kept: _outcomes(problem, quotes[row], step)}
        ahead = np.stack([
            each.look_ahead(np.ascontiguousarray(value[step + 1, ..., k]), penalties[k].after(step + 1), 0.0, step)
            for k, each in enumerate(axes)
        ])  # fmt: skip
        for k in range(len(axes)):
            there = np.broadcast_to(wanted[row, ..., k], value.shape[1:3])
            worth = _gathered(problem, lots, known[kept], k % quotes.shape[3], there, ahead)
            value[step, ..., k] = worth + lots.moving[k, there]
    return value.reshape(steps + 1, axis.size, -1, len(axes))


def _outcomes(problem: Problem, quotes: Floats, step: int) -> Outcomes:
    """Of one step's quotes (nodes or 1, cells, positions or 1, width), by position."""
    nodes = problem.axis.count if problem.by_node else len(quotes)
    by_position = np.moveaxis(quotes, 2, 0)
    return problem.reader(by_position, np.full(len(by_position), float(step)), nodes)


def _gathered(
    problem: Problem, lots: HedgeLots, found: Outcomes, row: int, wanted: Places, ahead: Floats
) -> Floats:  # fmt: skip
    """What each (node, cell) is worth before the outcomes of a row, where it goes to the position `wanted`."""
    held, nodes, total = problem.axis.held, np.arange(len(wanted))[:, None], np.zeros(wanted.shape)
    hedged = lots.exposed[wanted]
    for outcome in found.of_row(row):
        exposed = held[outcome.level] + hedged
        after = ahead[wanted, nodes, np.broadcast_to(outcome.level, wanted.shape)]
        total += outcome.probability * (outcome.cash + exposed * outcome.jump + after)
    return total


def _wanted(market: Market, lots: HedgeLots, asked: Floats) -> Places:
    """The numbers of the positions (..., positions) that the actions' last numbers (..., positions or 1, hedges) lead to from
    each."""
    hedges: Any = record(market).hedges
    now, several = record(market).opening(), asked.shape[-1]
    shape = (*asked.shape[:-2], *lots.positions.shape)
    pairs = np.concatenate([np.broadcast_to(asked, shape), np.broadcast_to(lots.positions, shape)], axis=-1)
    rows, where = np.unique(pairs.reshape(-1, 2 * several), axis=0, return_inverse=True)
    targets = [hedges.targets(tuple(row[:several]), 0.0, tuple(row[several:]), now) for row in rows.tolist()]
    return lots.nearest(np.array(targets))[where.ravel()].reshape(shape[:-1])


def _by_cell(problem: Problem, lots: HedgeLots, table: Floats) -> Floats:
    """The table by cell and position: (rows, nodes or 1, cells, positions or 1, width)."""
    market, axis = problem.market, problem.axis
    if table.ndim not in (4, 5):
        check_table(market, table)
        return np.tile(table[:, None, :, None], (1, 1, axis.venues, 1, 1))
    if table.shape[1] != axis.size:
        raise ValueError(f"a table of actions by latent state must have {axis.size} nodes, got {table.shape[1]}")
    told = table if table.ndim == 5 else table[:, :, :, None]
    if table.ndim == 5 and table.shape[3] != len(lots.positions):
        raise ValueError(f"a table of actions by hedge must have {len(lots.positions)} positions, got {table.shape[3]}")
    for node in range(axis.size):
        for position in range(told.shape[3]):
            check_table(market, told[:, node, :, position])
    return told.reshape(len(told), axis.count, -1, *told.shape[3:])
