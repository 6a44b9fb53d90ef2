"""The report's sections, in order: words, tables and pictures, in no markup yet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from experiments.evaluation.table import near
from experiments.reporting import episodes, scores
from experiments.reporting.formats import in_line, number
from experiments.reporting.presenter import TextTable
from experiments.reporting.reruns import Rerun
from experiments.reporting.scores import Picture, seeds
from experiments.reporting.statistics import Interval
from experiments.reporting.study import DETAILS, Study
from mm_env.metrics import Estimate

IQM = (
    "interquartile means over seeds (fewer than four seeds: means) with 95 % stratified-bootstrap intervals in brackets "
    "(Agarwal et al. 2021)"
)


@dataclass(frozen=True)
class Section:
    """One part of the page. `anchor` is its place in it; pictures stand in groups under headings of their own."""

    anchor: str
    title: str
    words: str
    table: TextTable | None = None
    groups: Mapping[str, Sequence[Picture]] = field(default_factory=dict)


def sections(study: Study, reruns: Sequence[Rerun], refused: Mapping[tuple[str, str], str]) -> Iterator[Section]:
    """The whole page. `refused` says why a pair of agent and market was not played again."""
    if study.left:
        yield unfinished(study)
    if not study.runs:
        return
    yield summary(study)
    if study.shared and len(study.compared) > 1:
        yield comparison(study)
    for market in study.markets:
        yield on_market(study, market, [each for each in reruns if each.market_name == market])
    if refused:
        rows = [[agent, market, why] for (agent, market), why in refused.items()]
        words = "What these runs left could not be played again, so there are no quotes and episodes of them."
        yield Section("not-shown", "Not shown", words, TextTable.of_text(["agent", "market", "why"], rows))
    yield every_run(study)


def summary(study: Study) -> Section:
    """Agents x markets, the learners over their seeds and the strategies that stood beside them."""
    everywhere = len(study.shared) > 1
    rows = [[agent, *_skills(study, agent, everywhere)] for agent in study.agents]
    names = dict.fromkeys(name for _, name in study.strategies)
    for name in sorted(names, key=lambda name: -_mean_skill(study, name)):
        found = [study.strategies.get((market, name)) for market in study.markets]
        rows.append([f"{name} (strategy)", *([""] * everywhere), *map(in_line, found)])
    skilled = study.compared or any(not math.isnan(skill.value) for skill in study.strategies.values())
    skill = "Skill: 0 is the best constant symmetric quoting of a market, 1 its exact optimum."
    words = (
        f"{skill if skilled else 'There is no skill: no optimum was found.'} Learners: {IQM}, and how many seeds. Strategies: "
        "one simulation, ± half a 95 % interval."
    )
    if study.shared != study.markets:
        without = [market for market in study.markets if market not in study.shared]
        words += f" Without a skill of every agent, and so not in the comparison: {', '.join(without)}."
    if study.shared and study.compared != study.agents:
        without = [agent for agent in study.agents if agent not in study.compared]
        words += f" Without a skill anywhere, and so not in the comparison either: {', '.join(without)}."
    if study.repeated:
        words += f" {study.repeated} runs of the same market, agent and seed as another were left out."
    columns = ["agent", *([study.together] * everywhere), *study.markets]
    return Section("summary", "Who is best", words, TextTable.of_text(columns, rows))


def comparison(study: Study) -> Section:
    """The agents against each other, on all markets that they share."""
    pictures = [scores.overall(study), scores.profiles(study), scores.improvements(study)]
    where = ", ".join(study.shared)
    words = f"On {where}, all seeds together. Intervals that do not overlap tell agents apart; ones that do may not."
    if len(study.compared) > scores.MOST:
        words += f" Profiles are of the first {scores.MOST} agents, pairs of the first {scores.PAIRED}."
    return Section("comparison", "Agent against agent", words, None, {"": [p for p in pictures if p is not None]})


def on_market(study: Study, market: str, reruns: Sequence[Rerun]) -> Section:
    """One market: every figure, the learning curves, and what the agents did."""
    agents = study.on(market)
    figures = {agent: [study.figure(agent, market, name) for name in DETAILS] for agent in agents}
    kept = [i for i in range(len(DETAILS)) if any(row[i] is not None for row in figures.values())]
    headings = ["agent", "seeds", *(list(DETAILS.values())[i] for i in kept)]
    rows = [
        [agent, str(len(study.of(agent, market))), *(shown(row[i]) for i in kept)] for agent, row in figures.items()
    ]
    groups = {"Learning": list(scores.curves(study, market))}
    for each in reruns:
        drawn = (episodes.quotes(each), episodes.fans(each), episodes.worst(each), *episodes.by_state(each))
        groups[each.agent] = [picture for picture in drawn if picture is not None]
    words = f"All figures are {IQM}; money in price units, inventory in units of the asset."
    if len(agents) > scores.MOST:
        words += f" Pictures are of the first {scores.MOST} agents."
    if reruns and reruns[0].best_paths is None:
        words += " This market has no exact optimum to draw beside."
    words += "".join(f" {said}" for said in remarks(study, market))
    return Section(
        f"market-{study.markets.index(market) + 1}", market, words, TextTable.of_text(headings, rows), groups
    )


def remarks(study: Study, market: str) -> Iterator[str]:
    """What the figures of a market do not say by themselves: of recorded windows, and of what stood below the runs' tables."""
    runs = [run for agent in study.on(market) for run in study.of(agent, market)]
    windows = sorted({run.windows for run in runs if run.windows})
    if windows:
        count = " or ".join(map(str, windows))
        yield (
            f"They are of {count} windows of a recorded day, the same for all seeds: these intervals tell how seeds differ, "
            "and those of the runs' own tables how windows do. Learning curves are of the windows that were trained on."
        )
    said: dict[str, list[str]] = {}
    for run in runs:
        for note in run.notes:
            said.setdefault(note, []).append(f"{run.agent}, seed {run.seed}")
    for note, who in said.items():
        yield note if len(who) == len(runs) else f"{'; '.join(who)}: {note}"


def unfinished(study: Study) -> Section:
    """The runs that failed or never came to an end, and why."""
    rows = [
        [f"{run.agent} on {run.market}, seed {run.seed}", run.status, run.error, str(near(run.folder))]
        for run in study.left
    ]
    total = len(study.left) + len(study.runs) + study.repeated
    words = f"{len(study.left)} of {total} runs are not in the figures below."
    table = TextTable.of_text(["run", "status", "why", "folder"], rows)
    return Section("unfinished", "Runs that did not finish", words, table)


def every_run(study: Study) -> Section:
    """The seeds one by one."""
    ordered = [run for agent in study.agents for market in study.markets for run in study.of(agent, market)]
    rows = [
        [
            run.agent,
            run.market,
            str(run.seed),
            *(_plain(x) for x in (run.skill, run.objective, run.seconds)),
            str(near(run.folder)),
        ]
        for run in ordered
    ]
    words = "Seed by seed; runs.csv holds every figure of them."
    headings = ["agent", "market", "seed", "skill", "objective", "training s", "folder"]
    return Section("runs", "Every run", words, TextTable.of_text(headings, rows))


def shown(found: Interval | None) -> str:
    """`0.994 [0.993, 0.996]`, to the decimals that the interval's width allows; a dash for nothing."""
    if found is None:
        return "—"
    value, low, high = map(float, found)
    half = (high - low) / 2.0
    if half == 0.0:
        return number(Estimate(value, 0.0))
    return f"{number(Estimate(value, half))} [{number(Estimate(low, half))}, {number(Estimate(high, half))}]"


def _skills(study: Study, agent: str, everywhere: bool) -> Iterator[str]:
    if everywhere:
        yield shown(study.overall(agent))
    for market in study.markets:
        count = len(study.of(agent, market))
        yield f"{shown(study.figure(agent, market))} ({seeds(count)})" if count else ""


def _mean_skill(study: Study, strategy: str) -> float:
    return float(np.mean([skill.value for (_, name), skill in study.strategies.items() if name == strategy]))


def _plain(value: float) -> str:
    return "—" if np.isnan(value) else f"{value:.4g}"
