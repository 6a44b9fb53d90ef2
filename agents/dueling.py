"""Critics that keep apart what a state is worth and what an action changes of it: Q(s, a) = V(s) + A(s, a).

Between inventories V differs far more than A does between quotes that are nearly the best. One net for both
spends itself on V and leaves the slope of Q in a, which the actor climbs, to chance; with a net of its own A is learnt on
the scale of what V leaves over. As in Wang et al. 2016 ("Dueling network architectures"), for continuous actions, where no
mean over actions is at hand to centre A: only the sum matters here.
"""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import nn


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


def _dueling(critic: ContinuousCritic, policy: Any) -> ContinuousCritic:
    """The critic with each of its nets replaced."""
    features, width = critic.features_extractor.features_dim, policy.action_space.shape[0]
    for number in range(critic.n_critics):
        net = Dueling(features, width, policy.critic_kwargs["net_arch"], policy.activation_fn).to(policy.device)
        critic.q_networks[number] = net
        setattr(critic, f"qf{number}", net)
    return critic
