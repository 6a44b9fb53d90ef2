"""Replay buffers whose targets hold the expected next value in place of the one that fill noise led to, and tell choices apart.

The value that a target looks ahead to, V(s'), is a matter of who traded; r gets gamma (E[V(s') | s, a] - V(s')) on top, whose
mean given s and a is zero. V(s') is, by the target nets,

    TD3, SAC    min over the critics of Q(s', a(s')), a the (target) actor's most likely action,
    TQC         the mean of the critics' quantiles there that are kept,
    DQN         max over a of Q(s', a),        QR-DQN    max over a of the (tail) mean of the quantiles.

Where choices are discrete, a share `gap` of what the action fell short of the best is taken off its reward too,

    gap (max over b of Q(s, b) - Q(s, a)).

This is advantage learning (Baird 1999; Bellemare, Ostrovski, Guez, Thomas & Munos 2016, "Increasing the action gap"): the best
action stays the best, and what others lack grows by 1 / (1 - gap). A step is short, so that quotes differ by little in what it
brings beside what the inventory is worth, and nets would not tell them apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from agents.learning.qrdqn import tail_means
from agents.learning.rollout_buffers import Expecting, check_separable, expected_values, foresee, kept_at, values_of
from mm_env.core.parameters import Interval, check


def of_actor(model: Any, observations: torch.Tensor) -> torch.Tensor:
    """V (n, 1) of TD3 and SAC."""
    return torch.cat(model.critic_target(observations, _likely(model, observations)), dim=1).amin(dim=1, keepdim=True)


def of_quantiles(model: Any, observations: torch.Tensor) -> torch.Tensor:
    """V (n, 1) of TQC."""
    quantiles = model.critic_target(observations, _likely(model, observations)).flatten(1)
    kept = quantiles.shape[1] - model.top_quantiles_to_drop_per_net * model.critic.n_critics
    return quantiles.sort(dim=1).values[:, :kept].mean(dim=1, keepdim=True)


def of_choices(model: Any, observations: torch.Tensor) -> torch.Tensor:
    """V (n, 1) of DQN and QR-DQN."""
    return worth(model, observations).amax(dim=1, keepdim=True)


def worth(model: Any, observations: torch.Tensor) -> torch.Tensor:
    """Q (n, actions) of DQN, or the (tail) means of QR-DQN's quantiles."""
    if isinstance(model, DQN):
        return model.q_net_target(observations)
    return tail_means(model.quantile_net_target(observations), getattr(model.policy, "level", 0.0))


def _likely(model: Any, observations: torch.Tensor) -> torch.Tensor:
    target = getattr(model, "actor_target", None)
    return target(observations) if target is not None else model.actor(observations, deterministic=True)


VALUES = {"TD3": of_actor, "SAC": of_actor, "TQC": of_quantiles, "DQN": of_choices, "QRDQN": of_choices}
CHOOSING = ("DQN", "QRDQN")


class GapReplay(Expecting, ReplayBuffer):
    """A replay buffer that takes a share `gap` of what an action fell short of the best off its reward; for `CHOOSING`, on
    a VecAdapter. `attach` tells it whose values to go by."""

    def __init__(self, *settings: Any, gap: float = 0.0, **named: Any) -> None:
        super().__init__(*settings, **named)
        check("replay_buffer_kwargs.gap", gap, Interval(0.0, 0.99))
        self.gap = gap

    def check(self) -> None:
        """Any market will do."""

    def critic_of(self, model: Any) -> Any:
        self.gamma, name = model.gamma, type(model).__name__
        if self.gap and name not in CHOOSING:
            raise ValueError(f"replay_buffer_kwargs.gap must be 0 but for {', '.join(CHOOSING)}, got {self.gap}")
        self.worth = lambda observations: worth(model, observations)
        return lambda observations: VALUES[name](model, observations)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "worth"}

    def _get_samples(self, batch_inds: NDArray[np.int64], env: Any = None) -> ReplayBufferSamples:
        return self.widened(super()._get_samples(batch_inds, env))

    @torch.no_grad()
    def widened(self, batch: ReplayBufferSamples) -> ReplayBufferSamples:
        """A batch with less of a reward the more its action falls short."""
        if not self.gap:
            return batch
        each = self.worth(batch.observations)
        short = each.amax(dim=1, keepdim=True) - each.gather(1, batch.actions)
        return batch._replace(rewards=batch.rewards - self.gap * short)


class ExpectedReplay(GapReplay):
    """A replay buffer of one of `VALUES` on a VecAdapter, with the expected next value in its targets."""

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__(*settings, **named)
        self.foreseen: Any = None  # inventories and their probabilities, (buffer_size, n_envs, outcomes, 2)

    def check(self) -> None:
        check_separable(self.lanes.market)

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
        return self.widened(ReplayBufferSamples(*map(self.to_torch, data)))
