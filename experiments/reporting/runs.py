"""What runs left in their folders: who was trained on what, how it ended, and what came of it."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from experiments.curve import CURVE, read_curve
from experiments.setup import register_resolvers
from mm_env.metrics import Estimate

METRICS, CONFIG, MODEL, TABLE = "metrics.json", "config.yaml", "model.zip", "table.csv"
FINISHED, FAILED, UNFINISHED = "finished", "failed", "unfinished"
_NOTHING = Estimate(math.nan, math.nan)


@dataclass(frozen=True)
class Run:
    """One training. `market` and `agent` are the names of their configs; numbers that nothing tells are NaN."""

    folder: Path
    market: str
    agent: str
    seed: int
    status: str  # finished, failed or unfinished
    error: str = ""  # why it is not finished
    config: Mapping[str, Any] = field(default_factory=dict)  # empty if it never came to be written
    skill: float = math.nan  # exact where the policy is a table, else simulated
    objective: float = math.nan
    seconds: float = math.nan
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    curve: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))

    @property
    def finished(self) -> bool:
        return self.status == FINISHED


def find(paths: Iterable[Path]) -> list[Run]:
    """Every run in and below `paths`, by folder.

    Raises: ValueError for a path that is no folder.
    """
    register_resolvers()
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            raise ValueError(f"PATH must be a folder of runs, got {path}")
        found |= dict.fromkeys(folder for folder in _folders(path.resolve()) if _is_run(folder))
    return [read(folder) for folder in sorted(found)]


def read(folder: Path) -> Run:
    """The run in `folder`, whatever of it is there."""
    told, config = _metrics(folder), _config(folder)
    chosen = _choices(folder)
    by_seed = folder.name.startswith("seed")  # as experiments.compare lays its trainings out: MARKET/AGENT/seedN
    algorithm = str((config.get("agent") or {}).get("algorithm", "agent"))
    market = chosen.get("market") or told.get("market") or (folder.parents[1].name if by_seed else "market")
    agent = chosen.get("agent") or told.get("agent") or (folder.parent.name if by_seed else algorithm.lower())
    seed = int(told.get("seed") or config.get("seed") or 0)
    curve = _curve(folder)
    status, error = _ending(folder, told, config, curve)
    table = _own_row(folder, algorithm, f"{agent}, seed {seed}")
    figures = table | {name: _estimate(told_) for name, told_ in (told.get("figures") or {}).items()}
    known = {name: _estimate(told.get(name)) for name in ("skill", "objective", "seconds")}
    skill, objective = ({**known, **figures}.get(name, _NOTHING).value for name in ("skill", "objective"))
    last = curve[-1] if len(curve) else np.full(4, np.nan)
    skill = last[2] if np.isfinite(last[2]) else skill
    objective = last[3] if np.isnan(objective) else objective
    seconds = last[1] if np.isfinite(last[1]) else known["seconds"].value
    return Run(
        folder, str(market), str(agent), seed, status, error, config, float(skill), float(objective), float(seconds),
        figures, curve,
    )  # fmt: skip


def strategies(runs: Iterable[Run], paths: Iterable[Path]) -> dict[tuple[Path | None, str, str], Estimate]:
    """The simulated skill of every strategy that stood beside the runs, or in a comparison without any.

    Keys are (folder of a run on that market or None, name of the market, name of the strategy).
    """
    found: dict[tuple[Path | None, str, str], Estimate] = {}
    for run in runs:
        algorithm = str((run.config.get("agent") or {}).get("algorithm", ""))
        for folder in (run.folder, run.folder.parents[1]):
            for name, figures in read_table(folder / TABLE).items():
                if name != algorithm and ", seed " not in name:
                    found[run.folder, run.market, name] = figures["skill"]
    for folder in (folder for path in paths for folder in _folders(path.resolve())):
        if _config(folder).get("name") == "compare" and (folder / TABLE).is_file():
            market = _choices(folder).get("market", folder.name)
            found |= {(None, market, name): f["skill"] for name, f in read_table(folder / TABLE).items()}
    return found


def read_table(path: Path) -> dict[str, dict[str, Estimate]]:
    """Agent -> figure -> estimate of a table.csv; nothing if there is none, or only a part of one."""
    try:
        return _table(path)
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _table(path: Path) -> dict[str, dict[str, Estimate]]:
    with path.open(newline="") as file:
        rows = {row.pop("agent"): row for row in csv.DictReader(file)}
    return {
        agent: {
            name: Estimate(float(value), float(row[f"{name}_half_width"]))
            for name, value in row.items()
            if not name.endswith("_half_width")
        }
        for agent, row in rows.items()
    }


def _folders(path: Path) -> Iterator[Path]:
    """`path` and all folders below, but for Hydra's own and TensorBoard's."""
    for where, below, _ in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith((".", "training_")))
        yield Path(where)


def _is_run(folder: Path) -> bool:
    """Whether a training was begun here."""
    config, told = _config(folder), _metrics(folder)
    learns = "algorithm" in (config.get("agent") or {}) or (folder / CURVE).is_file() or bool(told)
    return learns and told.get("name", config.get("name", "train")) == "train"


def _metrics(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / METRICS).read_text())
    except (OSError, ValueError):  # none, or one that was cut off while it was written
        return {}
    return told if isinstance(told, dict) else {}


def _config(folder: Path) -> dict[str, Any]:
    for path in (folder / CONFIG, folder / ".hydra" / "config.yaml"):
        with suppress(OSError, YAMLError):  # none, or one that was cut off
            config = OmegaConf.load(path)
            if isinstance(config, DictConfig):
                return {str(key): value for key, value in dict(OmegaConf.to_container(config)).items()}  # pyright: ignore
    return {}


def _choices(folder: Path) -> dict[str, str]:
    """What was chosen from Hydra's groups, such as market and agent."""
    path = folder / ".hydra" / "hydra.yaml"
    choices = OmegaConf.select(OmegaConf.load(path), "hydra.runtime.choices") if path.is_file() else None
    return {str(key): str(value) for key, value in (choices or {}).items()}


def _curve(folder: Path) -> NDArray[np.float64]:
    try:
        return read_curve(folder)
    except ValueError:  # its last line was cut off
        return np.empty((0, 4))


def _ending(
    folder: Path, told: Mapping[str, Any], config: Mapping[str, Any], curve: NDArray[np.float64]
) -> tuple[str, str]:
    """How it ended, and why that was not at the end."""
    if told.get("status") in (FINISHED, FAILED):
        error = "" if told["status"] == FINISHED else str(told.get("error") or _last_words(folder))
        return told["status"], error.strip().splitlines()[-1] if error.strip() else ""
    if (folder / MODEL).is_file():
        return FINISHED, ""
    total = int((config.get("agent") or {}).get("total_steps", 0))
    done = f"it runs still or was killed, {int(curve[-1, 0]) if len(curve) else 0:,} of {total:,} steps done"
    words = _last_words(folder)
    return UNFINISHED, f"{done}; last word: {words}" if words else done


def _last_words(folder: Path) -> str:
    """The last line of the run's logs."""
    logs = sorted(folder.glob("*.log"))
    lines = [line.strip() for log in logs for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _own_row(folder: Path, *names: str) -> dict[str, Estimate]:
    """The run's row in its own table, or in that of the comparison it was trained for."""
    for table in (read_table(folder / TABLE), read_table(folder.parents[1] / TABLE)):
        for name in names:
            if name in table:
                return table[name]
    return {}


def _estimate(told: Any) -> Estimate:
    """What metrics.json says of a figure: null, a number, or a number and its half-width."""
    if told is None:
        return _NOTHING
    return Estimate(*map(float, told)) if isinstance(told, list) else Estimate(float(told), 0.0)
