"""The table and the figure of what makers' quotes do to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.evaluation.plots import ASK, BID, plain
from experiments.reporting.formats import HALF_WIDTH, estimate
from experiments.reporting.presenter import Cell, Column, TextTable, screen
from experiments.studies.cascade_report import ENDS, percent_between
from experiments.studies.systemic import SystemicRow
from mm_env.systemic.tail_estimates import Estimated

NOTES = (
    "In each row all makers quote as one agent does; all rows meet the same noise and claims. Closed: a margin sells a maker "
    "out within an episode; by others: P(somebody is sold out who is not where sales do not move the mid). Fails: a maker "
    "cannot pay what it owes at the end though all others do; infected: because others do not.",
    "CVaR95 of the profit of all together; DeltaCoVaR: how much lower the tail of that is given one maker at its value at risk "
    "than at its median (quantile regression); shortfall: a maker's mean profit where all together are in their tail. ± and "
    "brackets: 95 % intervals over worlds.",
)


def money_between(found: Estimated) -> Cell:
    """An estimate in price units and its interval."""
    return Cell(f"{found.value:.2f}", (f"[{found.low:.2f}, {found.high:.2f}]",))


def _number(value: float) -> str:
    return f"{value:.3f}"


COLUMNS = (
    Column("agent", words=True),
    Column("profit", "profit of a maker", estimate, HALF_WIDTH, "profit of\na maker"),
    Column("closed_alone", "closed, sales moving nothing", percent_between, ENDS, "closed\nalone"),
    Column("closed", show=percent_between, parts=ENDS),
    Column("closed_by_others", "by others", percent_between, ENDS, "by\nothers"),
    Column("fails", show=percent_between, parts=ENDS),
    Column("infected", show=percent_between, parts=ENDS),
    Column("system", "CVaR95 of all", estimate, HALF_WIDTH, "CVaR95\nof all"),
    Column("delta_covar", "DeltaCoVaR", money_between, ENDS, "Delta-\nCoVaR"),
    Column("shortfall", show=money_between, parts=ENDS),
    Column("bankruptcy_costs", "bankruptcy costs", _number, narrow="bankruptcy\ncosts"),
)


def table_of(title: str, rows: Sequence[SystemicRow]) -> TextTable:
    """A row for each agent, whose makers fail least first."""
    return TextTable(title, COLUMNS, [list(row) for row in sorted(rows, key=_failing)], NOTES, sections=True)


def show(title: str, rows: Sequence[SystemicRow]) -> None:
    """The table on the console."""
    table_of(title, rows).print(screen(175, fits=False))


def write(folder: Path, title: str, rows: Sequence[SystemicRow]) -> None:
    """systemic.md and systemic.csv in `folder`."""
    table = table_of(title, rows)
    table.write_markdown(folder / "systemic.md")
    table.write_csv(folder / "systemic.csv")


def figure(rows: Sequence[SystemicRow]) -> Figure:
    """How often a maker is sold out, and cannot pay, by itself and because of others, for each agent."""
    shown = Figure(figsize=(9.0, 1.6 + 0.55 * len(rows)), layout="constrained")
    ranked = sorted(rows, key=_failing, reverse=True)
    for axis, title, parts in zip(shown.subplots(1, 2, sharey=True), ("sold out within an episode", "cannot pay at its end"),
                                  (_sold_out(ranked), _cannot_pay(ranked)), strict=True):  # fmt: skip
        for (own, more), color, label in zip(parts, (BID, ASK), ("by itself", "because of others"), strict=True):
            axis.barh(range(len(ranked)), 100.0 * more, left=100.0 * own, color=color, label=label, height=0.6)
        axis.set_yticks(range(len(ranked)), [row.agent for row in ranked])
        axis.set_title(title)
        axis.set_xlabel("share of makers (%)")
        plain(axis)
    handles, labels = shown.axes[0].get_legend_handles_labels()
    shown.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return shown


def _failing(row: SystemicRow) -> float:
    return row.fails.value + row.infected.value + row.closed.value


def _sold_out(rows: Sequence[SystemicRow]) -> Any:
    """Of each row, from where to where bars go: closed without fire sales, and what those add."""
    alone, whole = (np.array([getattr(row, name).value for row in rows]) for name in ("closed_alone", "closed"))
    return [(np.zeros(len(rows)), np.minimum(alone, whole)), (np.minimum(alone, whole), np.maximum(whole - alone, 0.0))]


def _cannot_pay(rows: Sequence[SystemicRow]) -> Any:
    own, infected = (np.array([getattr(row, name).value for row in rows]) for name in ("fails", "infected"))
    return [(np.zeros(len(rows)), own), (own, infected)]
