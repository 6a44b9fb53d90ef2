"""Checkpoints of a training: all that the rest of it depends on, so that a resumed run ends with the same bits."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

from agents.rollouts import BUFFERS, attached
from agents.sb3 import VecAdapter, algorithm


class Checkpoint(BaseCallback):
    """Writes `path` at the start of a rollout, when `every` steps have passed since the last time.

    The file is put in place in one move: whenever the run is killed, a whole checkpoint is there, the last or the one before.
    """

    def __init__(self, path: Path, every: int) -> None:
        super().__init__()
        self.path, self.every, self.last = path, every, 0

    def _on_training_start(self) -> None:
        self.last = self.num_timesteps

    def _on_rollout_start(self) -> None:
        if self.num_timesteps - self.last >= self.every:
            save_checkpoint(self.path, self.model)
            self.last = self.num_timesteps

    def _on_step(self) -> bool:
        return True


def save_checkpoint(path: Path, model: Any) -> None:
    """The model, its replay buffer, its lanes and every generator of random numbers, in one file."""
    whole, lanes = io.BytesIO(), _lanes(model)
    model.save(whole)
    saved = {
        "model": whole.getvalue(),
        "buffer_classes": {f"{name}_class": type(getattr(model, name)) for name in BUFFERS if hasattr(model, name)},
        "replay_buffer": getattr(model, "replay_buffer", None),
        "lstm_states": getattr(model, "_last_lstm_states", None),
        "lanes": lanes.env.save(),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),  # noqa: NPY002  (the generator that stable-baselines3 draws from)
        "python": random.getstate(),
        "spaces": [space.np_random for space in (lanes.action_space, lanes.observation_space)],
    }
    partial = path.with_suffix(".partial")
    torch.save(saved, partial)
    os.replace(partial, path)


def load_checkpoint(path: Path, name: str, lanes: VecAdapter, log_folder: Path | None) -> Any:
    """The model of algorithm `name` as it was, acting on `lanes`, which are put back where they were."""
    saved = torch.load(path, weights_only=False)
    whole, own = io.BytesIO(saved["model"]), saved["buffer_classes"]
    model: Any = algorithm(name).load(whole, env=lanes, device="cpu", force_reset=False, custom_objects=own)
    model.tensorboard_log = str(log_folder) if log_folder else None
    if saved["replay_buffer"] is not None:
        model.replay_buffer = saved["replay_buffer"]
    if saved["lstm_states"] is not None:
        model._last_lstm_states = saved["lstm_states"]
    lanes.env.restore(saved["lanes"])
    for space, generator in zip((lanes.action_space, lanes.observation_space), saved["spaces"], strict=True):
        space._np_random = generator
    torch.set_rng_state(saved["torch"])
    np.random.set_state(saved["numpy"])  # noqa: NPY002
    random.setstate(saved["python"])
    return attached(model)


def _lanes(model: Any) -> VecAdapter:
    lanes = model.get_env()
    if not isinstance(lanes, VecAdapter):
        raise TypeError(f"a checkpoint needs a model that acts on a VecAdapter, got {type(lanes).__name__}")
    return lanes
