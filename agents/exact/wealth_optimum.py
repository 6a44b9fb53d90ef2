"""The optimum as a policy that looks at the account's wealth, and the worth of tables, where the wealth decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.exact import optimum_cache as stored
from agents.exact.choices import check_actions
from agents.exact.evaluation import NODES
from agents.exact.quote_optimum import Optimum, coarser_axes, grid_error
from agents.exact.solvable import check_solvable
from agents.exact.wealth import WealthProblem, solved
from agents.exact.wealth_grid import WealthGrid
from agents.observed import places
from mm_env.market import Market

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WealthOptimum(Optimum):
    """The value (steps + 1, nodes, levels, wealths) and the best actions (steps, nodes, levels, wealths, width) of a market in
    which the account's wealth decides too; `wealths` are the numbers of its grid.

    `error` is how far the objective may be off for the grids of wealth and of the price's state; 0 on a lattice.
    """

    start: float = 0.0
    wealths: WealthGrid | None = None

    @property
    def worth(self) -> float:
        """The objective: the expected sum of rewards of an episode, price units."""
        return self.start

    @property
    def objective(self) -> float:
        return self.start

    @property
    def tabulable(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return False

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, width), or (n,) if discrete, at observations (n, k); linear between nodes and wealths."""
        grid: Any = self.wealths
        step, level = places(self.market, observations, len(self.actions))
        discrete = isinstance(self.market.quote.space, gym.spaces.Discrete)
        shown = (
            observations[:, self.market.observation_names.index(grid.of)].astype(np.float64) * self.market.profit_scale
        )
        place = ((shown if grid.of == "profit" else -shown) - grid.lowest) / grid.spacing
        place = np.clip(np.rint(place) if discrete or grid.lattice else place, 0, grid.nodes - 1)
        left = np.minimum(np.floor(place).astype(np.int64), grid.nodes - 2)
        found: Any = 0.0
        for side, share in ((left, left + 1.0 - place), (left + 1, place - left)):
            found = found + share[:, None] * self.axis.between(self.actions, step, level, observations, discrete, side)
        return found[:, 0].astype(np.int64) if discrete else found

    def save(self, path: Path) -> bool:
        """Write it to a file that `load` reads; False where it cannot be written, as on a full disk."""
        arrays = {"value": self.value, "actions": self.actions, "start": self.start, "error": self.error}
        name = named_by_wealth(self.market, self.axis.count)
        return stored.write(path, {key: np.asarray(value) for key, value in {**arrays, "market": name}.items()})

    @classmethod
    def load(cls, path: Path, market: Market, nodes: int = NODES) -> WealthOptimum:
        """The optimum of `market` that `save` wrote, to the bit; see `Optimum.load`."""
        if (found := stored.read(path)) is None:
            raise ValueError(f"{path} must be a file that `save` wrote, whole")
        problem = WealthProblem.of(market, nodes)
        if str(found.get("market")) != named_by_wealth(market, problem.axis.count):
            raise ValueError(
                f"{path} must hold the optimum of this market on {problem.axis.count} nodes, solved by this code"
            )
        start, error = float(found["start"]), float(found["error"])
        return cls(market, problem.axis, found["value"], found["actions"], None, error, start, problem.grid)


def wealth_optimum(market: Market, nodes: int, kept_from: float) -> WealthOptimum:
    """The optimum of a market in which the wealth decides; see `optimum`."""
    check_solvable(market, wealth=True)
    check_actions(market)
    return stored.kept(
        market,
        named_by_wealth(market, nodes),
        lambda path: WealthOptimum.load(path, market, nodes),
        lambda: _with_error(market, nodes),
        kept_from,
    )


def named_by_wealth(market: Market, nodes: int) -> str:
    """A name for the optimum on so many nodes: another one if anything is edited that it depends on."""
    return stored.fingerprint(market, nodes, program=(_with_error,))


def _with_error(market: Market, nodes: int) -> WealthOptimum:
    """The optimum and its error: by half as many wealths, and by half as many nodes of each grid of the price's state."""
    problem = WealthProblem.of(market, nodes)
    found, error = _solved(problem), 0.0
    if not problem.grid.lattice:
        coarse = _solved(replace(problem, grid=problem.grid.halved()))
        error += grid_error(found, coarse)
    for axis in coarser_axes(market, problem.axis, nodes, together=True):
        error += grid_error(found, _solved(replace(problem, axis=axis)))
    return replace(found, error=error)


def _solved(problem: WealthProblem) -> WealthOptimum:
    value, actions = solved(problem)
    start = problem.at_start(value[0])
    return WealthOptimum(problem.market, problem.axis, value, actions, start=start, wealths=problem.grid)
