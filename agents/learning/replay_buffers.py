"""A replay buffer whose targets hold the expected next value in place of the one that fill noise led to, for TD3 and SAC.

The value that a target looks ahead to, V(s') = min over the target critics of Q(s', a(s')) with a the (target) actor's most
likely action, is a matter of who traded; r gets gamma (E[V(s') | s, a] - V(s')) on top, whose mean given s and a is zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from agents.learning.rollout_buffers import Expecting, expected_values, foresee, kept_at, values_of


class ExpectedReplay(Expecting, ReplayBuffer):
    """A replay buffer of TD3 or SAC on a VecAdapter; `attach` tells it whose values to expect."""

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__(*settings, **named)
        self.foreseen: Any = None  # inventories and their probabilities, (buffer_size, n_envs, outcomes, 2)

    def critic_of(self, model: Any) -> Any:
        def values(observations: torch.Tensor) -> torch.Tensor:
            target = getattr(model, "actor_target", None)
            actions = target(observations) if target is not None else model.actor(observations, deterministic=True)
            return torch.cat(model.critic_target(observations, actions), dim=1).amin(dim=1, keepdim=True)

        self.gamma = model.gamma
        return values

    def add(self, obs: NDArray[Any], next_obs: NDArray[Any], action: NDArray[Any], *rest: Any) -> None:  # pyright: ignore
        self.foreseen = kept_at(self.foreseen, self.buffer_size, self.pos, foresee(self.lanes, obs, action))
        super().add(obs, next_obs, action, *rest)

    def _get_samples(self, batch_inds: NDArray[np.int64], env: Any = None) -> ReplayBufferSamples:
        drawn = batch_inds, np.random.randint(0, self.n_envs, len(batch_inds))  # noqa: NPY002  (as its parent draws them)
        following, over = self.next_observations[drawn], self.dones[drawn] * (1.0 - self.timeouts[drawn])
        expected = expected_values(self.critic, self.lanes, following, self.foreseen[drawn])
        correction = expected - values_of(self.critic, following)
        rewards = self.rewards[drawn] + self.gamma * np.where(self.dones[drawn] > 0.0, 0.0, correction)
        columns = (over.reshape(-1, 1), rewards.reshape(-1, 1).astype(np.float32))
        data = (self.observations[drawn], self.actions[drawn], following, *columns)
        return ReplayBufferSamples(*map(self.to_torch, data))
