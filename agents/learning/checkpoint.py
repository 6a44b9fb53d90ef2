"""Checkpoints of a training: all that the rest of it depends on, so that a resumed run ends with the same bits.

A checkpoint holds numbers (`agents.learning.numbers_only`): weights, the state of the optimisers, where the lanes are, the
replay buffer and the generators' states. What they belong to is built from the run's config.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import VectorizedActionNoise

from agents.learning import numbers_only
from agents.learning.durable import put
from agents.learning.mixed_lanes import MixedLanes
from agents.learning.numbers_only import Damaged
from mm_env.envs.sb3 import VecAdapter

FORMAT = "mm_env checkpoint 1"
PROGRESS = (  # of a model: what changes while it learns, beside weights and buffers
    "num_timesteps", "_total_timesteps", "_num_timesteps_at_start", "_current_progress_remaining", "_episode_num",
    "_n_updates", "_n_calls", "exploration_rate", "_last_obs", "_last_original_obs", "_last_episode_starts",
)  # fmt: skip
RECENT = ("ep_info_buffer", "ep_success_buffer")  # what the logs take means of
_EXPLORATION = ("exploration_mat", "exploration_matrices")  # of state-dependent exploration
CURE = "delete it, and the training begins anew"


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


class RandomState(BaseCallback):
    """Puts every source of randomness back where a checkpoint found it, at the start of the first rollout.

    Not before: an algorithm that starts to learn resets some of them, and draws from others.
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        super().__init__()
        self.found: Mapping[str, Any] | None = found

    def _on_rollout_start(self) -> None:
        if self.found is not None:
            _restore_random_state(self.model, self.found)
            self.found = None

    def _on_step(self) -> bool:
        return True


def save_checkpoint(path: Path, model: Any) -> None:
    """The model, its replay buffer, its lanes and every generator of random numbers, in one file.

    Raises: OSError if it cannot be written; the checkpoint before is then still there.
    """
    _, variables = model._get_torch_save_params()
    saved = {
        "format": FORMAT,
        "algorithm": type(model).__name__,
        "parameters": model.get_parameters(),
        "variables": {name: getattr(model, name) for name in variables},
        "progress": {name: getattr(model, name) for name in PROGRESS if hasattr(model, name)},
        "recent": {name: [dict(info) for info in getattr(model, name) or ()] for name in RECENT[:1]},
        "memory": _memory_of(model),
        "replay_buffer": _buffer(getattr(model, "replay_buffer", None)),
        "lanes": _lanes(model).env.save(),
        "luck": _random_state(model),  # the name that files of earlier versions have it by
    }
    put(path, lambda partial: numbers_only.save(partial, saved))


def load_checkpoint(path: Path, model: Any) -> RandomState:
    """Put a model of the same settings back where `save_checkpoint` found it; the callback that does the rest.

    Raises: Damaged if the file is not whole, holds more than numbers, or is of other settings or an older version.
    """
    saved = numbers_only.load(path, CURE)
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise Damaged(f"{path} is no checkpoint of this version: {CURE}")
    try:
        _restore(model, saved)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise Damaged(f"{path} is a checkpoint of other settings, or was damaged: {CURE}") from error
    return RandomState(saved["luck"])


def _restore(model: Any, saved: Mapping[str, Any]) -> None:
    if saved["algorithm"] != type(model).__name__:
        raise ValueError(f"the checkpoint is one of {saved['algorithm']}")
    model.set_parameters(saved["parameters"], exact_match=True, device="cpu")
    for name, tensor in saved["variables"].items():
        getattr(model, name).data.copy_(tensor)
    for name in PROGRESS:
        if hasattr(model, name):
            setattr(model, name, saved["progress"][name])
    model.ep_info_buffer = deque(saved["recent"][RECENT[0]], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    if saved["memory"] is not None:
        model._last_lstm_states = type(model._last_lstm_states)(*saved["memory"])
    if saved["replay_buffer"] is not None:
        _restore_buffer(model.replay_buffer, saved["replay_buffer"])
    _lanes(model).env.restore(saved["lanes"])


def _memory_of(model: Any) -> Any:
    """What a recurrent model remembers, as plain tuples."""
    memory = getattr(model, "_last_lstm_states", None)
    return None if memory is None else tuple(tuple(states) for states in memory)


def _buffer(buffer: Any) -> dict[str, Any] | None:
    """What a replay buffer was filled with: the rows that are used of its arrays, and its numbers."""
    if buffer is None:
        return None
    rows = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {name: each[:rows] for name, each in vars(buffer).items() if isinstance(each, np.ndarray)}
    return {"pos": buffer.pos, "full": buffer.full, "arrays": arrays}


def _restore_buffer(buffer: Any, saved: Mapping[str, Any]) -> None:
    for name, rows in saved["arrays"].items():
        if vars(buffer)[name] is None:  # laid out when the first row comes, as it is of a shape that only then is known
            vars(buffer)[name] = np.zeros((buffer.buffer_size, *rows.shape[1:]), rows.dtype)
        vars(buffer)[name][: len(rows)] = rows
    buffer.pos, buffer.full = saved["pos"], saved["full"]


def _random_state(model: Any) -> dict[str, Any]:
    """The state of every source of randomness."""
    lanes = _lanes(model)
    return {
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),  # noqa: NPY002  (the generator that stable-baselines3 draws from)
        "python": random.getstate(),
        "spaces": [space.np_random.bit_generator.state for space in (lanes.action_space, lanes.observation_space)],
        "noise": [getattr(noise, "noise_prev", None) for noise in _noises(model)],
        "exploration": [getattr(part, name) for part, name in _exploring(model)],
    }


def _restore_random_state(model: Any, found: Mapping[str, Any]) -> None:
    lanes = _lanes(model)
    for space, state in zip((lanes.action_space, lanes.observation_space), found["spaces"], strict=True):
        space.np_random.bit_generator.state = state
    for noise, previous in zip(_noises(model), found["noise"], strict=True):
        if previous is not None:
            noise.noise_prev = previous
    for (part, name), matrix in zip(_exploring(model), found["exploration"], strict=True):
        setattr(part, name, matrix)
    torch.set_rng_state(found["torch"])
    np.random.set_state(found["numpy"])  # noqa: NPY002
    random.setstate(found["python"])


def _noises(model: Any) -> list[Any]:
    """The action noise of each lane; an Ornstein-Uhlenbeck process remembers its last value."""
    noise = getattr(model, "action_noise", None)
    return list(noise.noises) if isinstance(noise, VectorizedActionNoise) else [noise] if noise is not None else []


def _exploring(model: Any) -> Iterator[tuple[Any, str]]:
    """Where the matrices of state-dependent exploration are, which are drawn before a rollout starts."""
    for owner in (model.policy, getattr(model, "actor", None)):
        part = getattr(owner, "action_dist", None)
        yield from ((part, name) for name in _EXPLORATION if getattr(part, name, None) is not None)


def _lanes(model: Any) -> VecAdapter | MixedLanes:
    lanes = model.get_env()
    if not isinstance(lanes, VecAdapter | MixedLanes):
        raise TypeError(f"a checkpoint needs a model that acts on a VecAdapter, got {type(lanes).__name__}")
    return lanes
