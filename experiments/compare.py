"""Compare agents on the same noise; learners among them are trained first.

python -m experiments.compare market=avellaneda_stoikov agents=[best_fixed,glft,outputs/train/...]
python -m experiments.compare agents=[best_fixed,glft,ppo] seeds=[0,1,2]
python -m experiments.compare experiment=avellaneda_stoikov_2008
python -m experiments.compare experiment=leaderboard
python -m experiments.compare experiment=volatile_markets
python -m experiments.compare experiment=robust_market_making
python -m experiments.compare experiment=cont_stoikov_talreja_2010
python -m experiments.compare experiment=hedging_interval
"""

from __future__ import annotations

from omegaconf import DictConfig

from experiments.config.agents import build_policies, is_learner
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market
from experiments.evaluation.sample import evaluation_sample, of_runs, seen_in_training
from experiments.evaluation.show import show_evaluation
from experiments.evaluation.skill_references import SkillReferences
from experiments.runs import jobs
from experiments.studies.cont_stoikov_talreja import compare_probabilities
from experiments.studies.hedging_interval import compare_intervals
from experiments.studies.leaderboard import leaderboard
from experiments.studies.published import show_published
from experiments.studies.robust import compare_robust


@experiment("compare")
def main(cfg: DictConfig) -> float:
    """Print the table, write it and the plots; the best agent's skill (its objective where there is no exact optimum)."""
    if cfg.robust is not None:
        return compare_robust(cfg, build_market(cfg), output_folder())
    if cfg.chances is not None:
        return compare_probabilities(cfg, build_market(cfg), output_folder())
    if cfg.intervals is not None:
        return compare_intervals(cfg, build_market(cfg), output_folder())
    if cfg.markets or any(is_learner(entry) for entry in cfg.agents):
        return leaderboard(cfg, output_folder())
    market, folder = build_market(cfg), output_folder()
    shown = evaluation_sample(cfg, market, cfg.episodes, cfg.seed)
    policies, refused = build_policies(cfg, market, cfg.agents)
    if not policies:
        raise ValueError(f"agents must name at least one that the market allows, got {list(cfg.agents)}: {refused}")
    references = SkillReferences.of(shown.market)
    everyone, known = (
        {**shown.taking(policies), **references.policies},
        seen_in_training(of_runs(cfg.agents), shown, "seed"),
    )
    entries, skills, notes = show_evaluation(shown, everyone, references, cfg.title, refused, folder, known)
    show_published(cfg.agents, entries, folder)
    best = next(entry for entry in entries if entry.name in policies)
    return jobs.note_evaluation(folder, best.name, cfg.title, entries, skills, notes)


if __name__ == "__main__":
    main()
