"""One lane between two steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.core.maths import scalar
from mm_env.portfolio import Portfolio
from mm_env.world import World


class Tally(NamedTuple):
    """What an episode has brought so far; all sums."""

    objective: float  # of rewards
    profit: float  # wealth now less wealth at the start, price units
    peak: float  # the highest profit so far
    drawdown: float  # the deepest fall of the profit from its peak
    absolute_inventory: float  # of |q| after each step
    spread_captured: float  # of depth x size over our fills, less what market orders paid, price units
    fills: float
    arrivals: float


class State(NamedTuple):
    """One lane between two steps."""

    step: float
    episode: float
    account: Portfolio
    mid: float
    world: World
    tally: Tally

    @property
    def alive(self) -> Any:
        """1.0 while the account is open, 0.0 once it is closed; always 1.0 in a market without margin."""
        return self.world.margin.alive if self.world.margin else np.ones(np.shape(self.step))[()]


@scalar
def worth_at(state: State, profit: float, peak: float) -> State:
    """The state itself but for the profit so far, and its highest."""
    tally = state.tally
    marked = Tally(tally.objective, profit, peak, tally.drawdown, tally.absolute_inventory, tally.spread_captured, tally.fills,
                   tally.arrivals)  # fmt: skip
    return State(state.step, state.episode, state.account, state.mid, state.world, marked)


@scalar
def held_at(state: State, step: float, inventory: float) -> State:
    """The state itself but for the step and the inventory held."""
    account = Portfolio(state.account.cash, inventory, state.account.hedges)
    return State(step, state.episode, account, state.mid, state.world, state.tally)
