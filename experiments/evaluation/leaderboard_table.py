"""The leaderboard's table: agents on markets, a learner's seeds in one row."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agents.policy import Policy
from experiments.evaluation.common_noise import Entry
from experiments.evaluation.skill_references import Benchmarks
from experiments.evaluation.table import error, number
from experiments.training.training_jobs import Training
from mm_env.metrics import Estimate


class Result(NamedTuple):
    """What one policy came to on a market."""

    objective: Estimate  # simulated, on the noise that all agents meet
    skill: float  # exact where the policy is a table, else simulated; NaN where the market has no exact optimum
    seconds: float  # of training; 0 for a strategy
    name: str  # of the policy


@dataclass(frozen=True)
class Row:
    """An agent on a market: its results by ascending skill (objective where there is none), one a seed."""

    market: str
    agent: str
    results: tuple[Result, ...]

    @property
    def median(self) -> Result:
        """The middle seed's; of an even number the worse of the two in the middle."""
        return self.results[(len(self.results) - 1) // 2]

    @property
    def cells(self) -> list[str]:
        """As the table shows them."""
        median, worst, best = self.median, self.results[0], self.results[-1]
        skills = [_skill(median.skill)] + (
            ["", ""] if len(self.results) == 1 else [_skill(worst.skill), _skill(best.skill)]
        )
        seconds = f"{np.median([r.seconds for r in self.results]):.0f}" if median.seconds else ""
        return [self.market, self.agent, f"{number(median.objective)} {error(median.objective)}", *skills, seconds]


HEADINGS = ("market", "agent", "objective", "skill", "worst seed", "best seed", "training s")


def rows(
    market: str, entries: Sequence[Entry], policies: Mapping[str, Policy], benchmarks: Benchmarks,
    skills: Mapping[str, Estimate], runs: Mapping[str, Training],
) -> list[Row]:  # fmt: skip
    """The agents of a market by descending skill (objective where there is none), the seeds of a learner in one row."""
    results: dict[str, list[Result]] = {}
    for entry in entries:
        run, exact = runs.get(entry.name), benchmarks.exact_skill(policies[entry.name])
        simulated = skills.get(entry.name, Estimate(np.nan, np.nan)).value
        skill = simulated if exact is None else exact
        result = Result(entry.figures["objective"], skill, run.seconds if run else 0.0, entry.name)
        results.setdefault(run.agent if run else entry.name, []).append(result)
    found = [Row(market, agent, tuple(sorted(each, key=order))) for agent, each in results.items()]
    return sorted(found, key=lambda row: order(row.median), reverse=True)


def show(title: str, board: Sequence[Row], notes: Sequence[str] = ()) -> None:
    """The table on the console, and what is to be known of it."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for place, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if place < 2 else "right", no_wrap=True)
    for before, row in zip([None, *board], board):
        if before is not None and before.market != row.market:
            table.add_section()
        table.add_row(*row.cells)
    console = Console(width=120, highlight=False)
    console.print(table)
    console.print(
        "[dim]± is the half-width of a 95 % interval. A learner's objective and skill are its middle seed's.[/dim]"
    )
    for note in notes:
        console.print(f"[dim]{escape(note)}[/dim]")


def write(folder: Path, title: str, board: Sequence[Row], notes: Sequence[str] = ()) -> None:
    """leaderboard.md as shown, with the notes below, and leaderboard.csv with a line for each seed."""
    lines = [f"# {title}", "", _line(HEADINGS), _line(["---", "---", *["---:"] * (len(HEADINGS) - 2)])]
    lines += [*(_line(row.cells) for row in board), *(line for note in notes for line in ("", note))]
    (folder / "leaderboard.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / "leaderboard.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["market", "agent", "policy", "objective", "objective_half_width", "skill", "seconds"])
        for row in board:
            for r in row.results:
                writer.writerow(
                    [row.market, row.agent, r.name, *map(repr, map(float, (*r.objective, r.skill, r.seconds)))]
                )


def order(result: Result) -> float:
    """What results are sorted by: skill, or the objective where there is none."""
    return result.objective.value if np.isnan(result.skill) else result.skill


def _skill(skill: float) -> str:
    return "—" if np.isnan(skill) else f"{skill:.3f}"


def _line(parts: Sequence[str]) -> str:
    return f"| {' | '.join(parts)} |"
