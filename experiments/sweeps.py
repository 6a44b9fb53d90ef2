"""Sweeps: how their jobs' folders are called, and what is said when all have ended."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write
from rich.console import Console

from experiments.jobs import FAILED, METRICS, RUNNING, is_locked, read

LONGEST = 180  # characters of a folder's name, of the 255 that file systems allow


def sub_folder(overrides: str, seed: Any) -> str:
    """The folder of a sweep's job: overrides and seed, no time, so that the same sweep finds it again.

    A digest takes the place of what is too long, or would have to be quoted in a command line.
    """
    name = re.sub(r"[^\w.+@:-]+", "_", overrides)
    if name != overrides or len(name) > LONGEST:
        name = f"{name[: LONGEST - 13]}-{hashlib.sha256(overrides.encode()).hexdigest()[:12]}"
    return f"{name}_seed{seed}" if name else f"seed{seed}"


def standing(folder: Path) -> tuple[str, str]:
    """How the job of `folder` stands, and why: finished, failed, running, or interrupted."""
    facts = read(folder)
    status = str(facts.get("status", "interrupted"))
    if status == RUNNING and not is_locked(folder):
        return "interrupted", "it was killed"
    return status, str(facts.get("error", ""))


class Sweep(Callback):
    """Keeps the jobs of a sweep from treading on each other, and ends it with what became of them.

    Raises: SystemExit at the end of a sweep with failed jobs, after all the others have had their turn.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        launcher = config.hydra.launcher
        if not launcher._target_.endswith(".BasicLauncher"):
            os.environ["TQDM_DISABLE"] = "1"  # in the workers, which start from here
        if launcher._target_.endswith(".LocalLauncher") and config.hydra.sweeper.max_batch_size is None:
            with read_write(config):
                config.hydra.sweeper.max_batch_size = max(1, (os.cpu_count() or 1) // launcher.cpus_per_task)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        jobs = {path.parent.name: standing(path.parent) for path in sorted(folder.glob(f"*/{METRICS}"))}
        counts = Counter(status for status, _ in jobs.values())
        said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        Console(highlight=False, soft_wrap=True).print(f"{len(jobs)} jobs in {folder}: {said}")
        failed = [f"{name}: {why}" for name, (status, why) in jobs.items() if status == FAILED]
        if failed:
            raise SystemExit("\n".join([f"error: {len(failed)} of {len(jobs)} jobs failed", *failed]))
