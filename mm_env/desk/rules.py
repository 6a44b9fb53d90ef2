"""What the kernel of a desk is given of it, and where a desk trades."""

from __future__ import annotations

import math
from typing import ClassVar

from mm_env.clock import Clock
from mm_env.core.component import Component, rule
from mm_env.core.parameters import Positive
from mm_env.desk.instrument import Instrument, Tier
from mm_env.desk.state import DeskState, DeskTally
from mm_env.price.variance import QuadraticExponential, VarianceStep
from mm_env.reward import Reward
from mm_env.venue.venue import Venue


class DeskRules(Component):
    """What a desk's instruments share, and one of each kind to read the others by: the record that the kernel is given."""

    clock: Clock
    reward: Reward
    instrument: Instrument
    tier: Tier
    risk_scale: Positive
    scheme: VarianceStep = QuadraticExponential()  # of the variance that all share

    @rule
    def begin(self, episode: float) -> DeskState:
        """The state at the start of an episode."""
        return DeskState(0.0, episode, 1.0, DeskTally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))

    @rule
    def observe(self, state: DeskState, variance: float) -> tuple[float, ...]:
        """What the agent sees beside the inventories; `variance` is the position's, price^2 / time."""
        return self.clock.observe(state.step) + (math.sqrt(variance) / self.risk_scale,)


class Clients(Venue):
    """The venue of a desk: clients who ask for its quotes. What comes of those, `Desk` says."""

    loops: ClassVar[str] = "desk"
    unsolvable: ClassVar[str] = "a desk has an inventory in each of its instruments"
