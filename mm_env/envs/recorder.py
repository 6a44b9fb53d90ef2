"""What one lane went through, decision by decision: the data of a picture."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import record
from mm_env.simulation import Simulation
from mm_env.venue.order_book.ladder import ASK, BID

Floats = NDArray[np.float64]


class Moment(NamedTuple):
    """A lane when a decision is due, and what we traded since the one before.

    Prices are ticks if there is an order book, else price units; inventory and sizes are units of the asset.
    """

    time: float
    mid: float
    inventory: float
    profit: float  # price units
    best: Floats  # others' best bid and ask, (2,); nan without a book
    low: int  # the lowest price of `volumes`
    volumes: NDArray[np.int64]  # others' lots at low, low + 1, ...; (n,), none without a book
    quoted: Floats  # our bid and ask since the decision before, (2,): nan where none stood
    filled: Floats  # bought at our bid and sold at our ask since then, (2,)
    crossed: float  # bought (sold, if negative) by our market order since then


class Recorder:
    """Keeps the moments of one lane's episode: `start` it after each reset and `add` to it after each step.

    A quote is shown as it stands at the end of its step or, where it has been filled by then, at the mean price of its fills.
    """

    def __init__(self, simulation: Simulation, lane: int = 0) -> None:
        self.market, self.moments, self.lane = simulation.market, list[Moment](), lane
        self._simulation, self._rules = simulation, record(simulation.market)
        self._fills, self._last = (
            0.0,
            self._simulation.state_of(lane),
        )  # orders filled, and the state, before the next step
        self._picture: Any = None

    @property
    def has_book(self) -> bool:
        """Whether the venue is an order book."""
        return self.market.venue.makes_mid

    def start(self) -> None:
        """Begin with the episode as it stands."""
        self._picture = None
        nothing, none = np.full(2, np.nan), np.zeros(2)
        self.moments = [self._moment(nothing, none, 0.0)]

    def add(self, actions: Floats) -> None:
        """The moment after a step by the flat `actions` (num_lanes * width,)."""
        width = self.market.width
        action = tuple(np.asarray(actions[self.lane * width : (self.lane + 1) * width]).tolist())
        self.moments.append(self._moment(*(self._in_book() if self.has_book else self._with_dealer(action))))

    def picture(self) -> NDArray[np.uint8]:
        """The episode so far, (height, width, 3): see `mm_env.envs.render`."""
        from mm_env.envs.render import Film  # needs matplotlib

        if self._picture is None:
            self._picture = Film(self)
        return self._picture.pixels()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs (deepcopy, pickle): neither the record of the market nor the picture, which are made anew."""
        return {**self.__dict__, "_rules": None, "_picture": None}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        self._rules = record(self.market)

    def _moment(self, quoted: Floats, filled: Floats, crossed: float) -> Moment:
        state = self._simulation.state_of(self.lane)
        time, mid = state.step * self.market.clock.step_length, state.mid
        best, low, volumes = np.full(2, np.nan), 0, np.zeros(0, np.int64)
        if self.has_book:
            book = self._simulation.book_of(self.lane)
            time, mid, best, low = float(book.time), 0.5 * book.best.sum(), book.best.astype(np.float64), book.edge[BID]
            volumes = self._others(book, np.arange(low, book.edge[ASK] + 1))
        self._fills, self._last = state.tally.fills, state
        held, profit = state.account.inventory, state.tally.profit
        return Moment(float(time), float(mid), held, profit, best, int(low), volumes, quoted, filled, crossed)

    def _in_book(self) -> tuple[Floats, Floats, float]:
        book: Any = self._simulation.book_of(self.lane)
        lots, value, left, price = (self._own(book, name) for name in ("filled", "value", "left", "price"))
        traded = np.where(lots > 0, value / np.maximum(lots, 1), np.nan)
        filled = lots * self.market.venue.lot  # pyright: ignore[reportAttributeAccessIssue]
        change = self._simulation.state_of(self.lane).account.inventory - self.moments[-1].inventory
        return np.where(left > 0, price, traded), filled, change - float(filled[BID] - filled[ASK])

    def _own(self, book: Any, name: str) -> Any:
        """What a book says of this lane's orders, (2,): of one maker's, or of this one's among several."""
        numbers = book[name]
        return numbers if numbers.ndim == 1 else numbers[:, self.lane % numbers.shape[1]]

    def _others(self, book: Any, prices: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lots at these prices, from the first edge on, of all but this lane's orders."""
        slots = prices & (len(book.volume) - 1)
        lots = book.volume[slots]
        if book["left"].ndim > 1:
            lots = lots + book.crowd[:, slots].sum(axis=0)
            left, price = self._own(book, "left"), self._own(book, "price")
            np.subtract.at(lots, (price - prices[0])[left > 0], left[left > 0])
        return lots

    def _with_dealer(self, action: tuple[float, ...]) -> tuple[Floats, Floats, float]:
        before, state, size = self.moments[-1], self._simulation.state_of(self.lane), self.market.order_size
        quoted, held = quotes_at(self._rules, self._last, action, not self.market.quote.rebalances)
        orders = state.tally.fills - self._fills
        net = (state.account.inventory - held) / size  # each side is filled once at most
        return quoted, 0.5 * size * np.array([orders + net, orders - net]), held - before.inventory


def quotes_at(rules: Any, state: Any, action: tuple[float, ...], crosses: bool = True) -> tuple[Floats, float]:
    """Bid and ask, (2,), price units, as an action would quote them in a state outside of an order book, nan where none would
    stand; and the inventory that they would stand at, after the market order that goes with them.

    `rules` are the record of a market; it `crosses` unless its quoting asks for rebalancing by what is else a market order.
    """
    now, mid = rules.now(state, ()), state.mid
    quote = rules.quoted(action, state)
    held = rules.cross(state.account, mid, quote.cut if crosses else 0.0, quote.cut_cost, now).inventory
    prices = np.array([mid - quote.bid_depth, mid + quote.ask_depth])
    return np.where(rules.sides(held, state, now), prices, np.nan), held
