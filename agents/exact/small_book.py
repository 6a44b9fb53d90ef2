"""The exact optimum in a small order book: dynamic programming over every queue, our places in them and the inventory.

A state is all that the future depends on: others' queues at every price, where our orders stand and who is ahead, and the
inventory. The states that can come about, and where orders and events lead from each, are found by the very functions that the
simulator runs (`agents.exact.small_book_kernel`); then, with w the value just after the orders of a decision are sent,

    v_n(s) = max_a gain(s, a) + w_n(s after a),    w_n(s') = sum_e P(e | s') (gain(s', e) + v_{n-1}(s' after e)),

for n decisions to go, with v_0(s) = -alpha q^2. Nothing is discretised: it is the process that is simulated, to rounding.
A flow may have a state of its own, if agents see it: the reference price of a queue-reactive one, whole units of excitement.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from agents.base import MarketPolicy
from agents.exact.book_states import Ints, of_books, of_observations, pack
from agents.exact.room import progress, require_room
from agents.exact.small_book_check import check_small
from agents.exact.small_book_states import found_states
from agents.observed import natural_units
from mm_env.core.memory import NUMBER
from mm_env.market import Market
from mm_env.simulation import Simulation

__all__ = ["BookOptimum", "SmallBook", "book_optimum", "check_small"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SmallBook:
    """The states of a market and what leads from one to another.

    `keys` (n,) rising; `sent` (n, actions) the state after an action and `sent_gain` what that changes in wealth; `chance`
    (n, n) of the state at the next decision and `gain` (n,) what is expected until then; `inventory` (n,) in units.
    """

    market: Market
    keys: Ints
    inventory: Floats
    sent: Ints
    sent_gain: Floats
    chance: csr_array
    gain: Floats

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, market: Market) -> SmallBook:
        """Find all states that can come about from an empty inventory and no orders of ours.

        Raises: Unsolvable, saying what stands in the way.
        """
        check_small(market)
        return cls(market, *found_states(market))

    def best(self) -> tuple[Floats, NDArray[np.uint8]]:
        """The value (n,) with all decisions to go, and the best action (steps, n) by decisions done."""
        steps, alpha = self.market.clock.steps, float(self.market.reward.alpha)  # pyright: ignore
        require_room(self.market, "the optimum", steps * len(self.keys) / NUMBER)  # an action is one byte
        value, actions = -alpha * self.inventory**2, np.empty((steps, len(self.keys)), np.uint8)
        for left in progress(range(1, steps + 1), "solving", "decision"):
            choices = self.sent_gain + self.ahead(value)[self.sent]
            actions[steps - left] = choices.argmax(axis=1)
            value = choices.max(axis=1)
        return value, actions

    def worth(self, action: int | NDArray[np.integer]) -> Floats:
        """The value (n,) of one action at every decision, or of actions (steps, n) by decisions done and state."""
        steps, each = self.market.clock.steps, np.arange(len(self.keys))
        actions = np.broadcast_to(np.asarray(action), (steps, len(each)))
        value = -float(self.market.reward.alpha) * self.inventory**2  # pyright: ignore
        for step in progress(range(steps - 1, -1, -1), "evaluating", "decision"):
            value = self.sent_gain[each, actions[step]] + self.ahead(value)[self.sent[each, actions[step]]]
        return value

    def starts(self, books: int) -> Ints:
        """The states that the first `books` episodes of seed 0 start from."""
        simulation = Simulation(self.market, books)
        simulation.start(0)
        return self.places(simulation.books, simulation.state.account.inventory)

    def places(self, books: Any, inventory: Floats) -> Ints:
        """The state of each of `books`, (n,)."""
        found = np.searchsorted(self.keys, pack(self.market, *of_books(self.market, books, inventory)))
        return np.minimum(found, len(self.keys) - 1)

    def ahead(self, value: Floats) -> Floats:
        """What is expected (n,) after the orders are sent, of the value (n,) at the next decision."""
        return self.gain + self.chance @ value


@dataclass(frozen=True)
class BookOptimum(MarketPolicy):
    """The best policy of a small book; acts on what the market shows. `objective` is exact for the first books that
    `books` episodes of `seed` 0 start from, of which it is the mean."""

    market: Market
    states: SmallBook
    actions: NDArray[np.uint8]
    objective: float
    starts: Ints  # the states of those books
    error: float = 0.0

    @property
    def worth(self) -> float:
        return self.objective

    def act(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Indices (n,) of `Touch`, on observations (n, k)."""
        keys = pack(self.market, *of_observations(self.market, observations))
        place = np.minimum(np.searchsorted(self.states.keys, keys), len(self.states.keys) - 1)
        _, seconds_left = natural_units(self.market, observations)
        step = self.market.clock.steps - np.rint(seconds_left / self.market.clock.step_length).astype(np.int64)
        return self.actions[np.clip(step, 0, len(self.actions) - 1), place].astype(np.int64)


def book_optimum(market: Market, books: int = 20_000) -> tuple[BookOptimum, int, float]:
    """The optimum, the best single action at every decision, and that one's worth.

    Raises: Unsolvable, saying what stands in the way.
    """
    states = SmallBook.of(market)
    starts = states.starts(books)
    value, actions = states.best()
    constant = [float(states.worth(a)[starts].mean()) for a in range(states.sent.shape[1])]
    best = int(np.argmax(constant))
    return BookOptimum(market, states, actions, float(value[starts].mean()), starts), best, constant[best]
