"""A callback that prunes trials by their evaluations on the way (Optuna's pruners)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from optuna import Trial, TrialPruned
from stable_baselines3.common.callbacks import BaseCallback

from experiments.training.curve import read_curve


class Pruning(BaseCallback):
    """Reports each row of a run's curve to its trial, the n-th as step `first` + n: skill, or objective where there is none.

    Rows are counted, not lane-steps: these differ between trials whose rollouts differ in length.

    Raises: TrialPruned at the start of a rollout, when the study's pruner says so.
    """

    def __init__(self, trial: Trial, folder: Path, first: int) -> None:
        super().__init__()
        self.trial, self.folder, self.first, self.reported = trial, folder, first, 0

    def _on_rollout_start(self) -> None:
        rows = read_curve(self.folder)[self.reported :]
        for _, _, skill, objective in rows:
            self.trial.report(objective if np.isnan(skill) else skill, self.first + self.reported)
            self.reported += 1
        if len(rows) and self.trial.should_prune():
            raise TrialPruned

    def _on_step(self) -> bool:
        return True
