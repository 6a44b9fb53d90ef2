"""The table and the picture of robust market making."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from agents.policy import Table as Quotes
from experiments.evaluation.plots import ASK, BID, INK, plain
from experiments.evaluation.table import error, number
from mm_env.market import Market
from mm_env.metrics import Estimate
from mm_env.rollout import inventory_levels

EXACT = {
    "nominal": "nominal",
    "constant": "worst constant",
    "adversary": "worst adversary",
    "learned": "learned adversary",
}
SHORT = {
    "profit": "P&L",
    "profit_std": "std of P&L",
    "sharpe": "Sharpe",
    "terminal_inventory": "final q",
    "terminal_inventory_std": "std of final q",
}
FIGURES = tuple(SHORT)  # what is simulated
SIDES = {"calm": "nominal", "harsh": "adversary"}
NOTE = (
    "Objectives are exact: on the nominal market, at the worst constant parameters, against the adversary's best answer to "
    "this maker, and against the adversary that PPO learned. The rest is simulated, ± is the half-width of a 95 % interval."
)


@dataclass(frozen=True)
class Row:
    """One maker: exact objectives, and simulated figures on the nominal market and against its exact adversary."""

    name: str
    exact: Mapping[str, float]
    calm: Mapping[str, Estimate]
    harsh: Mapping[str, Estimate]
    table: Quotes


def headings() -> list[str]:
    """The columns, in order."""
    simulated = [f"{SHORT[name]}, {side}" for side in SIDES.values() for name in FIGURES]
    return ["agent", *EXACT.values(), *simulated]


def show(title: str, rows: Sequence[Row], gap: float, refused: Mapping[str, str]) -> None:
    """Two tables on the console: the exact objectives, and what was simulated."""
    console = Console(width=150, highlight=False)
    exact = [(heading, [exact_cells(row)[i] for row in rows]) for i, heading in enumerate(EXACT.values())]
    console.print(_table(title, rows, exact))
    simulated = [
        (heading, [f"{number(estimates(row)[i])}\n[dim]{error(estimates(row)[i])}[/dim]" for row in rows])
        for i, heading in enumerate(headings()[1 + len(EXACT) :])
    ]
    console.print(_table("on the nominal market, and against the best answer to each", rows, simulated))
    console.print(f"[dim]{NOTE}[/dim]")
    console.print(f"[dim]No maker can be sure of more than {gap:.1g} above the robust optimum.[/dim]")
    for name, reason in refused.items():
        console.print(f"[dim]{name} is left out: {reason}[/dim]")


def _table(title: str, rows: Sequence[Row], columns: Sequence[tuple[str, list[str]]]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1))
    table.add_column("agent", no_wrap=True)
    for heading, _ in columns:
        table.add_column("\n".join(heading.replace("std of ", "std ").split(", ")), justify="right", no_wrap=True)
    for i, row in enumerate(rows):
        table.add_row(row.name, *(cells[i] for _, cells in columns))
    return table


def write(folder: Path, title: str, rows: Sequence[Row]) -> None:
    """robust.csv (every figure with its half-width) and robust.md in `folder`."""
    simulated = [f"{name}_{side}{s}" for side in SIDES.values() for name in FIGURES for s in ("", "_half_width")]
    with (folder / "robust.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["agent", *EXACT, *simulated])
        for row in rows:
            exact = [repr(float(row.exact.get(name, np.nan))) for name in EXACT]
            writer.writerow([row.name, *exact, *(repr(float(x)) for estimate in estimates(row) for x in estimate)])
    lines = [f"# {title}", "", NOTE, "", line(headings()), line(["---"] + ["---:"] * (len(headings()) - 1))]
    for row in rows:
        cells = [f"{number(x)} {error(x)}".strip() for x in estimates(row)]
        lines.append(line([row.name, *exact_cells(row), *cells]))
    (folder / "robust.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def exact_cells(row: Row) -> list[str]:
    """The exact objectives to two decimals."""
    return [f"{row.exact[name]:.2f}" if name in row.exact else "—" for name in EXACT]


def estimates(row: Row) -> list:
    """The simulated figures, on the nominal market and then against the adversary."""
    return [side[name] for side in (row.calm, row.harsh) for name in FIGURES]


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def robust_curves(market: Market, rows: Sequence[Row]) -> Figure:
    """Depths over inventory at the start, the middle and the last step, of up to three makers."""
    inventory = inventory_levels(market)
    shown = np.abs(inventory) <= min(market.inventory_scale, market.max_inventory - market.order_size)
    steps = market.clock.steps
    figure = Figure(figsize=(12.6, 4.3), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for axis, (label, step) in zip(
        axes, {"start": 0, "middle": steps // 2, "last step": steps - 1}.items(), strict=True
    ):
        for row, style in zip(rows, (":", "-", "--")):
            depths = row.table.depths()
            now = depths[min(step, len(depths) - 1)][shown]
            axis.plot(inventory[shown], now[:, 0], style, color=BID, lw=1.8, label=f"bid: {row.name}")
            axis.plot(inventory[shown], now[:, 1], style, color=ASK, lw=1.8, label=f"ask: {row.name}")
        axis.set_title(label, color=INK)
        axis.set_xlabel("inventory")
        axis.xaxis.get_major_locator().set_params(integer=True)
        plain(axis)
    axes[0].set_ylabel("depth (price units)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure
