"""The table and the figures of cascades."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.learning.durable import put_text
from experiments.evaluation.plots import COLORS, INK, plain
from experiments.reporting.presenter import Cell, Column, TextTable, screen
from experiments.studies.cascade import Row, System
from mm_env.systemic.arrays import Floats
from mm_env.systemic.infection import by_claims, by_sales
from mm_env.systemic.tail_estimates import Estimated

ENDS = ("", "_low", "_high")
NOTES = (
    "Every row meets the same shocks and networks. A cascade takes dealers that the shock itself leaves standing; in brackets "
    "95 % intervals over scenarios. Claims alone and sales alone are cascades through one channel without the other.",
    "Size: mean share of all dealers that a cascade takes. Half fail: P(half of all or more fail, for whatever reason). "
    "Contagion's loss: forced sales and bankruptcy costs as a share of all that is lost.",
)


def percent(value: float) -> str:
    return "—" if np.isnan(value) else f"{100.0 * value:.1f} %"


def percent_between(found: Estimated) -> Cell:
    inner = "" if np.isnan(found.value) else f"[{100.0 * found.low:.1f}, {100.0 * found.high:.1f}]"
    return Cell(percent(found.value), (inner,))


COLUMNS = (
    Column("leverage", show="{:g}".format),
    Column("overlap", show="{:g}".format),
    Column("fails_by_shock", "fails by the shock", percent, narrow="fails by\nthe shock"),
    Column("claims_alone", "claims alone", percent, narrow="claims\nalone"),
    Column("sales_alone", "sales alone", percent, narrow="sales\nalone"),
    Column("cascade", "P(cascade)", percent_between, ENDS),
    Column(
        "seed",
        "seeds",
        lambda s: f"{percent(s[0])} to {percent(s[1])}",
        ("_lowest", "_highest"),
        "lowest and\nhighest seed",
    ),
    Column("size", "size", percent_between, ENDS),
    Column("half_fail", "half fail", percent_between, ENDS),
    Column("contagions_loss", "contagion's loss", percent_between, ENDS, narrow="contagion's\nloss"),
)


def table_of(title: str, rows: Sequence[Row]) -> TextTable:
    """A row for each leverage and overlap."""
    return TextTable(title, COLUMNS, [_values(row) for row in rows], NOTES, sections=True)


def _values(row: Row) -> list[Any]:
    found, seeds = row.cascades, (min(row.by_seed), max(row.by_seed))
    apart = [row.leverage, row.overlap, row.fails, row.by_claims, row.by_sales]
    return [*apart, found.probability, seeds, found.size, row.half_fail, found.loss_share]


def show(title: str, rows: Sequence[Row]) -> None:
    """The table on the console."""
    table_of(title, rows).print(screen(140, fits=False))


def write(folder: Path, title: str, rows: Sequence[Row]) -> None:
    """cascade.md, cascade.csv and cascade.json, every value to the last digit, in `folder`."""
    table = table_of(title, rows)
    table.write_markdown(folder / "cascade.md")
    table.write_csv(folder / "cascade.csv")
    told = {"title": title, "rows": [_told(row) for row in rows]}
    put_text(folder / "cascade.json", json.dumps(told, indent=1, allow_nan=False) + "\n")


def _told(row: Row) -> dict[str, Any]:
    found = row.cascades
    estimates = {"probability": found.probability, "size": found.size, "half_fail": row.half_fail,
                 "loss_share": found.loss_share}  # fmt: skip
    numbers = {"leverage": row.leverage, "overlap": row.overlap, "fails_by_shock": row.fails, "claims_alone": row.by_claims,
               "sales_alone": row.by_sales, "largest": found.largest, "by_seed": list(row.by_seed)}  # fmt: skip
    return numbers | {name: [x if np.isfinite(x) else None for x in one] for name, one in estimates.items()}


def figures(system: System, rows: Sequence[Row]) -> dict[str, Figure]:
    """Name -> figure: cascades by leverage and overlap, the channels apart, and who infects whom."""
    return {"cascade": by_leverage(rows), "channels": channels(rows), "infection": infection(system, rows)}


def by_leverage(rows: Sequence[Row]) -> Figure:
    """How likely cascades are, how large, and how often half of all fail, over leverage, a line for each overlap."""
    figure = Figure(figsize=(13.0, 4.3), layout="constrained")
    axes = figure.subplots(1, 3)
    titles: dict[str, Callable[[Row], Estimated]] = {
        "Probability of a cascade": lambda row: row.cascades.probability,
        "Share of dealers it takes": lambda row: row.cascades.size,
        "Probability that half of all fail": lambda row: row.half_fail,
    }
    for axis, (title, figure_of) in zip(axes, titles.items()):
        for overlap, color in zip(_distinct(rows, "overlap"), COLORS):
            _line(axis, [row for row in rows if row.overlap == overlap], figure_of, color, f"overlap {overlap:g}")
        axis.set_title(title, color=INK)
        axis.set_xlabel("leverage (assets / equity)")
        axis.set_ylim(0.0, None)
        plain(axis)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def _line(axis: Axes, rows: Sequence[Row], figure_of: Callable[[Row], Estimated], color: str, label: str) -> None:
    found = np.array([figure_of(row) for row in rows])
    x = [row.leverage for row in rows]
    axis.plot(x, found[:, 0], "o-", ms=4, lw=1.6, color=color, label=label)
    axis.fill_between(x, found[:, 1], found[:, 2], color=color, alpha=0.15, lw=0)


def channels(rows: Sequence[Row]) -> Figure:
    """How likely a cascade is through claims alone, sales alone, and both, over leverage; a panel for each overlap."""
    overlaps = _distinct(rows, "overlap")
    figure = Figure(figsize=(2.5 * len(overlaps) + 0.8, 3.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(overlaps), sharey=True))
    for axis, overlap in zip(axes, overlaps):
        some = [row for row in rows if row.overlap == overlap]
        x = [row.leverage for row in some]
        axis.plot(x, [row.fails for row in some], ":", color=INK, lw=1.4, label="somebody fails by the shock")
        axis.plot(x, [row.by_claims for row in some], "o-", ms=3, color=COLORS[0], label="cascade, claims alone")
        axis.plot(x, [row.by_sales for row in some], color=COLORS[2], lw=5.0, alpha=0.4, label="cascade, sales alone")
        both = [row.cascades.probability.value for row in some]
        axis.plot(x, both, "o--", ms=3, lw=1.2, color=COLORS[1], label="cascade, both")
        axis.set_title(f"overlap {overlap:g}", color=INK)
        axis.set_xlabel("leverage")
        plain(axis)
    axes[0].set_ylabel("probability")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def infection(system: System, rows: Sequence[Row]) -> Figure:
    """The share of its equity that each dealer loses when one other fails, by claims and by sales, in the grid's middle."""
    leverages, overlaps = _distinct(rows, "leverage"), _distinct(rows, "overlap")
    leverage, overlap = leverages[len(leverages) // 2], overlaps[len(overlaps) // 2]
    holders = system.holders(leverage, overlap)
    owed = system.network.liabilities(1, 1)[0]
    found = {
        "by claims": by_claims(owed, holders.assets, holders.debt, system.alpha, system.beta),
        "by forced sales": by_sales(holders, system.deleveraging, system.sale_impact),
    }
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, (name, lost) in zip(axes, found.items()):
        image = axis.imshow(_others(lost), vmin=0.0, vmax=1.0, cmap="Reds")
        axis.set_title(f"Equity lost {name}", color=INK)
        axis.set_xlabel("dealer that is hit")
        axis.set_ylabel("dealer that fails")
        for side in (axis.xaxis, axis.yaxis):
            side.get_major_locator().set_params(integer=True)
    figure.colorbar(image, ax=axes, label="share of equity", shrink=0.85)
    figure.suptitle(f"Who infects whom, leverage {leverage:g}, overlap {overlap:g}", color=INK)
    return figure


def _others(lost: Floats) -> Floats:
    """Without what who fails loses itself."""
    return np.where(np.eye(len(lost), dtype=bool), np.nan, lost)


def _distinct(rows: Sequence[Row], name: str) -> list[float]:
    return sorted({getattr(row, name) for row in rows})
