"""Figures of scores: one axis each, so that they are read on a telephone as on a desk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.evaluation.plots import COLORS, INK, aligned, plain
from experiments.reporting.statistics import curve_iqm, improvement, pooled_iqm, profile
from experiments.reporting.study import Study

Floats = NDArray[np.float64]
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
    agents = study.compared[:LISTED]
    figure, axis = sheet(0.9 + 0.36 * len(agents))
    for place, agent in enumerate(agents):
        found, color = study.interval(pooled_iqm, study.strata(agent)), COLORS[place % MOST]
        value, low, high = (max(float(x), FLOOR) for x in found)
        axis.plot([low, high], [place, place], color=color, lw=5, alpha=0.35)
        axis.plot(value, place, "o" if value > FLOOR else "<", color=color, ms=5)
    axis.set_yticks(range(len(agents)), [f"{shortened(agent)}\n{runs(study, agent)}" for agent in agents])
    axis.set(xlabel="skill (interquartile mean)", ylim=(len(agents) - 0.5, -0.5))
    says = "A dot is the interquartile mean of the skill, the bar its 95 % interval; 1 is the exact optimum."
    below = any(pooled_iqm([each[None] for each in study.strata(agent)])[0] <= FLOOR for agent in agents)
    return Picture("overall", figure, says + f" An arrow stands for a skill below {FLOOR:g}." * below)


def profiles(study: Study) -> Picture:
    """The share of runs above each skill."""
    agents, scores = study.compared[:MOST], [s for a in study.compared[:MOST] for each in study.strata(a) for s in each]
    levels = np.linspace(max(FLOOR, min(scores)) - 0.02, max(1.0, *scores) + 0.005, 300)
    figure, axis = sheet(2.8 + 0.17 * len(agents))
    for agent, color in zip(agents, COLORS):
        found = study.interval(profile(levels), study.strata(agent))
        axis.fill_between(levels, found.low, found.high, color=color, alpha=0.2, lw=0)
        axis.plot(levels, found.value, color=color, lw=1.6, label=f"{shortened(agent, 40)} ({runs(study, agent)})")
    axis.set(xlabel="skill", ylabel="share of runs above it", ylim=(-0.02, 1.02))
    legend(figure, axis)
    says = "How many of an agent's runs exceed a skill: the further up and to the right, the better; bands are 95 % intervals."
    return Picture("profiles", figure, says)


def improvements(study: Study) -> Picture | None:
    """The probability that a run of one agent beats one of another, for each pair; None of a single agent."""
    pairs = list(combinations(study.compared[:PAIRED], 2))
    if not pairs:
        return None
    figure, axis = sheet(0.9 + 0.42 * len(pairs))
    for place, (x, y) in enumerate(pairs):
        found = improvement(study.strata(x), study.strata(y), study.resamples, study.seed)
        axis.plot([found.low, found.high], [place, place], color=INK, lw=5, alpha=0.3)
        axis.plot(found.value, place, "o", color=INK, ms=5)
    axis.axvline(0.5, color=INK, lw=0.8, ls=":")
    axis.set_yticks(range(len(pairs)), [f"{shortened(x, 20)}\nover {shortened(y, 20)}" for x, y in pairs])
    axis.set(xlabel="P(first beats second)", xlim=(-0.03, 1.03), ylim=(len(pairs) - 0.5, -0.5))
    says = "How likely a run of the first agent beats a run of the second on the same market; at 1/2 neither is better."
    return Picture("improvements", figure, says)


def curves(study: Study, market: str) -> Iterator[Picture]:
    """Skill (objective where there is none) over lane-steps and over seconds of training, of the first agents."""
    found = {
        agent: [run.curve for run in study.of(agent, market) if len(run.curve)] for agent in study.on(market)[:MOST]
    }
    shown = {agent: each for agent, each in found.items() if each}
    skilled = all(np.isfinite(curve[:, 2]).all() for each in shown.values() for curve in each)
    score = "skill" if skilled else "objective"
    says = f"{market}: {score} on the way, the interquartile mean of the seeds and its 95 % interval."
    if shown:
        yield Picture("curves_steps", _curves(study, shown, score, 0, 1e6, "million lane-steps"), says)
        yield Picture("curves_seconds", _curves(study, shown, score, 1, 1.0, "seconds of training"), says)


def _curves(
    study: Study, shown: Mapping[str, Sequence[Floats]], score: str, abscissa: int, unit: float, label: str
) -> Figure:
    figure, axis = sheet(2.8 + 0.17 * len(shown))
    lowest = 1.0
    for (agent, each), color in zip(shown.items(), COLORS):
        x, scores = aligned(each, abscissa, unit, 2 if score == "skill" else 3)
        band = study.interval(curve_iqm, [scores])
        axis.fill_between(x, band.low, band.high, color=color, alpha=0.2, lw=0)
        axis.plot(x, band.value, color=color, lw=1.6, label=f"{shortened(agent, 40)} ({seeds(len(each))})")
        lowest = min(lowest, float(np.min(band.low)))
    if score == "skill":
        axis.set_ylim(max(FLOOR, lowest), 1.03)
        axis.axhline(1.0, color=INK, lw=0.8, ls=":")
    axis.set(xlabel=label, ylabel=f"{score} (interquartile mean)")
    legend(figure, axis)
    return figure


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


def legend(figure: Figure, axis: Any, columns: int = 1) -> None:
    """Names of the lines, below the picture."""
    named = axis.get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=columns, frameon=False, fontsize=8)


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
