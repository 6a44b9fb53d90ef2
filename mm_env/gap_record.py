"""What each scheduled gap brought an episode, and what was held in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import count, parts, record
from mm_env.core.lanes import TILE
from mm_env.core.storage import numbered
from mm_env.market import Market
from mm_env.price.gaps import ScheduledGap, is_in
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]


def gap_steps(market: Market) -> list[int]:
    """The steps, counted from 0, that end with a gap; none where no price has any."""
    gaps = {time for _, part in parts(market.price) if isinstance(part, ScheduledGap) for time in part.at}
    dt, steps = market.clock.step_length, range(market.clock.steps)
    return [step for step in steps if any(is_in(time, (step * dt, dt)) for time in gaps)]


class GapRecord:
    """A simulation's lanes that keep what gaps bring to the episodes that they are stepped through from their start.

    A gap brings the profit of its step less that of the very same step without the gap: the position through it times the gap,
    and what is lost where it breaches the margin.
    """

    def __init__(self, simulation: Simulation) -> None:
        market, lanes = simulation.market, simulation.num_lanes
        self._simulation, self._step = simulation, 0
        self._gaps = {step: gap for gap, step in enumerate(gap_steps(market))}
        self.profit = np.zeros((lanes, len(self._gaps)))  # price units; 0 where the account had been closed
        self.inventory = np.full((lanes, len(self._gaps)), np.nan)  # units, after fills; nan where it had been closed
        self._without, self._numbers = Simulation(market, lanes), count(record(market))
        gaps = [path for path, part in parts(market.price, "price") if isinstance(part, ScheduledGap)]
        sizes = tuple(f"{path}.{name}." for path in gaps for name in ("std", "mean"))
        self._sizes = [row for row, leaf in enumerate(numbered(market)) if leaf and leaf.path.startswith(sizes)]

    def step(self, actions: Floats, /) -> tuple[Any, Any, Any, Any]:
        """As `Simulation.step`."""
        gap, self._step = self._gaps.get(self._step), self._step + 1
        if gap is None:
            return self._simulation.step(actions)
        is_open, without = ~self._simulation.closed, self._stepped_without(actions)
        brought = self._simulation.step(actions)
        self.profit[:, gap] = self._simulation.state.tally.profit - without.tally.profit
        self.inventory[is_open, gap] = without.account.inventory[is_open]
        return brought

    def _stepped_without(self, actions: Floats) -> Any:
        """The state after the same step with gaps of no size."""
        saved = self._simulation.save()
        saved["parameters"].reshape(-1, self._numbers, TILE)[:, self._sizes] = 0.0
        self._without.restore(saved)
        self._without.step(actions)
        return self._without.state
