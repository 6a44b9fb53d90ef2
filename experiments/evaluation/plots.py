"""Figures of an evaluation: quotes over inventory, P&L histograms, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.exact.evaluation import inventory_law
from agents.exact.price_grid import Unsolvable
from agents.policy import Policy, as_policy, grid_observations, in_space, quoted_depths, tabulate
from experiments.evaluation.common_noise import Entry
from mm_env.desk.desk import Desk
from mm_env.envs import render
from mm_env.envs.recorder import Recorder
from mm_env.market import Market
from mm_env.rollout import inventory_levels, steps
from mm_env.simulation import Simulation

BID, ASK, INK = "#2a6f97", "#c1440e", "#333333"
COLORS = (BID, ASK, "#4f772d", "#7b5ea7", "#946c00", INK)


def quote_curves(market: Market, agent: str, policy: Policy, rival: str, reference: Policy) -> Figure | None:
    """Depths over inventory at the start, the middle and the end: the agent's drawn, its rival's dashed."""
    ours, theirs = depth_table(market, policy), depth_table(market, reference)
    if ours is None or theirs is None:
        return None
    rows = {"start": 0, "middle": len(ours) // 2, "last step": len(ours) - 1} if len(ours) > 1 else {"at any time": 0}
    figure = Figure(figsize=(4.2 * len(rows), 4.1), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(rows), sharey=True))
    inventory, window = inventory_levels(market), 3.0 * market.inventory_scale
    shown = np.abs(inventory) <= min(window, market.max_inventory - market.order_size)
    for axis, (label, row) in zip(axes, rows.items()):
        for table, style, name in ((ours, "-", agent), (theirs, "--", rival)):
            depths = table[min(row, len(table) - 1)][shown]
            axis.plot(inventory[shown], depths[:, 0], style, color=BID, lw=1.8, label=f"bid, {short(name)}")
            axis.plot(inventory[shown], depths[:, 1], style, color=ASK, lw=1.8, label=f"ask, {short(name)}")
        axis.set_title(label, color=INK)
        axis.set_xlabel("inventory")
        plain(axis)
    axes[0].set_ylabel("depth (price units)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def depth_table(market: Market, policy: Policy) -> NDArray[np.float64] | None:
    """Bid and ask depth (rows, levels, 2) if they depend on time and inventory alone."""
    if isinstance(market, Desk):
        return None
    table = tabulate(market, policy)
    if (market if table is None else table.market).quote.at_touch():
        return None
    if table is not None:
        return table.depths()
    player = as_policy(policy)
    seen = grid_observations(market) if player.learnt else None
    if seen is None:
        return None
    player.forget()
    actions = np.asarray(player.act(seen.reshape(-1, seen.shape[-1]))).reshape(*seen.shape[:2], -1)
    player.forget()
    return quoted_depths(market, actions)


def inventory_fan(market: Market, agent: str, policy: Policy, rival: str, reference: Policy) -> Figure | None:
    """The exact law of the inventory over an episode: median, middle half and 5 to 95 %; its rival's dashed.

    None where there is no such law: the policies depend on more than time and inventory, or so does the market.
    """
    ours, theirs = (inventory_percentiles(market, each) for each in (policy, reference))
    if ours is None or theirs is None:
        return None
    times = np.linspace(0.0, market.clock.horizon, ours.shape[1])
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    axis = figure.subplots()
    for low, high, alpha, share in ((0, 4, 0.16, "5 to 95 %"), (1, 3, 0.3, "25 to 75 %")):
        axis.fill_between(
            times, ours[low], ours[high], color=BID, alpha=alpha, lw=0, step="post", label=f"{agent}: {share}"
        )
    axis.step(times, ours[2], where="post", color=BID, lw=1.6, label=f"{agent}: median")
    axis.step(times, theirs[[0, 4]].T, "--", where="post", color=INK, lw=1.0, label=[f"{rival}: 5 and 95 %", "_"])
    axis.set(xlabel="time (the market's unit)", ylabel="inventory (units of the asset)")
    axis.legend(frameon=False, fontsize=8)
    plain(axis)
    return figure


def inventory_percentiles(market: Market, policy: Policy) -> NDArray[np.float64] | None:
    """The 5, 25, 50, 75 and 95 % points of the inventory's law at each step, (5, steps + 1), if it is known."""
    table = tabulate(market, policy)
    if table is None:
        return None
    try:
        law = inventory_law(table.market, table.actions)
    except Unsolvable:
        return None
    reached = np.cumsum(law, axis=1)[None] >= np.array([0.05, 0.25, 0.5, 0.75, 0.95])[:, None, None] - 1e-9
    return inventory_levels(market)[reached.argmax(axis=2)]


def learning_curves(runs: Mapping[str, Mapping[str, Sequence[NDArray[np.float64]]]]) -> Figure:
    """Skill (where a market has none, the objective) against seconds and against lane-steps, by market and agent: the median of
    the seeds and all that they span.

    `runs[market][agent]` holds a curve (rows, 4) for each seed: steps, seconds, skill, objective.
    """
    figure = Figure(figsize=(4.0 * len(runs), 6.4), layout="constrained")
    axes = figure.subplots(2, len(runs), squeeze=False)
    for column, (market, agents) in enumerate(runs.items()):
        skilled = all(np.isfinite(curve[:, 2]).all() for curves in agents.values() for curve in curves)
        for (agent, curves), color in zip(agents.items(), COLORS):
            for axis, abscissa, unit in zip(axes[:, column], (1, 0), (1.0, 1e6)):
                x, reached = aligned(curves, abscissa, unit, 2 if skilled else 3)
                axis.fill_between(x, reached.min(axis=0), reached.max(axis=0), color=color, alpha=0.2, lw=0)
                axis.plot(x, np.median(reached, axis=0), color=color, lw=1.8, label=f"{agent} ({len(curves)} seeds)")
        for axis, label in zip(axes[:, column], ("seconds of training", "million lane-steps")):
            axis.set(xlabel=label, title=market)
            if skilled:
                axis.set_ylim(0.0, 1.02)
                axis.axhline(1.0, color=INK, lw=0.8, ls=":")
            axis.set_ylabel(("skill (1 is the exact optimum)" if column == 0 else "") if skilled else "objective")
            plain(axis)
        axes[0, column].legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def aligned(
    curves: Sequence[NDArray[np.float64]], abscissa: int, unit: float, ordinate: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Up to where the shortest curve ends: 200 abscissas (n,), in `unit`, and each seed's ordinate there (seeds, n)."""
    x = np.linspace(0.0, min(curve[-1, abscissa] for curve in curves), 200)
    return x / unit, np.array([np.interp(x, curve[:, abscissa], curve[:, ordinate]) for curve in curves])


def episode(market: Market, policy: Policy, seed: int) -> Figure:
    """What a policy does in lane 0 of `play` with that seed."""
    return render.draw(recorded(market, policy, seed))


def recorded(market: Market, policy: Policy, seed: int) -> Recorder:
    """Lane 0 of `play` with that seed, decision by decision."""
    player = as_policy(policy)
    player.forget()
    acting = player.tabulated(market) or player
    own = acting.acts_in(market)
    simulation = Simulation(own, 1)
    played = steps(simulation, lambda seen: in_space(own, acting.act(seen)), seed)
    recorder = Recorder(simulation)
    recorder.start()
    for step in played:
        recorder.add(step.actions)
    return recorder


def profit_histogram(entries: Sequence[Entry]) -> Figure:
    """The distribution of the profit of an episode, of up to six agents."""
    figure = Figure(figsize=(7.0, 3.8), layout="constrained")
    axis = figure.subplots()
    shown = entries[:6]
    everything = np.concatenate([entry.episodes.profit for entry in shown])
    low, high = float(np.quantile(everything, 0.001)), float(np.quantile(everything, 0.999))
    bins = np.linspace(low, high if high > low else low + 1.0, 60).tolist()
    for entry, color in zip(shown, COLORS):
        axis.hist(
            entry.episodes.profit, bins, histtype="step", density=True, lw=1.6, color=color, label=short(entry.name)
        )
    axis.set_xlabel("profit of an episode (price units)")
    axis.set_ylabel("density")
    axis.legend(frameon=False, fontsize=8)
    plain(axis)
    return figure


def save(folder: Path, figures: Mapping[str, Figure | None]) -> list[Path]:
    """Write each figure as a PNG; those that are None do not exist."""
    paths = []
    for name, figure in figures.items():
        if figure is not None:
            paths.append(folder / f"{name}.png")
            figure.savefig(paths[-1], dpi=130)
    return paths


def plain(axis: object) -> None:
    """No frame above and to the right, and a light grid."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)  # pyright: ignore[reportAttributeAccessIssue]
    axis.grid(alpha=0.25, lw=0.6)  # pyright: ignore[reportAttributeAccessIssue]


def short(name: str, longest: int = 36) -> str:
    """A name that leaves room for the plot beside it: of a long one, such as the folder of a sweep's job, both ends."""
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"
