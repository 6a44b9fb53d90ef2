"""Saved models: stable-baselines3's zip, of which the weights alone are read.

Its `data` holds pickled objects, which run code as they are loaded. What the weights belong to is built from the run's
config instead. Your own files stable-baselines3 loads as ever: `PPO.load("model.zip")`.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from agents.learning import numbers_only
from agents.learning.durable import put
from agents.learning.numbers_only import Damaged

_UNREADABLE = (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError)


def save_model(model: Any, path: Path) -> None:
    """Write a model as stable-baselines3 does, put in place in one move. Raises: OSError if it cannot be written."""

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            model.save(file)

    put(path, write)


def put_weights(model: Any, path: Path) -> None:
    """Put the weights of a saved model into `model`, of the same settings.

    Raises: Damaged if the file is not whole, holds more than numbers where its weights should be, or other weights.
    """
    cure = "delete it and have the run made again"
    try:
        with zipfile.ZipFile(path) as file:
            weights, told = file.read("policy.pth"), json.loads(file.read("data"))
    except _UNREADABLE as error:
        raise Damaged(f"{path} was cut off or damaged: {cure}") from error
    try:
        model.policy.load_state_dict(numbers_only.read(weights))
        model.num_timesteps = int(told.get("num_timesteps", 0))
    except Damaged as error:
        raise Damaged(f"{path} {error}: {cure}") from error
    except (RuntimeError, TypeError, AttributeError, ValueError) as error:
        raise Damaged(f"{path} holds weights of other settings than its config: {cure}") from error


def is_whole(path: Path) -> bool:
    """Whether a zip is there and was neither cut off nor changed."""
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as file:
            return file.testzip() is None
    except _UNREADABLE:
        return False
