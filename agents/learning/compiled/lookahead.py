"""One-step lookahead of a whole rollout: what might have followed each step, and the rewards that say what it was worth.

What the buffers of `rollout_buffers` and `entropic` do step by step, with the values of all that might have come asked for
at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.learning.compiled.rollout import Rollout, Singles
from agents.learning.entropic import EntropicRollouts, entropic_difference
from agents.learning.rollout_buffers import ExpectedRollouts, ResampledRollouts, foresee, outcome_worth
from mm_env.resampled import Outcomes


class Lookahead:
    """What a rollout buffer of that kind would look ahead to, on the lanes of a VecAdapter: nothing, fills, or branches."""

    def __init__(self, buffer: Any, lanes: Any) -> None:
        self.buffer, self.lanes = buffer, lanes
        self._foreseen: list[
            NDArray[np.float64]
        ] = []  # inventories and their probabilities, (n, outcomes, 2), of each step
        self._tried: list[Outcomes] = []

    def before(self, observations: Singles, actions: Singles) -> None:
        """Note what the quotes of a step may lead to."""
        if isinstance(self.buffer, ExpectedRollouts):
            self._foreseen.append(foresee(self.lanes, observations, actions))

    def after(self) -> None:
        """Note what else came of the step."""
        if isinstance(self.buffer, ResampledRollouts):
            self._tried.append(self.lanes.outcomes)

    def observations(self, following: Singles) -> Singles:
        """All next observations (T, m, n, k) whose values are asked for, of those that came (T, n, k); m may be 0."""
        if self._tried:
            return np.stack([tried.observations for tried in self._tried])
        if not self._foreseen:
            return np.empty((len(following), 0, *following.shape[1:]), np.float32)
        market, reached = self.lanes.market, np.moveaxis(np.stack(self._foreseen)[..., 0], -1, 1)
        might = np.repeat(following[:, None], reached.shape[1], axis=1)
        might[..., market.observation_names.index("inventory")] = reached / market.inventory_scale
        return might

    def rewards(self, rollout: Rollout, values: Singles, might: Singles, gamma: float) -> Singles:
        """Rewards (T, n) whose r + gamma V(s') is the expectation, of V (T + 1, n) and the values (T, m, n) looked ahead to."""
        goes_on = np.float32(gamma) * (1.0 - rollout.over)
        if self._foreseen:
            chances = np.moveaxis(np.stack(self._foreseen)[..., 1], -1, 1)
            return rollout.rewards + goes_on * ((chances * might).sum(axis=1).astype(np.float32) - values[1:])
        if not self._tried:
            return rollout.rewards
        expected = [self._expected(*step, gamma) for step in zip(self._tried, might, values[:-1], strict=True)]
        return (np.stack(expected) - goes_on * values[1:]).astype(np.float32)

    def _expected(self, tried: Outcomes, might: Singles, values: Singles, gamma: float) -> Singles:
        """E[r + gamma V(s') | s, a] of a step, (n,), at values V(s) (n,)."""
        worth = outcome_worth(tried, might, gamma, self.lanes.market)
        if isinstance(self.buffer, EntropicRollouts):
            return values + entropic_difference(worth, values, tried, self.lanes).mean(axis=0, dtype=np.float32)
        return worth.mean(axis=0).astype(np.float32)
