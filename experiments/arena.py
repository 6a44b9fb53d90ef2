"""Set every agent against every other as two makers of one market, on the same noise; learners first train in self-play.

python -m experiments.arena market=duopoly agents=[cartea_jaimungal,glft,fixed_symmetric]
python -m experiments.arena market=duopoly agents=[cartea_jaimungal,ppo] seeds=[0,1,2]
python -m experiments.arena market=duopoly routing@market.routing=best_quote
python -m experiments.arena market=bonds_duopoly agents=[quadratic_desk,constant_depths,ppo_desk] episodes=2000
python -m experiments.arena market=book_duopoly agents=[join,inside,imbalance,glft,fixed_symmetric] episodes=2000
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from agents.policy import Policy
from experiments.config.agents import agent_config, build_policies, is_learner, load_run, named
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_makers
from experiments.evaluation import plots, table
from experiments.reporting.presenter import left_out
from experiments.runs import jobs
from experiments.studies import arena
from experiments.training.training_jobs import Training, train_all, trainings


@experiment("arena")
def main(cfg: DictConfig) -> float:
    """Print the table, write it and its figure; the highest mean objective against the others."""
    market, folder = _market(cfg), output_folder()
    asked = [entry for entry in cfg.agents if is_learner(entry)]
    named(cfg.agents)
    runs = [t for entry in asked for t in trainings(cfg, cfg.title, cfg.market, *agent_config(entry), folder)]
    strategies, refused = build_policies(cfg, market, [entry for entry in cfg.agents if not is_learner(entry)])
    if len(strategies) + len(runs) < 2:
        raise ValueError(f"agents must name at least two that the market allows, got {list(cfg.agents)}: {refused}")
    train_all(runs, cfg.jobs)
    policies = strategies | learnt(runs, market)
    played = arena.play_all(market, policies, cfg.episodes, cfg.seed)
    answers = arena.best_answers(market, policies, cfg.grid)
    rows, notes = arena.rows(played, answers), [*arena.NOTES, *answers.notes, *left_out(refused)]
    arena.table_of(cfg.title, played, rows, notes).print(arena.console(len(policies)))
    write(folder, cfg, played, rows, notes)
    return max(row.mean.value for row in rows)


def learnt(runs: list[Training], market: Any) -> dict[str, Policy]:
    """The trained policies, by name; of several seeds each by itself."""
    several = len({run.seed for run in runs}) > 1
    return {f"{r.agent}, seed {r.seed}" if several else r.agent: load_run(r.folder, market) for r in runs}


def write(folder: Path, cfg: DictConfig, played: Any, rows: Any, notes: list[str]) -> None:
    """arena.csv, arena.md and arena.png in `folder`, and what came of it in its notes."""
    found = arena.table_of(cfg.title, played, rows, notes)
    found.write_csv(folder / "arena.csv")
    found.write_markdown(folder / "arena.md")
    plots.save(folder, {"arena": arena.figure(played)})
    table.say_where(folder)
    jobs.note(folder, table={row.name: {"mean": row.mean.value, "elo": row.elo} for row in rows}, notes=notes)


def _market(cfg: DictConfig) -> Any:
    """The market. Raises: TypeError or ValueError unless two makers quote it."""
    market = build_makers(cfg)
    if market.makers != 2:
        raise ValueError(f"market.makers must be 2 in the arena, where agents meet in pairs, got {market.makers:g}")
    return market


if __name__ == "__main__":
    main()
