"""Figures of a payment channel: its balance over time, and the fees by balance with where rebalancing is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.policy import Policy, as_policy, quoted_depths, quotes
from experiments.evaluation.plots import ASK, BID, INK, plain, short
from mm_env.market import Market
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
BANDS, PATHS = (0.05, 0.25, 0.5, 0.75, 0.95), 3


def balances(market: Market, inventories: Mapping[str, Floats]) -> Figure:
    """Our balance over time, a panel for each policy: median, middle half, 5 to 95 %, and three episodes.

    `inventories` are those after each step of the same episodes, (steps, n).
    """
    venue: Any = market.venue
    figure = Figure(figsize=(5.2 * len(inventories), 4.0), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(inventories), sharey=True))
    times = market.clock.step_length * np.arange(1, market.clock.steps + 1)
    for axis, (name, inventory) in zip(axes, inventories.items()):
        balance, shown = venue.initial_balance + inventory, times[: len(inventory)]
        low, quarter, median, upper, high = np.nanquantile(balance, BANDS, axis=1, method="inverted_cdf")
        axis.fill_between(shown, low, high, color=BID, alpha=0.15, lw=0, step="post", label="5 to 95 %")
        axis.fill_between(shown, quarter, upper, color=BID, alpha=0.3, lw=0, step="post", label="25 to 75 %")
        axis.step(shown, median, where="post", color=BID, lw=1.8, label="median")
        axis.step(
            shown,
            balance[:, :PATHS],
            where="post",
            color=INK,
            lw=0.7,
            alpha=0.6,
            label=["episodes", *["_"] * (PATHS - 1)],
        )
        axis.set(title=short(name), xlabel="time (the market's unit)", ylim=(-0.3, venue.capacity + 0.3))
        plain(axis)
    axes[0].set_ylabel("our balance (units)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def fees_by_balance(market: Market, policies: Mapping[str, Policy], seen: NDArray[np.float32]) -> Figure | None:
    """Fees over the balance in the middle of an episode, the first policy's drawn, the other's dashed; below, where each asks
    for rebalancing. What else is seen, of `seen` (n, k), is as most often.

    None where fees are choices at an order book's best prices.
    """
    if market.quote.at_touch():
        return None
    venue: Any = market.venue
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    for row, ((name, policy), style) in enumerate(zip(policies.items(), ("-", "--"))):
        balance, fees, asks = quoted_at(market, policy, seen)
        for side, (label, color, shut) in enumerate((("to us", BID, venue.capacity), ("from us", ASK, 0.0))):
            shown = np.where(np.isclose(balance, shut), np.nan, fees[:, side])
            axis.plot(balance, shown, style, color=color, lw=1.8, label=f"fee {label}, {short(name)}")
        if market.quote.rebalances:
            heights = np.full(int(asks.sum()), -0.06 - 0.05 * row)
            axis.plot(
                balance[asks],
                heights,
                "s" if row == 0 else "x",
                color=INK,
                ms=5,
                clip_on=False,
                label=f"rebalances, {short(name)}",
            )
    axis.set(xlabel="our balance (units)", ylabel="fee at mid-episode (price units a unit)")
    axis.margins(y=0.08)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    plain(axis)
    return figure


def quoted_at(market: Market, policy: Policy, seen: NDArray[np.float32]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Balances (m,), the fees (m, 2) quoted there, and whether rebalancing is asked for (m,), while none is under way."""
    venue, names = market.venue, market.observation_names
    low, high = venue.ends or (-market.max_inventory, market.max_inventory)
    levels = inventory_levels(market)
    levels = levels[(levels >= low - 1e-9) & (levels <= high + 1e-9)]
    shown = np.tile(np.median(seen, axis=0), (len(levels), 1)).astype(np.float32)
    shown[:, names.index("inventory")] = levels / market.inventory_scale
    for name in venue.signals:
        shown[:, names.index(name)] = 0.0
    player = as_policy(policy)
    player.forget()
    own = player.acts_in(market)
    actions = np.asarray(player.act(shown), np.float64).reshape(len(levels), own.width)
    player.forget()
    return levels - low, quoted_depths(own, actions), quotes(own, actions)[:, 2] > 0.0
