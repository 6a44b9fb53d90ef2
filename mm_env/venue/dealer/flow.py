"""How market orders arrive at one side, and what that makes of the chance to be filled within a step."""

from __future__ import annotations

from mm_env.core.component import Component, rule
from mm_env.core.maths import exp
from mm_env.core.parameters import NonNegative


class Flow(Component):
    """Market orders of one side. An order takes our quote with probability `take`, so we are filled at that share."""

    @rule
    def probability(self, take: float, dt: float) -> float:
        """P(at least one order takes the quote within dt)."""
        raise NotImplementedError


class Poisson(Flow):
    """Orders arrive as a Poisson process: P = 1 - exp(-rate take dt). At most one fill a step is counted."""

    rate: NonNegative  # orders / time

    @rule
    def probability(self, take: float, dt: float) -> float:
        return 1.0 - exp(-self.rate * take * dt)


class Bernoulli(Flow):
    """The same to first order, as in Avellaneda & Stoikov 2008, sec. 3.3: P = min(rate take dt, 1)."""

    rate: NonNegative  # orders / time

    @rule
    def probability(self, take: float, dt: float) -> float:
        return min(self.rate * take * dt, 1.0)
