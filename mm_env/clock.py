"""How long an episode is and whether its end is part of the problem."""

from __future__ import annotations

from mm_env.core.component import Component, record, rule
from mm_env.core.parameters import Count, Positive


class Clock(Component):
    """`steps` re-quotings spread evenly over `horizon` units of time."""

    horizon: Positive  # time
    steps: Count

    @property
    def needs_book(self) -> bool:
        """Whether it counts events of an order book."""
        return record(self).pace() > 0

    @property
    def step_length(self) -> float:
        return self.horizon / self.steps

    @rule
    def dt(self) -> float:
        return self.horizon / self.steps

    @rule
    def pace(self) -> int:
        """0: a decision each dt; 1: after each event of an order book, at the latest after dt; 2: after each change of its
        best prices, at the latest after dt."""
        return 0

    @rule
    def final(self, step: float) -> float:
        """1.0 if the terminal penalty is due once `step` steps are done, else 0.0."""
        raise NotImplementedError

    @rule
    def observe(self, step: float) -> tuple[float, ...]:
        """What the agent is told of the time."""
        raise NotImplementedError


class FiniteHorizon(Clock):
    """Trading ends at `horizon`, and the agent sees the share of time left. The end is reported as termination."""

    @rule
    def final(self, step: float) -> float:
        return 1.0 if step >= self.steps else 0.0

    @rule
    def observe(self, step: float) -> tuple[float, ...]:
        return (1.0 - step / self.steps,)


class Ergodic(Clock):
    """Trading never ends: no terminal penalty, no time in the observation; `horizon` is only where an episode is cut.

    The cut is reported as truncation, so that learners bootstrap across it. The objective is the average reward.
    """

    @rule
    def final(self, step: float) -> float:
        return 0.0

    @rule
    def observe(self, step: float) -> tuple[float, ...]:
        return ()


class EveryEvent(FiniteHorizon):
    """A decision after each event of an order book, at the latest after horizon / steps; trading ends after `steps` of them."""

    @rule
    def pace(self) -> int:
        return 1


class EveryQuoteChange(FiniteHorizon):
    """A decision whenever a best price of an order book changes, at the latest after horizon / steps; `steps` of them."""

    @rule
    def pace(self) -> int:
        return 2
