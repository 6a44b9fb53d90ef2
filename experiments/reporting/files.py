"""The files that runs leave, read one by one: whatever was cut off or never written is not there."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.training.curve import read_curve
from mm_env.metrics import Estimate

METRICS, CONFIG, MODEL, TABLE = "metrics.json", "config.yaml", "model.zip", "table.csv"
LOCK, CHECKPOINT = ".lock", "checkpoint.pt"
NOTHING = Estimate(math.nan, math.nan)


def folders(path: Path) -> Iterator[Path]:
    """`path` and all folders below, but for Hydra's own and TensorBoard's."""
    for where, below, _ in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith((".", "training_")))
        yield Path(where)


def metrics(folder: Path) -> dict[str, Any]:
    """What metrics.json tells; nothing if there is none, or it was cut off."""
    try:
        told = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError:
        told = None
    if not isinstance(told, dict):
        _say_damaged(folder / METRICS)
        return {}
    return told


@cache
def _say_damaged(path: Path) -> None:
    """Say once that a file is passed over."""
    sys.stderr.write(
        f"warning: {path} was cut off or damaged, and is passed over: have the run made again, or delete it\n"
    )


def config(folder: Path) -> dict[str, Any]:
    """The whole config, as Hydra wrote it where the run did not come to that; nothing if there is none."""
    for path in (folder / CONFIG, folder / ".hydra" / "config.yaml"):
        found = _yaml(path)
        if found:
            return {str(key): value for key, value in dict(OmegaConf.to_container(found)).items()}  # pyright: ignore
    return {}


def part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a config that has parts of its own, such as agent; nothing if there is none."""
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


def choices(folder: Path) -> dict[str, str]:
    """What was chosen from Hydra's groups, such as market and agent."""
    chosen = OmegaConf.select(_yaml(folder / ".hydra" / "hydra.yaml"), "hydra.runtime.choices", throw_on_missing=False)
    return {str(key): str(value) for key, value in chosen.items()} if isinstance(chosen, DictConfig) else {}


def _yaml(path: Path) -> DictConfig:
    """What a YAML holds; nothing if there is none, or it was cut off or damaged."""
    with suppress(OSError, ValueError, YAMLError, OmegaConfBaseException):
        found = OmegaConf.load(path)
        if isinstance(found, DictConfig):
            return found
    return OmegaConf.create({})


def curve(folder: Path) -> NDArray[np.float64]:
    """The learning curve, without rows if there is none, or its last line was cut off."""
    try:
        return read_curve(folder)
    except ValueError:
        return np.empty((0, 4))


def is_locked(folder: Path) -> bool | None:
    """Whether a process has the lock of `folder`; None if the folder has none, so that nobody knows."""
    if not (folder / LOCK).is_file():
        return None
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except (OSError, NotImplementedError):  # somebody else's folder, or a file system without locks
        return None
    lock.release()
    return False


def last_words(folder: Path) -> str:
    """The last line of the run's logs."""
    logs = sorted(folder.glob("*.log"))
    lines = [
        line.strip()
        for log in logs
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    return lines[-1] if lines else ""


def read_table(path: Path) -> dict[str, dict[str, Estimate]]:
    """Agent -> figure -> estimate of a table.csv; nothing if there is none, or only a part of one."""
    try:
        return _table(path)
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _table(path: Path) -> dict[str, dict[str, Estimate]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row.pop("agent"): row for row in csv.DictReader(file)}
    return {
        agent: {
            name: Estimate(float(value), float(row[f"{name}_half_width"]))
            for name, value in row.items()
            if not name.endswith("_half_width")
        }
        for agent, row in rows.items()
    }


def estimate(told: Any) -> Estimate:
    """What metrics.json says of a figure: a number, or a number and its half-width; nothing where it is neither."""
    try:
        if isinstance(told, list):
            return Estimate(*(math.nan if x is None else float(x) for x in told))
        return Estimate(float(told), 0.0)
    except (TypeError, ValueError):
        return NOTHING
