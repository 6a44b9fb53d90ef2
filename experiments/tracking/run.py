"""A run at a tracker, and the writer by which stable-baselines3 logs to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter

from experiments.tracking.mlflow_run import MLflowRun
from experiments.tracking.wandb_run import WandBRun
from experiments.training import tags

Scalars = Mapping[str, float]
KINDS: dict[str, Any] = {"wandb": WandBRun, "mlflow": MLflowRun}


class Run(Protocol):
    """A run at a tracker: made of the run's folder, its name and its config as YAML, and taken up again where the folder
    knows it."""

    def log(self, scalars: Scalars, step: int) -> None: ...
    def end(self, finished: bool) -> None: ...


class Writer(KVWriter):
    """stable-baselines3's writer to a tracker: the scalars that TensorBoard gets, by the same tags."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        if scalars := scalars_in(key_values):
            self.run.log(scalars, step)

    def close(self) -> None:
        """The run is ended by who began it."""


def scalars_in(key_values: Mapping[str, Any]) -> dict[str, float]:
    """Tag -> number, of what is logged: neither texts nor pictures, nor what is no number."""
    numbers = {name: value for name, value in key_values.items() if isinstance(value, int | float | np.number)}
    return {tags.regrouped(name): float(value) for name, value in numbers.items() if not math.isnan(value)}


class Tracking(BaseCallback):
    """A callback of stable-baselines3 that lets its logger write to `runs` too."""

    def __init__(self, runs: list[Run]) -> None:
        super().__init__()
        self.runs = runs

    def _on_training_start(self) -> None:
        self.logger.output_formats.extend(Writer(run) for run in self.runs)

    def _on_step(self) -> bool:
        return True


@contextmanager
def tracked(loggers: list[str], folder: Path, config: str) -> Iterator[list[Tracking]]:
    """The callbacks that log a training in `folder` to the trackers that are named, whose runs end with it."""
    with ExitStack() as stack:
        runs = [stack.enter_context(_begun(KINDS[name], folder, config)) for name in loggers]
        yield [Tracking(runs)] if runs else []


@contextmanager
def _begun(kind: Any, folder: Path, config: str) -> Iterator[Run]:
    run = kind(folder, folder.resolve().name, config)
    try:
        yield run
    except BaseException:
        run.end(finished=False)
        raise
    run.end(finished=True)
