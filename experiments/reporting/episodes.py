"""Figures of episodes: quotes beside the optimum's, how profit and inventory spread, and the worst that happened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.plots import ASK, BID, COLORS, INK
from experiments.reporting.reruns import Paths, Rerun, fan, pooled
from experiments.reporting.scores import Picture, legend, seeds, sheet
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
POINTS = 200  # of a line: more cannot be seen
WORST = 3  # episodes
BY_STATE = {
    "balances": "the balance over time: median, middle half, 5 to 95 %, and three episodes",
    "fees_by_balance": "fees by balance in the middle of an episode, and where rebalancing is asked for",
    "quotes_by_state": "quotes over inventory in the middle of an episode, by the state that the market shows",
    "inventory_to_gap": "the mean absolute inventory on the way to a gap, and after it",
    "margin_calls": "paths of the profit of the same episodes, with a cross where the account was closed",
}


def quotes(rerun: Rerun) -> Picture | None:
    """Depths over inventory half-way and at the last step: the median of the seeds, all they span, and the optimum's."""
    if not rerun.depths:
        return None
    market, tables = rerun.market, np.array(rerun.depths)
    inventory = inventory_levels(market)
    shown = np.abs(inventory) <= min(3.0 * market.inventory_scale, market.max_inventory - market.order_size)
    rows = {"half-way": tables.shape[1] // 2, "last step": tables.shape[1] - 1} if tables.shape[1] > 1 else {"": 0}
    figure, axes = sheet(0.5 + 2.3 * len(rows), len(rows))
    for axis, (label, row) in zip(np.ravel(axes), rows.items()):
        for side, (name, color) in enumerate((("bid", BID), ("ask", ASK))):
            depths = tables[:, row, shown, side]
            axis.fill_between(inventory[shown], depths.min(axis=0), depths.max(axis=0), color=color, alpha=0.2, lw=0)
            axis.plot(inventory[shown], np.median(depths, axis=0), color=color, lw=1.6, label=name)
            if rerun.best_depths is not None:
                best = rerun.best_depths[min(row, len(rerun.best_depths) - 1), shown, side]
                axis.plot(inventory[shown], best, "--", color=color, lw=1.2, label=f"{name}, optimum")
        axis.set_ylabel("depth (price units)")
        axis.set_title(label, fontsize=9, color=INK)
    np.ravel(axes)[-1].set_xlabel("inventory (units of the asset)")
    legend(figure, np.ravel(axes)[0], 2)
    beside = "; dashed, the exact optimum's" if rerun.best_depths is not None else ""
    says = (
        f"{rerun.agent} on {rerun.market_name}: quotes over inventory, the median of {seeds(len(rerun.depths))} and all "
        f"that they span{beside}. Lines that cross at zero inventory are the skew."
    )
    return Picture("quotes", figure, says)


def by_state(rerun: Rerun) -> list[Picture]:
    """What decides beside time and inventory, in markets that have it: one seed, and the optimum."""
    says = f"{rerun.agent} on {rerun.market_name}, seed {rerun.seeds[0]}, beside the exact optimum: "
    return [Picture(name, figure, f"{says}{BY_STATE[name]}.") for name, figure in rerun.by_state.items()]


def fans(rerun: Rerun) -> Picture:
    """Inventory and profit over the episode: median, middle half and 5 to 95 %, beside the optimum's."""
    everyone = pooled(rerun.paths)
    figure, axes = sheet(5.0, 2)
    for axis, name, label in zip(axes, ("inventory", "profit"), ("inventory (units)", "P&L (price units)")):
        times, bands = thinned(everyone.times, fan(getattr(everyone, name)))
        for low, high, alpha, share in ((0, 4, 0.16, "5 to 95 %"), (1, 3, 0.3, "25 to 75 %")):
            axis.fill_between(times, bands[low], bands[high], color=BID, alpha=alpha, lw=0, label=share)
        axis.plot(times, bands[2], color=BID, lw=1.6, label="median")
        if rerun.best_paths is not None:
            _, best = thinned(everyone.times, fan(getattr(rerun.best_paths, name)))
            axis.plot(times, best[2], color=INK, lw=1.0, ls="--", label="optimum: median")
            axis.plot(times, best[[0, 4]].T, color=INK, lw=0.8, ls=":", label=["optimum: 5 and 95 %", "_"])
        axis.set_ylabel(label)
    axes[1].set_xlabel("time (the market's unit)")
    legend(figure, axes[0], 2)
    beside = "; the dotted lines are what the optimum takes" if rerun.best_paths is not None else ""
    says = (
        f"{rerun.agent} on {rerun.market_name}: how inventory and profit spread over {rerun.episodes:,} episodes of "
        f"{seeds(len(rerun.paths))}. A wide inventory is risk{beside}."
    )
    return Picture("fans", figure, says)


def worst(rerun: Rerun) -> Picture:
    """Mid, inventory and profit of the episodes that lost most, of any seed."""
    figure, axes = sheet(6.4, 3)
    for (paths, seed, episode), color in zip(worst_episodes(rerun), COLORS):
        profit = paths.profit[-1, episode]
        label = f"seed {seed}, episode {episode}: {profit:.3g}"
        values = (paths.mid[:, episode] - paths.mid[0, episode], paths.inventory[:, episode], paths.profit[:, episode])
        for axis, value in zip(axes, values):
            axis.step(*thinned(paths.times, value), where="post", color=color, lw=1.2, label=label)
    for axis, label in zip(axes, ("mid less its start\n(price units)", "inventory\n(units)", "P&L\n(price units)")):
        axis.set_ylabel(label)
        axis.axhline(0.0, color=INK, lw=0.6)
    axes[2].set_xlabel("time (the market's unit)")
    legend(figure, axes[2])
    says = (
        f"{rerun.agent} on {rerun.market_name}: the {WORST} worst of {rerun.episodes:,} episodes of "
        f"{seeds(len(rerun.paths))}. Look for a position held while the mid ran against it."
    )
    return Picture("worst", figure, says)


def worst_episodes(rerun: Rerun) -> list[tuple[Paths, int, int]]:
    """The paths, seed and number of the episodes that ended worst, the worst first; each with the seed that fared worst."""
    profits = np.array([paths.profit[-1] for paths in rerun.paths])  # (seeds, episodes): all seeds meet the same noise
    lowest = np.argsort(profits.min(axis=0), kind="stable")[:WORST]
    seeds_of = profits[:, lowest].argmin(axis=0)
    return [(rerun.paths[i], rerun.seeds[i], int(episode)) for i, episode in zip(seeds_of, lowest, strict=True)]


def thinned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """At most 200 of the steps, evenly spread, the first and the last among them; values (..., steps + 1)."""
    kept = np.unique(np.linspace(0, len(times) - 1, POINTS).astype(int))
    return times[kept], values[..., kept]
