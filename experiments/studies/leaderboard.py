"""Learners and strategies on several markets, each learner from several seeds: one table, learning curves, quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from agents.policy import Policy
from experiments.config.agents import agent_config, build_policies, is_learner, load_run, named
from experiments.config.markets import build_market
from experiments.evaluation import leaderboard_table as standings
from experiments.evaluation import plots, table
from experiments.evaluation.common_noise import contest
from experiments.evaluation.leaderboard_table import Row
from experiments.evaluation.sample import Origin, Sample, met, of_runs, tables_sample
from experiments.evaluation.show import notes_on
from experiments.evaluation.skill_references import OPTIMUM, Benchmarks
from experiments.runs import jobs
from experiments.training.curve import read_curve
from experiments.training.training_jobs import Training, train_all, trainings
from mm_env.market import Market


@dataclass(frozen=True)
class Field:
    """Who competes on a market."""

    name: str
    sample: Sample
    strategies: dict[str, Policy]
    refused: dict[str, str]
    trainings: list[Training]
    known: list[str]  # of agents that have met the sample before

    @property
    def market(self) -> Market:
        return self.sample.market


def board(cfg: DictConfig, folder: Path) -> float:
    """Train the learners, let all compete, print and write the leaderboard; the worst median skill of the first learner.

    All is checked before any training. What `folder` already holds of it, finished or begun, is taken up from there.
    """
    named(cfg.agents)  # learners of one name would write to one folder
    fields = [
        field(cfg, str(name), config, folder) for name, config in (cfg.markets or {cfg.title: cfg.market}).items()
    ]
    asked = [training for one in fields for training in one.trainings]
    table.say([f"{one.name}: {line}" for one in fields for line in one.known])
    train_all(asked, cfg.jobs)
    competed = [compete(one, folder) for one in fields]
    rows = [row for found, _ in competed for row in found]
    notes = [f"{one.name}: {note}" for one, (_, said) in zip(fields, competed, strict=True) for note in said]
    standings.show(cfg.title, rows, notes)
    standings.write(folder, cfg.title, rows, notes)
    curves = {one.name: _curves(one.trainings) for one in fields if one.trainings}
    plots.save(folder, {"learning_curves": plots.learning_curves(curves) if curves else None})
    table.say_where(folder)
    jobs.note(folder, table={f"{row.market}, {r.name}": r._asdict() for row in rows for r in row.results}, notes=notes)
    first = asked[0].agent if asked else rows[0].agent
    return min(standings.order(row.median) for row in rows if row.agent == first)


def field(cfg: DictConfig, name: str, config: Any, folder: Path) -> Field:
    """The strategies, built, and the trainings, checked, of one market."""
    one = OmegaConf.create({"market": config})
    learners = [entry for entry in cfg.agents if is_learner(entry)]
    others, place = (
        [entry for entry in cfg.agents if not is_learner(entry)],
        f"markets.{name}" if cfg.markets else "market",
    )
    market = build_market(one)
    sample = tables_sample(cfg, market, cfg.episodes, cfg.seed, bool(learners), place)
    strategies, refused = build_policies(one, market, others)
    asked = [t for entry in learners for t in trainings(cfg, name, one.market, *agent_config(entry), folder)]
    origins = {f"{t.agent}, seed {t.seed}": Origin.of(t.config) for t in asked} | of_runs(others)
    return Field(name, sample, sample.taking(strategies), refused, asked, met(origins, sample, "seed"))


def compete(one: Field, folder: Path) -> tuple[list[Row], list[str]]:
    """All agents of a market in the same episodes, and notes; the tables of every policy and the quotes go to folder/market."""
    benchmarks, runs = Benchmarks.of(one.market), {f"{t.agent}, seed {t.seed}": t for t in one.trainings}
    learnt = {name: load_run(training.folder, one.market) for name, training in runs.items()}
    policies = {**one.strategies, **learnt, **benchmarks.policies}
    entries = contest(one.market, policies, one.sample.episodes, one.sample.seed, frozenset(learnt) | {OPTIMUM})
    skills = benchmarks.skills(entries, policies)
    rows = standings.rows(one.name, entries, policies, benchmarks, skills, runs)
    where = folder / one.name
    where.mkdir(exist_ok=True)
    about = notes_on(benchmarks, entries, skills, policies)
    notes = [*about, *one.sample.notes, *one.known]
    windows = entries[0].episodes.window is not None
    table.write(where, f"{one.name}, {one.sample.says}" if windows else one.name, entries, skills, notes)
    optimum = benchmarks.policies.get(OPTIMUM)
    if optimum is not None and one.trainings:
        middle = next(row for row in rows if row.agent == one.trainings[0].agent).median.name
        curves = plots.quote_curves(one.market, middle, policies[middle], OPTIMUM, optimum)
        plots.save(where, {"quotes": curves})
    return rows, [*([one.sample.says] if windows else []), *notes]


def _curves(asked: Sequence[Training]) -> dict[str, list[Any]]:
    curves: dict[str, list[Any]] = {}
    for training in asked:
        curves.setdefault(training.agent, []).append(read_curve(training.folder))
    return curves
