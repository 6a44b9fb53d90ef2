"""The optimum of a desk that is simulated, and what any policy of it is worth, exactly: at all positions and steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.desks import DeskPolicy, decoded, shown_at
from agents.exact import optimum_cache as stored
from agents.exact.desk.evaluation import Moments, average_reward, moments
from agents.exact.desk.optimum import DeskOptimum, ErgodicDesk, ergodic_optimum, finite_optimum
from agents.exact.nodes import Unsolvable
from agents.strategies.desk_problem import NoProblem, problem_of, taken_at_most
from agents.strategies.instruments import DeskProblem
from mm_env.clock import Ergodic
from mm_env.desk.desk import Desk

Floats = NDArray[np.float64]
_ROUNDING = 1e-9
ROOM = 2**25  # numbers of quotes that are kept


@dataclass(frozen=True, eq=False)
class OptimalQuotes(DeskPolicy):
    """The optimum of a desk as a policy: the best depths and trades outside at each step and at all positions in lots.

    Away from whole lots it quotes as at the nearest.
    """

    market: Any
    solution: DeskOptimum | ErgodicDesk
    error: ClassVar[float] = 0.0  # of the objective: nothing lies on a grid that does not lie there in the simulation
    _kept: dict[int, tuple[Floats, Floats]] = field(default_factory=dict, repr=False)

    @property
    def worth(self) -> float:
        """The expected sum of rewards from the start; a unit of time, where there is no end."""
        if isinstance(self.solution, ErgodicDesk):
            return self.solution.rate
        return self.solution.worth(start_of(self.market))

    @property
    def objective(self) -> float:
        """What an episode brings."""
        return self.worth * self.market.clock.horizon if isinstance(self.solution, ErgodicDesk) else self.worth

    def save(self, path: Path) -> bool:
        """Write it to a file; False where its quotes were not kept, or it cannot be written."""
        found = self.solution
        if not isinstance(found, DeskOptimum) or found.kept is None:
            return False
        return stored.write(path, {"value": found.value, "depths": found.kept[0], "trades": found.kept[1]})

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        depths, trades = self.at_step(time_left)
        state = nearest_states(self.solution.desk.problem, positions)
        return depths[state], trades[state]

    def at_step(self, time_left: float) -> tuple[Floats, Floats]:
        """Depths (states, 2 d, K) and trades outside (states, d) with so much time left."""
        if isinstance(self.solution, ErgodicDesk):
            return self.solution.depths, self.solution.trades
        step = self.solution.steps - round(time_left / self.solution.desk.dt)
        if step not in self._kept:
            self._kept.clear()
            self._kept[step] = self.solution.quotes(step)
        return self._kept[step]


def desk_optimum(desk: Desk) -> OptimalQuotes:
    """The optimum of a desk of one or two instruments, each kind of request quoted by itself.

    Raises: Unsolvable, saying which part of the desk stands in the way.
    """
    problem = solvable(desk)
    for columns, one in zip(desk.columns, desk.instruments, strict=True):
        if len(set(columns)) < len(columns):
            raise Unsolvable(
                f"the optimum of a desk is of quotes for each size, got {desk.quotes!r} where {one.name} has {len(columns)} "
                "kinds of requests: take quotes='size'"
            )
    clock = desk.clock
    if isinstance(clock, Ergodic):
        return OptimalQuotes(desk, _told(lambda: ergodic_optimum(problem, clock.step_length)))
    return OptimalQuotes(desk, _told(lambda: finite_optimum(problem, clock.horizon, clock.steps, ROOM)))


def solvable(desk: Desk) -> DeskProblem:
    """`problem_of` a desk whose positions stay on a lattice of one or two instruments.

    Raises: Unsolvable, saying which part of the desk stands in the way.
    """
    if desk.lanes_a_world > 1:
        raise Unsolvable(
            "several makers quote the desk's clients, and what one earns depends on all of their inventories"
        )
    problem = _told(lambda: problem_of(desk))
    if (d := len(problem.instruments)) > 2:
        raise Unsolvable(f"exact values of a desk are of one or two instruments, got {d}")
    for one, solved in zip(desk.instruments, problem.instruments, strict=True):
        if solved.outside is not None and getattr(one.outside, "lot", 0.0) != solved.lot:
            raise Unsolvable(
                f"exact values need positions in whole lots: OutsideRate.lot of {one.name} must be {solved.lot:g}, the largest "
                f"that all sizes are whole multiples of, got {getattr(one.outside, 'lot', 0.0):g}"
            )
    if len({(one.min_depth, one.max_depth) for one in desk.instruments}) > 1:
        raise Unsolvable("exact values of a desk are of instruments with the same min_depth and max_depth")
    if (most := taken_at_most(desk)) > 1.0 + _ROUNDING:
        raise Unsolvable(f"at min_depth at most all requests may be taken, got {most:g} times as many: raise min_depth")
    _told(lambda: problem.state_of(start_of(desk)))
    return problem


def start_of(desk: Desk) -> list[float]:
    """What is held of each instrument as an episode begins, units."""
    return [float(one.initial_inventory) for one in desk.instruments]


def nearest_states(problem: DeskProblem, positions: Floats) -> NDArray[np.int64]:
    """The numbers of the states that are nearest to positions (n, d), units."""
    state = np.zeros(len(positions), np.int64)
    for i, (one, levels) in enumerate(zip(problem.instruments, problem.levels, strict=True)):
        level = np.rint(positions[:, i] / one.lot).astype(np.int64) + levels // 2
        state = state * levels + np.clip(level, 0, levels - 1)
    return state


def worth_of(desk: Desk, policy: Any) -> float:
    """The objective of any policy that acts on what the desk shows now, exactly; a unit of time, where there is no end.

    Raises: Unsolvable as `solvable` does.
    """
    if not isinstance(desk.clock, Ergodic):
        return profit_of(desk, policy).objective
    problem = solvable(desk)
    depths, trades = decoded(desk, np.asarray(policy.act(shown_at(desk, problem.positions, 0)), np.float64))
    return average_reward(problem, desk.clock.step_length, depths, trades).rate


def profit_of(desk: Desk, policy: Any) -> Moments:
    """Mean and standard deviation of the profit of a policy to the horizon, and its objective, exactly.

    Raises: Unsolvable as `solvable` does.
    """
    problem, clock = solvable(desk), desk.clock

    def quotes(step: int) -> tuple[Floats, Floats]:
        seen = shown_at(desk, problem.positions, clock.steps - step)
        return decoded(desk, np.asarray(policy.act(seen), np.float64))

    return moments(problem, clock.horizon, clock.steps, quotes, start_of(desk))


def _told(make: Any) -> Any:
    """What `make` makes. Raises: Unsolvable in the place of its ValueError."""
    try:
        return make()
    except Unsolvable:
        raise
    except (NoProblem, ValueError) as reason:
        raise Unsolvable(str(reason)) from reason
