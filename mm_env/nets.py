"""Nets for stable-baselines3 that a saved model refers to: with `mm_env` installed, it loads a model.zip without our learners.

They are told of in `agents.learning.features` and `agents.learning.dueling`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("mm_env.nets", "training", "torch", "stable_baselines3")
import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import nn


class LogTimeToGo(BaseFeaturesExtractor):
    """Observations (n, k) with the log time-to-go in one more column (n, k + 1). `place` is the column of the time left, or a
    list of those of several times, each with a column more."""

    def __init__(self, observation_space: gym.spaces.Box, place: int | Sequence[int], steps: int) -> None:
        places = [place] if isinstance(place, int) else list(place)
        super().__init__(observation_space, observation_space.shape[0] + len(places))
        self.places, self.steps = places, steps

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        log_time = log_time_to_go(observations[:, self.places], self.steps)
        return torch.cat([observations, log_time], dim=1)


class OneHot(BaseFeaturesExtractor):
    """Observations (n, k) with whole numbers one-hot: queues, places in them, inventory.

    Column `places[i]` holds whole multiples of `units[i]`, from `low[i]` to `high[i]` (beyond that the nearest counts); it
    becomes high[i] - low[i] + 1 columns, of which one is 1. The columns of `passed` come through as they are, the `time` left
    with the log time-to-go beside it (`LogTimeToGo`). What is named by neither is not seen.
    """

    units: torch.Tensor
    low: torch.Tensor
    most: torch.Tensor
    starts: torch.Tensor

    def __init__(
        self, observation_space: gym.spaces.Box, places: Sequence[int], units: Sequence[float], low: Sequence[int],
        high: Sequence[int], passed: Sequence[int], time: int | None, steps: int,
    ) -> None:  # fmt: skip
        sizes = [last - first + 1 for first, last in zip(low, high, strict=True)]
        super().__init__(observation_space, sum(sizes) + len(passed) + 2 * (time is not None))
        self.places, self.passed, self.time, self.steps, self.wide = places, passed, time, steps, sum(sizes)
        self.read = [*places, *passed, *([] if time is None else [time])]  # columns; what another holds changes nothing
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        told = {"units": units, "low": low, "most": [size - 1 for size in sizes], "starts": starts}
        for name, values in told.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        counts = torch.round(observations[:, self.places] / self.units) - self.low
        hot = (torch.minimum(counts.clamp(min=0.0), self.most) + self.starts).long()
        parts = [observations.new_zeros(len(observations), self.wide).scatter_(1, hot, 1.0)]
        parts += [observations[:, self.passed]]
        if self.time is not None:
            left = observations[:, self.time : self.time + 1]
            parts += [left, log_time_to_go(left, self.steps)]
        return torch.cat(parts, dim=1)


def log_time_to_go(left: torch.Tensor, steps: int) -> torch.Tensor:
    """1 - 2 ln(1 + steps left) / ln(1 + steps), of the shares of the horizon that are `left`."""
    return 1.0 - 2.0 * torch.log1p(steps * left) / math.log1p(steps)


class Dueling(nn.Module):
    """V(s) + A(s, a), each an MLP of `layers`, of features and action side by side (n, features + width) -> (n, 1)."""

    def __init__(self, features: int, width: int, layers: list[int], activation: type[nn.Module]) -> None:
        super().__init__()
        self.features = features
        self.value = nn.Sequential(*create_mlp(features, 1, layers, activation))
        self.advantage = nn.Sequential(*create_mlp(features + width, 1, layers, activation))

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        return self.value(both[:, : self.features]) + self.advantage(both)


class DuelingTD3Policy(TD3Policy):
    """TD3's policy with dueling critics."""

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> ContinuousCritic:
        return _dueling(super().make_critic(features_extractor), self)


class DuelingSACPolicy(SACPolicy):
    """SAC's policy with dueling critics."""

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> ContinuousCritic:
        return _dueling(super().make_critic(features_extractor), self)


class DuelingChoices(nn.Module):
    """V(s) + A(s, a) - mean of A(s, .) for each of `choices` actions, each part an MLP of `layers`: features (n, k) ->
    (n, width * choices), of which there are `width` each (one value, or its quantiles)."""

    def __init__(
        self, features: int, choices: int, layers: list[int], activation: type[nn.Module], width: int = 1
    ) -> None:
        super().__init__()
        self.shape = (-1, width, choices)
        self.value = nn.Sequential(*create_mlp(features, width, layers, activation))
        self.advantage = nn.Sequential(*create_mlp(features, width * choices, layers, activation))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        advantage = self.advantage(features).view(self.shape)
        return (self.value(features)[:, :, None] + advantage - advantage.mean(dim=2, keepdim=True)).flatten(1)


class DuelingDQNPolicy(DQNPolicy):
    """DQN's policy with a dueling net."""

    def make_q_net(self) -> QNetwork:
        net = super().make_q_net()
        made = DuelingChoices(net.features_dim, int(net.action_space.n), net.net_arch, net.activation_fn)
        net.q_net = made.to(self.device)  # pyright: ignore[reportAttributeAccessIssue]
        return net


def _dueling(critic: ContinuousCritic, policy: Any) -> ContinuousCritic:
    """The critic with each of its nets replaced."""
    features, width = critic.features_extractor.features_dim, policy.action_space.shape[0]
    for number in range(critic.n_critics):
        net = Dueling(features, width, policy.critic_kwargs["net_arch"], policy.activation_fn).to(policy.device)
        critic.q_networks[number] = net
        setattr(critic, f"qf{number}", net)
    return critic
