"""The leaderboard: learners, each from several seeds, and strategies on several markets, with learning curves and quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from agents.policy import Policy
from experiments.config.agents import agent_config, build_policies, is_learner, load_run, named
from experiments.config.markets import build_market
from experiments.evaluation import leaderboard_table, plots, state_plots, table
from experiments.evaluation.common_noise import evaluate_on_common_noise
from experiments.evaluation.leaderboard_table import LeaderboardRow
from experiments.evaluation.sample import Origin, Sample, evaluation_sample, of_runs, seen_in_training
from experiments.evaluation.show import notes_on
from experiments.evaluation.skill_references import OPTIMUM, SkillReferences
from experiments.reporting.presenter import left_out
from experiments.runs import jobs
from experiments.training.curve import read_curve
from experiments.training.training_jobs import Training, train_all, trainings
from mm_env.market import Market


@dataclass(frozen=True)
class Comparison:
    """The strategies and trainings that are compared on a market."""

    name: str
    sample: Sample
    strategies: dict[str, Policy]
    refused: dict[str, str]
    trainings: list[Training]
    known: list[str]  # of agents that have seen the sample in training

    @property
    def market(self) -> Market:
        return self.sample.market


def leaderboard(cfg: DictConfig, folder: Path) -> float:
    """Train the learners, evaluate all, print and write the leaderboard; the worst median skill of the first learner.

    All is checked before any training. What `folder` already holds of it, finished or begun, is taken up from there.
    """
    markets = {str(name): config for name, config in (cfg.markets or {cfg.title: cfg.market}).items()}
    check_market_agents(cfg.market_agents, list(markets))
    comparisons = [comparison(cfg, name, config, folder) for name, config in markets.items()]
    asked = [training for one in comparisons for training in one.trainings]
    table.say([f"{one.name}: {line}" for one in comparisons for line in one.known])
    train_all(asked, cfg.jobs)
    evaluated = [evaluate(one, folder) for one in comparisons]
    rows = [row for found, _ in evaluated for row in found]
    notes = [f"{one.name}: {note}" for one, (_, said) in zip(comparisons, evaluated, strict=True) for note in said]
    leaderboard_table.show(cfg.title, rows, notes)
    leaderboard_table.write(folder, cfg.title, rows, notes)
    curves = {one.name: _curves(one.trainings) for one in comparisons if one.trainings}
    plots.save(folder, {"learning_curves": plots.learning_curves(curves) if curves else None})
    table.say_where(folder)
    jobs.note(folder, table={f"{row.market}, {r.name}": r._asdict() for row in rows for r in row.results}, notes=notes)
    first = asked[0].agent if asked else rows[0].agent
    return min(leaderboard_table.order(row.median) for row in rows if row.agent == first)


def check_market_agents(asked: DictConfig, markets: Sequence[str]) -> None:
    """Refuse agents of a market that is none. Raises: ValueError with the markets that there are."""
    if unknown := [str(name) for name in asked if name not in markets]:
        raise ValueError(f"market_agents must be of markets among {', '.join(markets)}, got {', '.join(unknown)}")


def comparison(cfg: DictConfig, name: str, config: Any, folder: Path) -> Comparison:
    """The strategies, built, and the trainings, checked, of one market."""
    one, asked = OmegaConf.create({"market": config}), [*cfg.agents, *cfg.market_agents.get(name, [])]
    named(asked)  # learners of one name would write to one folder
    learners = [entry for entry in asked if is_learner(entry)]
    others, place = (
        [entry for entry in asked if not is_learner(entry)],
        f"markets.{name}" if cfg.markets else "market",
    )
    market = build_market(one)
    sample = evaluation_sample(cfg, market, cfg.episodes, cfg.seed, bool(learners), place)
    strategies, refused = build_policies(one, market, others)
    runs = [t for entry in learners for t in trainings(cfg, name, one.market, *agent_config(entry), folder)]
    origins = {f"{t.agent}, seed {t.seed}": Origin.of(t.config) for t in runs} | of_runs(others)
    known = seen_in_training(origins, sample, "seed")
    return Comparison(name, sample, sample.taking(strategies), refused, runs, known)


def evaluate(one: Comparison, folder: Path) -> tuple[list[LeaderboardRow], list[str]]:
    """The rows of a market and notes, all agents on common noise; every policy's table and the quotes go to folder/market."""
    references, runs = SkillReferences.of(one.market), {f"{t.agent}, seed {t.seed}": t for t in one.trainings}
    learnt = {name: load_run(training.folder, one.market) for name, training in runs.items()}
    policies = {**one.strategies, **learnt, **references.policies}
    entries = evaluate_on_common_noise(
        one.market, policies, one.sample.episodes, one.sample.seed, frozenset(learnt) | {OPTIMUM}
    )
    skills = references.skills(entries, policies)
    rows = leaderboard_table.rows(one.name, entries, policies, references, skills, runs)
    where = folder / one.name
    where.mkdir(exist_ok=True)
    about = notes_on(references, entries, skills, policies)
    notes = [*left_out(one.refused), *about, *one.sample.notes, *one.known]
    windows = entries[0].episodes.window is not None
    table.write(where, f"{one.name}, {one.sample.says}" if windows else one.name, entries, skills, notes)
    optimum = references.policies.get(OPTIMUM)
    if optimum is not None and one.trainings:
        middle = next(row for row in rows if row.agent == one.trainings[0].agent).median.name
        pair = (middle, policies[middle], OPTIMUM, optimum)
        drawn = {"quotes": plots.quote_curves(one.market, *pair)}
        plots.save(where, drawn | state_plots.figures(one.market, *pair))
    return rows, [*([one.sample.says] if windows else []), *notes]


def _curves(asked: Sequence[Training]) -> dict[str, list[Any]]:
    curves: dict[str, list[Any]] = {}
    for training in asked:
        curves.setdefault(training.agent, []).append(read_curve(training.folder))
    return curves
