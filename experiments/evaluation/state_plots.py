"""Figures of what decides beside time and inventory: quotes by volatility, regime or profit; |q| on the way to a gap; wealth
paths with their margin calls; health factors of a loan.

A market has those of its features: `figures` makes no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.policy import Policy, as_policy, quoted_depths
from experiments.evaluation import pool_plots
from experiments.evaluation.channel_plots import balances, fees_by_balance
from experiments.evaluation.plots import ASK, BID, INK, plain, short
from mm_env.gap_record import gap_steps
from mm_env.market import Market
from mm_env.rollout import inventory_levels, steps
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
NOISE = 5_000_011  # the seed of the episodes that are shown; neither training nor a table uses it
LABELS = ("regime",)  # what is counted, and has no quantiles
STATES = (*LABELS, "volatility", "belief_1", "profit", "drawdown")  # the first that a market shows is drawn
SHARES, EPISODES, PATHS = (0.1, 0.5, 0.9), 1_000, 40


class Lives(NamedTuple):
    """Episodes step by step: what the lanes show before each step, and the account after it."""

    seen: NDArray[np.float32]  # (steps, n, k)
    inventory: Floats  # (steps, n), nan once an account is closed
    profit: Floats  # (steps, n), price units, nan once an account is closed
    called: NDArray[np.int64]  # (n,), the step of the margin call, or -1
    liquidated: NDArray[np.bool_]  # (n,), collateral was, at least once


def figures(market: Market, agent: str, policy: Policy, rival: str, reference: Policy) -> dict[str, Figure | None]:
    """The figures that the market has, by the names of their files: an agent's, beside its rival's."""
    both = {agent: policy, rival: reference}
    if market.venue.takes_ranges:
        return pool_plots.figures(market, both)
    if (
        market.venue.makes_mid
        or market.venue.loops == "desk"
        or not (
            _state_of(market) or gap_steps(market) or market.may_close or market.venue.ends or market.financing.names
        )
    ):
        return {}
    lives = {name: lived(market, each, EPISODES) for name, each in both.items()}
    return {
        **_of_channel(market, both, lives, rival),
        "quotes_by_state": quotes_by_state(market, both, lives[rival]),
        "inventory_to_gap": inventory_to_gap(market, lives),
        "margin_calls": margin_calls(market, lives),
        "health": health_over_time(market, lives),
    }


def _of_channel(
    market: Market, both: Mapping[str, Policy], lives: Mapping[str, Lives], rival: str
) -> dict[str, Figure | None]:
    if market.venue.ends is None:
        return {}
    seen = lives[rival].seen
    return {
        "balances": balances(market, {name: each.inventory for name, each in lives.items()}),
        "fees_by_balance": fees_by_balance(market, both, seen[len(seen) // 2]),
    }


def _state_of(market: Market) -> str | None:
    """The first of `STATES` that the market shows."""
    return next((name for name in STATES if name in market.observation_names), None)


def lived(market: Market, policy: Policy, episodes: int, seed: int = NOISE) -> Lives:
    """Episode 0 of `seed` in `episodes` lanes, step by step."""
    player = as_policy(policy)
    player.forget()
    acting = player.tabulated(market) or player
    own = acting.acts_in(market)
    simulation = Simulation(own, episodes)
    seen, inventory, profit, called = [], [], [], np.full(episodes, -1)
    for number, step in enumerate(steps(simulation, acting.act, seed)):
        state, shown = simulation.state, np.where(step.alive, 0.0, np.nan)
        seen.append(step.observations)
        inventory.append(state.account.inventory + shown)
        profit.append(state.tally.profit + shown)
        called[step.ended & simulation.closed] = number
    loan = simulation.state.world.financing
    liquidated = loan.tally.liquidations > 0.0 if hasattr(loan, "tally") else np.zeros(episodes, np.bool_)
    return Lives(np.array(seen), np.array(inventory), np.array(profit), called, liquidated)


def quotes_by_state(market: Market, policies: Mapping[str, Policy], lives: Lives) -> Figure | None:
    """Depths over inventory in the middle of an episode, a panel for each state: the first policy's drawn, the other's dashed.

    None where the market shows no state, or its actions are choices at an order book's best prices.
    """
    state = _state_of(market)
    if state is None or market.quote.at_touch():
        return None
    values = typical(market, state, lives)
    figure = Figure(figsize=(4.2 * len(values), 4.1), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(values), sharey=True))
    for axis, value in zip(axes, values.tolist()):
        for (name, policy), style in zip(policies.items(), ("-", "--")):
            inventory, depths = depths_at(market, policy, state, value, lives)
            for side, (label, color) in enumerate((("bid", BID), ("ask", ASK))):
                axis.plot(inventory, depths[:, side], style, color=color, lw=1.8, label=f"{label}, {short(name)}")
        axis.set(title=named(market, state, value), xlabel="inventory")
        plain(axis)
    axes[0].set_ylabel("depth at mid-episode (price units)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def typical(market: Market, state: str, lives: Lives) -> Floats:
    """The values of a state that are drawn: each label, or the deciles 1, 5 and 9 of what the middle of episodes shows."""
    shown = lives.seen[:, :, market.observation_names.index(state)]
    if state in LABELS:
        return np.unique(shown.astype(np.float64))
    middle = shown[len(shown) // 2].astype(np.float64)
    return np.unique(np.quantile(middle, SHARES))


def depths_at(market: Market, policy: Policy, state: str, value: float, lives: Lives) -> tuple[Floats, Floats]:
    """Inventories (n,) and the depths (n, 2) quoted there in the middle of an episode; what else is seen is as most often."""
    levels, names = inventory_levels(market), market.observation_names
    levels = levels[np.abs(levels) <= min(3.0 * market.inventory_scale, market.max_inventory - market.order_size)]
    seen = np.tile(np.median(lives.seen[len(lives.seen) // 2], axis=0), (len(levels), 1)).astype(np.float32)
    seen[:, names.index("inventory")] = levels / market.inventory_scale
    seen[:, names.index(state)] = value
    player = as_policy(policy)
    player.forget()
    own = player.acts_in(market)
    actions = np.asarray(player.act(seen)).reshape(len(levels), own.width)
    player.forget()
    return levels, quoted_depths(own, actions)


def named(market: Market, state: str, value: float) -> str:
    """A state in words."""
    if state in ("profit", "drawdown"):
        return f"{state} {value * market.profit_scale:.3g}"
    return f"{state} {value:.3g}".replace("belief_1", "belief in regime 1:")


def inventory_to_gap(market: Market, lives: Mapping[str, Lives]) -> Figure | None:
    """The mean |q| over time, the gaps marked; None where there are none."""
    gaps = gap_steps(market)
    if not gaps:
        return None
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axis = figure.subplots()
    times = market.clock.step_length * np.arange(1, market.clock.steps + 1)
    for (name, each), style, color in zip(lives.items(), ("-", "--"), (BID, INK)):
        axis.plot(
            times[: len(each.inventory)],
            np.nanmean(np.abs(each.inventory), axis=1),
            style,
            color=color,
            label=short(name),
        )
    for gap in gaps:
        axis.axvline(times[gap], color=ASK, lw=1.0, ls=":", label="gap" if gap == gaps[0] else "_")
    axis.set(xlabel="time (the market's unit)", ylabel="mean |inventory| (units)", ylim=(0.0, None))
    axis.legend(frameon=False, fontsize=8)
    plain(axis)
    return figure


def margin_calls(market: Market, lives: Mapping[str, Lives]) -> Figure | None:
    """Paths of the profit of the same episodes, a panel for each policy, with a cross where the account was closed; None where
    none ever is."""
    if not market.may_close:
        return None
    figure = Figure(figsize=(5.2 * len(lives), 4.0), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(lives), sharey=True))
    times = market.clock.step_length * np.arange(1, market.clock.steps + 1)
    for axis, (name, each) in zip(axes, lives.items()):
        for lane in range(PATHS):
            end = each.called[lane]
            color, alpha = (ASK, 0.9) if end >= 0 else (BID, 0.3)
            axis.plot(times[: len(each.profit)], each.profit[:, lane], color=color, alpha=alpha, lw=0.9)
            if end >= 0:
                axis.plot(times[end], each.profit[end, lane], "x", color=ASK, ms=6)
        axis.set(title=f"{short(name)}: {np.mean(each.called >= 0):.1%} closed", xlabel="time (the market's unit)")
        plain(axis)
    axes[0].set_ylabel("profit (price units)")
    return figure


def health_over_time(market: Market, lives: Mapping[str, Lives]) -> Figure | None:
    """Health factors of the same episodes as long as something is owed, a panel for each policy: their median, the range of
    nine in ten, and some paths, those with a liquidation in another colour; None where the market shows none."""
    names = market.observation_names
    if "health" not in names:
        return None
    figure = Figure(figsize=(5.2 * len(lives), 4.0), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(lives), sharey=True))
    for axis, (name, each) in zip(axes, lives.items()):
        shown = each.seen.astype(np.float64)
        owed = shown[..., names.index("debt")] > 0.0
        health = np.where(owed, np.exp(shown[..., names.index("health")]), np.nan)
        times = market.clock.step_length * np.arange(len(health))
        for lane in range(PATHS):
            color = ASK if each.liquidated[lane] else BID
            axis.plot(times, health[:, lane], color=color, alpha=0.35, lw=0.7)
        low, middle, high = np.nanquantile(health, (0.05, 0.5, 0.95), axis=1)
        axis.fill_between(times, low, high, color=BID, alpha=0.15, lw=0.0, label="nine in ten")
        axis.plot(times, middle, color=INK, lw=1.8, label="median")
        axis.axhline(1.0, color=ASK, lw=1.0, ls=":", label="liquidation")
        axis.set(title=f"{short(name)}: {np.mean(each.liquidated):.1%} liquidated", xlabel="time (the market's unit)")
        plain(axis)
    axes[0].set_ylabel("health factor")
    axes[0].set_ylim(0.8, 2.2)
    axes[0].legend(frameon=False, fontsize=8)
    return figure
