"""The exact worth of any policy of a small book that goes by the state alone: who quotes alike whatever the order flow.

Others' orders come without memory, so an order flow says nothing of what comes; but a net that sees it may act by it, and is
then no table over the states. Whether it does is seen by showing it the same states with other flows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.book_states import observations_of
from agents.exact.small_book import BookOptimum, SmallBook
from agents.policy import as_policy

_FLOWS = (-2.5, 0.3)  # shown in the place of none
_LOOKS = 8  # steps at which other flows are shown


def tabulated(states: SmallBook, policy: Any) -> NDArray[np.int64] | None:
    """The actions (steps, n) of a policy in every state, by decisions done; None where it goes by more than the state."""
    player, market = as_policy(policy), states.market
    if player.recurrent or player.acts_in(market).quote != market.quote:
        return None
    steps, seen = market.clock.steps, observations_of(market, states.keys)
    time, flow = (market.observation_names.index(name) for name in ("time_left", "order_flow"))

    def act(step: int, flow_of_late: float = 0.0) -> NDArray[np.int64]:
        seen[:, time], seen[:, flow] = 1.0 - step / steps, flow_of_late
        return np.asarray(player.act(seen)).reshape(-1).astype(np.int64)

    looks = range(0, steps, max(1, steps // _LOOKS))
    if any((act(step, other) != act(step)).any() for step in looks for other in _FLOWS):
        return None
    return np.stack([act(step) for step in range(steps)])


def worth_in(best: BookOptimum, policy: Any) -> float | None:
    """What a policy is worth where the optimum is worth `best.objective`; None where it goes by more than the state."""
    actions = tabulated(best.states, policy)
    return None if actions is None else float(best.states.worth(actions)[best.starts].mean())
