"""A learner: an algorithm of stable-baselines3 or sb3-contrib with its settings, ready to train on any market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from agents.sb3 import ALGORITHMS, TrainedPolicy, VecAdapter, algorithm
from mm_env.market import Market
from mm_env.parameters import Count, NonNegative, Positive, Probability, check_fields
from mm_env.reward import InventoryPenalty

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Learner:
    """Trains `algorithm` for `total_steps` lane-steps on `num_envs` lanes.

    `noise` is the share of the position's unforeseeable gain left in the rewards it learns from (`InventoryPenalty.noise`);
    `reward_scale` multiplies them. Neither changes which policy is best. `checkpoints` are written evenly over the training.
    `settings` goes to the algorithm as it is.

    Raises: TypeError or ValueError for a parameter out of range, or an action space that the algorithm cannot use.
    """

    algorithm: str
    total_steps: Count
    num_envs: Count = 1
    noise: Probability = 1.0
    reward_scale: Positive = 1.0
    checkpoints: NonNegative = 10
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"Learner.algorithm must be one of {', '.join(ALGORITHMS)}, got {self.algorithm!r}")

    def model(self, market: Market, seed: int, log_folder: Path | None = None) -> Any:
        """The untrained model on `market`."""
        _single_thread()
        lanes = self.lanes(market)
        settings = {"policy": "MlpPolicy", "device": "cpu", **self.settings}
        logs = str(log_folder) if log_folder else None
        return algorithm(self.algorithm)(env=lanes, seed=seed, tensorboard_log=logs, **settings)

    def train(
        self,
        market: Market,
        seed: int,
        folder: Path | None = None,
        callbacks: Sequence[Any] = (),
        resume: bool = False,
    ) -> TrainedPolicy:
        """The policy learnt on `market` from `seed`, with TensorBoard logs and checkpoints in `folder`.

        With `resume`, training goes on from the checkpoint in `folder` and ends with the very weights that it would have
        ended with had it not been interrupted.
        """
        from agents.checkpoint import Checkpoint, load_checkpoint

        path = folder / CHECKPOINT if folder else None
        if path is not None and resume:
            _single_thread()
            model = load_checkpoint(path, self.algorithm, self.lanes(market), folder)
        else:
            model = self.model(market, seed, folder)
        keepers = []
        if path is not None and self.checkpoints:
            path.parent.mkdir(parents=True, exist_ok=True)
            keepers = [Checkpoint(path, max(1, int(self.total_steps // self.checkpoints)))]
        left = self.total_steps - model.num_timesteps
        if left > 0:
            options = {"tb_log_name": "training", "log_interval": 10, "reset_num_timesteps": not resume}
            model.learn(left, callback=[*callbacks, *keepers], **options)
        return TrainedPolicy(model)

    def lanes(self, market: Market) -> VecAdapter:
        """The lanes to learn on."""
        self._check_actions(market)
        return VecAdapter(self.training_market(market), self.num_envs, reward_scale=self.reward_scale)

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


def _single_thread() -> None:
    """Nets this small learn faster on one thread than on more."""
    import torch

    torch.set_num_threads(1)
