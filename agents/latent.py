"""The latent state that an optimum depends on beside time and inventory: its grid and the law of its moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mm_env.clock import Ergodic
from mm_env.impact import NoImpact
from mm_env.market import Market
from mm_env.price import OrnsteinUhlenbeck
from mm_env.reward import CARA
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
_REACH = 5.0  # standard deviations of the stationary law that a grid spans to each side


class Unsolvable(ValueError):
    """The market has no exact evaluation here; the message says which part stands in the way."""


@dataclass(frozen=True)
class Axis:
    """The nodes of a grid, (nodes,), in the units observed as `signal`, and P(node -> node) of one step."""

    nodes: Floats = field(default_factory=lambda: np.zeros(1))
    moves: Floats = field(default_factory=lambda: np.ones((1, 1)))
    drift: Floats = field(default_factory=lambda: np.zeros(1))  # E[S_{t+dt} - S_t] at each node, price units
    centre: float = 0.0  # the mid at node 0 and ...
    scale: float = 1.0  # ... how far it is from there for each unit of the nodes
    signal: int | None = None  # where it stands in the observation

    def look_ahead(self, market: Market, following: Floats, last: bool) -> Floats:
        """What each (node, level after the fills) is worth: the penalties, the mid's move and all that follows."""
        q, dt = inventory_levels(market), market.clock.step_length
        reward: Any = market.reward
        later = self.moves @ following
        if isinstance(reward, CARA):
            return later - market.price.log_moment(-reward.gamma * q, dt) / reward.gamma
        due = reward.alpha if last and not isinstance(market.clock, Ergodic) else 0.0
        return later + self.drift[:, None] * q - (reward.phi * dt + due) * q**2

    def at(self, values: Floats, mid: float) -> Floats:
        """`values` (..., nodes) where the mid is `mid`."""
        if len(self.nodes) == 1:
            return values.reshape(-1)
        x = np.clip((mid - self.centre) / self.scale, self.nodes[0], self.nodes[-1])
        return values.reshape(-1, len(self.nodes)) @ _weights(self.nodes, np.array([x]))[0]

    def between(
        self,
        table: Floats,
        step: NDArray[np.int64],
        level: NDArray[np.int64],
        observations: NDArray[np.float32],
        whole: bool,
    ) -> Floats:
        """table (steps, nodes, levels, width) at steps and levels (n,), linear between the nodes; (n, width).

        Between the nodes of a table of choices, `whole`, the nearer node's is taken.
        """
        if self.signal is None:
            return table[step, 0, level]
        x = np.clip(observations[:, self.signal].astype(np.float64), self.nodes[0], self.nodes[-1])
        left = np.clip(np.searchsorted(self.nodes, x, side="right") - 1, 0, len(self.nodes) - 2)
        share = ((x - self.nodes[left]) / (self.nodes[left + 1] - self.nodes[left]))[:, None]
        share = np.rint(share) if whole else share
        return (1.0 - share) * table[step, left, level] + share * table[step, left + 1, level]


def axis_of(market: Market, nodes: int = 1) -> Axis:
    """The axis that the market's optimum needs: a single node where the mid's moves do not depend on the mid."""
    price, dt = market.price, market.clock.step_length
    check_law(market)
    if not isinstance(price, OrnsteinUhlenbeck):
        return Axis(drift=np.array([price.mean_move(dt)]))
    decay, deviation = math.exp(-price.speed * dt), price.sigma / math.sqrt(2.0 * price.speed)
    grid = np.linspace(-_REACH, _REACH, max(nodes, 3))
    noise = math.sqrt(1.0 - decay**2)  # of one step, in standard deviations of the stationary law
    points, weights = np.polynomial.hermite_e.hermegauss(11)
    weights = weights / weights.sum()
    moves = sum(w * _weights(grid, np.clip(grid * decay + noise * z, -_REACH, _REACH)) for z, w in zip(points, weights))
    drift = -(1.0 - decay) * deviation * grid
    return Axis(grid, np.asarray(moves), drift, price.mean, deviation, market.observation_names.index("mid_deviation"))


def check_law(market: Market) -> None:
    """Refuse a market whose price has no law that an axis can hold; Unsolvable says why."""
    price, dt, venue = market.price, market.clock.step_length, cast(Any, market.venue)
    cara, mean_reverting = isinstance(market.reward, CARA), isinstance(price, OrnsteinUhlenbeck)
    try:
        if cara:
            price.log_moment(np.zeros(1), dt)
        elif not mean_reverting:
            price.mean_move(dt)
    except NotImplementedError as error:
        raise Unsolvable(f"price: {error}") from None
    if cara and isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: CARA utility is of the wealth at the end, and an ergodic market has none")
    if mean_reverting and not all(isinstance(side, NoImpact) for side in (venue.impact.bid, venue.impact.ask)):
        raise Unsolvable("impact: orders that move a mean-reverting mid move the state that the optimum depends on")


def _weights(grid: Floats, x: Floats) -> Floats:
    """The matrix that interpolates values on an even grid at x by cubic Lagrange polynomials; (len(x), len(grid))."""
    step = grid[1] - grid[0]
    order = min(4, len(grid))
    first = np.clip(np.floor((x - grid[0]) / step).astype(np.int64) - (order // 2 - 1), 0, len(grid) - order)
    t = (x - grid[0]) / step - first
    matrix = np.zeros((len(x), len(grid)))
    for j in range(order):
        basis = np.prod([(t - k) / (j - k) for k in range(order) if k != j], axis=0)
        matrix[np.arange(len(x)), first + j] = basis
    return matrix
