"""Whole episodes: of a tabulated policy inside the kernel at full speed, of any other step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.envs.inputs import Actions
from mm_env.market import Market
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Episodes:
    """What each of n episodes brought; every field (n,). Money in price units, sizes in units of the asset."""

    objective: Floats  # sum of rewards
    profit: Floats  # wealth at the end less wealth at the start
    drawdown: Floats  # the deepest fall of the profit from its peak
    mean_absolute_inventory: Floats  # mean of |q| over the steps
    terminal_inventory: Floats
    spread_captured: Floats
    fills: Floats
    arrivals: Floats

    def __len__(self) -> int:
        return len(self.objective)

    @property
    def window(self) -> NDArray[np.int64] | None:
        """What the episodes played of a recorded day; None where they are independent."""
        return None


@dataclass(frozen=True)
class RecordedEpisodes(Episodes):
    """Episodes of a recorded day, which is cut into stretches as long as one of them."""

    stretch: NDArray[np.int64]  # the number of that in which each began

    @property
    def window(self) -> NDArray[np.int64]:
        return self.stretch


def inventory_levels(market: Market) -> Floats:
    """The inventories a table has columns for: -max_inventory to max_inventory by order_size."""
    orders = round(market.max_inventory / market.order_size)
    return np.arange(-orders, orders + 1, dtype=np.float64) * market.order_size


def run_actions(market: Market, actions: Floats, num_episodes: int, seed: int) -> Episodes:
    """Episode 0 of `seed` in `num_episodes` lanes, acting by a table (steps or 1, levels, width) of the market's actions.

    At inventories between two levels (an order may be filled in part) by the nearest.
    """
    simulation, table = Simulation(market, num_episodes), check_table(market, actions)
    simulation.start(seed)
    if market.venue.loops == "events":
        _run_steps(simulation, table)
    else:
        simulation.run(table)
    return episodes_of(simulation)


def _run_steps(simulation: Simulation, table: Floats) -> None:
    market = simulation.market
    for step in range(market.clock.steps):
        inventory = simulation.state.account.inventory
        level = np.rint((inventory + market.max_inventory) / market.order_size).astype(np.int64)
        simulation.step(np.ascontiguousarray(table[min(step, len(table) - 1), level]).reshape(-1))


def check_table(market: Market, actions: Floats) -> Floats:
    """The table itself if it is one of the market's actions: (steps or 1, levels, width), finite, indices if discrete."""
    levels, shape, space = len(inventory_levels(market)), np.shape(actions), market.quote.space
    if len(shape) != 3 or shape[0] not in (1, market.clock.steps) or shape[1:] != (levels, market.quote.width):
        wanted = f"({market.clock.steps} or 1, {levels}, {market.quote.width})"
        raise ValueError(f"a table of actions must have shape {wanted}, got {shape}")
    if not np.isfinite(actions).all():
        raise ValueError("a table of actions must be finite")
    if isinstance(space, gym.spaces.Discrete) and not np.isin(actions, np.arange(space.n)).all():
        raise ValueError(f"a table of actions must hold whole numbers in [0, {space.n - 1}]")
    return np.asarray(actions, np.float64)


def run_depths(market: Market, depths: Floats, num_episodes: int, seed: int) -> Episodes:
    """As `run_actions`, quoting a table (steps or 1, levels, 2) of depths in price units, whatever the action space."""
    return run_actions(replace(market, quote=Unbounded()), depths, num_episodes, seed)


def run_policy(
    market: Market,
    act: Callable[[NDArray[np.float32]], NDArray],
    num_episodes: int,
    seed: int,
    on_step: Callable[[], object] = lambda: None,
) -> Episodes:
    """As `run_actions`, asking `act` for the actions (n, width) or (n,) that it takes on observations (n, k)."""
    simulation, actions = Simulation(market, num_episodes), Actions(market, num_episodes)
    observations = simulation.start(seed)
    for _ in range(market.clock.steps):
        observations, _, _, _ = simulation.step(actions.usable(act(observations), simulation))
        on_step()
    return episodes_of(simulation)


def episodes_of(simulation: Simulation) -> Episodes:
    """What the episodes that the lanes have just ended brought."""
    state, tally = simulation.state, simulation.state.tally
    brought = (
        tally.objective,
        tally.profit,
        tally.drawdown,
        tally.absolute_inventory / simulation.market.clock.steps,
        state.account.inventory,
        tally.spread_captured,
        tally.fills,
        tally.arrivals,
    )
    stretch = simulation.market.venue.stretches(simulation.books)
    return Episodes(*brought) if stretch is None else RecordedEpisodes(*brought, stretch)
