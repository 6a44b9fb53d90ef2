# long: needs a data set of Minari (python -m experiments.dataset)
"""Behaviour cloning from a data set of Minari, in plain torch, and the exact skill of the clone.

python -m experiments.dataset market=amzn agent=cartea_jaimungal episodes=200 explore=0.2
python -m examples.behaviour_cloning mm_env/amzn/cartea_jaimungal-v0
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from torch import nn

from agents.base import Policy
from experiments.evaluation.skill_references import SkillReferences
from experiments.offline.minari_files import read, recordings_of

STEPS, BATCH, LEARNING_RATE = 3000, 1024, 3e-3


class Clone(Policy):
    """A net of two layers that acts as the data do."""

    tabulable, learnt = True, True

    def __init__(self, inputs: int, width: int) -> None:
        layers = (nn.Linear(inputs, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, width))
        self.net = nn.Sequential(*layers)

    def act(self, observations: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.net(torch.from_numpy(observations)).clamp(-1.0, 1.0).numpy()


def cloned(dataset: Any, market: Any, steps: int = STEPS) -> Clone:
    """The clone after so many steps down the mean absolute distance of its actions, which forgives who explored."""
    torch.manual_seed(0)
    shown = list(recordings_of(dataset))
    observations = torch.from_numpy(np.concatenate([each.observations[:-1] for each in shown]))
    actions = torch.from_numpy(np.concatenate([each.actions for each in shown]))
    clone = Clone(observations.shape[1], market.action_space.shape[0])
    optimizer = torch.optim.Adam(clone.net.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(steps):
        rows = torch.randint(len(actions), (BATCH,))
        optimizer.zero_grad()
        (clone.net(observations[rows]) - actions[rows]).abs().sum(1).mean().backward()
        optimizer.step()
        schedule.step()
    return clone


def main() -> float | None:
    """Clone, and the exact skill of the clone."""
    torch.set_num_threads(1)
    dataset, market = read(sys.argv[1] if len(sys.argv) > 1 else "mm_env/amzn/cartea_jaimungal-v0")
    skill = SkillReferences.of(market).exact_skill(cloned(dataset, market))
    print(f"cloned from {dataset.total_episodes:,} episodes of {dataset.spec.dataset_id}: exact skill {skill:.4f}")
    return skill


if __name__ == "__main__":
    main()
