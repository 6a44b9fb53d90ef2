"""The market `amzn` as a lean numpy user would step it: one array expression a rule, no checks.

It is what the speed of `MarketMakingVectorEnv.step` is measured beside: same rules, same outputs, same precision, and episodes
begun anew where they end.
"""

# pyright: reportAttributeAccessIssue=false
# `amzn` has these parts; to the type checker a market may have others.

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.markets import amzn

Floats = NDArray[np.float64]
Stepped = tuple[NDArray[np.float32], Floats, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]
AGAINST, SIDES = np.array([[-1.0], [1.0]]), np.array([[1.0], [-1.0]])  # of the bid and the ask, (2, 1)


class LeanAmzn:
    """`num_envs` lanes of `amzn`. A number of each lane is an array (num_envs,), one of each side too (2, num_envs)."""

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        market = amzn()
        self.num_envs, self._random = num_envs, np.random.default_rng(seed)
        self.steps, self.initial_mid = market.clock.steps, market.initial_mid
        self.max_half_spread, self.max_skew = market.quote.max_half_spread, market.quote.max_skew
        self.max_inventory, self.inventory_scale = market.max_inventory, market.inventory_scale
        self.k, dt = market.venue.fill.bid.k, market.clock.step_length
        self.orders = market.venue.flow.bid.rate * dt  # expected of a side within a step
        self.deviation = market.price.sigma * math.sqrt(dt)
        self.penalty = market.reward.phi * dt
        self.reset()

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in all lanes: the first observations (num_envs, 2)."""
        self.elapsed, self.objective = np.zeros(self.num_envs), np.zeros(self.num_envs)
        self.cash, self.inventory = np.zeros(self.num_envs), np.zeros(self.num_envs)
        self.mid = np.full(self.num_envs, self.initial_mid)
        return self.observations()

    def observations(self) -> NDArray[np.float32]:
        """(inventory / inventory_scale, share of time left) of each lane, (num_envs, 2)."""
        observations = np.empty((self.num_envs, 2), np.float32)
        observations[:, 0] = self.inventory / self.inventory_scale
        observations[:, 1] = 1.0 - self.elapsed / self.steps
        return observations

    def draw(self) -> tuple[Floats, Floats]:
        """Uniforms of the orders at each side (2, num_envs), and normals of the mid (num_envs,)."""
        return self._random.random((2, self.num_envs)), self._random.standard_normal(self.num_envs)

    def step(self, actions: NDArray[Any]) -> Stepped:
        """What `MarketMakingVectorEnv.step` returns for actions (num_envs, 2)."""
        uniforms, normals = self.draw()
        width, lean = np.clip(actions.T.astype(np.float64), -1.0, 1.0)
        depths = 0.5 * (width + 1.0) * self.max_half_spread + AGAINST * (self.max_skew * lean)
        chances = 1.0 - np.exp(-self.orders * np.exp(-self.k * depths))
        filled = (uniforms < chances) & (SIDES * self.inventory < self.max_inventory)
        prices = self.mid + AGAINST * depths
        wealth = self.cash + self.inventory * self.mid
        self.cash += filled[1] * prices[1] - filled[0] * prices[0]
        self.inventory += filled[0].astype(np.float64) - filled[1]
        self.mid += self.deviation * normals
        rewards = self.cash + self.inventory * self.mid - wealth - self.penalty * self.inventory**2
        self.objective += rewards
        self.elapsed += 1.0
        ended = self.elapsed >= self.steps
        observations, infos = self.observations(), {}
        if ended.any():
            infos = {"final_obs": observations, "_final_obs": ended, "r": self.objective.copy()}
            self._restart(ended)
            observations = self.observations()
        return observations, rewards, ended, np.zeros(self.num_envs, np.bool_), infos

    def _restart(self, ended: NDArray[np.bool_]) -> None:
        for number in (self.elapsed, self.objective, self.cash, self.inventory):
            number[ended] = 0.0
        self.mid[ended] = self.initial_mid
