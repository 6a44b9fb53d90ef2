"""Write a data set of Minari: episodes of an agent in a market, for learners that never act.

python -m experiments.dataset market=amzn agent=glft episodes=200 dataset=mm_env/amzn/glft-v0
python -m experiments.dataset run=experiments/results/zoo/ppo_amzn dataset=mm_env/amzn/ppo-v0 explore=0.2
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from tqdm import tqdm

from experiments.config.agents import build_policies
from experiments.config.checks import check_alone
from experiments.config.main import experiment
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from experiments.offline.recorded import episodes
from mm_env.core.parameters import Interval, check


@experiment("dataset")
def main(cfg: DictConfig) -> float:
    """Write the data set; the mean objective of its episodes."""
    from experiments.offline.minari_files import place_of, write

    check("explore", cfg.explore, Interval(0.0, 1.0))
    if cfg.run is not None:
        check_alone("run", "seed", "episodes", "explore", "dataset")
        cfg.market = run_config(Path(cfg.run)).market
    market, name = build_market(cfg), str(HydraConfig.get().runtime.choices["agent"])
    if market.venue.happened_once:
        raise ValueError(
            "market must not be a recorded day, whose messages are not ours to copy: market data stays with you"
        )
    built, _ = build_policies(cfg, market, [cfg.run or OmegaConf.merge({"name": name}, cfg.agent)])
    (policy,) = built.values()
    agent = OmegaConf.create({"run": str(cfg.run)}) if cfg.run else cfg.agent
    if place_of(cfg.dataset).exists():
        raise ValueError(f"dataset must be a new name: {place_of(cfg.dataset)} is there already")
    objectives: list[float] = []

    def told():
        for one in tqdm(
            episodes(market, policy, cfg.episodes, cfg.seed, cfg.explore), "episodes", cfg.episodes, delay=1.0
        ):
            objectives.append(float(one.rewards.sum()))
            yield one

    dataset = write(cfg.dataset, market, cfg.market, agent, told())
    steps = f"{dataset.total_steps:,} steps of {dataset.total_episodes:,} episodes"
    Console(highlight=False, soft_wrap=True).print(
        f"{place_of(cfg.dataset)}: {steps}, mean objective {np.mean(objectives):.4g}"
    )
    return float(np.mean(objectives))


if __name__ == "__main__":
    main()
