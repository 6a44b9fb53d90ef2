"""The leaderboard's table: agents on markets, a learner's seeds in one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.policy import Policy
from experiments.evaluation.common_noise import Entry
from experiments.evaluation.skill_references import SkillReferences
from experiments.reporting.formats import HALF_WIDTH, INTERVAL, in_line
from experiments.reporting.presenter import Column, TextTable, screen, small
from experiments.training.training_jobs import Training
from mm_env.metrics import Estimate


class Result(NamedTuple):
    """What one policy came to on a market."""

    objective: Estimate  # simulated, on the noise that all agents meet
    skill: float  # exact where the policy is a table, else simulated; NaN where the market has no exact optimum
    seconds: float  # of training; 0 for a strategy
    name: str  # of the policy
    risk: tuple[Estimate | None, ...] = ()  # by `OF_HEDGES`; () where nothing is hedged


@dataclass(frozen=True)
class LeaderboardRow:
    """An agent on a market: its results by ascending skill (objective where there is none), one a seed."""

    market: str
    agent: str
    results: tuple[Result, ...]

    @property
    def median(self) -> Result:
        """The middle seed's; of an even number the worse of the two in the middle."""
        return self.results[(len(self.results) - 1) // 2]


BOARD = (
    Column("market", words=True), Column("agent", words=True), Column("objective"), Column("skill"),
    Column("worst seed"), Column("best seed"), Column("training s"),
)  # fmt: skip
SEEDS = (
    Column("market"), Column("agent"), Column("policy"), Column("objective", parts=HALF_WIDTH), Column("skill"),
    Column("seconds"),
)  # fmt: skip
OF_HEDGES = {"profit_std": "std of P&L", "hedging_cost": "hedging cost", "internalised": "internalised"}


def rows(
    market: str, entries: Sequence[Entry], policies: Mapping[str, Policy], references: SkillReferences,
    skills: Mapping[str, Estimate], runs: Mapping[str, Training],
) -> list[LeaderboardRow]:  # fmt: skip
    """The agents of a market by descending skill (objective where there is none), the seeds of a learner in one row."""
    results: dict[str, list[Result]] = {}
    for entry in entries:
        run, exact = runs.get(entry.name), references.exact_skill(policies[entry.name])
        simulated = skills.get(entry.name, Estimate(np.nan, np.nan)).value
        skill = simulated if exact is None else exact
        seconds = run.seconds if run else 0.0
        result = Result(entry.figures["objective"], skill, seconds, entry.name, _risk(entry.figures))
        results.setdefault(run.agent if run else entry.name, []).append(result)
    found = [LeaderboardRow(market, agent, tuple(sorted(each, key=order))) for agent, each in results.items()]
    return sorted(found, key=lambda row: order(row.median), reverse=True)


def table_of(title: str, board: Sequence[LeaderboardRow], notes: Sequence[str] = ()) -> TextTable:
    """A row for each agent on a market: its middle seed's objective and skill, the skills of its worst and best seed; and where
    there are hedges, the middle seed's standard deviation of P&L, what its hedges cost, and what share of what clients trade is
    not traded on outside, the mean over instruments."""
    hedged = any(row.median.risk for row in board)
    columns = [*BOARD, *(Column(name, heading) for name, heading in OF_HEDGES.items() if hedged)]
    return TextTable(title, columns, [[*_cells(row), *(_of_hedges(row) if hedged else ())] for row in board], notes,
                     sections=True)  # fmt: skip


def show(title: str, board: Sequence[LeaderboardRow], notes: Sequence[str] = ()) -> None:
    """The table on the console, and what is to be known of it."""
    console = screen(120, fits=False)
    table_of(title, board).print(console)
    small(console, [f"{INTERVAL} A learner's objective and skill are its middle seed's.", *notes])


def write(folder: Path, title: str, board: Sequence[LeaderboardRow], notes: Sequence[str] = ()) -> None:
    """leaderboard.md as shown, with the notes below, and leaderboard.csv with a line for each seed."""
    table_of(title, board, notes).write_markdown(folder / "leaderboard.md")
    seeds = [[row.market, row.agent, r.name, r.objective, r.skill, r.seconds] for row in board for r in row.results]
    TextTable(title, SEEDS, seeds).write_csv(folder / "leaderboard.csv")


def order(result: Result) -> float:
    """What results are sorted by: skill, or the objective where there is none."""
    return result.objective.value if np.isnan(result.skill) else result.skill


def _risk(figures: Mapping[str, Estimate]) -> tuple[Estimate | None, ...]:
    if "hedging_cost" not in figures:
        return ()
    shares = [figure.value for name, figure in figures.items() if name.startswith("internalised_")]
    kept = Estimate(float(np.mean(shares)), 0.0) if shares else None
    return (figures["profit_std"], figures["hedging_cost"], kept)


def _of_hedges(row: LeaderboardRow) -> list[str]:
    """The cells of `OF_HEDGES`."""
    spread, cost, kept = row.median.risk or (None, None, None)
    return ["" if each is None else f"{each.value:.4g}" for each in (spread, cost, kept)]


def _skill(skill: float) -> str:
    return "—" if np.isnan(skill) else f"{skill:.3f}"


def _cells(row: LeaderboardRow) -> list[str]:
    median, worst, best = row.median, row.results[0], row.results[-1]
    several = [_skill(worst.skill), _skill(best.skill)] if len(row.results) > 1 else ["", ""]
    seconds = f"{np.median([r.seconds for r in row.results]):.0f}" if median.seconds else ""
    return [row.market, row.agent, in_line(median.objective), _skill(median.skill), *several, seconds]
