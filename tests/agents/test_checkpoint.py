"""An interrupted training, resumed, ends where it would have ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.learner import CHECKPOINT, Learner

PPO = {
    "algorithm": "PPO",
    "total_steps": 1280,
    "num_envs": 8,
    "checkpoints": 5,
    "settings": {"n_steps": 32, "batch_size": 64, "n_epochs": 2},
}
SAC = {
    "algorithm": "SAC",
    "total_steps": 640,
    "num_envs": 8,
    "checkpoints": 4,
    "settings": {"learning_starts": 64, "buffer_size": 1000, "batch_size": 32},
}
KILLED = """
import os, signal, sys
from pathlib import Path
from stable_baselines3.common.callbacks import BaseCallback
from agents.learner import Learner
from mm_env.markets import market_named

class Kill(BaseCallback):
    def _on_step(self):
        if self.num_timesteps >= {after}:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

Learner(**{settings}).train(market_named("cartea_jaimungal"), 3, Path(sys.argv[1]), [Kill()])
"""


def weights(model: object) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.policy.state_dict().items()}  # type: ignore[attr-defined]


TD3 = {**SAC, "algorithm": "TD3", "expected_fills": True, "lateness": True}
BRANCHED = {**PPO, "branches": 3}
EXPECTED = {**PPO, "expected_fills": True, "lateness": True, "noise": 0.0}


@pytest.mark.parametrize(
    ("settings", "after"),
    [(PPO, 900), (EXPECTED, 900), (BRANCHED, 900), (SAC, 500), (TD3, 500)],
    ids=["PPO", "PPO with expected fills", "PPO with branches", "SAC", "TD3 with expected fills"],
)
def test_a_run_killed_and_resumed_ends_with_the_weights_of_an_uninterrupted_one(
    settings: dict, after: int, tmp_path: Path
) -> None:
    from mm_env.markets import market_named

    market, learner = market_named("cartea_jaimungal"), Learner(**settings)
    whole = learner.train(market, 3, tmp_path / "whole").model
    broken = tmp_path / "broken"
    script = KILLED.format(after=after, settings=settings)
    ended = subprocess.run([sys.executable, "-c", script, str(broken)], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (broken / CHECKPOINT).is_file()
    resumed = learner.train(market, 99, broken, resume=True).model
    assert resumed.num_timesteps == whole.num_timesteps
    ours, theirs = weights(resumed), weights(whole)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
