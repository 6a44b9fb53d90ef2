"""The tables and figures of agents under stress."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.learning.durable import put_text
from experiments.evaluation.plots import COLORS, INK, plain
from experiments.reporting.formats import HALF_WIDTH, INTERVAL, estimate
from experiments.reporting.presenter import Column, TextTable, screen
from experiments.studies.stress import Severity, StressRow
from mm_env.stress.stress import Stress

COLUMNS = (
    Column("scenario", words=True),
    Column("agent", words=True),
    Column("calm", "profit, calm", estimate, HALF_WIDTH, "profit,\ncalm"),
    Column("stressed", "profit, stressed", estimate, HALF_WIDTH, "profit,\nstressed"),
    Column("change", "change", estimate, HALF_WIDTH),
    Column("cvar_95", "CVaR 95 %", estimate, HALF_WIDTH),
    Column("drawdown", "drawdown", estimate, HALF_WIDTH),
    Column("worst", "worst episode", "{:.3g}".format, narrow="worst\nepisode"),
    Column("ruined", "ruined", lambda share: f"{100.0 * share:.2f} %"),
)
REVERSE = (
    Column("scenario", words=True),
    Column("agent", words=True),
    Column("severity", show=lambda x: "—" if math.isnan(x) else f"{x:.3g}"),
    Column("stress", "which is", str, words=True, wraps=True),
)


def table_of(title: str, rows: Sequence[StressRow], capital: float) -> TextTable:
    """A row for each scenario and agent."""
    notes = [
        f"Ruined: the account was closed, or its drawdown reached {capital:.4g}.",
        f"Worst CVaR first. Changes are paired by episode. {INTERVAL}",
    ]
    values = [[r.scenario, r.agent, r.calm, r.stressed, r.change, r.tail, r.drawdown, r.worst, r.ruined] for r in rows]
    return TextTable(f"{title} under stress", COLUMNS, values, notes, sections=True)


def reverse_table(found: Sequence[Severity], ruin: float, most: float) -> TextTable:
    """The smallest severity that ruins each agent, most fragile first within each scenario."""
    note = (
        f"Reverse stress: the smallest severity at which {100.0 * ruin:g} % of episodes are ruined, 1 being the scenario, "
        f"0 where calm ruins; a dash where none up to {most:g} does it."
    )
    rows = [[s.scenario, s.agent, s.severity, "" if math.isnan(s.severity) else in_words(s.stress)] for s in found]
    return TextTable("the smallest stress that ruins", REVERSE, rows, [note], sections=True)


def in_words(stress: Stress) -> str:
    """What a stress changes."""
    return ", ".join(f"{name} {value:.3g}" for name, value in stress.changes().items())


def show(table: TextTable) -> None:
    """A table on the console."""
    table.print(screen(130, fits=False))


def write(folder: Path, table: TextTable, reverse: TextTable | None, rows: Sequence[StressRow]) -> None:
    """stress.md, stress.csv and stress.json, and of the reverse stress reverse.md and reverse.csv, in `folder`."""
    table.write_markdown(folder / "stress.md")
    table.write_csv(folder / "stress.csv")
    if reverse is not None:
        reverse.write_markdown(folder / "reverse.md")
        reverse.write_csv(folder / "reverse.csv")
    told = [
        {k: [x if np.isfinite(x) else None for x in v] if isinstance(v, tuple) else v for k, v in row._asdict().items()}
        for row in rows
    ]
    put_text(folder / "stress.json", json.dumps(told, indent=1, allow_nan=False) + "\n")


def losses(rows: Sequence[StressRow]) -> Figure:
    """The change of the mean profit, and the mean of the worst 5 % under stress, by scenario and agent."""
    scenarios, agents = (list(dict.fromkeys(x)) for x in ([r.scenario for r in rows], sorted(r.agent for r in rows)))
    figure = Figure(figsize=(11.5, 1.6 + 0.16 * len(rows) + 0.15 * len(scenarios)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, name, title in zip(axes, ("change", "tail"), ("Change of the mean profit", "CVaR 95 % of the profit")):
        for i, agent in enumerate(agents):
            found = {row.scenario: getattr(row, name) for row in rows if row.agent == agent}
            _bars(axis, [found[scenario] for scenario in scenarios], i, len(agents), agent)
        axis.axvline(0.0, color=INK, lw=0.8)
        axis.set_title(title, color=INK)
        axis.set_xlabel("price units")
        plain(axis)
    axes[0].set_yticks(range(len(scenarios)), scenarios)
    axes[0].set_ylim(len(scenarios) - 0.5, -0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def _bars(axis: Axes, found: Sequence[tuple[float, float]], i: int, n: int, agent: str) -> None:
    """The bars of the i-th of n agents, one a scenario, with their intervals."""
    height = 0.8 / n
    at = np.arange(len(found)) - 0.4 + (i + 0.5) * height
    errors = np.nan_to_num([each[1] for each in found])
    color = COLORS[i % len(COLORS)]
    axis.barh(at, [each[0] for each in found], height, xerr=errors, color=color, label=agent, error_kw={"lw": 0.8},
              hatch="///" if i >= len(COLORS) else None, edgecolor="white", lw=0.3)  # fmt: skip
