"""A learner: an algorithm of stable-baselines3 or sb3-contrib with its settings, ready to train on any market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from agents.sb3 import ALGORITHMS, TrainedPolicy, VecAdapter, algorithm
from mm_env.market import Market
from mm_env.parameters import Count, Positive, Probability, check_fields
from mm_env.reward import InventoryPenalty


@dataclass(frozen=True)
class Learner:
    """Trains `algorithm` for `total_steps` lane-steps on `num_envs` lanes.

    `noise` is the share of the position's unforeseeable gain left in the rewards it learns from (`InventoryPenalty.noise`);
    `reward_scale` multiplies them. Neither changes which policy is best. `settings` goes to the algorithm as it is.

    Raises: TypeError or ValueError for a parameter out of range, or an action space that the algorithm cannot use.
    """

    algorithm: str
    total_steps: Count
    num_envs: Count = 1
    noise: Probability = 1.0
    reward_scale: Positive = 1.0
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"Learner.algorithm must be one of {', '.join(ALGORITHMS)}, got {self.algorithm!r}")

    def model(self, market: Market, seed: int, log_folder: Path | None = None) -> Any:
        """The untrained model on `market`; from then on one thread is enough for nets of this size."""
        import torch

        self._check_actions(market)
        torch.set_num_threads(1)
        lanes = VecAdapter(self.training_market(market), self.num_envs, reward_scale=self.reward_scale)
        settings = {"policy": "MlpPolicy", "device": "cpu", **self.settings}
        logs = str(log_folder) if log_folder else None
        return algorithm(self.algorithm)(env=lanes, seed=seed, tensorboard_log=logs, **settings)

    def train(
        self,
        market: Market,
        seed: int,
        log_folder: Path | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> TrainedPolicy:
        """The policy learnt on `market` from `seed`."""
        model = self.model(market, seed, log_folder)
        model.learn(self.total_steps, callback=callback, tb_log_name="training", log_interval=10)
        return TrainedPolicy(model)

    def training_market(self, market: Market) -> Market:
        """The market to learn on: the same but for the noise in its rewards."""
        if self.noise == 1.0 or not isinstance(market.reward, InventoryPenalty):
            return market
        return replace(market, reward=replace(market.reward, noise=self.noise))

    def _check_actions(self, market: Market) -> None:
        discrete = isinstance(market.quote.space, gym.spaces.Discrete)
        if discrete and self.algorithm in ("SAC", "TD3", "TQC"):
            raise ValueError(f"{self.algorithm} needs continuous actions, got {market.quote}")
        if not discrete and self.algorithm == "DQN":
            raise ValueError(f"DQN needs a grid of actions (quote@market.quote=grid), got {market.quote}")
