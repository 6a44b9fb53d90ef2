"""One table, three ways: on the console, as CSV and as Markdown."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.evaluation.common_noise import Entry
from mm_env.metrics import Estimate

COLUMNS = {
    "objective": "objective",
    "skill": "skill",
    "lead": "lead over best strategy",
    "profit": "P&L",
    "profit_std": "std of P&L",
    "sharpe": "Sharpe",
    "cvar_95": "CVaR 95 %",
    "mean_absolute_position": "mean |q|",
    "terminal_inventory": "final q",
    "terminal_inventory_std": "std of final q",
    "spread_captured": "spread captured",
    "fill_ratio": "fill ratio",
    "max_drawdown": "max drawdown",
}
UTILITY = {"objective": "objective (utility)", "certainty_equivalent": "certainty equivalent"}  # under CARA
WIDE, COLUMN = 170, 14  # characters that all columns need, and one more
NARROW = {"lead over best strategy": "lead over\nbest\nstrategy"}


def columns(entries: Sequence[Entry]) -> dict[str, str]:
    """Column -> heading of these rows; under CARA the objective is called a utility, and its worth in money stands beside."""
    if not any("certainty_equivalent" in entry.figures for entry in entries):
        return COLUMNS
    return {"objective": "", "certainty_equivalent": "", **COLUMNS, **UTILITY}


def cells(entry: Entry, skills: Mapping[str, Estimate]) -> dict[str, Estimate | None]:
    """Column -> figure of one row; None where there is nothing to compare with."""
    return {"skill": skills.get(entry.name), "lead": entry.lead, **entry.figures}


def show(
    title: str,
    entries: Sequence[Entry],
    skills: Mapping[str, Estimate],
    refused: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    """The table on the console, who was left out of it, and what is to be known of the optimum."""
    headings = columns(entries)
    wide = WIDE + COLUMN * (len(headings) - len(COLUMNS))
    console = Console(width=None if sys.stdout.isatty() else wide, highlight=False)
    shown = list(headings) if console.width >= wide else list(headings)[:7]
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("agent", no_wrap=True)
    for heading in (headings[column] for column in shown):
        table.add_column(NARROW.get(heading, heading.replace(" ", "\n")), justify="right", no_wrap=True)
    for entry in entries:
        row = cells(entry, skills)
        table.add_row(entry.name, *(f"{number(row[c])}\n[dim]{error(row[c])}[/dim]" for c in shown))
    console.print(table)
    rest = "" if len(shown) == len(headings) else " More columns are in table.md."
    console.print(f"[dim]± is the half-width of a 95 % interval.{rest}[/dim]")
    for name, reason in refused.items():
        console.print(f"[dim]{name} is left out: {reason}[/dim]")
    for note in notes:
        console.print(f"[dim]{escape(note)}[/dim]")


def say(lines: Sequence[str]) -> None:
    """Lines that concern the whole run, on the console."""
    for line in lines:
        Console(highlight=False, soft_wrap=True).print(escape(line))


def say_where(folder: Path) -> None:
    """Where the tables and plots of a run are."""
    Console(highlight=False, soft_wrap=True).print(f"Tables and plots: {near(folder)}")


def near(path: Path) -> Path:
    """The path from here if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def write(
    folder: Path, title: str, entries: Sequence[Entry], skills: Mapping[str, Estimate], notes: Sequence[str] = ()
) -> None:
    """table.csv (every figure with its half-width) and table.md (with the notes below) in `folder`."""
    nothing, headings = Estimate(math.nan, math.nan), columns(entries)
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["agent", *(f"{c}{s}" for c in headings for s in ("", "_half_width"))])
        for entry in entries:
            row = cells(entry, skills)
            writer.writerow([entry.name, *(repr(float(x)) for c in headings for x in (row[c] or nothing))])
    lines = [
        f"# {title}",
        "",
        _line(["agent", *(heading.replace("|", "\\|") for heading in headings.values())]),
        _line(["---"] + ["---:"] * len(headings)),
    ]
    for entry in entries:
        row = cells(entry, skills)
        lines.append(_line([entry.name, *(f"{number(row[c])} {error(row[c])}".strip() for c in headings)]))
    lines += [line for note in notes for line in ("", note)]
    (folder / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(parts: Sequence[str]) -> str:
    return f"| {' | '.join(parts)} |"


def number(estimate: Estimate | None) -> str:
    """The value to as many decimals as its half-width has, one significant digit of which is shown (two from a 1 on)."""
    if estimate is None or math.isnan(estimate.value):
        return "—"
    return f"{estimate.value:.{_decimals(estimate)}f}"


def error(estimate: Estimate | None) -> str:
    """The half-width, likewise, if there is any."""
    if estimate is None or math.isnan(estimate.value) or estimate.half_width == 0:
        return ""
    if math.isnan(estimate.half_width):
        return "±?"  # a single episode, or window, tells nothing of others
    return f"±{estimate.half_width:.{_decimals(estimate)}f}"


def _decimals(estimate: Estimate) -> int:
    known = 0.0 if math.isnan(estimate.half_width) else estimate.half_width
    scale = known or abs(estimate.value) / 100.0 or 0.01
    leading = math.floor(math.log10(scale))
    return min(8, max(0, (1 if scale < 1.95 * 10.0**leading else 0) - leading))
