"""How often a channel had run dry while episodes were played, and was being rebalanced."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
_ROUNDING = 1e-9


class ChannelEpisodes(NamedTuple):
    """What n episodes in a channel brought, (n,) each. Shares are of the steps that were lived, as they began."""

    empty: Floats  # share of time with nothing on our side
    full: Floats  # share of time with nothing on the other
    rebalancing: Floats  # share of time with a rebalancing under way
    rebalances: Floats  # how often one was asked for
    rebalancing_cost: Floats  # paid for them, price units


class ChannelRecord:
    """Lanes of a simulation, or what keeps something else of them, that count how often the channel is empty, full or being
    rebalanced."""

    def __init__(self, simulation: Simulation, lanes: Any = None) -> None:
        self._simulation, self._lanes = simulation, simulation if lanes is None else lanes
        ends: Any = simulation.market.venue.ends
        self._low, self._high = ends
        self.steps, self.empty, self.full, self.rebalancing = np.zeros((4, simulation.num_lanes))

    def step(self, actions: Floats, /) -> tuple[Any, Any, Any, Any]:
        """As `Simulation.step`."""
        state = self._simulation.state
        before, held, left = (
            np.array(numbers) for numbers in (state.step, state.account.inventory, state.world.venue.left)
        )
        brought = self._lanes.step(actions)
        state = self._simulation.state
        lived, slack = (state.step > before).astype(np.float64), _ROUNDING * (self._high - self._low)
        self.steps += lived
        self.empty += lived * (held <= self._low + slack)
        self.full += lived * (held >= self._high - slack)
        self.rebalancing += lived * (left > 0.5)
        return brought

    def episodes(self) -> ChannelEpisodes:
        """What the episodes that were stepped through from their start brought."""
        venue, shares = self._simulation.state.world.venue, np.maximum(self.steps, 1.0)
        return ChannelEpisodes(
            self.empty / shares, self.full / shares, self.rebalancing / shares, np.array(venue.rebalances),
            np.array(venue.paid),
        )  # fmt: skip
