"""The evaluation of policies as a table, plots and files of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.policy import Policy
from experiments.evaluation import plots, state_plots, table
from experiments.evaluation.common_noise import Entry, evaluate_on_common_noise
from experiments.evaluation.sample import Sample
from experiments.evaluation.skill_references import OPTIMUM, SkillReferences
from experiments.reporting.formats import number
from mm_env.metrics import Estimate


def show_evaluation(
    shown: Sample,
    policies: Mapping[str, Policy],
    references: SkillReferences,
    title: str,
    refused: Mapping[str, str],
    folder: Path,
    seen: Sequence[str] = (),
) -> tuple[list[Entry], dict[str, Estimate], list[str]]:
    """Evaluate all on the same episodes; print the table and write it and the plots to `folder`.

    The rows, the skills, and the notes below the table; `seen` is what is to be said of agents that know these episodes.
    """
    market, title = shown.market, f"{title}, {shown.says}"
    learners = frozenset(name for name, policy in policies.items() if policy.learnt)
    entries = evaluate_on_common_noise(market, policies, shown.episodes, shown.seed, learners | {OPTIMUM})
    skills = references.skills(entries, policies)
    notes = [*notes_on(references, entries, skills, policies), *shown.notes, *seen]
    table.show(title, entries, skills, refused, notes)
    table.write(folder, title, entries, skills, notes)
    drawn = sorted(learners) or [next(entry.name for entry in entries if entry.name != OPTIMUM)]
    rival = next((e.name for e in entries if e.name == OPTIMUM), None) or next(
        (e.name for e in entries if e.name not in drawn), drawn[0]
    )
    pair = (drawn[0], policies[drawn[0]], rival, policies[rival])
    telling = [*drawn, OPTIMUM, "best_fixed", "avellaneda_stoikov"]
    first = sorted(entries, key=lambda entry: telling.index(entry.name) if entry.name in telling else len(telling))
    figures = {"quotes": plots.quote_curves(market, *pair), "profit": plots.profit_histogram(first[:4])}
    plots.save(folder, figures | state_plots.figures(market, *pair))
    table.say_where(folder)
    return entries, skills, notes


def notes_on(
    references: SkillReferences,
    entries: Sequence[Entry],
    skills: Mapping[str, Estimate],
    policies: Mapping[str, Policy],
) -> list[str]:
    """What a reader of the table has to know of the objective, of the optimum, and of who beats it."""
    notes = [*references.of_objective, *references.notes, *without_skill(references, entries, policies)]
    return [*notes, *references.better_than_optimum(skills, policies)]


def without_skill(references: SkillReferences, entries: Sequence[Entry], policies: Mapping[str, Policy]) -> list[str]:
    """Why there is no skill, and the best strategy that was evaluated, if any: a line if the market has no exact optimum."""
    if not references.missing:
        return []
    missing = f"{OPTIMUM} is left out: {references.missing}; there is no skill"
    best = next((entry for entry in entries if not policies[entry.name].learnt), None)
    if best is None:
        return [f"{missing}."]
    objective = number(best.figures["objective"])
    return [f"{missing}, and the best known strategy is {best.name}, with an objective of {objective}."]
