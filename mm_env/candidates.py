"""Candidates that act by quadratic forms of what a market shows, many of them evaluated at once on common noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.core.candidate_kernel import run_candidates
from mm_env.core.lanes import TILE
from mm_env.market import Market
from mm_env.quote import DepthGrid, Grid, Touch
from mm_env.rollout import Records
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class QuadraticForm:
    """What turns weights (..., outputs, features) into actions: with z = (1, observations, log time-to-go), output w is the sum
    over a <= b of weights[w, ab] z_a z_b.

    Continuous actions are the outputs, held to [-1, 1]. Where actions are a grid (Grid, DepthGrid, Touch), two outputs choose
    its row and its column, from the first at -1 to the last at 1. In particular the skew is linear in the inventory, with a
    slope that may change with the time and all else that is seen.
    """

    market: Market

    def __post_init__(self) -> None:
        quote = self.market.quote
        if not self.market.action_space.shape and not isinstance(quote, Grid | DepthGrid | Touch):
            raise ValueError(f"a quadratic form acts by numbers or on a Grid, DepthGrid or Touch, got {quote}")
        if isinstance(quote, Touch) and quote.hedging:
            raise ValueError(f"a quadratic form has no market orders: Touch.hedging must be false, got {quote}")

    @property
    def outputs(self) -> int:
        """How many numbers say an action."""
        return 2 if isinstance(self.market.action_space, gym.spaces.Discrete) else self.market.width

    @property
    def features(self) -> int:
        """How many products z_a z_b there are."""
        numbers = len(self.market.observation_names) + 2
        return numbers * (numbers + 1) // 2

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of a grid of actions; (0, 0) where actions are numbers."""
        quote: Any = self.market.quote
        if isinstance(quote, Grid):
            return quote.half_spreads, quote.skews
        if isinstance(quote, DepthGrid):
            return len(quote.depths), len(quote.depths)
        return (quote.choices, quote.choices) if isinstance(quote, Touch) else (0, 0)

    @property
    def time_place(self) -> int:
        """The column of the time left among the observations; -1 where none is seen."""
        names = self.market.observation_names
        return names.index("time_left") if "time_left" in names else -1

    def actions(self, weights: Floats, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (..., n, outputs), or indices (..., n), of weights (..., outputs, features) at observations (..., n, k)."""
        seen = observations.astype(np.float64)
        late = np.zeros_like(seen[..., 0])
        if self.time_place >= 0:
            steps = self.market.clock.steps
            late = 1.0 - 2.0 * np.log(1.0 + steps * seen[..., self.time_place]) / math.log(1.0 + steps)
        z = np.concatenate([np.ones_like(late)[..., None], seen, late[..., None]], axis=-1)
        a, b = np.triu_indices(z.shape[-1])
        outputs = np.clip(np.einsum("...nf,...wf->...nw", z[..., a] * z[..., b], weights), -1.0, 1.0)
        rows, columns = self.grid
        if not rows:
            return outputs
        row, column = (np.floor(0.5 * (outputs[..., i] + 1.0) * (n - 1.0) + 0.5) for i, n in enumerate((rows, columns)))
        return (row * columns + column).astype(np.int64)

    def objectives(self, weights: Floats, episodes: int, seed: int) -> Floats:
        """The objectives (c, episodes) of candidates' weights (c, outputs, features), each over the same noise of `seed`.

        All play at once, a candidate in `episodes` lanes of its own: inside the kernel at a venue whose lanes step together,
        step by step at others.

        Raises: ValueError unless `episodes` fill whole tiles of 64 lanes, or for a market of several makers.
        """
        if episodes % TILE or episodes < TILE:
            raise ValueError(f"episodes must be a multiple of {TILE}, got {episodes}")
        if self.market.lanes_a_world > 1:
            raise ValueError(f"candidates need a market of one maker, got {self.market.lanes_a_world}")
        simulation = Simulation(self.market, len(weights) * episodes)
        observations = simulation.start_copies(seed, len(weights))
        if simulation.loops == "lanes" and not Records.of(simulation).some:
            self._in_kernel(simulation, np.ascontiguousarray(weights), episodes)
        else:
            self._step_by_step(simulation, weights, observations)
        return simulation.state.tally.objective.reshape(len(weights), episodes)

    def _in_kernel(self, simulation: Simulation, weights: Floats, episodes: int) -> None:
        rows, columns = (float(number) for number in self.grid)
        simulation.run_loop(run_candidates, weights, episodes // TILE, self.time_place, rows, columns)

    def _step_by_step(self, simulation: Simulation, weights: Floats, observations: NDArray[np.float32]) -> None:
        alive, candidates = np.ones(simulation.num_lanes, np.bool_), len(weights)
        while alive.any():
            seen = observations.reshape(candidates, -1, observations.shape[-1])
            actions = self.actions(weights, seen).reshape(-1).astype(np.float64)
            observations, _, ended, _ = simulation.step(actions)
            alive &= ~ended
