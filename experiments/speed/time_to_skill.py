"""Trainings that are watched by their exact skill, with the watching's time taken out."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf
from rich.progress import track
from stable_baselines3.common.callbacks import BaseCallback

from agents.learning.sb3 import TrainedPolicy
from experiments.config.agents import agent_config, named
from experiments.config.markets import build, build_market
from experiments.evaluation.skill_references import SkillReferences
from experiments.reporting.presenter import TextTable
from mm_env.market import Market
from mm_env.markets import market_named


class Reached(NamedTuple):
    """When a training first had each of some skills: seconds of the processor's time, NaN for never."""

    market: str
    agent: str
    seed: int
    seconds: tuple[float, ...]
    steps: int  # lane-steps trained in all
    spent: float  # seconds in all
    skill: float  # the last

    @staticmethod
    def heading(skills: Sequence[float]) -> str:
        """The first line of a CSV of them."""
        return ",".join(["market,agent,seed", *(f"seconds to {skill:g}" for skill in skills), "steps,seconds,skill"])

    @property
    def line(self) -> str:
        """Itself as a line of CSV."""
        times = ",".join(f"{seconds:.3f}" for seconds in self.seconds)
        return f"{self.market},{self.agent},{self.seed},{times},{self.steps},{self.spent:.3f},{self.skill:.5f}"


class Watch(BaseCallback):
    """Notes when a model first has each of `skills`, which are evaluated exactly `evaluations` times at most, and ends the
    training with the last of them. The clock is the processor's, of all threads, and stands still meanwhile."""

    def __init__(self, references: SkillReferences, skills: Sequence[float], every: int) -> None:
        super().__init__()
        self.references, self.skills, self.every = references, skills, every
        self.seconds, self.due, self.spent = [math.nan] * len(skills), every, 0.0
        self.skill, self._since = math.nan, time.process_time()

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.due:
            self._look()
            self.due += self.every

    def _on_step(self) -> bool:
        return any(math.isnan(seconds) for seconds in self.seconds)

    def _on_training_end(self) -> None:
        self._look()

    def _look(self) -> None:
        self.spent += time.process_time() - self._since
        skill = self.references.exact_skill(TrainedPolicy(self.model))
        if skill is None:
            raise ValueError(f"the skill of what {type(self.model).__name__} learns here is not known exactly")
        self.skill = skill
        for i, wanted in enumerate(self.skills):
            if skill >= wanted and math.isnan(self.seconds[i]):
                self.seconds[i] = self.spent
        self._since = time.process_time()


def all_reached(cfg: DictConfig, keep: Callable[[list[Reached]], Any]) -> list[Reached]:
    """Every agent of cfg on every market from every seed; agents in turn, so that they meet the same moods of a machine.
    After each training `keep` is given all that are done."""
    configs = {name: agent_config(entry)[1] for name, entry in named(cfg.agents).items()}
    for name, config in configs.items():
        if "algorithm" not in (config or {}):
            raise ValueError(f"agents must be learners, got {name}")
    learners: dict[str, Any] = {name: build(config) for name, config in configs.items()}
    markets = {name: market_named(name) for name in cfg.markets}
    markets |= {name: build_market(OmegaConf.create({"market": entry})) for name, entry in cfg.composed.items()}
    for learner in learners.values():
        for market in markets.values():
            learner.check(market)
    found, asked = [], [(m, seed, a) for m in markets for seed in cfg.seeds for a in learners]
    references: dict[str, SkillReferences] = {}
    for name, seed, agent in track(asked, "training"):
        if name not in references:
            references[name] = _references(name, markets[name])
            for learner in learners.values():
                _rehearse(learner, markets[name])
        every = max(1, int(learners[agent].total_steps) // cfg.evaluations)
        watch = Watch(references[name], list(cfg.skills), every)
        model = learners[agent].train(markets[name], seed, None, [watch]).model
        found.append(Reached(name, agent, seed, tuple(watch.seconds), model.num_timesteps, watch.spent, watch.skill))
        keep(found)
    return found


def table_of(title: str, found: Sequence[Reached], skills: Sequence[float]) -> TextTable:
    """Median and worst seed by market and agent, and the median as a share of the first agent's."""
    agents, rows = list(dict.fromkeys(one.agent for one in found)), []
    for market in dict.fromkeys(one.market for one in found):
        first: list[float] = []
        for agent in agents:
            runs = [one for one in found if (one.market, one.agent) == (market, agent)]
            times = [[_never(one.seconds[i]) for one in runs] for i in range(len(skills))]
            medians = [statistics.median(each) for each in times]
            first = first or medians
            cells = [
                text
                for median, each, before in zip(medians, times, first, strict=True)
                for text in (f"{_told(median)} ({_told(max(each))})", _share(median, before))
            ]
            rate = statistics.median(one.steps / one.spent for one in runs)
            skill = f"{statistics.median(one.skill for one in runs):.4f}"
            rows.append([f"{market}, {agent}", str(len(runs)), *cells, f"{rate:,.0f}", skill])
    headings = [text for skill in skills for text in (f"s to {skill:g}, median (worst)", f"share of {agents[0]}")]
    return TextTable.of_text(
        ["market, learner", "seeds", *headings, "lane-steps a second", "skill at the end"], rows, title
    )


def _references(name: str, market: Market) -> SkillReferences:
    found = SkillReferences.of(market)
    if found.best is None:
        raise ValueError(f"markets must have an exact optimum, which {name} has not: {found.missing}")
    return found


def _rehearse(learner: Any, market: Market) -> None:
    """Make the machine code that a training needs, by its first rollout: it is kept on the disk, and made once."""

    class Once(BaseCallback):
        def _on_rollout_end(self) -> None:
            self.done = True

        def _on_step(self) -> bool:
            return not getattr(self, "done", False) and self.num_timesteps < 2 * learner.num_envs * _ROLLOUT

    learner.train(market, 0, None, [Once()])


_ROLLOUT = 64  # steps of a rehearsal at most


def _never(seconds: float) -> float:
    return math.inf if math.isnan(seconds) else seconds


def _told(seconds: float) -> str:
    return f"{seconds:.1f}" if math.isfinite(seconds) else "never"


def _share(seconds: float, before: float) -> str:
    return f"{seconds / before:.2f}" if math.isfinite(seconds) and math.isfinite(before) else "—"
