"""What a training has logged so far, read from its folder while it runs: its config, state, curve and TensorBoard's files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from experiments.runs import jobs
from experiments.runs.sweeps import standing
from experiments.training import tags
from experiments.training.curve import CURVE, read_curve

SPARKS = "▁▂▃▄▅▆▇█"
LOSSES = ("train/entropy_loss", "train/policy_gradient_loss", "train/value_loss", "train/actor_loss", "train/critic_loss",
          "train/loss", "train/approx_kl", "train/std", "train/learning_rate")  # fmt: skip


class Told:
    """The scalars in TensorBoard's files below a folder, tag -> (step, value) in order; each `look` reads what is new."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scalars = folder, dict[str, list[tuple[int, float]]]()
        self._files: dict[Path, Any] = {}

    def look(self) -> None:
        """Read what was written since."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        few = {"scalars": 0, "images": 1, "histograms": 1, "tensors": 1, "compressedHistograms": 1, "audio": 1}
        for path in sorted(self.folder.rglob("events.out.tfevents.*")):
            if path not in self._files:
                self._files[path] = EventAccumulator(str(path), few)
            self._files[path].Reload()
        found: dict[str, list[tuple[int, float]]] = {}
        for file in self._files.values():  # of a training that was resumed the later ones go on
            for tag in file.Tags()["scalars"]:
                found.setdefault(tag, []).extend((event.step, event.value) for event in file.Scalars(tag))
        self.scalars = found

    def last(self, tag: str) -> float | None:
        """The latest value of a tag; None where there is none."""
        values = self.scalars.get(tag)
        return values[-1][1] if values else None


@dataclass
class Followed:
    """A training in its folder. `look` reads what is new; all else is of what was read then."""

    folder: Path
    status: str = jobs.RUNNING
    error: str = ""
    curve: Any = field(default_factory=lambda: np.empty((0, 4)))  # steps, seconds, skill, objective

    def __post_init__(self) -> None:
        self.told = Told(self.folder)

    @cached_property
    def config(self) -> Any:
        """What the run's folder says that it is; read as text alone, nothing in it is built."""
        return OmegaConf.to_container(OmegaConf.load(self.folder / jobs.CONFIG), resolve=False)

    @property
    def name(self) -> str:
        """Market, agent and seed."""
        agent = self.config.get("agent") or {}
        parts = (self.config.get("title"), agent.get("algorithm"), f"seed {self.config.get('seed')}")
        return ", ".join(str(part) for part in parts if part)

    @property
    def total(self) -> int:
        """The steps that it shall train."""
        return int((self.config.get("agent") or {}).get("total_steps", 0))

    def look(self) -> None:
        """Read what the folder holds now."""
        self.status, self.error = standing(self.folder)
        try:
            self.curve = read_curve(self.folder)
        except ValueError as error:
            self.error = str(error)
        self.told.look()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self.status != jobs.RUNNING

    @property
    def steps(self) -> int:
        """The steps trained, as far as they were logged."""
        logged = [values[-1][0] for values in self.told.scalars.values() if values]
        return max([*logged, *self.curve[-1:, 0].astype(int).tolist()], default=0)

    @property
    def rate(self) -> float | None:
        """Steps a second over the whole training: as stable-baselines3 logs them, evaluations among it, and until it does those
        of the curve, evaluations aside."""
        logged = self.told.last("time/fps")
        if logged is not None or not len(self.curve) or not self.curve[-1, 1] > 0.0:
            return logged
        return float(self.curve[-1, 0] / self.curve[-1, 1])

    @property
    def left(self) -> float | None:
        """Seconds until it is trained, at that rate; None where it is not known."""
        if self.is_over or not self.rate:
            return None
        return max(0, self.total - self.steps) / self.rate

    @property
    def measure(self) -> str:
        """What its curve is of: the skill, or the objective where there is no exact one."""
        skills = self.curve[:, 2]
        return "skill" if len(skills) and not np.isnan(skills[-1]) else "objective"

    @property
    def values(self) -> list[float]:
        """The curve, a value an evaluation."""
        return self.curve[:, 2 if self.measure == "skill" else 3].tolist()

    @property
    def half_width(self) -> float | None:
        """That of the latest value's 95 % interval: 0 of a skill, which is exact; None where it is not logged."""
        if not self.values:
            return None
        return 0.0 if self.measure == "skill" else self.told.last(tags.HALF_WIDTH)

    @property
    def losses(self) -> dict[str, float]:
        """The latest of each loss that the algorithm logs, by its name."""
        found = {tag.removeprefix("train/"): self.told.last(tag) for tag in LOSSES}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def reward(self) -> list[float]:
        """The mean return of the lanes' episodes while training, in the market's units."""
        return [value for _, value in self.told.scalars.get("train/ep_rew_mean", [])]


def followed(paths: Sequence[Path]) -> list[Followed]:
    """The trainings in and below `paths`, in order. Raises: ValueError if a path is no folder."""
    for path in paths:
        if not path.is_dir():
            raise ValueError(f"PATH must be a folder, got {path}")
    found = {config.parent for path in paths for config in path.rglob(jobs.CONFIG)}
    aside = {jobs.REPLACED, ".hydra"}  # what another config left, and Hydra's own notes
    return [Followed(folder) for folder in sorted(found) if not aside & set(folder.parts) and _trains(folder)]


def _trains(folder: Path) -> bool:
    """Whether a learner is trained there, or soon will be."""
    if (folder / CURVE).is_file() or list(folder.glob("training_*")):
        return True
    try:
        return Followed(folder).total > 0
    except Exception:  # half-written, or of something else
        return False


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Values as a line of small bars, the least the lowest: the last `width` of them; a gap for one that is not finite."""
    shown = list(values)[-width:]
    finite = [value for value in shown if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = (len(SPARKS) - 1) / (high - low) if high > low else 0.0
    return "".join(SPARKS[round((v - low) * scale)] if math.isfinite(v) else " " for v in shown)
