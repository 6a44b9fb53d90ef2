"""All states of a small order book that can come about, and where orders and events lead from each, breadth first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from agents.exact import small_book_kernel as kernel
from agents.exact.book_states import Ints, of_books, pack, unpack
from agents.exact.price_grid import Unsolvable
from mm_env.core import engine
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
MOST = 400_000  # states
CHUNK = 200_000  # outcomes that are looked at together


def found_states(market: Market) -> tuple[Ints, Floats, Ints, Floats, csr_array, Floats]:
    """`keys`, `inventory`, `sent`, `sent_gain`, `chance` and `gain` of a `SmallBook`.

    Raises: Unsolvable where there are more than MOST states.
    """
    step, found = _Steps(market), _Found(market)
    found.add(_first(market), np.zeros(1))
    sent, came = [], []
    while found.waiting:
        first, books, inventory = found.taken(step.at_once)
        reached, held, gained = step.orders(books, inventory)
        sent.append((first, found.add(reached, held), gained))
        reached, held, gained, chance, came_of = step.events(books, inventory)
        came.append((first + came_of, found.add(reached, held), chance, gained))
        if len(found.known) > MOST:
            raise Unsolvable(f"in this order book there are more than {MOST:,} states")
    return _assembled(found, sent, came, len(step.actions))


class _Found:
    """The states found so far, numbered as they come, and those whose successors are still to be looked for."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.known: dict[int, int] = {}
        self.held: list[Floats] = []
        self.waiting: list[tuple[int, Any, Floats]] = []

    def add(self, books: Any, inventory: Floats) -> Ints:
        """The keys of states (n,), of which the new ones wait."""
        columns = of_books(self.market, books, inventory)
        keys = pack(self.market, *columns)
        for column, kept in zip(columns, unpack(self.market, keys), strict=True):
            if (column != kept).any():
                raise Unsolvable(
                    f"in this order book a number of the state leaves the range that states are told apart in, with "
                    f"{column[column != kept][0]} (of {len(columns)}: spread, queues, our orders, the flow's own, inventory)"
                )
        new = np.array([i for i in np.unique(keys, return_index=True)[1] if int(keys[i]) not in self.known], int)
        if len(new):
            first = len(self.known)
            self.known |= {key: first + place for place, key in enumerate(keys[new].tolist())}
            self.held.append(inventory[new])
            self.waiting.append((first, books[new], inventory[new]))
        return keys

    def taken(self, most: int) -> tuple[int, Any, Floats]:
        """Some states that wait, no more of them: the number of the first, books and inventories."""
        first, books, inventory = self.waiting.pop()
        if len(books) > most:
            self.waiting.append((first + most, books[most:], inventory[most:]))
        return first, books[:most].view(np.recarray), inventory[:most]


def _first(market: Market) -> Any:
    """The book that the first episode of seed 0 starts from."""
    simulation = Simulation(market, 1)
    simulation.start(0)
    arguments = (record(market), simulation.books, np.zeros(6 + 4 * int(market.venue.levels)))  # pyright: ignore
    engine.compiled(kernel.rest_all, *arguments)(*arguments)
    return simulation.books


def _assembled(found: _Found, sent: list[Any], came: list[Any], actions: int) -> Any:
    """The states by rising key, in the place of the order in which they were found."""
    numbers = np.fromiter(found.known, np.int64, len(found.known))
    order, n = np.argsort(numbers), len(numbers)
    keys, rank = numbers[order], np.empty(n, np.int64)
    rank[order] = np.arange(n)
    rows, reached, chance, gained = (np.concatenate(column) for column in zip(*came, strict=True))
    rows, columns = rank[rows], np.searchsorted(keys, reached)
    law = csr_array((chance, (rows, columns)), (n, n))
    gain = np.bincount(rows, chance * gained, n)
    after, change = np.empty((n, actions), np.int64), np.empty((n, actions))
    for first, reached, gained in sent:
        places = rank[first : first + len(reached) // actions]
        after[places] = np.searchsorted(keys, reached).reshape(-1, actions)
        change[places] = gained.reshape(-1, actions)
    return keys, np.concatenate(found.held)[order], after, change, law, gain


class _Steps:
    """The kernels, for one market."""

    def __init__(self, market: Market) -> None:
        venue: Any = market.venue
        levels = int(venue.levels)
        self.market, self.rules = market, record(market)
        _, self.table = venue.memory(1)
        self.weights, self.actions = np.zeros(6 + 4 * levels), np.arange(float(market.quote.space.n))  # pyright: ignore
        self.outcomes = 6 * levels + 9
        self.at_once = max(1, CHUNK // self.outcomes)

    def orders(self, books: Any, inventory: Floats) -> tuple[Any, Floats, Floats]:
        """Books, inventories and gains (n x actions,) after each action."""
        n = len(books) * len(self.actions)
        out, held, gained = self._copies(n), np.zeros(n), np.zeros(n)
        arguments = (self.rules, books, inventory, self.actions, (0.0,), self.weights, out, held, gained)
        engine.compiled(kernel.after_orders, *arguments)(*arguments)
        return out, held, gained

    def events(self, books: Any, inventory: Floats) -> tuple[Any, Floats, Floats, Floats, Ints]:
        """Books, inventories, gains, chances, and of which of `books` they came, (outcomes,)."""
        n = len(books) * self.outcomes
        out, came_of, held, chance, gained = self._copies(n), np.zeros(n, np.int64), *np.zeros((3, n))
        phi = float(self.market.reward.phi)  # pyright: ignore[reportAttributeAccessIssue]
        arguments = (self.rules, self.table, books, inventory, self.weights, phi, out, came_of, held, chance, gained)
        count = engine.compiled(kernel.after_event, *arguments)(*arguments)
        may = np.flatnonzero(chance[:count] > 0.0)
        return out[may], held[may], gained[may], chance[may], came_of[may]

    def _copies(self, n: int) -> Any:
        return self.market.venue.memory(n)[0]
