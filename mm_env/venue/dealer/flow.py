"""How market orders arrive at one side, and what that makes of the chance to be filled within a step."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import Component, rule
from mm_env.core.maths import exp
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative
from mm_env.world import Now


class Flow(Component):
    """Market orders of one side. An order takes our quote with probability `take`, so we are filled at that share.

    Override `probability`; where the flow has a state (an intensity that orders excite) `start` and `evolve` too.
    """

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with this flow."""

    @rule
    def start(self) -> Any:
        """Its state at the start of an episode: a named tuple of numbers, or () if it has none."""
        return ()

    @rule
    def probability(self, take: float, dt: float, now: Now, state: Any) -> float:
        """P(at least one order takes the quote within dt), from its `state` at t."""
        raise NotImplementedError

    @rule
    def arrival(self, dt: float, now: Now, state: Any) -> float:
        """P(at least one order comes within dt): one that would take a quote at the mid."""
        return self.probability(1.0, dt, now, state)

    @rule
    def evolve(self, state: Any, arrived: float, opposite: float, noise: Noise, dt: float, now: Now) -> Any:
        """Its state at t + dt; `arrived` and `opposite` are 1.0 if an order came to its side and to the other, else 0.0."""
        return state


class Scaled(Flow):
    """Orders of `flow` at `factor` times its rate: P = flow.probability(take x factor). Override `factor`."""

    flow: Flow

    def check(self, market: Any) -> None:
        self.flow.check(market)

    @rule
    def start(self) -> Any:
        return self.flow.start()

    @rule
    def factor(self, now: Now) -> float:
        """What the rate is multiplied by."""
        raise NotImplementedError

    @rule
    def probability(self, take: float, dt: float, now: Now, state: Any) -> float:
        return self.flow.probability(take * self.factor(now), dt, now, state)

    @rule
    def evolve(self, state: Any, arrived: float, opposite: float, noise: Noise, dt: float, now: Now) -> Any:
        return self.flow.evolve(state, arrived, opposite, noise, dt, now)


class Poisson(Flow):
    """Orders arrive as a Poisson process: P = 1 - exp(-rate take dt). At most one fill a step is counted."""

    rate: NonNegative  # orders / time

    @rule
    def probability(self, take: float, dt: float) -> float:
        return 1.0 - exp(-self.rate * take * dt)


class Bernoulli(Flow):
    """Arrivals of probability min(rate take dt, 1) a step: Poisson's to first order (Avellaneda & Stoikov 2008, sec. 3.3)."""

    rate: NonNegative  # orders / time

    @rule
    def probability(self, take: float, dt: float) -> float:
        return min(self.rate * take * dt, 1.0)
