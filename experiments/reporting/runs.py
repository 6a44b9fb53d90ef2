"""Runs read from their folders: who was trained on what, how it ended, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.config.resolvers import register_resolvers
from experiments.reporting import files
from experiments.training.curve import CURVE
from mm_env.metrics import Estimate

FINISHED, FAILED, RUNNING, INTERRUPTED = "finished", "failed", "running", "interrupted"


@dataclass(frozen=True)
class Run:
    """One training. `market` and `agent` are the names of their configs; numbers that nothing tells are NaN."""

    folder: Path
    market: str
    agent: str
    seed: int
    status: str  # finished, failed, running or interrupted
    error: str = ""  # why it is not finished
    config: Mapping[str, Any] = field(default_factory=dict)  # empty if it never came to be written
    skill: float = math.nan  # exact where the policy is a table, else simulated
    objective: float = math.nan
    seconds: float = math.nan
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    curve: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    notes: tuple[str, ...] = ()  # what stood below its table
    windows: int = 0  # of a recorded day that its figures are of; 0 in a simulated market

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
        found |= dict.fromkeys(folder for folder in files.folders(path.resolve()) if _is_run(folder))
    return [read(folder) for folder in sorted(found)]


def read(folder: Path) -> Run:
    """The run in `folder`, whatever of it is there."""
    told, config, curve = files.metrics(folder), files.config(folder), files.curve(folder)
    market, agent = _names(folder, told, config)
    seed = _whole(told.get("seed") or config.get("seed"))
    status, error = _ending(folder, told, config, curve)
    figures = _own_row(folder, _algorithm(config), f"{agent}, seed {seed}")
    figures |= {name: files.estimate(figure) for name, figure in files.part(told, "figures").items()}
    numbers = _numbers(told, figures, curve)
    return Run(folder, market, agent, seed, status, error, config, *numbers, figures, curve, *_said(told))


def _said(told: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """The notes of a run's table, and of how many recorded windows its figures are."""
    return tuple(map(str, told.get("notes") or ())), int(told.get("windows") or 0)


def _whole(told: Any) -> int:
    """A whole number, 0 where there is none."""
    try:
        return int(told or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _names(folder: Path, told: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, str]:
    """Of market and agent: as they were chosen, else as metrics.json calls them, else as experiments.compare lays its
    trainings out, which is MARKET/AGENT/seedN."""
    chosen, by_seed = files.choices(folder), folder.name.startswith("seed")
    market = chosen.get("market") or told.get("market") or (folder.parents[1].name if by_seed else "market")
    agent = chosen.get("agent") or told.get("agent") or (folder.parent.name if by_seed else _algorithm(config).lower())
    return str(market), str(agent)


def _numbers(
    told: Mapping[str, Any], figures: Mapping[str, Estimate], curve: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Skill, objective and seconds: skill and seconds from the curve, where they are exact and of the training alone."""
    known = {**{name: files.estimate(told.get(name)) for name in ("skill", "objective", "seconds")}, **figures}
    _, seconds, skill, objective = curve[-1] if len(curve) else np.full(4, np.nan)
    skill = skill if np.isfinite(skill) else known["skill"].value
    objective = known["objective"].value if np.isfinite(known["objective"].value) else objective
    return float(skill), float(objective), float(seconds if np.isfinite(seconds) else known["seconds"].value)


def _algorithm(config: Mapping[str, Any]) -> str:
    return str(files.part(config, "agent").get("algorithm", "agent"))


def strategies(runs: Iterable[Run], paths: Iterable[Path]) -> dict[tuple[Path | None, str, str], Estimate]:
    """The simulated skill of every strategy that stood beside the runs, or in a comparison without any.

    Keys are (folder of a run on that market or None, name of the market, name of the strategy).
    """
    found: dict[tuple[Path | None, str, str], Estimate] = {}
    for run in runs:
        for folder in (run.folder, run.folder.parents[1]):
            for name, figures in files.read_table(folder / files.TABLE).items():
                if name != _algorithm(run.config) and ", seed " not in name:
                    found[run.folder, run.market, name] = figures["skill"]
    for folder in (folder for path in paths for folder in files.folders(path.resolve())):
        if files.config(folder).get("name") == "compare" and (folder / files.TABLE).is_file():
            market = files.choices(folder).get("market", folder.name)
            found |= {(None, market, name): f["skill"] for name, f in files.read_table(folder / files.TABLE).items()}
    return found


def _is_run(folder: Path) -> bool:
    """Whether a training was begun here."""
    config, told = files.config(folder), files.metrics(folder)
    learns = "algorithm" in files.part(config, "agent") or (folder / CURVE).is_file() or bool(told)
    return learns and not _led_elsewhere(folder) and told.get("name", config.get("name", "train")) == "train"


def _led_elsewhere(folder: Path) -> bool:
    """Whether this is but where a command started that went on in another folder, `resume=FOLDER`."""
    overrides = folder / ".hydra" / "overrides.yaml"
    return (
        overrides.is_file() and "- resume=" in overrides.read_text(encoding="utf-8") and not (folder / CURVE).is_file()
    )


def _ending(
    folder: Path, told: Mapping[str, Any], config: Mapping[str, Any], curve: NDArray[np.float64]
) -> tuple[str, str]:
    """How it ended, and why that was not at the end."""
    if told.get("status") in (FINISHED, FAILED):
        error = "" if told["status"] == FINISHED else str(told.get("error") or files.last_words(folder))
        return told["status"], error.strip().splitlines()[-1] if error.strip() else ""
    if "status" not in told and (folder / files.MODEL).is_file():
        return FINISHED, ""
    total = _whole(files.part(config, "agent").get("total_steps"))
    done = f"{int(curve[-1, 0]) if len(curve) else 0:,} of {total:,} steps done"
    held = files.is_locked(folder)
    if held:
        return RUNNING, done
    goes_on = "; it can go on from its checkpoint" if (folder / files.CHECKPOINT).is_file() else ""
    words = files.last_words(folder)
    killed = "it runs still or was killed" if held is None else "it was killed"
    if told.get("status") == INTERRUPTED:
        killed = "it was interrupted"
    return INTERRUPTED, f"{killed}, {done}{goes_on}" + (f"; last word: {words}" if words else "")


def _own_row(folder: Path, *names: str) -> dict[str, Estimate]:
    """The run's row in its own table, or in that of the comparison it was trained for."""
    for table in (files.read_table(folder / files.TABLE), files.read_table(folder.parents[1] / files.TABLE)):
        for name in names:
            if name in table:
                return table[name]
    return {}
