"""A callback that ends a training where it can be taken up again."""

from __future__ import annotations

from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback

from agents.learning.checkpoint import save_checkpoint
from experiments.runs import program


class Stop(BaseCallback):
    """Ends a training that a signal asked to end: at the start of a rollout, after a checkpoint of that very moment."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def _on_rollout_start(self) -> None:
        if program.asked():
            save_checkpoint(self.checkpoint, self.model)
            program.check()

    def _on_step(self) -> bool:
        return True
