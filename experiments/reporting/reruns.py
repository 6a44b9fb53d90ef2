"""Trajectories of trained runs, played once more with all that happens on the way kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from omegaconf import OmegaConf

from agents.policy import Policy, as_policy
from experiments.config.agents import load_run
from experiments.config.checks import plainly
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from experiments.evaluation import state_plots
from experiments.evaluation.plots import depth_table
from experiments.evaluation.sample import OPTION, evaluation_sample
from experiments.evaluation.skill_references import OPTIMUM, SkillReferences
from experiments.reporting.files import MODEL
from experiments.reporting.runs import Run
from mm_env.market import Market
from mm_env.rollout import steps
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
NOISE = 3_000_003  # the seed of the episodes that are shown; neither training nor a table uses it
PERCENTILES = (5, 25, 50, 75, 95)


class Paths(NamedTuple):
    """What happened in each of n episodes, by step; money in price units."""

    times: Floats  # (steps + 1,)
    inventory: Floats  # (steps + 1, n)
    profit: Floats  # (steps + 1, n), marked to the mid
    mid: Floats  # (steps + 1, n)


def follow(market: Market, policy: Policy, episodes: int, seed: int = NOISE) -> Paths:
    """Episode 0 of `seed` in `episodes` lanes, step by step."""
    player, simulation = as_policy(policy), Simulation(market, episodes)
    player.forget()
    played = steps(simulation, player.act, seed)
    states = [simulation.state, *(simulation.state for _ in played)]
    times = np.linspace(0.0, market.clock.horizon, market.clock.steps + 1)
    seen = (
        [state.account.inventory for state in states], [state.tally.profit for state in states],
        [state.mid for state in states],
    )  # fmt: skip
    return Paths(times, *map(np.array, seen))


def pooled(paths: Sequence[Paths]) -> Paths:
    """The episodes of all seeds side by side."""
    columns = ([getattr(each, name) for each in paths] for name in ("inventory", "profit", "mid"))
    return Paths(paths[0].times, *(np.concatenate(column, axis=1) for column in columns))


def fan(values: Floats) -> Floats:
    """The percentiles 5, 25, 50, 75, 95 over episodes at each step: (steps + 1, n) -> (5, steps + 1)."""
    return np.asarray(np.percentile(values, PERCENTILES, axis=1), np.float64)


@dataclass(frozen=True)
class Rerun:
    """An agent on a market once more, from every seed whose model is there, on the same noise as the optimum."""

    agent: str
    market_name: str
    market: Market
    seeds: tuple[int, ...]
    paths: tuple[Paths, ...]  # one a seed
    depths: tuple[Floats, ...]  # bid and ask depth (rows, levels, 2) of each seed; empty if they depend on more
    best_paths: Paths | None  # the optimum's
    best_depths: Floats | None
    by_state: dict[str, Figure] = field(default_factory=dict)  # of the first seed, `evaluation.state_plots`

    @property
    def episodes(self) -> int:
        return sum(each.profit.shape[1] for each in self.paths)


def rerun(runs: Sequence[Run], episodes: int, solved: dict[str, SkillReferences]) -> Rerun:
    """The runs of an agent on a market, each over `episodes` episodes.

    `solved` keeps what markets' optima are, by name, from one call to the next.

    Raises: ValueError if none of them left a model.
    """
    there = [run for run in runs if (run.folder / MODEL).is_file() and run.config]
    if not there:
        raise ValueError("no run left a model")
    first = there[0]
    whole = run_config(first.folder)
    config = OmegaConf.create({name: whole[name] for name in ("market", OPTION) if name in whole})
    shown = evaluation_sample(config, build_market(config), episodes, NOISE)
    market, episodes = shown.market, shown.episodes
    policies = [load_run(run.folder, market) for run in there]
    if first.market not in solved:
        solved[first.market] = SkillReferences.of(market)
    best = solved[first.market].policies.get(OPTIMUM)
    tables = [depth_table(market, policy) for policy in policies]
    return Rerun(
        first.agent, first.market, market, tuple(run.seed for run in there),
        tuple(follow(market, policy, episodes) for policy in policies),
        tuple(table for table in tables if table is not None),
        None if best is None else follow(market, best, episodes),
        None if best is None else depth_table(market, best), _by_state(market, first.agent, policies[0], best),
    )  # fmt: skip


def _by_state(market: Market, agent: str, policy: Policy, best: Policy | None) -> dict[str, Figure]:
    """The figures of what decides beside time and inventory, beside the optimum; none where there is none."""
    drawn = {} if best is None else state_plots.figures(market, agent, policy, OPTIMUM, best)
    return {name: figure for name, figure in drawn.items() if figure is not None}


def reruns(
    pairs: Iterable[tuple[str, str]], of: Callable[[str, str], Sequence[Run]], episodes: int
) -> tuple[list[Rerun], dict[tuple[str, str], str]]:
    """What could be played again of the `pairs` of agent and market, and why the others could not."""
    solved: dict[str, SkillReferences] = {}
    found, refused = [], {}
    for pair in pairs:
        try:
            found.append(rerun(of(*pair), episodes, solved))
        except Exception as reason:  # a model of other packages, a class that is gone: the rest is shown all the same
            refused[pair] = plainly(reason)
    return found, refused
