"""Sweeps: how their jobs' folders are called, and what is said when all have ended."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from rich.console import Console

from experiments.runs import program
from experiments.runs.jobs import FAILED, INTERRUPTED, METRICS, RUNNING, fresh, is_locked, read

LONGEST = 180  # characters of a folder's name, of the 255 that file systems allow


def sub_folder(overrides: str, seed: Any) -> str:
    """The folder of a sweep's job: overrides and seed, no time, so that the same sweep finds it again.

    A digest takes the place of what is too long, or would have to be quoted in a command line.
    """
    name = re.sub(r"[^\w.+@:-]+", "_", overrides)
    if name != overrides or len(name) > LONGEST:
        name = f"{name[: LONGEST - 13]}-{hashlib.sha256(overrides.encode()).hexdigest()[:12]}"
    return f"{name}_seed{seed}" if name else f"seed{seed}"


def quoted(option: str, value: object) -> str:
    """An override of the command line, quoted for Hydra and a shell where it has to be."""
    text = str(value)
    if re.fullmatch(r"[\w./:@%+-]+", text, re.ASCII):
        return f"{option}={text}"
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    plain = not re.search(r"[\"$`\\!]", inner)  # to a shell, within double quotes
    return f"\"{option}='{inner}'\"" if plain else shlex.quote(f"{option}='{inner}'")


def standing(folder: Path) -> tuple[str, str]:
    """How the job of `folder` stands, and why: finished, failed, running, or interrupted."""
    facts = read(folder)
    status = str(facts.get("status", INTERRUPTED))
    if status == RUNNING and not is_locked(folder):
        return INTERRUPTED, "it was killed"
    return status, str(facts.get("error", ""))


def claim(config: DictConfig, kind: str) -> None:
    """Make the folder of a `run` or a `sweep`: one that is named by the time was not there before, be it in one second.

    Raises: SystemExit, with one line, if it cannot be made.
    """
    named = Path(str(config.hydra[kind].dir))
    by_time = "${now:" in str(OmegaConf.to_container(config.hydra[kind], resolve=False)["dir"])  # pyright: ignore
    try:
        named.mkdir(parents=True, exist_ok=True) if not by_time else None
        folder = fresh(named) if by_time else named
    except OSError as error:
        raise SystemExit(
            f"error: hydra.{kind}.dir must be a folder that can be written, got {named}: {error}"
        ) from error
    with read_write(config), open_dict(config):
        config.hydra[kind].dir = str(folder)
        if kind == "sweep" and folder != named:  # of which each job makes a config anew
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{folder}'")


class Sweep(Callback):
    """Gives runs and sweeps folders of their own, keeps a sweep's jobs apart, and ends it with what became of them.

    Raises: SystemExit at the end of a sweep with failed jobs, after all the others have had their turn; Interrupted where
    a signal ended it.
    """

    def __init__(self) -> None:
        self.holds = False

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        claim(config, "run")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        claim(config, "sweep")
        launcher = config.hydra.launcher
        if not launcher._target_.endswith(".BasicLauncher"):
            os.environ["TQDM_DISABLE"] = "1"  # in the workers, which start from here
        if launcher._target_.endswith(".JoblibLauncher"):
            program.hold()  # its workers come to a safe point, and the sweep waits for them
            self.holds = True
        if launcher._target_.endswith(".LocalLauncher") and config.hydra.sweeper.max_batch_size is None:
            with read_write(config):
                config.hydra.sweeper.max_batch_size = max(1, (os.cpu_count() or 1) // launcher.cpus_per_task)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        if self.holds:
            program.release()
        folder = Path(config.hydra.sweep.dir)
        if program.asked():
            raise program.Interrupted(f"the same command with {quoted('hydra.sweep.dir', folder)} goes on")
        jobs = {path.parent.name: standing(path.parent) for path in sorted(folder.glob(f"*/{METRICS}"))}
        counts = Counter(status for status, _ in jobs.values())
        said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        Console(highlight=False, soft_wrap=True).print(f"{len(jobs)} jobs in {folder}: {said}")
        failed = [f"{name}: {why}" for name, (status, why) in jobs.items() if status == FAILED]
        if failed:
            raise SystemExit("\n".join([f"error: {len(failed)} of {len(jobs)} jobs failed", *failed]))
