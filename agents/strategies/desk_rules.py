"""Simple rules of a desk: constant depths, and trades outside that are none, or all of the position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.desks import DeskStrategy
from agents.strategies.desk_problem import problem_of
from agents.strategies.hamiltonian import best_depths
from mm_env.desk.desk import Desk

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConstantDepths:
    """The same depths (2 d, K), price units, whatever is held; nothing is traded outside."""

    depths: Floats

    @classmethod
    def wider(cls, desk: Desk, by: ArrayLike) -> Self:
        """The depths at which each kind of request earns most, H's of p = 0, and `by` (d,) deeper, price units."""
        problem, more = problem_of(desk), np.broadcast_to(np.asarray(by, np.float64), len(desk.instruments))
        found = np.zeros((len(problem.legs), max(map(len, problem.legs))))
        for i, leg in enumerate(problem.legs):
            alone = [float(best_depths(stream.fill, 0.0, problem.bounds)[0]) for stream in leg]
            found[i, : len(leg)] = np.clip(np.array(alone) + more[i // 2], *problem.bounds)
        return cls(found)

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """As a `DeskStrategy`'s."""
        return np.broadcast_to(self.depths, (len(positions), *self.depths.shape)), np.zeros(np.shape(positions))


@dataclass(frozen=True, eq=False)
class NoneOutside:
    """The depths of a strategy, and no trades outside: all risk is internalised."""

    strategy: DeskStrategy

    @classmethod
    def of(cls, desk: Desk, quoting: Any) -> Self:
        """Of the strategy that `quoting` makes of a desk."""
        return cls(quoting(desk))

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """As a `DeskStrategy`'s."""
        return self.strategy.quotes(positions, time_left)[0], np.zeros(np.shape(positions))


@dataclass(frozen=True, eq=False)
class AllOutside:
    """The depths of a strategy, and the whole position sold outside within a step of `dt`, or as fast as may be."""

    strategy: DeskStrategy
    dt: float

    @classmethod
    def of(cls, desk: Desk, quoting: Any) -> Self:
        """Of the strategy that `quoting` makes of a desk. Raises: ValueError for a desk that does not trade outside."""
        strategy = quoting(desk)
        if not desk.trades_outside:
            raise ValueError("AllOutside needs a desk whose instruments are traded outside, got NoOutside")
        return cls(strategy, float(desk.clock.step_length))

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """As a `DeskStrategy`'s."""
        return self.strategy.quotes(positions, time_left)[0], -positions / self.dt
