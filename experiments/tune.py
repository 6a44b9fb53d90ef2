"""Tune a learner's hyper-parameters; any number of processes, on any machines that see the folder, work on one study.

python -m experiments.tune study=ppo_amzn trials=20
python -m experiments.tune study=ppo_amzn trials=20      # in another terminal: joins, and the 20 are shared
python -m experiments.train experiment=ppo_amzn          # the best of them

A trial whose worker was killed is taken over, from its checkpoint, by the next that looks for work.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.checks import plainly
from experiments.config.main import experiment
from experiments.config.markets import build, build_market
from experiments.config.space import apply, distributions, target, write_experiment
from experiments.evaluation.sample import evaluation_sample
from experiments.runs import jobs
from mm_env.core.extras import require
from mm_env.core.parameters import Interval, check

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

TRAINING = ("title", "market", "agent", "watch")  # what a trial takes from the config
HOME = "home"  # of a trial that goes on with a lost one: the number under which that was begun


@experiment("tune")
def main(cfg: DictConfig) -> float:
    """Try until the study has its trials; write the best as an experiment; its skill (objective where there is none)."""
    require("experiments.tune", "sweeps", "optuna")
    check("trials", cfg.trials, Interval(1, 2**31, whole=True))
    if cfg.storage.startswith("sqlite") and (cfg.storage.endswith("//") or ":memory:" in cfg.storage):
        raise ValueError(f"storage must be a file or a database, got {cfg.storage}, which is gone with the process")
    where, space = target(cfg), distributions(cfg)
    learner = build(cfg.agent)
    if not hasattr(learner, "train"):
        raise ValueError("agent must be a learner such as ppo: a strategy has nothing to tune")
    market = build_market(cfg)
    learner.check(market)
    evaluation_sample(
        cfg, market, cfg.episodes, cfg.evaluation_seed, trains=True
    )  # refuses to choose on what tables will be of
    study = join(cfg)
    work(cfg, study, space)
    if not any(trial.state.name == "COMPLETE" for trial in study.trials):
        errors = {trial.user_attrs.get("error", "pruned") for trial in study.trials}
        raise ValueError(f"none of the {len(study.trials)} trials of study {cfg.study} was completed: {sorted(errors)}")
    with jobs.locked(Path(cfg.folder), patience=-1.0):
        write_experiment(where, cfg, study)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"The best is trial {study.best_trial.number}: {where}")
    for note in study.best_trial.user_attrs.get("notes", []):
        console.print(note)
    return study.best_value


def join(cfg: DictConfig) -> Study:
    """The study, made by who comes first. Raises: ValueError if it was begun with another config."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    about = OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, [*TRAINING, "seeds"]), resolve=True)
    pruner = build(cfg.pruner)
    with jobs.locked(Path(cfg.folder), patience=-1.0):
        try:
            study = optuna.create_study(
                storage=storage(cfg.storage),
                study_name=cfg.study,
                direction="maximize",
                load_if_exists=True,
                pruner=pruner,
            )
        except Exception as error:  # each kind of storage has its own
            cure = "if it was damaged, put a copy of it back, or begin another study"
            raise ValueError(f"storage {cfg.storage} cannot be read: {cure} ({plainly(error)})") from error
        if study.user_attrs.get("config", about) != about:
            raise ValueError(f"study must be a new name where the config is another, got {cfg.study} again")
        study.set_user_attr("config", about)
    return study


def storage(place: str) -> Any:
    """Optuna's storage at a URL, or in a journal file, which machines may share over NFS.

    A database is connected to when it is asked and left again: a connection kept in a pool would be closed by nobody.
    """
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if "://" not in place:
        return JournalStorage(JournalFileBackend(place))
    from sqlalchemy.pool import NullPool

    return RDBStorage(place, engine_kwargs={"poolclass": NullPool})


def work(cfg: DictConfig, study: Study, space: Mapping[str, Any]) -> None:
    """Try until nothing is left to be tried. A trial that fails is noted, and the study goes on."""
    while True:
        with ExitStack() as held:
            trial = claim(cfg, study, space, held)
            if trial is None:
                return
            Console(highlight=False).print(f"trial {trial.number}: {attempt(cfg, study, trial)}")


def claim(cfg: DictConfig, study: Study, space: Mapping[str, Any], held: ExitStack) -> Trial | None:
    """A trial for this worker alone, its folder locked until `held` lets go; None if the study has all it was asked for."""
    from optuna.trial import TrialState

    with jobs.locked(Path(cfg.folder), patience=-1.0):
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        lost = next((trial for trial in running if not jobs.is_locked(home(cfg, trial))), None)
        if lost is not None:
            study.tell(lost.number, state=TrialState.FAIL)
            study.enqueue_trial(lost.params, user_attrs={HOME: lost.user_attrs.get(HOME, lost.number)})
        every = study.get_trials(deepcopy=False)
        begun = sum(HOME not in trial.user_attrs for trial in every)
        if begun >= cfg.trials and not any(trial.state == TrialState.WAITING for trial in every):
            return None
        seed = np.random.SeedSequence([cfg.seed, len(every)]).generate_state(1)
        study.sampler = build({**OmegaConf.to_container(cfg.sampler), "seed": int(seed[0])})  # pyright: ignore
        trial = study.ask(dict(space))
        held.enter_context(jobs.locked(home(cfg, trial)))
        return trial


def attempt(cfg: DictConfig, study: Study, trial: Trial) -> str:
    """Train what the trial says and tell the study; how it went, in words."""
    from optuna import TrialPruned
    from optuna.trial import TrialState

    try:
        scores = [train(cfg, trial, place, seed) for place, seed in enumerate(cfg.seeds)]
    except TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        return "pruned"
    except Exception as error:
        trial.set_user_attr("error", plainly(error))
        study.tell(trial, state=TrialState.FAIL)
        return f"failed: {plainly(error)}"
    study.tell(trial, float(np.mean(scores)))
    return f"{np.mean(scores):.4f}"


def train(cfg: DictConfig, trial: Trial, place: int, seed: int) -> float:
    """What the trial's training from one seed came to, the `place`-th of them. Raises: TrialPruned if it shall not end."""
    from optuna import TrialPruned

    from experiments.evaluation.skill_references import SkillReferences
    from experiments.train import learn, remarks
    from experiments.training.curve import read_curve
    from experiments.training.pruning import Pruning

    folder = home(cfg, trial) / f"seed{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    one = apply(OmegaConf.masked_copy(cfg, list(TRAINING)), trial.params)
    one.seed = seed
    pruning = Pruning(trial, folder, place * (cfg.watch.evaluations + 2))
    facts = {"name": "train", "market": cfg.title, "trial": trial.number, "params": trial.params}
    pruned = None
    jobs.adopt(folder, OmegaConf.to_yaml(one, resolve=True))
    with jobs.noted(folder, plainly, seed=seed, **facts):
        market = build_market(one)
        references = SkillReferences.of(market)
        try:
            learn(one, build(one.agent), market, references, folder, callbacks=[pruning])
        except TrialPruned as given_up:
            pruned = given_up
        _, _, skill, objective = map(float, read_curve(folder)[-1])
        notes = remarks(one, market, references, skill)
        jobs.note(folder, skill=skill, objective=objective, pruned=pruned is not None, notes=notes)
        trial.set_user_attr("notes", notes)
    if pruned is not None:
        raise pruned
    return objective if np.isnan(skill) else skill


def home(cfg: DictConfig, trial: Trial | FrozenTrial) -> Path:
    """The folder of a trial: that of the lost one it goes on with, or its own."""
    return Path(cfg.folder) / f"trial{trial.user_attrs.get(HOME, trial.number)}"


if __name__ == "__main__":
    main()
