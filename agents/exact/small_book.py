"""The exact optimum in a small order book: dynamic programming over every queue, our places in them and the inventory.

A state is all that the future depends on: others' queues at every price, where our orders stand and who is ahead, and the
inventory. The states that can come about, and where orders and events lead from each, are found by the very functions that the
simulator runs (`agents.exact.small_book_kernel`); then, with w the value just after the orders of a decision are sent,

    v_n(s) = max_a gain(s, a) + w_n(s after a),    w_n(s') = sum_e P(e | s') (gain(s', e) + v_{n-1}(s' after e)),

for n decisions to go, with v_0(s) = -alpha q^2. Nothing is discretised: it is the process that is simulated, to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.exact import small_book_kernel as kernel
from agents.exact.book_states import Ints, of_books, of_observations, pack
from agents.exact.price_grid import Unsolvable
from agents.exact.room import progress, require_room
from agents.exact.stated import check_market
from agents.observed import natural_units
from mm_env.clock import EveryEvent
from mm_env.core import engine
from mm_env.core.component import differs, leaves, record
from mm_env.core.memory import NUMBER
from mm_env.market import Market
from mm_env.portfolio import Fees
from mm_env.quote import Touch
from mm_env.reward import InventoryPenalty
from mm_env.simulation import Simulation
from mm_env.venue.order_book.book import Book
from mm_env.venue.order_book.poisson import ContStoikovTalreja, ZeroIntelligence
from mm_env.venue.order_book.size import UnitSize

Floats = NDArray[np.float64]
MOST = 400_000  # states


@dataclass(frozen=True)
class SmallBook:
    """The states of a market and what leads from one to another.

    `keys` (n,) rising; `sent` (n, actions) the state after an action and `sent_gain` what that changes in wealth; `next`,
    `chance` and `gain` (n, outcomes) of what may come then; `inventory` (n,) in units.
    """

    market: Market
    keys: Ints
    inventory: Floats
    sent: Ints
    sent_gain: Floats
    next: Ints
    chance: Floats
    gain: Floats

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, market: Market) -> SmallBook:
        """Find all states that can come about from an empty inventory and no orders of ours.

        Raises: Unsolvable, saying what stands in the way.
        """
        check_small(market)
        return _explore(market)

    def best(self) -> tuple[Floats, NDArray[np.uint8]]:
        """The value (n,) with all decisions to go, and the best action (steps, n) by decisions done."""
        steps, alpha = self.market.clock.steps, float(self.market.reward.alpha)  # pyright: ignore
        require_room(self.market, "the optimum", steps * len(self.keys) / NUMBER)  # an action is one byte
        value, actions = -alpha * self.inventory**2, np.empty((steps, len(self.keys)), np.uint8)
        for left in progress(range(1, steps + 1), "solving", "decision"):
            choices = self.sent_gain + self._ahead(value)[self.sent]
            actions[steps - left] = choices.argmax(axis=1)
            value = choices.max(axis=1)
        return value, actions

    def worth(self, action: int | NDArray[np.integer]) -> Floats:
        """The value (n,) of one action at every decision, or of actions (steps, n) by decisions done and state."""
        steps, each = self.market.clock.steps, np.arange(len(self.keys))
        actions = np.broadcast_to(np.asarray(action), (steps, len(each)))
        value = -float(self.market.reward.alpha) * self.inventory**2  # pyright: ignore
        for step in progress(range(steps - 1, -1, -1), "evaluating", "decision"):
            value = self.sent_gain[each, actions[step]] + self._ahead(value)[self.sent[each, actions[step]]]
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

    def _ahead(self, value: Floats) -> Floats:
        return (self.chance * (self.gain + value[self.next])).sum(axis=1)


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


def check_small(market: Market) -> None:
    """Refuse a market that is no small Poisson book with a decision at each event."""
    check_market(market)
    venue: Any = market.venue
    if market.lanes_a_world > 1:
        raise Unsolvable(f"venue: {venue.unsolvable}")
    reasons = {
        "its flow has no finite capacity, so that queues may grow without end": _bounded(venue),
        "others do not look at our quotes": type(venue) is Book,
        "decisions are not at every event (clock: every_event)": type(market.clock) is EveryEvent,
        "orders are not one lot each": type(venue.size) is UnitSize and market.order_size == venue.lot,
        "decisions take effect late": venue.latency == 0.0,
        "actions are no choices at the touch (quote: touch)": type(market.quote) is Touch,
        "the reward is not wealth less inventory penalties": type(market.reward) is InventoryPenalty,
        "fees depend on the price": type(market.fees) is Fees,
        "not all of its queues are seen (venue.observed = venue.levels)": venue.observed == venue.levels,
        "parameters differ by lane": not any(differs(leaf.value) for leaf in leaves(market)),
        "it starts with an inventory": market.initial_inventory == 0.0,
        f"wealth decides (margin: {market.margin})": not market.may_close,
        f"positions are held beside the inventory (hedges: {market.hedges})": not market.hedges.names,
    }
    for reason, holds in reasons.items():
        if not holds:
            raise Unsolvable(f"in this order book {reason}")


def _bounded(venue: Book) -> bool:
    flow = venue.flow
    return type(flow) in (ContStoikovTalreja, ZeroIntelligence) and getattr(flow, "capacity", np.inf) <= 9


def _explore(market: Market) -> SmallBook:
    """Breadth first: the states that orders and events lead to, until there are no new ones."""
    step = _Steps(market)
    simulation = Simulation(market, 1)
    simulation.start(0)
    books = simulation.books
    engine.compiled(kernel.rest_all, books, step.weights)(books, step.weights)
    found, inventory = books, np.zeros(1)
    keys = pack(market, *of_books(market, books, inventory))
    frontier, known = np.arange(1), {int(keys[0]): 0}
    sent: list[Any] = []
    happened: list[Any] = []
    while len(frontier):
        one = step.orders(found[frontier], inventory[frontier])
        two = step.events(found[frontier], inventory[frontier])
        fresh_books, fresh_inventory = [], []
        for books, held, chance in ((one[0], one[1], np.ones(len(one[0]))), (two[0], two[1], two[3])):
            keys = pack(market, *of_books(market, books, held))
            new = [
                i
                for i in np.unique(np.where(chance > 0.0, keys, keys[0]), return_index=True)[1]
                if int(keys[i]) not in known
            ]
            known |= {int(keys[i]): len(known) + place for place, i in enumerate(new)}
            fresh_books.append(books[new])
            fresh_inventory.append(held[new])
        sent.append(one)
        happened.append(two)
        frontier = np.arange(len(found), len(known))
        found = np.concatenate([found, *fresh_books]).view(np.recarray)
        inventory = np.concatenate([inventory, *fresh_inventory])
        if len(known) > MOST:
            raise Unsolvable(f"in this order book there are more than {MOST:,} states")
    return _assemble(market, found, inventory, sent, happened)


def _assemble(market: Market, found: Any, inventory: Floats, sent: list[Any], happened: list[Any]) -> SmallBook:
    keys = pack(market, *of_books(market, found, inventory))
    order = np.argsort(keys)
    rising, n = keys[order], len(keys)

    def gathered(parts: list[Any], column: int) -> Floats:
        return np.concatenate([part[column] for part in parts]).reshape(n, -1)[order]

    def places(parts: list[Any]) -> Ints:
        after = [pack(market, *of_books(market, part[0], part[1])) for part in parts]
        return np.minimum(np.searchsorted(rising, np.concatenate(after).reshape(n, -1)[order]), n - 1)

    return SmallBook(
        market, rising, inventory[order], places(sent), gathered(sent, 2), places(happened), gathered(happened, 3),
        gathered(happened, 2),
    )  # fmt: skip


class _Steps:
    """The kernels, for one market."""

    def __init__(self, market: Market) -> None:
        self.rules, self.market = record(market), market
        _, self.table = market.venue.memory(1)
        levels = int(market.venue.levels)  # pyright: ignore[reportAttributeAccessIssue]
        self.weights, self.outcomes = np.zeros(6 + 4 * levels), 6 * levels + 3
        self.actions = np.arange(float(market.quote.space.n))  # pyright: ignore[reportAttributeAccessIssue]

    def orders(self, books: Any, inventory: Floats) -> tuple[Any, Floats, Floats]:
        n = len(books) * len(self.actions)
        out, held, gained = self._copies(n), np.zeros(n), np.zeros(n)
        arguments = (self.rules, books, inventory, self.actions, (0.0,), self.weights, out, held, gained)
        engine.compiled(kernel.after_orders, *arguments)(*arguments)
        return out, held, gained

    def events(self, books: Any, inventory: Floats) -> tuple[Any, Floats, Floats, Floats]:
        n = len(books) * self.outcomes
        out, held, chance, gained = self._copies(n), np.zeros(n), np.zeros(n), np.zeros(n)
        phi = float(self.market.reward.phi)  # pyright: ignore[reportAttributeAccessIssue]
        arguments = (self.rules, self.table, books, inventory, self.weights, phi, out, held, chance, gained)
        engine.compiled(kernel.after_event, *arguments)(*arguments)
        return out, held, gained, chance

    def _copies(self, n: int) -> Any:
        return self.market.venue.memory(n)[0]
