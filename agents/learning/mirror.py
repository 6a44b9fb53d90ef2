"""Mirror descent on the one-step lookahead of every action: a policy step that leaves nothing to which action was tried.

Where actions are few and a step can be tried again, what each of them is worth in a state s is the mean over other outcomes,

    Q(s, a) = E[r + gamma V(s') | s, a],

in which all actions of a state meet the same noise (`mm_env.resampled.EveryAction`). So the policy pi need not follow the
gradient of the action that was drawn: it steps to

    ln pi+(a | s) = memory x ln pi(a | s) + Q(s, a) / temperature + a constant of s.

With a memory of 1 that is mirror descent (Tomar, Shani, Efroni & Ghavamzadeh 2022, Mirror Descent Policy Optimization, with the
sum over actions in the place of samples), with 0 the soft-greedy policy of a policy iteration. What is tried is noisy, and the
exponential of noise has another mean: so logits, less their mean over actions, are fitted by least squares, in which noise
averages out. Rollouts, critic and GAE are PPO's; the values learnt are those of the policy's mean over actions.
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

    def attach(self, model: Any) -> None:
        super().attach(model)
        self.policy = model.policy

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "policy"}

    def reset(self) -> None:
        super().reset()
        self.worth: Any = None

    def add(self, obs: Any, action: NDArray[Any], *rest: Any) -> None:
        self.seen = obs
        super().add(obs, action, *rest)

    def lookahead(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        branches: Any = self.lanes.branches
        tried = resampled_worth(self.critic, self.lanes, self.gamma).reshape(branches.actions, branches.tries, -1)
        worth = tried.mean(axis=1, dtype=np.float32).T
        if self.worth is None:
            self.worth = np.zeros((self.buffer_size, *worth.shape), np.float32)
        self.worth[self.pos] = worth
        policy: Any = self.policy
        with torch.no_grad():
            seen = torch.from_numpy(self.seen)
            chances = policy.get_distribution(seen).distribution.probs.numpy()
        return (chances * worth).sum(axis=1)


class MDPO(PPO):
    """PPO with mirror descent as its policy step, of `temperature` in the units of the rewards it learns from."""

    def __init__(self, *args: Any, temperature: float = 1.0, memory: float = 0.0, **settings: Any) -> None:
        check("MDPO.temperature", temperature, Interval(0.0, low_open=True))
        check("MDPO.memory", memory, Interval(0.0, 1.0))
        self.temperature, self.memory = temperature, memory
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
        """Observations (n, k), returns (n,) and the logits to step to (n, actions), each less their mean."""
        buffer: Any = self.rollout_buffer
        observations = torch.from_numpy(buffer.observations).flatten(0, 1)
        returns, worth = (torch.from_numpy(part).flatten(0, 1) for part in (buffer.returns, buffer.worth))
        with torch.no_grad():
            targets = _centred(self.memory * self._log_chances(observations) + worth / self.temperature)
        return observations, returns, targets

    def _improve(self, observations: Tensor, returns: Tensor, targets: Tensor) -> tuple[float, float]:
        """One step of the optimizer on a batch; the losses of policy and values."""
        apart = _centred(self._log_chances(observations)) - targets
        policy_loss = (self.temperature * apart).square().sum(dim=1).mean()
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


def _centred(logits: Tensor) -> Tensor:
    return logits - logits.mean(dim=1, keepdim=True)
