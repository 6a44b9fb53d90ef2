"""From policies to the table, the plots and the files of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.policy import Policy
from experiments import plots, table
from experiments.benchmarks import OPTIMUM, Benchmarks
from experiments.contest import Entry, contest
from mm_env.market import Market
from mm_env.metrics import Estimate


def show_contest(
    market: Market,
    policies: Mapping[str, Policy],
    benchmarks: Benchmarks,
    episodes: int,
    seed: int,
    title: str,
    refused: Mapping[str, str],
    folder: Path,
) -> tuple[list[Entry], dict[str, Estimate]]:
    """Let all meet the same noise; print the table and write it and the plots to `folder`. The rows, and the skills."""
    learners = frozenset(name for name, policy in policies.items() if hasattr(policy, "model"))
    entries = contest(market, policies, episodes, seed, learners | {OPTIMUM})
    skills = benchmarks.skills(entries, policies)
    notes = [*benchmarks.notes, *without_skill(benchmarks, entries)]
    table.show(title, entries, skills, refused, notes)
    table.write(folder, title, entries, skills, notes)
    shown = sorted(learners) or [next(entry.name for entry in entries if entry.name != OPTIMUM)]
    rival = next((e.name for e in entries if e.name == OPTIMUM), None) or next(
        (e.name for e in entries if e.name not in shown), shown[0]
    )
    curves = plots.quote_curves(market, shown[0], policies[shown[0]], rival, policies[rival])
    telling = [*shown, OPTIMUM, "best_fixed", "avellaneda_stoikov"]
    first = sorted(entries, key=lambda entry: telling.index(entry.name) if entry.name in telling else len(telling))
    plots.save(folder, {"quotes": curves, "profit": plots.profit_histogram(first[:4])})
    table.say_where(folder)
    return entries, skills


def without_skill(benchmarks: Benchmarks, entries: Sequence[Entry]) -> list[str]:
    """Why there is no skill, and who is the best that is known: one line where the market has no exact optimum."""
    if not benchmarks.missing:
        return []
    best = next(entry for entry in entries if entry.lead is None)
    objective = table.number(best.figures["objective"])
    known = f"there is no skill, and the best known strategy is {best.name}, with an objective of {objective}"
    return [f"{OPTIMUM} is left out: {benchmarks.missing}; {known}."]
