"""What a net is shown beside the observation: the time left on a scale where the last steps are far apart.

Near the end each step changes the best quotes more than all that came before. Of steps_left / steps the net sees the last
tenth as a tenth; of

    lateness = 1 - 2 ln(1 + steps left) / ln(1 + steps),    from -1 at the start to 1 at the end,

it sees the last step as far from the tenth-last as that is from the middle.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from mm_env.market import Market

TIME = "time_left"


class Lateness(BaseFeaturesExtractor):
    """Observations (n, k) with the lateness in one more column (n, k + 1). `place` is the column of the time left."""

    def __init__(self, observation_space: gym.spaces.Box, place: int, steps: int) -> None:
        super().__init__(observation_space, observation_space.shape[0] + 1)
        self.place, self.steps = place, steps

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        steps_left = self.steps * observations[:, self.place : self.place + 1]
        late = 1.0 - 2.0 * torch.log1p(steps_left) / math.log1p(self.steps)
        return torch.cat([observations, late], dim=1)


def with_lateness(market: Market, policy_kwargs: dict[str, Any]) -> dict[str, Any]:
    """`policy_kwargs` with the extractor added, if the market shows a time left and no other extractor is asked for."""
    if TIME not in market.observation_names:
        return policy_kwargs
    told = {"place": market.observation_names.index(TIME), "steps": market.clock.steps}
    return {"features_extractor_class": Lateness, "features_extractor_kwargs": told, **policy_kwargs}
