"""Observations in natural units: inventory in orders, time to the end, an order book's view, rows and levels of a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import differs, record
from mm_env.market import Market
from mm_env.price.gaps import ScheduledGap
from mm_env.quote import View
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]


def natural_units(market: Market, observations: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Inventory in orders and seconds to the end, both (n,), from observations (n, k)."""
    names, seen = market.observation_names, observations.astype(np.float64)
    inventory = np.rint(seen[:, names.index("inventory")] * market.inventory_scale / market.order_size)
    if "time_left" not in names:
        return inventory, np.full(len(seen), market.clock.horizon)
    steps_left = np.rint(seen[:, names.index("time_left")] * market.clock.steps)
    return inventory, steps_left * market.clock.step_length


def places(market: Market, observations: NDArray[np.float32], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and level, both (n,), of a table of `rows` rows (one a step, or 1) at observations (n, k)."""
    inventory, seconds_left = natural_units(market, observations)
    level = np.rint(inventory).astype(np.int64) + round(market.max_inventory / market.order_size)
    step = market.clock.steps - np.rint(seconds_left / market.clock.step_length).astype(np.int64)
    return np.clip(step, 0, rows - 1), level


def grid_observations(market: Market) -> NDArray[np.float32] | None:
    """The observation at each (step, level), (steps or 1, levels, k), if time (with that to a gap) and inventory are all the
    agent sees."""
    names = market.observation_names
    gaps = "time_to_gap" in names and isinstance(market.price, ScheduledGap)
    if not set(names) <= {"inventory", "time_left", *(("time_to_gap",) if gaps else ())}:
        return None
    levels = inventory_levels(market)
    rows = market.clock.steps if "time_left" in names else 1
    seen = {
        "inventory": levels / market.inventory_scale,
        "time_left": 1.0 - np.arange(rows)[:, None] / market.clock.steps,
        "time_to_gap": _times_to_gap(market, rows)[:, None] if gaps else np.ones(1),
    }
    return np.stack([np.broadcast_to(seen[name], (rows, len(levels))) for name in names], axis=-1).astype(np.float32)


def _times_to_gap(market: Market, rows: int) -> Floats:
    """What the market shows of the time to the next gap at each step, (rows,)."""
    rules, opening = record(market), record(market).opening()
    begun = rules.begin(0.0, rules.initial_mid)
    times = np.arange(rows) * market.clock.step_length
    nows = [opening._replace(time=time, time_left=market.clock.horizon - time) for time in times.tolist()]
    return np.array([rules.price.observe(begun.mid, begun.world.price, now)[0] for now in nows])


def hedges_shown(market: Market, observations: NDArray[np.float32]) -> Floats:
    """The positions held in the hedges (n, hedges), units, from observations (n, k)."""
    names = market.observation_names
    columns = [names.index(name) for name in market.hedges.signals]
    return market.hedges.positions_shown(observations[:, columns].astype(np.float64))


def view(market: Market, observations: NDArray[np.float32]) -> View:
    """Others' half-spread and the tick, as an order book's observations (n, k) show them.

    Raises: ValueError where the tick differs by lane, which nobody is shown.
    """
    tick = market.venue.tick  # pyright: ignore[reportAttributeAccessIssue]
    if differs(tick):
        raise ValueError(f"depths become ticks only where venue.tick is the same in all lanes, got {tick!r}")
    spread = np.rint(observations[:, market.observation_names.index("spread")].astype(np.float64))
    return View(0.5 * tick * spread, tick)
