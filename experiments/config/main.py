"""The decorator that makes a main of Hydra: config in, the number that a sweep optimises out, a job in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.config.checks import MISTAKES, check_alone, check_numbers, plainly
from experiments.config.parts import without_leftovers
from experiments.config.search_path import CONF, configs
from experiments.config.stored import interrupted_config, whole
from experiments.runs import jobs, program
from experiments.runs.program import Interrupted
from experiments.runs.sweeps import quoted

OWN_WINDOWS = {"market": "evaluation_window", "market@recorded": "recorded.venue.window"}  # choice -> its place


def experiment(config_name: str) -> Callable[[Callable[[DictConfig], float]], Callable[[], Any]]:
    """A main: conf/`config_name`.yaml and the command line in, the number a sweep optimises out.

    What the user got wrong ends the program with one line, before any work. In a sweep a job that fails says so, returns
    NaN, and lets the others go on. Ctrl-C and SIGTERM end it as `experiments.runs.program` says.
    """

    def decorate(task: Callable[[DictConfig], float]) -> Callable[[], Any]:
        @hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)
        @wraps(task)
        def run(cfg: DictConfig) -> float:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                return in_sweep(task, cfg)
            try:
                return job(task, cfg)
            except MISTAKES as error:
                raise SystemExit(f"error: {plainly(error)}") from error

        return wraps(task)(lambda: program.run(run))

    return decorate


def in_sweep(task: Callable[[DictConfig], float], cfg: DictConfig) -> float:
    """What `task` returns or, finished before, returned; NaN if it fails, is interrupted or another process is at it.

    Raises: Interrupted, with how the sweep goes on, in the process of the sweep itself.
    """
    jobs.end_with_parent()
    program.listen_as_worker()
    try:
        program.check()
        return job(task, cfg, again=False)
    except KeyboardInterrupt:
        if jobs.is_worker():
            return float("nan")
        raise Interrupted(
            f"the same command with {quoted('hydra.sweep.dir', HydraConfig.get().sweep.dir)} goes on"
        ) from None
    except Exception as error:
        sys.stderr.write(f"error: {output_folder()}: {plainly(error)}\n")
        return float("nan")


def job(task: Callable[[DictConfig], float], cfg: DictConfig, again: bool = True) -> float:
    """What `task` returns, in a folder that is nobody else's meanwhile and tells what came of it.

    Unless it shall be done `again`, what is finished is left as it is; so is a finished training that shall be resumed.
    """
    folder = job_folder(cfg)
    resumed = folder != output_folder()
    cfg = interrupted_config(folder) if resumed else as_chosen(cfg)
    with jobs.locked(folder):
        if (resumed and is_complete(folder)) or (not again and jobs.is_finished(folder, whole(cfg))):
            score = jobs.read(folder).get("score")
            if resumed:
                sys.stdout.write(f"{folder} is finished: there is nothing to resume\n")
            return float("nan") if score is None else score
        if not resumed:
            jobs.adopt(folder, whole(cfg))
        facts = {"name": cfg.name, "seed": cfg.seed if "seed" in cfg else None}
        try:
            with jobs.noted(folder, plainly, **facts, overrides=list(HydraConfig.get().overrides.task)):
                check_numbers(cfg)
                score = task(cfg)
                jobs.note(folder, score=score)
            return score
        except KeyboardInterrupt:
            raise Interrupted(how_to_go_on(cfg.name, folder)) from None


def how_to_go_on(name: str, folder: Path) -> str:
    """What to type after the job `name` in `folder` was interrupted."""
    if name == "train":
        return f"python -m experiments.train {quoted('resume', folder)} goes on"
    if name == "tune":
        return "the same command goes on with the study"
    return f"the same command with {quoted('hydra.run.dir', folder)} goes on with what is not finished"


def as_chosen(cfg: DictConfig) -> DictConfig:
    """The config of this run, in which parts that were swapped have their own parameters only."""
    run = HydraConfig.get()
    check_given(cfg)
    return with_own_window(without_leftovers(cfg, run.runtime.choices, run.overrides.task), run)


def check_given(cfg: DictConfig) -> None:
    """Refuse a run that was not told all that it needs: what is `???` in its config. Raises: ValueError."""
    for place in _ungiven(OmegaConf.to_container(cfg), ""):
        raise ValueError(f"{place} must be given: {place}=...")


def _ungiven(value: Any, place: str) -> Iterator[str]:
    """The dotted places of what is still to be given."""
    if value == "???":
        yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _ungiven(part, f"{place}.{name}" if place else str(name))


def with_own_window(cfg: DictConfig, run: Any) -> DictConfig:
    """The config with conf/window/MARKET_test.yaml as its evaluation_window, and as the window of a recorded market, where
    there is one and none is asked for: what `experiments.calibrate kind=replay` writes beside the market."""
    for choice, place in OWN_WINDOWS.items():
        own = f"{run.runtime.choices.get(choice)}_test"
        asked = any(place in each for each in run.overrides.task)
        if OmegaConf.select(cfg, place) is not None and not asked and own in configs("window"):
            cfg = OmegaConf.merge(cfg, _at(place, OmegaConf.load(configs("window")[own])))  # pyright: ignore[reportAssignmentType]
    return cfg


def _at(place: str, value: Any) -> dict[str, Any]:
    """A config that holds a value at a dotted place alone."""
    for name in reversed(place.split(".")):
        value = {name: value}
    return value


def job_folder(cfg: DictConfig) -> Path:
    """Where this run writes: to the folder that it resumes, or to one of its own.

    Raises: ValueError if the folder to resume holds no training, or is to be resumed as another one.
    """
    if "resume" not in cfg or cfg.resume is None:
        return output_folder()
    check_alone("resume")
    folder = Path(str(cfg.resume))
    if not (folder / jobs.CONFIG).is_file():
        raise ValueError(f"resume must name a folder that holds {jobs.CONFIG}, got {folder}")
    return folder


def is_complete(folder: Path) -> bool:
    """Whether a training came to its end here, and all that it left is still there."""
    left = all((folder / name).is_file() for name in ("model.zip", "table.csv"))
    return left and jobs.read(folder).get("status") == jobs.FINISHED


def output_folder() -> Path:
    """Where this run writes."""
    return Path(HydraConfig.get().runtime.output_dir)
