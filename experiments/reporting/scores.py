"""Pictures of scores: one axis each, so that they are read on a telephone as on a desk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import COLORS, INK, aligned, plain
from experiments.reporting.statistics import curve_iqm, improvement, pooled_iqm, profile
from experiments.reporting.study import Study

WIDTH, MOST = 4.3, len(COLORS)  # inches; agents in one picture of lines
LISTED, PAIRED = 25, 5  # in one that lists agents, in one of pairs
FLOOR = -1.0  # a skill below it is as bad as any


class Picture(NamedTuple):
    """A figure with the name of its file and what it shows, in words."""

    name: str
    figure: Figure
    says: str


def overall(study: Study) -> Picture:
    """The interquartile mean over all shared markets, by agent."""
    agents = study.agents[:LISTED]
    figure, axis = sheet(0.9 + 0.36 * len(agents))
    for place, agent in enumerate(agents):
        found = study.interval(pooled_iqm, study.strata(agent))
        axis.plot([found.low, found.high], [place, place], color=COLORS[place % MOST], lw=5, alpha=0.35)
        axis.plot(found.value, place, "o", color=COLORS[place % MOST], ms=5)
    axis.set_yticks(range(len(agents)), [f"{shortened(agent)}\n{runs(study, agent)}" for agent in agents])
    axis.set(xlabel="skill, interquartile mean over seeds and markets", ylim=(len(agents) - 0.5, -0.5))
    says = "A dot is the interquartile mean of the skill, the bar its 95 % interval; 1 is the exact optimum."
    return Picture("overall", figure, says)


def profiles(study: Study) -> Picture:
    """The share of runs above each skill."""
    agents, scores = study.agents[:MOST], [s for a in study.agents[:MOST] for each in study.strata(a) for s in each]
    levels = np.linspace(max(FLOOR, min(scores)) - 0.02, max(1.0, *scores) + 0.005, 300)
    figure, axis = sheet(3.0)
    for agent, color in zip(agents, COLORS):
        found = study.interval(profile(levels), study.strata(agent))
        axis.fill_between(levels, found.low, found.high, color=color, alpha=0.2, lw=0)
        axis.plot(levels, found.value, color=color, lw=1.6, label=f"{shortened(agent)} ({runs(study, agent)})")
    axis.set(xlabel="skill", ylabel="share of runs above it", ylim=(-0.02, 1.02))
    legend(axis, "lower left")
    says = "How many of an agent's runs exceed a skill: the further up and to the right, the better; bands are 95 % intervals."
    return Picture("profiles", figure, says)


def improvements(study: Study) -> Picture | None:
    """The probability that a run of one agent beats one of another, for each pair; None of a single agent."""
    pairs = list(combinations(study.agents[:PAIRED], 2))
    if not pairs:
        return None
    figure, axis = sheet(0.9 + 0.42 * len(pairs))
    for place, (x, y) in enumerate(pairs):
        found = improvement(study.strata(x), study.strata(y), study.resamples, study.seed)
        axis.plot([found.low, found.high], [place, place], color=INK, lw=5, alpha=0.3)
        axis.plot(found.value, place, "o", color=INK, ms=5)
    axis.axvline(0.5, color=INK, lw=0.8, ls=":")
    axis.set_yticks(range(len(pairs)), [f"{shortened(x, 14)}\nover {shortened(y, 14)}" for x, y in pairs])
    axis.set(xlabel="P(a run of the first beats one of the second)", xlim=(-0.03, 1.03), ylim=(len(pairs) - 0.5, -0.5))
    says = "How likely a run of the first agent beats a run of the second on the same market; at 1/2 neither is better."
    return Picture("improvements", figure, says)


def curves(study: Study, market: str) -> Iterator[Picture]:
    """Skill (objective where there is none) over lane-steps and over seconds of training, of up to six agents."""
    found = {agent: [run.curve for run in study.of(agent, market) if len(run.curve)] for agent in study.agents}
    shown = {agent: each for agent, each in list(found.items())[:MOST] if each}
    column = 2 if all(np.isfinite(curve[:, 2]).all() for each in shown.values() for curve in each) else 3
    score = "skill" if column == 2 else "objective"
    for abscissa, name, unit, label in (
        (0, "steps", 1e6, "million lane-steps"),
        (1, "seconds", 1.0, "seconds of training"),
    ):
        figure, axis = sheet(3.0)
        lowest = []
        for (agent, each), color in zip(shown.items(), COLORS):
            x, scores = aligned(each, abscissa, unit, column)
            band = study.interval(curve_iqm, [scores])
            axis.fill_between(x, band.low, band.high, color=color, alpha=0.2, lw=0)
            axis.plot(x, band.value, color=color, lw=1.6, label=f"{shortened(agent)} ({seeds(len(each))})")
            lowest.append(np.min(band.low))
        if score == "skill" and lowest:
            axis.set_ylim(max(FLOOR, min(lowest)), 1.03)
            axis.axhline(1.0, color=INK, lw=0.8, ls=":")
        axis.set(xlabel=label, ylabel=f"{score}, interquartile mean")
        legend(axis)
        says = f"{market}: {score} on the way, the interquartile mean of the seeds and its 95 % interval."
        if shown:
            yield Picture(f"curves_{name}", figure, says)


def sheet(height: float, rows: int = 1) -> tuple[Figure, Any]:
    """A figure of one width with its axis (or `rows` of them, one below the other, over the same abscissa)."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True)
    for axis in np.ravel(axes):
        plain(axis)
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_size(9)
        axis.yaxis.label.set_size(9)
    return figure, axes


def legend(axis: Any, place: str = "best") -> None:
    """Names of the lines, if there are any."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(frameon=False, fontsize=8, loc=place)


def shortened(name: str, most: int = 26) -> str:
    """A name of at most `most` characters."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def runs(study: Study, agent: str) -> str:
    """How many of an agent are in the comparison: `15 runs`."""
    count = sum(map(len, study.strata(agent)))
    return f"{count} run{'s' * (count != 1)}"


def seeds(count: int) -> str:
    """`1 seed`, `5 seeds`."""
    return f"{count} seed{'s' * (count != 1)}"
