"""Episodes watched step by step: paths of all, and what was quoted in a few."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy, tabulate
from experiments.studies.stress import Battery, fresh
from mm_env.core.component import record
from mm_env.margin import Standing
from mm_env.market import Market
from mm_env.rollout import by_table, steps, steps_of
from mm_env.simulation import Simulation
from mm_env.state import State
from mm_env.stress.stress import CALM
from mm_env.world import Now

Floats = NDArray[np.float64]
_MOST, _HALVINGS = 1e3, 24  # times a position that is tried against a margin


class Watched(NamedTuple):
    """Paths of n episodes, and the quotes of some; money in price units."""

    times: Floats  # (steps + 1,)
    inventory: Floats  # (steps + 1, n)
    exposure: Floats  # (steps + 1, n): what the account gains per unit that the mid moves, units
    profit: Floats  # (steps + 1, n)
    mid: Floats  # (steps + 1, n)
    margin: Floats | None  # (steps + 1, n): the share used of the position that the margin allows; None where none does
    quotes: Floats | None  # (steps, shown, 2): bid and ask, or a range's ends, of the episodes shown; NaN without


def watch(battery: Battery, policy: Policy, shown: NDArray[np.int64]) -> Watched:
    """The calm episodes of a battery, of which those `shown` have their quotes kept."""
    market, seats = battery.market, battery.market.lanes_a_world
    table = tabulate(market, policy)
    player = fresh(policy)
    acting = table.market if table is not None else player.acts_in(market)
    simulation = Simulation(CALM.applied(acting), battery.episodes * seats)
    first, rows, quotes = slice(None, None, seats), [], []
    rules, lanes = record(simulation.market), shown * seats
    if table is None:
        played = steps(simulation, player.act, battery.seed)
    else:
        played = steps_of(simulation, by_table(simulation, table.actions), simulation.start(battery.seed))
    before = simulation.state
    rows.append(_seen(rules, acting, before, first))
    for step in played:
        quotes.append(_quotes(rules, acting, before, np.asarray(step.actions).reshape(len(step.alive), -1), lanes))
        before = simulation.state
        rows.append(_seen(rules, acting, before, first))
    inventory, exposure, profit, mid, margin = (np.array(column) for column in zip(*rows, strict=True))
    times = np.linspace(0.0, market.clock.horizon, len(rows))
    drawn = np.array(quotes, np.float64)
    used = None if np.isnan(margin).all() else margin
    return Watched(times, inventory, exposure, profit, mid, used, None if np.isnan(drawn).all() else drawn)


def _seen(rules: Any, market: Market, state: State, first: slice) -> tuple[Floats, ...]:
    """Inventory, exposure, profit, mid and margin use of the lanes of the first makers."""
    account, now = state.account, Now(0.0, 0.0, state.mid, state.world, ())
    exposure = np.array(account.inventory)
    if market.hedges.names:
        exposure = exposure + sum(d * h for d, h in zip(rules.hedges.deltas(now), account.hedges, strict=True))
    every = (account.inventory, exposure, state.tally.profit, state.mid, _use(rules, market, state, now))
    return tuple(np.array(np.broadcast_to(x, np.shape(state.mid))[first], np.float64) for x in every)


def _use(rules: Any, market: Market, state: State, now: Now) -> Any:
    """1 / m, where m times the position is the largest with which the account would still be open."""
    if not market.may_close:
        return np.nan
    account, tally = state.account, state.tally
    held = np.abs(account.inventory)
    exposure = held * state.mid
    for position, mark in zip(account.hedges, rules.hedges.marks(now), strict=True):
        exposure = exposure + np.abs(position) * mark
    low, high = np.ones_like(held), np.full_like(held, _MOST)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        standing = Standing(tally.profit, tally.peak, middle * exposure, middle * held)
        try:
            holds = np.asarray(rules.margin.holds(standing, now))
        except (ValueError, TypeError):  # a margin of several rules judges one lane at a time
            return np.nan
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    return np.where((held > 0.0) & (state.alive > 0.0), 1.0 / low, 0.0)


def _quotes(rules: Any, market: Market, state: State, actions: Any, lanes: NDArray[np.int64]) -> list[Any]:
    """Bid and ask prices, or the ends of a range, of some lanes; NaN in an order book, where they follow its queues."""
    if market.venue.makes_mid:
        return [[np.nan, np.nan]] * len(lanes)
    return [_quoted(rules, market, lane_of(state, int(i)), tuple(map(float, actions[i]))) for i in lanes]


def _quoted(rules: Any, market: Market, state: Any, action: tuple[float, ...]) -> list[float]:
    if market.venue.takes_ranges:
        position = state.world.venue.core.position
        inside = position.liquidity > 0.0 and position.upper.root < 10.0 * position.lower.root
        return [position.lower.root**2, position.upper.root**2] if inside else [np.nan, np.nan]
    if not rules.is_open(state):
        return [np.nan, np.nan]
    quote = rules.quoted(action[: market.quote.width], state)
    return [state.mid - quote.bid_depth, state.mid + quote.ask_depth]


def lane_of(values: Any, lane: int) -> Any:
    """One lane of a tree of tuples of arrays, as numbers."""
    if isinstance(values, tuple):
        parts = [lane_of(value, lane) for value in values]
        return type(values)(*parts) if hasattr(values, "_fields") else tuple(parts)
    return float(np.broadcast_to(values, (np.size(values),))[lane if np.size(values) > 1 else 0])
