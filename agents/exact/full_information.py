"""The full-information optimum of a market whose parameters differ by lane: that of an agent who is told them.

The parameters are a state that never moves. Who knows them quotes each lane's own optimum; the mean over the lanes is an
upper bound for all who see only time, inventory and the price's signals, and is seldom reached by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.exact.evaluation import NODES
from agents.exact.optimum import KEPT_FROM, Optimum, optimum
from agents.exact.parameter_scenarios import lane_axes, quadrature_error, scenarios
from agents.exact.price_grid import Unsolvable
from agents.exact.room import progress
from agents.exact.start_worth import mixed_worth
from mm_env.market import Market

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FullInformationOptimum(MarketPolicy):
    """The optimum of each of the markets that stand for some lanes (`cases`), and their share (cases,).

    `lanes` says which of `cases` each lane trades in, where the parameters come as arrays; else it is None. `error` is how
    far the objective may be off, for the quadrature over the parameters and the grids of the price's state.
    """

    market: Market
    cases: tuple[Optimum, ...]
    weights: Floats
    names: tuple[str, ...]  # of the parameters told
    error: float
    lanes: NDArray[np.int64] | None = None

    @property
    def objective(self) -> float:
        """The mean over lanes of what episodes bring at best, the parameters known."""
        return float(self.weights @ np.array([case.objective for case in self.cases]))

    @property
    def worth(self) -> float:
        """The objective, under CARA its certainty equivalent (price units), in an ergodic market the average reward."""
        return mixed_worth(self.cases[0].market, self.weights, np.array([case.worth for case in self.cases]))

    @property
    def playable(self) -> bool:
        """Whether it is known which lane has which parameters."""
        return self.lanes is not None

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, width), or (n,) if discrete, of lanes 0 to n - 1.

        Raises: ValueError if parameters are drawn, or n is not the number of lanes.
        """
        if self.lanes is None:
            raise ValueError(
                f"the full-information optimum acts only where arrays say each lane's {', '.join(self.names)}"
            )
        if len(observations) != len(self.lanes):
            raise ValueError(
                f"the full-information optimum acts in all of {len(self.lanes)} lanes, got {len(observations)}"
            )
        everyone = np.stack([case.act(observations) for case in self.cases])
        return everyone[self.lanes, np.arange(len(self.lanes))]


def full_information_optimum(market: Market, nodes: int = NODES) -> FullInformationOptimum:
    """The full-information optimum of `market`: the best quotes given the parameters that differ by lane.

    Raises: Unsolvable, saying which part of the market stands in the way or how many markets it would take.
    """
    axes, cases = lane_axes(market), scenarios(market)
    if not axes:
        raise Unsolvable("no parameter differs by lane: the market has an optimum proper")
    solved = progress(cases, "solving", "market")
    found = tuple(optimum(case.market, nodes, KEPT_FROM / len(cases)) for case in solved)
    weights = np.array([case.weight for case in cases])
    worths = np.array([best.objective for best in found])
    error = float(weights @ np.array([best.error for best in found])) + quadrature_error(axes, cases, worths)
    lanes = axes[0].lanes if len(axes) == 1 else None
    names = tuple(name for axis in axes for name in axis.names)
    return FullInformationOptimum(market, found, weights, names, error, lanes)
