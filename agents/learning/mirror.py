"""Mirror descent on the one-step lookahead of every action: a policy step that leaves nothing to which action was tried.

Where actions are few and a step can be tried again, what each of them is worth in a state s is the mean over other outcomes,

    Q(s, a) = E[r + gamma V(s') | s, a],

in which all actions of a state meet the same noise (`mm_env.resampled.EveryAction`). So the policy pi need not follow the
gradient of the action that was drawn: it steps to

    pi+(a | s) = pi(a | s) exp(Q(s, a) / temperature) / sum over b of pi(b | s) exp(Q(s, b) / temperature),

the most of sum_a pi+ Q less temperature x KL(pi+ || pi), to which the net is fitted by cross-entropy (Tomar, Shani, Efroni &
Ghavamzadeh 2022, Mirror Descent Policy Optimization, with the sum over actions in the place of samples; as in Abdolmaleki et
al. 2018, Maximum a Posteriori Policy Optimisation). Rollouts, critic and GAE are PPO's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from torch import Tensor
from torch.nn import functional

from agents.learning.rollout_buffers import ResampledRollouts, resampled_worth
from mm_env.core.parameters import Interval, check
from mm_env.resampled import EveryAction


class LookaheadRollouts(ResampledRollouts):
    """With what every action would have been worth, `worth` (buffer_size, n_envs, actions)."""

    def check(self) -> None:
        super().check()
        branches: Any = self.lanes.branches
        if not isinstance(branches, EveryAction):
            self.lanes.branches = EveryAction(branches.simulation, int(self.lanes.action_space.n), branches.count)  # pyright: ignore

    def reset(self) -> None:
        super().reset()
        self.worth: Any = None

    def add(self, obs: Any, action: NDArray[Any], *rest: Any) -> None:
        self.acted = np.asarray(action).reshape(-1).astype(np.int64)
        super().add(obs, action, *rest)

    def lookahead(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        branches: Any = self.lanes.branches
        tried = resampled_worth(self.critic, self.lanes, self.gamma).reshape(branches.actions, branches.tries, -1)
        worth = tried.mean(axis=1, dtype=np.float32).T
        if self.worth is None:
            self.worth = np.zeros((self.buffer_size, *worth.shape), np.float32)
        self.worth[self.pos] = worth
        return worth[np.arange(len(worth)), self.acted]


class MDPO(PPO):
    """PPO with mirror descent as its policy step, of `temperature` in the units of the rewards it learns from."""

    def __init__(self, *args: Any, temperature: float = 1.0, **settings: Any) -> None:
        check("MDPO.temperature", temperature, Interval(0.0, low_open=True))
        self.temperature = temperature
        super().__init__(*args, **settings)

    def train(self) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        observations, returns, targets = self._lessons()
        losses, random = [], np.random.default_rng([self.seed or 0, self.num_timesteps])
        for _ in range(self.n_epochs):
            for rows in torch.from_numpy(random.permutation(len(returns))).split(self.batch_size):
                losses.append(self._improve(observations[rows], returns[rows], targets[rows]))
        self._n_updates += self.n_epochs
        policy, value = np.mean(losses, axis=0)
        self.logger.record("train/policy_loss", policy)
        self.logger.record("train/value_loss", value)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _lessons(self) -> tuple[Tensor, Tensor, Tensor]:
        """Observations (n, k), returns (n,) and the policy to step to (n, actions)."""
        buffer: Any = self.rollout_buffer
        observations = torch.from_numpy(buffer.observations).flatten(0, 1)
        returns, worth = (torch.from_numpy(part).flatten(0, 1) for part in (buffer.returns, buffer.worth))
        with torch.no_grad():
            targets = torch.softmax(self._log_chances(observations) + worth / self.temperature, dim=1)
        return observations, returns, targets

    def _improve(self, observations: Tensor, returns: Tensor, targets: Tensor) -> tuple[float, float]:
        """One step of the optimizer on a batch; the losses of policy and values."""
        policy_loss = -(targets * self._log_chances(observations)).sum(dim=1).mean()
        value_loss = functional.mse_loss(self.policy.predict_values(observations).flatten(), returns)
        self.policy.optimizer.zero_grad()
        (policy_loss + self.vf_coef * value_loss).backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return policy_loss.item(), value_loss.item()

    def _log_chances(self, observations: Tensor) -> Tensor:
        """ln pi (n, actions)."""
        distribution: Any = self.policy.get_distribution(observations).distribution
        return distribution.logits
