"""What an option that is delta-hedged at intervals gains or loses, simulated in a desk: its variance beside theory.

python -m experiments.compare experiment=hedging_interval
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from omegaconf import DictConfig
from rich.console import Console

from agents.policy import play
from agents.strategies.delta_rules import HedgeEvery, NoDeltaHedge
from agents.strategies.options_maker import OptionsMaker, Unquoted
from experiments.evaluation import plots, table
from experiments.reporting.presenter import Column, TextTable, screen
from mm_env.metrics import Z95
from mm_env.options.contract import EUROPEAN
from mm_env.options.hedging_error import hedging_error_limit, hedging_error_variance

COLUMNS = [
    Column("steps"), Column("interval"), Column("simulated"), Column("half_width"), Column("exact"), Column("limit"),
    Column("standard_errors_off"),
]  # fmt: skip


class Interval(NamedTuple):
    """The variance of a hedge at intervals of so many steps; money^2."""

    steps: int
    interval: float  # time
    simulated: float
    error: float  # standard
    exact: float  # of the process that is simulated
    limit: float  # proportional to the interval: Bertsimas, Kogan & Lo 2000

    @property
    def off(self) -> float:
        """How many standard errors the simulated is off the exact one."""
        return (self.simulated - self.exact) / self.error


def compare_intervals(cfg: DictConfig, desk: Any, folder: Path) -> float:
    """Print the table, write it and the figure; how many standard errors the furthest variance is off."""
    found = [interval_of(desk, int(steps), cfg.episodes, cfg.seed) for steps in cfg.intervals]
    rows = [[one.steps, one.interval, one.simulated, Z95 * one.error, one.exact, one.limit, one.off] for one in found]
    shown = [[f"{cell:.4g}" for cell in row] for row in rows]
    words = [Column(column.name, words=True) for column in COLUMNS]
    TextTable("variance of a delta-hedged option by the interval", words, shown).print(screen(120, fits=False))
    TextTable("", COLUMNS, rows).write_csv(folder / "intervals.csv")
    unhedged = play(desk, OptionsMaker(desk, Unquoted(desk), NoDeltaHedge()), cfg.episodes, cfg.seed).profit.var()
    plots.save(folder, {"hedging_interval": interval_figure(found, float(unhedged))})
    worst = max((one.off for one in found), key=abs)
    Console(highlight=False).print(
        f"The furthest of {len(found)} variances is {worst:+.1f} standard errors off the exact one."
    )
    table.say_where(folder)
    return worst


def interval_of(desk: Any, steps: int, episodes: int, seed: int) -> Interval:
    """The variance of the P&L of a desk of one option that nobody asks for, hedged at every `steps`-th step.

    Raises: ValueError for another desk, or a number of steps that does not divide the clock's.
    """
    option, sigma = _written(desk)
    if steps < 1 or desk.clock.steps % steps:
        raise ValueError(f"intervals must divide the {desk.clock.steps} steps of an episode, got {steps}")
    profit = play(desk, OptionsMaker(desk, Unquoted(desk), HedgeEvery(steps)), episodes, seed).profit
    square, dates = (profit - profit.mean()) ** 2, desk.clock.steps // steps
    units, spot, horizon = desk.instruments[1].initial_inventory ** 2, desk.options.spot, float(desk.clock.horizon)
    end, interval = min(horizon, option.expiry), horizon / dates
    exact = hedging_error_variance(option.side, spot, option.strike, option.expiry, sigma, end, dates)
    limit = hedging_error_limit(spot, option.strike, option.expiry, sigma, end) * interval
    return Interval(
        steps, interval, float(square.mean()), float(square.std() / np.sqrt(episodes)), units * exact, units * limit
    )


def _written(desk: Any) -> tuple[Any, float]:
    """The one option of a desk, and its volatility."""
    given = getattr(desk, "has_options", False) and len(desk.instruments) == 2
    if not given or desk.options.vol > 0.0 or desk.options.options[0].kind != EUROPEAN:
        raise ValueError(f"intervals needs an OptionsDesk of one European option under Geometric, got {desk}")
    if desk.options.options[0].expiry < float(desk.clock.horizon) * (1.0 - 1e-9):
        raise ValueError("intervals needs an option that expires at the horizon or later")
    return desk.options.options[0], float(desk.options.underlying.sigma)


def interval_figure(found: list[Interval], unhedged: float) -> Figure:
    """Variance over the interval, both by the logarithm."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axis, x = figure.subplots(), [one.interval for one in found]
    axis.axhline(unhedged, color=plots.INK, lw=1.0, ls=":", label="not hedged")
    axis.plot(
        x, [one.limit for one in found], "--", color=plots.BID, lw=1.4, label="proportional to the interval (limit)"
    )
    axis.plot(x, [one.exact for one in found], "-", color=plots.BID, lw=1.8, label="exact")
    bars = [Z95 * one.error for one in found]
    axis.errorbar(x, [one.simulated for one in found], bars, fmt="o", ms=4, color=plots.ASK, label="simulated desk")
    axis.set(xscale="log", yscale="log", xlabel="hedging interval (time)", ylabel="variance of P&L")
    axis.set_title("A delta-hedged option, by how often it is hedged", color=plots.INK)
    axis.legend(frameon=False, fontsize=9)
    plots.plain(axis)
    return figure
