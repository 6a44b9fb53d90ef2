"""A report's runs as agents on markets, and the statistics of each pair over its seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.table import BESIDE, COLUMNS
from experiments.reporting.naming import flatten, labels
from experiments.reporting.runs import Run
from experiments.reporting.statistics import RESAMPLES, Interval, interval, pooled_iqm
from mm_env.metrics import Estimate

Floats = NDArray[np.float64]
DETAILS = {
    "skill": "skill",
    **{k: v for k, v in COLUMNS.items() if k not in ("skill", "lead")},
    "certainty_equivalent": "certainty equivalent (CARA)",
    **BESIDE,
    "seconds": "training s",
}


@dataclass(frozen=True)
class Study:
    """The finished runs under names that tell their configs apart, one a (market, agent, seed), and the rest.

    `compared` are the agents that have a skill on some market. `agents` are ordered by their interquartile mean over the
    `shared` markets, those on which all the compared have one; the others follow, and where there is no such market all
    are ordered by name.
    """

    runs: tuple[Run, ...]
    left: tuple[Run, ...] = ()  # that did not finish
    repeated: int = 0  # finished runs left out, as one of the same market, agent and seed is there
    strategies: Mapping[tuple[str, str], Estimate] = field(
        default_factory=dict
    )  # (market, strategy) -> simulated skill
    resamples: int = RESAMPLES
    seed: int = 0  # of the bootstrap

    @cached_property
    def markets(self) -> list[str]:
        return list(dict.fromkeys(sorted(run.market for run in self.runs)))

    @cached_property
    def agents(self) -> list[str]:
        names = sorted({run.agent for run in self.runs})
        ranked = [name for name in names if self.shared and name in self._skilled]
        means = {name: float(pooled_iqm([x[None] for x in self.strata(name)])[0]) for name in ranked}
        return sorted(names, key=lambda name: -means.get(name, -math.inf))

    @cached_property
    def compared(self) -> list[str]:
        return [name for name in self.agents if name in self._skilled]

    @cached_property
    def shared(self) -> list[str]:
        return [market for market in self.markets if self._skilled and all(map(self._has_skill(market), self._skilled))]

    @cached_property
    def _skilled(self) -> set[str]:
        """The agents all of whose seeds have a skill on some market."""
        return {run.agent for run in self.runs if self._has_skill(run.market)(run.agent)}

    def _has_skill(self, market: str) -> Callable[[str], bool]:
        return lambda agent: bool(len(s := self.values(agent, market)) and np.isfinite(s).all())

    def on(self, market: str) -> list[str]:
        """The agents that were trained on a market, in order."""
        return [agent for agent in self.agents if self.of(agent, market)]

    def of(self, agent: str, market: str) -> list[Run]:
        """The runs of an agent on a market, by seed."""
        found = [run for run in self.runs if (run.agent, run.market) == (agent, market)]
        return sorted(found, key=lambda run: run.seed)

    def values(self, agent: str, market: str, figure: str = "skill") -> Floats:
        """A figure of every seed, (seeds,); skill, objective and seconds are the run's, the rest its evaluation's."""
        return np.array([value(run, figure) for run in self.of(agent, market)])

    def figure(self, agent: str, market: str, figure: str = "skill") -> Interval | None:
        """Its interquartile mean over the seeds with the bootstrap interval; None if a seed lacks it, or there is none."""
        values = self.values(agent, market, figure)
        return self.interval(pooled_iqm, [values]) if len(values) and np.isfinite(values).all() else None

    @property
    def together(self) -> str:
        """What the shared markets are called: all, how many, or the one itself."""
        if self.shared == self.markets and len(self.shared) > 1:
            return "all markets"
        return self.shared[0] if len(self.shared) == 1 else f"{len(self.shared)} markets"

    def overall(self, agent: str) -> Interval | None:
        """The interquartile mean of the skill over all seeds of the shared markets; None of an agent that is not compared."""
        return self.interval(pooled_iqm, self.strata(agent)) if self.shared and agent in self._skilled else None

    def strata(self, agent: str) -> list[Floats]:
        """The skills on each of the shared markets."""
        return [self.values(agent, market) for market in self.shared]

    def interval(self, statistic: Callable[[Sequence[Floats]], Floats | float], strata: Sequence[Floats]) -> Interval:
        """A statistic with the bootstrap interval of this report."""
        return interval(statistic, strata, self.resamples, self.seed)


def value(run: Run, figure: str) -> float:
    """A figure of one run, NaN if it is not known."""
    if figure in ("skill", "objective", "seconds"):
        return float(getattr(run, figure))
    return run.figures[figure].value if figure in run.figures else math.nan


def study(
    runs: Sequence[Run], strategies: Mapping[tuple[Path | None, str, str], Estimate],
    resamples: int = RESAMPLES, seed: int = 0,
) -> Study:  # fmt: skip
    """The study of runs as `runs.find` gives them, and of strategies as `runs.strategies` does.

    Of a strategy that several tables of a market have, the most precise figure is taken.
    """
    done = _named([run for run in runs if run.finished])
    unique = {(run.market, run.agent, run.seed): run for run in done}
    market_of: dict[Path | None, str] = {run.folder: run.market for run in done}
    by_precision = sorted(strategies.items(), key=lambda item: -_imprecision(item[1]))
    beside = {(market_of.get(folder, name), who): skill for (folder, name, who), skill in by_precision}
    left = tuple(run for run in runs if not run.finished)
    return Study(tuple(unique.values()), left, len(done) - len(unique), beside, resamples, seed)


def _imprecision(skill: Estimate) -> float:
    return math.inf if math.isnan(skill.value) or math.isnan(skill.half_width) else skill.half_width


def _named(runs: Sequence[Run]) -> list[Run]:
    """The runs under names that tell their markets and agents apart."""
    named = {}
    for part in ("market", "agent"):
        settings = [flatten(run.config.get(part) or {}) for run in runs]
        named[part] = labels([getattr(run, part) for run in runs], settings)
    return [replace(run, market=m, agent=a) for run, m, a in zip(runs, named["market"], named["agent"], strict=True)]
