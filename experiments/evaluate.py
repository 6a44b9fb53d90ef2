"""Evaluate one agent, or a trained run on the market it was trained on.

python -m experiments.evaluate agent=glft market=aapl
python -m experiments.evaluate run=outputs/train/20261123-101500_seed0
python -m experiments.evaluate agent=join market=cont_stoikov_talreja render=true
"""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.config.agents import build_policies
from experiments.config.checks import check_alone
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from experiments.evaluation import plots
from experiments.evaluation.sample import OPTION, evaluation_sample, of_runs, seen_in_training
from experiments.evaluation.show import show_evaluation
from experiments.evaluation.skill_references import SkillReferences
from experiments.runs import jobs
from mm_env.desk.desk import Desk


@experiment("evaluate")
def main(cfg: DictConfig) -> float:
    """Print and write the agent's figures; its skill (its objective where the market has no exact optimum)."""
    if not isinstance(cfg.render, bool):
        raise ValueError(f"render must be true or false, got {cfg.render!r}")
    if cfg.run is not None:
        check_alone("run", "seed", "episodes", "render", OPTION)
        cfg.market = run_config(Path(cfg.run)).market
    own, name = build_market(cfg), str(HydraConfig.get().runtime.choices["agent"])
    if cfg.render and isinstance(own, Desk):
        raise ValueError("render must be false for a desk, of which there are no pictures")
    shown = evaluation_sample(cfg, own, cfg.episodes, cfg.seed)
    built, _ = build_policies(cfg, own, [cfg.run or OmegaConf.merge({"name": name}, cfg.agent)])
    market, policies = shown.market, shown.taking(built)
    agent, folder = next(iter(policies)), output_folder()
    if cfg.render:
        plots.save(folder, {"episode": plots.episode(market, policies[agent], cfg.seed)})
    references = SkillReferences.of(market)
    everyone, seen = {**policies, **references.policies}, seen_in_training(of_runs([cfg.run]), shown, "seed")
    entries, skills, notes = show_evaluation(shown, everyone, references, agent, {}, folder, seen)
    choice = str(HydraConfig.get().runtime.choices["market"])
    place = jobs.read(Path(cfg.run)).get("market", cfg.run) if cfg.run is not None else choice
    return jobs.note_evaluation(folder, agent, place, entries, skills, notes)


if __name__ == "__main__":
    main()
