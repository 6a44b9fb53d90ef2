"""Training jobs of a comparison: each in a folder of its own, several at once, none of them done twice."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from agents.learning.saved import is_whole
from experiments.config.checks import plainly
from experiments.config.markets import build, build_market
from experiments.evaluation.sample import OPTION
from experiments.runs import jobs, program
from experiments.training.curve import CURVE, read_curve


@dataclass(frozen=True)
class Training:
    """One learner on one market from one seed. `config` is all that a run's config.yaml holds."""

    market: str
    agent: str
    seed: int
    config: DictConfig
    folder: Path

    @property
    def done(self) -> bool:
        """Whether its model is there; one that was damaged is made again from the checkpoint."""
        return is_whole(self.folder / "model.zip") and jobs.holds(self.folder, self.yaml)

    @property
    def yaml(self) -> str:
        return OmegaConf.to_yaml(self.config, resolve=True)

    @property
    def seconds(self) -> float:
        """What the training took, without its evaluations."""
        curve = read_curve(self.folder)
        if not len(curve):
            raise ValueError(
                f"{self.folder / CURVE} has no rows: delete model.zip beside it to have the run made again"
            )
        return float(curve[-1, 1])


def trainings(
    cfg: DictConfig, market: str, market_config: Any, agent: str, agent_config: Any, where: Path
) -> list[Training]:
    """A training for each of cfg.seeds, in where/market/agent/seedN.

    Raises: what the market or the learner raises if they do not fit, before anything is trained.
    """
    whole = OmegaConf.create({"market": market_config, "watch": cfg.watch})
    whole["agent"] = agent_config
    market_of_run = build_market(whole)
    build(whole.agent).check(market_of_run)
    found, parts = [], {str(key): whole[key] for key in whole}
    if cfg.get(OPTION) is not None and market_of_run.venue.happened_once:
        parts[OPTION] = cfg[OPTION]  # what it is to be shown on later
    for seed in cfg.seeds:
        config = OmegaConf.create({**parts, "seed": seed})
        found.append(Training(market, agent, seed, config, where / _plain(market) / _plain(agent) / f"seed{seed}"))
    return found


def train_all(asked: Sequence[Training], at_once: int) -> None:
    """Train what is not there yet, `at_once` at a time. One that fails does not stop the others.

    Raises: Failed at the end, with the first line of what each failed training said; Interrupted if a signal ends it, once
    each training that is under way has left a checkpoint.
    """
    left = [training for training in asked if not training.done]
    failed: dict[str, str] = {}
    with tqdm(
        total=len(asked), initial=len(asked) - len(left), desc="training", unit="run", disable=not left
    ) as progress:
        for training, error in _results(left, at_once):
            if error is not None:
                failed[f"{training.market}, {training.agent}, seed {training.seed}"] = plainly(error)
            progress.update()
    if failed:
        raise jobs.Failed(f"{len(failed)} of {len(asked)} trainings failed: {failed}")


def _results(left: Sequence[Training], at_once: int) -> Iterable[tuple[Training, BaseException | None]]:
    os.environ["TQDM_DISABLE"] = "1"  # in the workers, which start from here: one bar, the parent's, is enough
    with program.held(), ProcessPoolExecutor(at_once, get_context("spawn")) as pool:
        with program.unheard():  # Ctrl-C, which a terminal sends to all, by workers that cannot yet know what to do
            waiting = {pool.submit(_train, training): training for training in left}
        for future in as_completed(waiting):
            if program.asked():
                pool.shutdown(cancel_futures=True)
                program.check()
            yield waiting[future], future.exception()
    program.check()


def _train(training: Training) -> None:
    from experiments.evaluation.skill_references import SkillReferences
    from experiments.train import learn, remarks

    jobs.end_with_parent()
    program.listen_as_worker()
    program.check()
    folder = training.folder
    with jobs.locked(folder):
        jobs.adopt(folder, training.yaml)
        facts = {"name": "train", "seed": training.seed, "agent": training.agent, "market": training.market}
        with jobs.noted(folder, plainly, **facts):
            market, learner = build_market(training.config), build(training.config.agent)
            references = SkillReferences.of(market)
            learn(training.config, learner, market, references, folder)
            _, _, skill, objective = map(float, read_curve(folder)[-1])
            notes = remarks(training.config, market, references, skill)
            jobs.note(folder, skill=skill, objective=objective, notes=notes)


def _plain(name: str) -> str:
    """The name as a folder's."""
    return re.sub(r"[^\w.-]+", "_", name)
