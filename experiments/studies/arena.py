"""The arena: what each agent earns as one of two makers against each other, ratings, and the exact best answer to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from tqdm import tqdm

from agents.exact.nodes import Unsolvable
from agents.exact.two_makers import TwoMakers
from agents.makers.elo import elo_ratings
from agents.makers.seats import play_seats
from agents.policy import Policy, tabulate
from experiments.evaluation.plots import INK
from experiments.reporting.formats import HALF_WIDTH, estimate
from experiments.reporting.presenter import Cell, Column, TextTable, screen
from mm_env.metrics import Estimate, mean

Floats = NDArray[np.float64]
NOTES = (
    "A row's agent against each column's: the objective of an episode, ± the half-width of a 95 % interval; all pairs meet the "
    "same noise. Elo is of who earned more in a world, over all pairs.",
)
EXPLOITABLE = (
    "The best answer to an agent, who sees both inventories, is exact up to its grid of depths; exploitability is what it "
    "earns more against the agent than the agent does against itself."
)


@dataclass(frozen=True)
class Played:
    """What came of all pairs: objectives (n, n, worlds) of the row's agent against the column's."""

    names: tuple[str, ...]
    objectives: Floats


@dataclass(frozen=True)
class Answers:
    """Name -> what the best answer to it earns, and what it earns against itself, exactly; and what is to be said of them."""

    best: dict[str, float] = field(default_factory=dict)
    itself: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArenaRow:
    """One agent: against each, the mean over the others, its rating, and how exploitable it is (NaN where not known)."""

    name: str
    against: tuple[Estimate, ...]
    mean: Estimate
    elo: float
    best_answer: float
    exploitability: float


def play_all(market: Any, policies: Mapping[str, Policy], worlds: int, seed: int) -> Played:
    """Every agent at the first seat against every one at the second, in the same worlds."""
    names, n = tuple(policies), len(policies)
    objectives = np.empty((n, n, worlds))
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    for i, j in tqdm(pairs, desc="playing", unit="pair", leave=False, delay=0.5):
        first, second = play_seats(market, [policies[names[i]], policies[names[j]]], worlds, seed)
        objectives[j, i], objectives[i, j] = second.objective, first.objective
    return Played(names, objectives)


def best_answers(market: Any, policies: Mapping[str, Policy], grid: int) -> Answers:
    """The exact best answers to those agents that are tables, on `grid` depths a side; none where the market has none."""
    if not grid:
        return Answers()
    try:
        two = TwoMakers(market)
    except Unsolvable as error:
        return Answers(notes=(f"The best answers are left out: {error}.",))
    best, itself = {}, {}
    for name, policy in policies.items():
        found = tabulate(market, policy)
        if found is not None:
            depths = found.depths()
            ends = np.minimum(np.quantile(depths, [0.0, 1.0]), 10.0 * np.median(depths))
            best[name] = two.best_response(depths, np.linspace(min(ends[0], 0.0), ends[1], grid)).worth
            itself[name] = two.worth(depths, depths).first
    return Answers(best, itself, (EXPLOITABLE,))


def rows(played: Played, answers: Answers) -> list[ArenaRow]:
    """The agents by descending mean objective against the others."""
    names, objectives = played.names, played.objectives
    others = ~np.eye(len(names), dtype=bool)
    won = (objectives > objectives.swapaxes(0, 1)).mean(axis=-1) + 0.5 * (objectives == objectives.swapaxes(0, 1)).mean(
        axis=-1
    )
    ratings = elo_ratings(won * objectives.shape[-1])
    nan = float("nan")
    found = [
        ArenaRow(
            name, tuple(mean(each) for each in objectives[i]), mean(objectives[i][others[i]].mean(axis=0)),
            float(ratings[i]), answers.best.get(name, nan), answers.best.get(name, nan) - answers.itself.get(name, nan),
        )
        for i, name in enumerate(names)
    ]  # fmt: skip
    return sorted(found, key=lambda row: -row.mean.value)


def table_of(title: str, played: Played, found: Sequence[ArenaRow], notes: Sequence[str]) -> TextTable:
    """A row for each agent, and a column for each that it met, in the order of the rows."""
    order = [played.names.index(row.name) for row in found]
    against = [Column(f"against_{row.name}", f"against {row.name}", estimate, HALF_WIDTH, f"against\n{row.name}")
               for row in found]  # fmt: skip
    columns = [
        Column("agent", words=True),
        *against,
        Column("mean", "mean of others", estimate, HALF_WIDTH, "mean of\nothers"),
        Column("elo", "Elo", partial(_fixed, decimals=0)),
        Column("best_answer", "best answer", _fixed, narrow="best\nanswer"),
        Column("exploitability", show=_fixed),
    ]
    cells = [
        [row.name, *(row.against[i] for i in order), row.mean, row.elo, row.best_answer, row.exploitability]
        for row in found
    ]
    return TextTable(title, columns, cells, notes)


def figure(played: Played) -> Figure:
    """What each agent earns against each: a map."""
    payoff, n = played.objectives.mean(axis=-1), len(played.names)
    said = "{:.2f}".format if np.abs(payoff).max() < 1000.0 else "{:,.0f}".format
    shown = Figure(figsize=(3.2 + 0.9 * n, 2.2 + 0.7 * n), layout="constrained")
    axis = shown.subplots()
    image = axis.imshow(payoff, cmap="BrBG")
    for i in range(n):
        for j in range(n):
            light = np.dot(image.to_rgba(payoff[i, j])[:3], (0.3, 0.6, 0.1)) > 0.5
            axis.text(j, i, said(payoff[i, j]), ha="center", va="center", color=INK if light else "white")
    axis.set_xticks(range(n), played.names, rotation=30, ha="right")
    axis.set_yticks(range(n), played.names)
    axis.set_xlabel("against")
    shown.colorbar(image, ax=axis, label="objective of the row's agent")
    return shown


def console(agents: int) -> Console:
    """One that is wide enough."""
    return screen(90 + 20 * agents)


def _fixed(value: float, decimals: int = 3) -> Cell:
    return Cell("—" if np.isnan(value) else f"{value:.{decimals}f}")
