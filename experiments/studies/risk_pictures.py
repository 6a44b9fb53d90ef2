"""The pictures of a risk report: one width, so that they are read on a telephone as on a desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.evaluation.plots import ASK, BID, COLORS, INK
from experiments.reporting.episodes import thinned
from experiments.reporting.scores import MOST, Picture, legend, sheet, shortened
from experiments.studies.risk import Portrait
from experiments.studies.stress import StressRow


def distribution(found: Mapping[str, Portrait]) -> Picture:
    """The left half of the profits' distribution functions, on a logarithmic axis."""
    figure, axis = sheet(3.0 + 0.17 * min(len(found), MOST))
    for (name, each), color in zip(found.items(), COLORS):
        profit = np.sort(each.episodes.profit)
        below = np.arange(1, len(profit) + 1) / len(profit)
        kept = np.unique(np.geomspace(1, max(len(profit) // 2, 2), 200).astype(int)) - 1
        axis.step(profit[kept], below[kept], where="post", color=color, lw=1.4, label=shortened(name, 40))
    axis.axhline(0.05, color=INK, lw=0.8, ls=":")
    axis.set(yscale="log", xlabel="profit of an episode (price units)", ylabel="share of episodes below")
    legend(figure, axis)
    says = "The lower half of each agent's profits; where a line meets the dotted one is its VaR at 95 %."
    return Picture("tails", figure, says)


def by_scenario(rows: Sequence[StressRow]) -> Picture:
    """CVaR by scenario, a dot for each agent."""
    names = list(dict.fromkeys(row.scenario for row in rows))
    agents = list(dict.fromkeys(sorted(row.agent for row in rows)))[:MOST]
    figure, axis = sheet(1.0 + 0.34 * len(names) + 0.17 * len(agents))
    for agent, color in zip(agents, COLORS):
        found = {row.scenario: row.tail.value for row in rows if row.agent == agent}
        axis.plot(
            [found[name] for name in names], range(len(names)), "o", color=color, ms=4.5, label=shortened(agent, 40)
        )
    axis.set_yticks(range(len(names)), names)
    axis.axvline(0.0, color=INK, lw=0.6)
    axis.set(xlabel="CVaR 95 % of the profit (price units)", ylim=(len(names) - 0.5, -0.5))
    if rows and min(row.tail.value for row in rows) < -50.0 * abs(np.median([row.tail.value for row in rows])):
        axis.set_xscale("symlog", linthresh=float(np.abs(np.median([row.tail.value for row in rows])) or 1.0))
    legend(figure, axis)
    return Picture(
        "scenarios", figure, "The mean of the worst 5 % of episodes under each scenario, the costliest on top."
    )


def worst(agent: str, each: Portrait) -> Picture:
    """Mid, quotes, inventory and profit of the episode that brought least."""
    at, seen = int(each.worst[0]), each.watched
    figure, axes = sheet(6.4, 3)
    if seen.quotes is not None:
        for side, color, label in ((0, BID, "bid"), (1, ASK, "ask")):
            times, quoted = thinned(seen.times[:-1], _in_sight(seen.quotes[:, 0, side], seen.mid[:, at]))
            axes[0].step(times, quoted, where="post", color=color, lw=0.9, alpha=0.8, label=label)
    for axis, values, label in zip(axes, (seen.mid, seen.inventory, seen.profit), ("mid", "_", "_")):
        axis.step(*thinned(seen.times, values[:, at]), where="post", color=INK, lw=1.2, label=label)
    above = "mid" if seen.quotes is None else "mid and quotes"
    for axis, label in zip(axes, (f"{above}\n(price units)", "inventory\n(units)", "profit\n(price units)")):
        axis.set_ylabel(label)
    axes[1].axhline(0.0, color=INK, lw=0.5)
    axes[2].axhline(0.0, color=INK, lw=0.5)
    axes[2].set_xlabel("time (the market's unit)")
    legend(figure, axes[0], 3)
    says = f"{agent}: its worst episode of {seen.mid.shape[1]:,}, which brought {each.episodes.profit[at]:.4g}."
    return Picture(f"worst_{agent}", figure, says)


def _in_sight(quotes: np.ndarray, mid: np.ndarray) -> np.ndarray:
    """Quotes, but for those so far from the mid that they are none."""
    reach = 3.0 * max(
        float(np.ptp(mid)), float(np.nanmedian(np.abs(quotes - mid[:-1]))) if np.isfinite(quotes).any() else 0.0
    )
    return np.where(np.abs(quotes - mid[:-1]) <= reach, quotes, np.nan)
