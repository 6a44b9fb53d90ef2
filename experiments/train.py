"""Train a market maker, evaluate it beside the strategies on the same noise, and show what it learnt.

python -m experiments.train agent=ppo market=amzn seed=0
python -m experiments.train -m agent=ppo,a2c seed=0,1,2 market.price.sigma=0.02,0.04
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.policy import Policy
from experiments.benchmarks import Benchmarks
from experiments.setup import build, build_market, build_policies, experiment, output_folder
from experiments.show import show_contest
from mm_env.market import Market


@experiment("train")
def main(cfg: DictConfig) -> float:
    """Train, save, compare, report; the trained agent's skill (its objective where the market has no exact optimum)."""
    folder = output_folder() if cfg.resume is None else Path(cfg.resume)
    if cfg.resume is not None:
        cfg = interrupted_config(folder)
    market = build_market(cfg)
    learner = build(cfg.agent)
    if not hasattr(learner, "train"):
        raise ValueError("agent must be a learner such as ppo: experiments.evaluate is for strategies")
    learner.check(market)
    rivals, refused = build_policies(cfg, market, cfg.rivals)
    benchmarks = Benchmarks.of(market)
    policy = learn(cfg, learner, market, benchmarks, folder, resume=cfg.resume is not None)
    agent = cfg.agent.algorithm
    title = f"{cfg.title}, {cfg.episodes:,} episodes of seed {cfg.evaluation_seed}"
    policies = {agent: policy, **rivals, **benchmarks.policies}
    entries, skills = show_contest(
        market, policies, benchmarks, cfg.episodes, cfg.evaluation_seed, title, refused, folder
    )
    Console(highlight=False).print("TensorBoard: tensorboard --logdir outputs")
    return skills.get(agent, next(e for e in entries if e.name == agent).figures["objective"]).value


def learn(
    cfg: DictConfig, learner: Any, market: Market, benchmarks: Benchmarks, folder: Path, resume: bool = False
) -> Policy:
    """The policy that cfg.agent learns; in `folder` its model, config and TensorBoard logs."""
    from experiments.watch import Watch

    config = OmegaConf.to_yaml(cfg, resolve=True)
    (folder / "config.yaml").write_text(config)
    watch = Watch(market, benchmarks, learner.total_steps, config, cfg.watch.evaluations, cfg.watch.episodes, folder)
    policy = learner.train(market, cfg.seed, folder, [watch], resume)
    policy.model.save(folder / "model.zip")
    return policy


def interrupted_config(folder: Path) -> DictConfig:
    """The config of the run in `folder`, set to go on from its checkpoint."""
    from agents.learner import CHECKPOINT

    path = folder / "config.yaml"
    if not path.is_file() or not (folder / CHECKPOINT).is_file():
        raise ValueError(f"resume must name a folder that holds config.yaml and {CHECKPOINT}, got {folder}")
    cfg = OmegaConf.load(path)
    assert isinstance(cfg, DictConfig)
    cfg.resume = str(folder)
    return cfg


if __name__ == "__main__":
    main()
