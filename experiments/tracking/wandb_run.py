"""A run at Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf

from experiments.tracking.known import keep_id, known_id


class WandBRun:
    """A run of the project WANDB_PROJECT, "mm_env" by default; with WANDB_MODE=offline it is written to `folder` alone.

    Scalars are shown over the lane-steps of the training: their own axis, so that what a resumed training does again is logged
    again.
    """

    def __init__(self, folder: Path, name: str, config: str) -> None:
        import wandb  # pyright: ignore[reportMissingImports]

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "mm_env"), name=name, id=known_id(folder, "wandb"), resume="allow",
            config=OmegaConf.to_container(OmegaConf.create(config)), dir=str(folder),  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
        self._run.define_metric("*", step_metric="steps")
        keep_id(folder, "wandb", self._run.id)

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        self._run.log({**scalars, "steps": step})

    def end(self, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)
