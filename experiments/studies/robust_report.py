"""The table and the figure of robust market making."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agents.policy import Table as Quotes
from experiments.evaluation.plots import ASK, BID, INK, plain
from experiments.reporting.formats import HALF_WIDTH, estimate
from experiments.reporting.presenter import Column, TextTable, left_out, screen, small
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
SIDES = ("nominal", "adversary")  # where it is simulated
NOTE = (
    "Objectives are exact: on the nominal market, at the worst constant parameters, against the adversary's best answer to "
    "this maker, and against the adversary that PPO learned. The rest is simulated, ± is the half-width of a 95 % interval."
)


@dataclass(frozen=True)
class RobustRow:
    """One maker: exact objectives, and simulated figures on the nominal market and against its exact adversary."""

    name: str
    exact: Mapping[str, float]
    nominal: Mapping[str, Estimate]
    adversary: Mapping[str, Estimate]
    table: Quotes


def columns() -> list[Column]:
    """The agent, its exact objectives, and its simulated figures on the nominal market and against the adversary."""
    exact = [Column(name, heading, _two_decimals) for name, heading in EXACT.items()]
    simulated = [
        Column(f"{name}_{side}", f"{SHORT[name]}, {side}", estimate, HALF_WIDTH,
               "\n".join((SHORT[name].replace("std of ", "std "), side)))
        for side in SIDES for name in FIGURES
    ]  # fmt: skip
    return [Column("agent", words=True), *exact, *simulated]


def table_of(title: str, rows: Sequence[RobustRow]) -> TextTable:
    """A row for each maker."""
    found = [
        [
            row.name,
            *(row.exact.get(name, np.nan) for name in EXACT),
            *(s[n] for s in (row.nominal, row.adversary) for n in FIGURES),
        ]
        for row in rows
    ]
    return TextTable(title, columns(), found, [NOTE])


def show(title: str, rows: Sequence[RobustRow], gap: float, refused: Mapping[str, str]) -> None:
    """Two tables on the console: the exact objectives, and what was simulated."""
    console, table = screen(150, fits=False), table_of(title, rows)
    table.only(["agent", *EXACT]).print(console)
    simulated = [column.name for column in table.columns if column.name not in EXACT]
    table.only(simulated, "on the nominal market, and against the best answer to each").print(console)
    sure = f"No maker can be sure of more than {gap:.1g} above the robust optimum."
    small(console, [NOTE, sure, *left_out(refused)])


def write(folder: Path, title: str, rows: Sequence[RobustRow]) -> None:
    """robust.csv (every figure with its half-width) and robust.md in `folder`."""
    table_of(title, rows).write_csv(folder / "robust.csv")
    table_of(title, rows).write_markdown(folder / "robust.md")


def robust_curves(market: Market, rows: Sequence[RobustRow]) -> Figure:
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


def _two_decimals(objective: float) -> str:
    return "—" if np.isnan(objective) else f"{objective:.2f}"
