"""A provider's range and the prices over an episode, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.policy import Policy, as_policy
from experiments.evaluation.plots import ASK, BID, INK, plain, short
from mm_env.market import Market
from mm_env.rollout import steps
from mm_env.simulation import Simulation
from mm_env.venue.pool.liquidity import Position

Floats = NDArray[np.float64]
NOISE = 5_000_011  # the seed of the episode that is shown; neither training nor a table uses it
_WIDEST = 0.5  # log price; wider ranges are not drawn
COLORS = (BID, "#b8860b", "#7a5195", "#2e8b57", "#c05780", "#4d4d4d")


class Provided(NamedTuple):
    """One episode after each step, (steps,): prices, the ends of each range, (steps, K) (nan where there is none, or no end),
    and money so far."""

    time: Floats
    mid: Floats  # that arbitrageurs saw
    price: Floats  # of the pool
    lower: Floats
    upper: Floats
    fees: Floats
    lost: Floats
    costs: Floats
    profit: Floats


def figures(market: Market, policies: Mapping[str, Policy]) -> dict[str, Figure | None]:
    """The figure of ranges and prices, by the name of its file."""
    return {"range": range_over_time(market, {name: provided(market, each) for name, each in policies.items()})}


def provided(market: Market, policy: Policy, seed: int = NOISE) -> Provided:
    """Episode 0 of `seed`, step by step."""
    player, rows = as_policy(policy), []
    simulation = Simulation(player.acts_in(market), 1)
    player.forget()
    for _ in steps(simulation, player.act, seed):
        state = simulation.state_of(0)
        mid = rows[-1][-1] if rows else float(market.initial_mid)  # pyright: ignore[reportArgumentType]
        rows.append((*_row(state, mid, market.clock.step_length), state.mid))
    return Provided(*map(np.array, list(zip(*rows, strict=True))[:-1]))


def _ends(position: Position) -> tuple[float, float]:
    drawn = position.liquidity > 0.0 and position.half_width <= _WIDEST
    return (position.lower.root**2, position.upper.root**2) if drawn else (np.nan, np.nan)


def _row(state: object, mid: float, dt: float) -> tuple[Any, ...]:
    venue = state.world.venue  # pyright: ignore[reportAttributeAccessIssue]
    told = venue.told
    low, high = zip(*map(_ends, venue.core.positions), strict=True)
    money = (told.fees, told.lost, told.costs, state.tally.profit)  # pyright: ignore[reportAttributeAccessIssue]
    return (state.step * dt, mid, venue.core.price.root**2, low, high, *money)  # pyright: ignore[reportAttributeAccessIssue]


def range_over_time(market: Market, lives: Mapping[str, Provided]) -> Figure:
    """Above the mid and the range, below fees, loss versus rebalancing, costs of moves and profit, an agent a column."""
    figure = Figure(figsize=(5.6 * len(lives), 6.2), layout="constrained")
    axes = figure.subplots(2, len(lives), sharex=True, sharey="row", squeeze=False)
    for column, (name, life) in enumerate(lives.items()):
        _prices(axes[0, column], life)
        axes[0, column].set_title(short(name), color=INK)
        _money(axes[1, column], life)
        axes[1, column].set_xlabel("time")
    axes[0, 0].set_ylabel("price")
    axes[1, 0].set_ylabel("money so far (price units)")
    for row in (0, 1):
        axes[row, -1].legend(frameon=False, fontsize=8, loc="best")
    return figure


def _prices(axis: Axes, life: Provided) -> None:
    for place, (low, high) in enumerate(zip(life.lower.T, life.upper.T, strict=True)):
        told = "range" if life.lower.shape[1] == 1 else f"range {place + 1}"
        color, shade = COLORS[place % len(COLORS)], 0.18 if place == 0 else 0.14
        axis.fill_between(life.time, low, high, step="pre", color=color, alpha=shade, lw=0.0, label=told)
    axis.plot(life.time, life.mid, color=INK, lw=0.9, label="mid")
    axis.plot(life.time, life.price, color=ASK, lw=0.9, label="pool")
    plain(axis)


def _money(axis: Axes, life: Provided) -> None:
    named = {
        "fees": (life.fees, BID),
        "loss versus rebalancing": (-life.lost, ASK),
        "moving costs": (-life.costs, "#946c00"),
    }
    for label, (values, color) in named.items():
        axis.plot(life.time, values, color=color, lw=1.4, label=label)
    axis.plot(life.time, life.profit, color=INK, lw=1.4, ls="--", label="profit")
    axis.axhline(0.0, color=INK, lw=0.5, alpha=0.4)
    plain(axis)
