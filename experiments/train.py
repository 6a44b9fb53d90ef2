"""Train a learner, evaluate it beside strategies on common noise, and log and plot what it learnt.

python -m experiments.train agent=ppo market=amzn seed=0
python -m experiments.train -m agent=ppo,a2c seed=0,1,2 market.price.sigma=0.02,0.04
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.policy import Policy
from experiments.config.agents import build_policies
from experiments.config.main import experiment, job_folder
from experiments.config.markets import build, build_market
from experiments.evaluation import table
from experiments.evaluation.sample import CURVE_SEED, Origin, evaluation_sample, sample, seen_in_training
from experiments.evaluation.show import show_evaluation
from experiments.evaluation.skill_references import SkillReferences
from experiments.runs import jobs, program
from experiments.tracking.loggers import check_loggers
from experiments.training.curve import read_curve
from mm_env.market import Market


@experiment("train")
def main(cfg: DictConfig) -> float:
    """Train, save, compare, report; the trained agent's skill (its objective where the market has no exact optimum)."""
    folder = job_folder(cfg)
    check_loggers(cfg.get("logger") or ())
    market = build_market(cfg)
    learner = build(cfg.agent)
    if not hasattr(learner, "train"):
        raise ValueError("agent must be a learner such as ppo: experiments.evaluate is for strategies")
    learner.check(market)
    check_begun(folder)
    shown = evaluation_sample(cfg, market, cfg.episodes, cfg.evaluation_seed, trains=True)
    agent = cfg.agent.algorithm
    known = seen_in_training({agent: Origin.of(cfg)}, shown, "evaluation_seed")
    table.say(known)
    rivals, refused = build_policies(cfg, market, cfg.rivals)  # what is tuned is tuned where learners are trained
    references = SkillReferences.of(shown.market)
    policy = learn(cfg, learner, market, references, folder, resume=cfg.resume is not None)
    policies = {agent: policy, **shown.taking(rivals), **references.policies}
    entries, skills, notes = show_evaluation(shown, policies, references, cfg.title, refused, folder, known)
    Console(highlight=False).print("TensorBoard: tensorboard --logdir outputs")
    return jobs.note_evaluation(folder, agent, cfg.title, entries, skills, notes)


def check_begun(folder: Path) -> None:
    """Refuse, before any work, to go on from files that were cut off or damaged."""
    from agents.learning.checkpoint import CURE
    from agents.learning.learner import CHECKPOINT
    from agents.learning.saved import is_whole

    path = folder / CHECKPOINT
    if path.is_file() and not is_whole(path):
        raise ValueError(f"{path} was cut off or damaged: {CURE}")
    read_curve(folder)


def learn(
    cfg: DictConfig, learner: Any, market: Market, references: SkillReferences, folder: Path, resume: bool = False,
    callbacks: Sequence[Any] = (),
) -> Policy:  # fmt: skip
    """The policy that cfg.agent learns; in `folder` its model, config and TensorBoard logs.

    A training of this very config that was interrupted there goes on from its checkpoint. A signal ends it at the next
    rollout, with a checkpoint of that moment.

    Raises: Interrupted then; ValueError for the seed of the noise of learning curves.
    """
    if cfg.seed == CURVE_SEED:
        raise ValueError(f"seed must not be {CURVE_SEED}, on whose noise learning curves are evaluated")
    from agents.learning.learner import CHECKPOINT
    from agents.learning.saved import save_model
    from experiments.runs.stop import Stop
    from experiments.tracking.run import tracked
    from experiments.training.tensorboard import TensorBoardCallback

    config = OmegaConf.to_yaml(cfg, resolve=True)
    if not resume:
        jobs.adopt(folder, config)
    begun = (folder / CHECKPOINT).is_file()
    if resume and not begun:
        Console(highlight=False, soft_wrap=True).print(f"{folder} holds no checkpoint: the training begins anew")
    callback = TensorBoardCallback(
        market, references, learner.total_steps, config, cfg.watch.evaluations, cfg.watch.episodes, folder
    )
    loggers = check_loggers(cfg.get("logger") or ())
    with program.held(), closing(callback.progress), tracked(loggers, folder, config) as trackers:
        watching = [Stop(folder / CHECKPOINT), callback, *trackers, *callbacks]
        policy = learner.train(market, cfg.seed, folder, watching, begun)
        save_model(policy.model, folder / "model.zip")
    program.check()
    return policy


def remarks(cfg: DictConfig, market: Market, references: SkillReferences, skill: float) -> list[str]:
    """What is to be known of the figures at the end of a training's curve."""
    evaluated = sample(market, cfg.watch.episodes, CURVE_SEED, "training windows")
    said = [f"The learning curve is of {evaluated.says}."] if market.venue.happened_once else []
    return [*said, *([references.is_above("the agent", skill)] if references.above(skill) else [])]


if __name__ == "__main__":
    main()
