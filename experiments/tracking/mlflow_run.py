"""A run at MLflow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from experiments.reporting.naming import flatten
from experiments.tracking.known import keep_id, known_id

_AT_ONCE, _LONGEST = 100, 500  # parameters a request, and letters of one


class MLflowRun:
    """A run of the experiment MLFLOW_EXPERIMENT_NAME, "mm_env" by default, at MLFLOW_TRACKING_URI, or where MLflow writes
    without one. The config is its parameters, setting by setting, and config.yaml among its artifacts.
    """

    def __init__(self, folder: Path, name: str, config: str) -> None:
        from mlflow import MlflowClient  # pyright: ignore[reportMissingImports]

        self._client, known = MlflowClient(), known_id(folder, "mlflow")
        self._run = known or self._created(name, config)
        if known:
            self._client.update_run(known, status="RUNNING")
        keep_id(folder, "mlflow", self._run)

    def _created(self, name: str, config: str) -> str:
        """A new run with all of the config."""
        from mlflow.entities import Param  # pyright: ignore[reportMissingImports]

        run = self._client.create_run(self._experiment(), run_name=name).info.run_id
        settings: Any = flatten(OmegaConf.to_container(OmegaConf.create(config)))  # pyright: ignore[reportArgumentType]
        for some in _chunks([Param(key, str(value)[:_LONGEST]) for key, value in settings.items()]):
            self._client.log_batch(run, params=some)
        self._client.log_text(run, config, "config.yaml")
        return run

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "mm_env")
        found = self._client.get_experiment_by_name(name)
        return found.experiment_id if found else self._client.create_experiment(name)

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric  # pyright: ignore[reportMissingImports]

        now = int(1000 * time.time())
        self._client.log_batch(self._run, metrics=[Metric(tag, value, now, step) for tag, value in scalars.items()])

    def end(self, finished: bool) -> None:
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    yield from (items[i : i + _AT_ONCE] for i in range(0, len(items), _AT_ONCE))
