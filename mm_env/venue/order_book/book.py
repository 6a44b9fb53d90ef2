"""The order book as a venue: what is there to know of it, and one decision of the market maker in it."""

# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule, rules
from mm_env.core.maths import clip, routine, scalar
from mm_env.core.noise import Noise
from mm_env.core.parameters import Count, Distribution, Interval, NonNegative, Positive
from mm_env.limits import NoLimits
from mm_env.portfolio import Portfolio
from mm_env.venue.order_book import events, ladder
from mm_env.venue.order_book.events import advance, clear_counters, open_book, pressure
from mm_env.venue.order_book.ladder import (
    ASK,
    BID,
    cancel,
    clear_fills,
    clear_orders,
    hedge,
    held_back,
    keep_places,
    keep_within,
    limit,
    lots,
    made_at,
    market,
    mid_twice,
    move_orders,
    quote,
    standing,
    touch,
)
from mm_env.venue.order_book.order_flow import OrderFlow
from mm_env.venue.order_book.size import OrderSize, UnitSize
from mm_env.venue.venue import Dealt, Venue
from mm_env.world import Now

_FURTHEST = 1e6  # ticks; deeper quotes lie beyond any book
_DEALERS, _PRICES = (
    {"cross", "open_sides", "orders_cut"},
    ("move", "evolve", "expected"),
)  # rules no order book reads


class OrderBook(Venue):
    """What simulated and recorded order books share: our orders in them, latency, and what they show.

    We have at most one order a side; at each decision it is kept (with its place in the queue and what is left of it) if its
    price is the one wanted, else withdrawn and sent anew. Orders are post only: a price that meets the other side is held back
    to one tick from it; one that lies beyond the book's reach is no order. Decisions take effect after `latency`, by the
    prices they were made at. Our market orders trade with others only.

    The mid, by which wealth is marked, is that of others' best prices: what we quote does not move it. A side that empties
    keeps its last best price until an order comes.
    """

    loops: ClassVar[str] = "events"
    makes_mid: ClassVar[bool] = True
    unsolvable: ClassVar[str] = "an order book has no exact solution over (time, inventory)"

    if TYPE_CHECKING:  # parameters that every order book has, in an order of its own

        @property
        def levels(self) -> int: ...
        @property
        def tick(self) -> Any: ...
        @property
        def lot(self) -> float: ...
        @property
        def latency(self) -> Any: ...
        @property
        def observed(self) -> int: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = type(self).__name__
        for name in ("levels", "lot", "observed"):
            if np.ndim(getattr(self, name)) or not isinstance(getattr(self, name), int | float):
                raise TypeError(f"{kind}.{name} must be the same in all lanes, got {getattr(self, name)!r}")
        if self.observed > self.levels:
            raise ValueError(f"{kind}.observed must be at most levels = {self.levels}, got {self.observed}")

    @property
    def signals(self) -> tuple[str, ...]:
        """What `observe` shows: spread in ticks; others' queues in units of `queue_scale` orders, at their best price and
        behind it; of our orders whether they stand, ticks behind others' best price, and the queue ahead; and the signed
        market orders of late, likewise in `queue_scale` orders."""
        queues = [f"{side}_queue_{i + 1}" for side in ("bid", "ask") for i in range(self.observed)]
        ours = [f"our_{side}_{what}" for side in ("bid", "ask") for what in ("stands", "distance", "ahead")]
        return ("spread", "imbalance", *queues, *ours, "order_flow")

    @rule
    def show_flow(self, book: Any, observations: Any, place: int) -> None:
        """Write what is shown of the flow's own state from `place` on: nothing."""

    def check(self, market: Any) -> None:
        kind = type(self).__name__
        if not market.price.needs_book:
            raise ValueError(f"Market.price must be FromBook, as a {kind} makes its own mid, got {market.price}")
        self.check_quote(market)
        self._check_unread(market)
        if market.limits != NoLimits():
            raise ValueError(
                f"Market.limits must be NoLimits in a {kind}, whose orders are held to max_inventory alone, got {market.limits}"
            )
        orders = market.order_size / self.lot
        if abs(orders - round(orders)) > 1e-9 * orders:
            raise ValueError(f"Market.order_size must be whole lots of {self.lot:g}, got {market.order_size}")
        latest = self.latency.support[1] if isinstance(self.latency, Distribution) else np.max(self.latency)
        if latest > market.clock.step_length:
            raise ValueError(
                f"{kind}.latency must be <= the clock's step of {market.clock.step_length:g}, got {self.latency}"
            )

    def _check_unread(self, market: Any) -> None:
        """Refuse rules of the user's own that no order book reads, so that none is passed over in silence."""
        price, here, own = market.price, type(self), sorted(set(rules(type(market))) & _DEALERS)
        unread = [(type(market), name, f"{type(market).__name__}.settle or the venue's rules") for name in own]
        unread += [
            (here, name, f"{here.__name__}.run, or the flow's rules") for name in ("trade", "chances", "transitions")
        ]
        unread += [(type(price), name, "the flow's rules, of which the mid follows") for name in _PRICES]
        for kind, name, instead in unread:
            if not getattr(kind, name).__module__.startswith("mm_env."):
                raise ValueError(
                    f"{kind.__name__}.{name} must not be overridden in an order book, which never calls it: override "
                    f"{instead}"
                )

    @rule
    def elapsed(self, time: float, memory: Any) -> float:
        return memory[1].time

    @rule
    def mid_after(self, moved: float, dealt: Dealt, memory: Any) -> float:
        return mid_price(self, memory[1])

    @rule
    def delay(self, time: float) -> float:
        """The time that a decision at `time` takes to reach the book."""
        return self.latency

    @rule
    def deal(self, market: Any, state: Any, action: Any, noise: Noise, memory: Any) -> Dealt:
        """What comes of an action until the next decision: `memory` is the flow's table, the lane's book, and scratch space."""
        table, book, weights = memory
        return decide(market, table, book, weights, state.account, action, market.now(state, memory), noise.key)

    @rule
    def mean_order(self) -> float:
        """Lots of others' mean order: queues are shown in multiples of it."""
        raise NotImplementedError

    @rule
    def open(self, table: Any, book: Any, weights: Any, key: Any, middle: int) -> None:
        """Set up the book of a new episode."""
        raise NotImplementedError

    @rule
    def run(self, table: Any, book: Any, weights: Any, key: Any, until: float, pace: int) -> None:
        """Let events happen until the time is `until`, or until the next decision is due (`Clock.pace`)."""
        raise NotImplementedError

    @rule
    def cross(self, book: Any, side: int, size: int) -> tuple[int, int]:
        """Our market order against `side`: lots traded, and the sum of price x lots."""
        return hedge(book, side, size)


class Book(OrderBook):
    """A limit order book with price-time priority in which our own orders wait, move up and are filled.

    Others' orders come by `flow`, in sizes drawn from `size`, and stand within `levels` ticks of the other side's best price:
    what the market leaves further behind is withdrawn. Of our own orders `OrderBook` tells.
    """

    takes_makers: ClassVar[bool] = True

    flow: OrderFlow
    size: OrderSize = UnitSize()
    levels: Count = 20  # ticks
    tick: Positive = 1.0  # price
    lot: Positive = 1.0  # units of the asset
    latency: NonNegative = 0.0  # time
    warm_up: NonNegative = 10.0  # time that an episode's first book is run before
    observed: Count = 3  # prices a side whose queues are shown
    queue_scale: Positive = 5.0  # the queue, in orders of the mean size, that is shown as 1
    flow_memory: Positive = 1.0  # time over which a market order fades from the order flow that is shown
    flow_seen: Annotated[int, Interval(0, 1, whole=True)] = (
        0  # 1: the flow's own state is shown too (reference, excitement)
    )

    @property
    def signals(self) -> tuple[str, ...]:
        """What every order book shows, and of the flow what it shows itself where it is seen."""
        return (*super().signals, *(self.flow.signals if self.flow_seen else ()))

    @rule
    def show_flow(self, book: Any, observations: Any, place: int) -> None:
        if self.flow_seen > 0:
            self.flow.show(book, observations, place)

    def memory(self, num_lanes: int) -> tuple[NDArray[Any], ...]:
        """The books of all lanes, a record array (num_lanes,), and the table of the flow."""
        kind = np.dtype([*ladder.fields(self.levels), *events.fields(self.flow, self.size)], align=True)
        table = np.ascontiguousarray(self.flow.table(self.levels), np.float64)
        return events.empty_books(kind, num_lanes, self.size), table

    @rule
    def mean_order(self) -> float:
        return self.size.mean()

    @rule
    def facing(self, book: Any, side: int) -> int:
        """The best price of `side` from which others count the distances of their orders on the other side."""
        return self.touch(book, side)

    @rule
    def touch(self, book: Any, side: int) -> int:
        """The best price of a side, our order included. This and the rules that follow are the `ladder` of the events."""
        return touch(book, side)

    @rule
    def made_at(self, book: Any, side: int, price: int) -> int:
        return made_at(book, side, price)

    @rule
    def standing(self, book: Any) -> int:
        return standing(book)

    @rule
    def filled(self, book: Any, side: int) -> int:
        return book.filled[side]

    @rule
    def limit(self, book: Any, side: int, price: int, size: int) -> None:
        limit(book, side, price, size)

    @rule
    def market(self, book: Any, side: int, size: int) -> None:
        market(book, side, size)

    @rule
    def cancel(self, book: Any, side: int, price: int, position: int, size: int) -> None:
        cancel(book, side, price, position, size)

    @rule
    def keep_within(self, book: Any, side: int, edge: int) -> None:
        keep_within(book, side, edge)

    @rule
    def keep_places(self, book: Any) -> None:
        keep_places(book)

    @rule
    def clear_orders(self, book: Any) -> None:
        clear_orders(book)

    @rule
    def move_orders(self, book: Any, shift: int) -> None:
        move_orders(book, shift)

    @rule
    def clear_fills(self, book: Any) -> None:
        clear_fills(book)

    @rule
    def open(self, table: Any, book: Any, weights: Any, key: Any, middle: int) -> None:
        """Set up the book of a new episode, its mid within a tick above `middle`."""
        open_book(self, table, book, weights, key, middle)

    @rule
    def run(self, table: Any, book: Any, weights: Any, key: Any, until: float, pace: int) -> None:
        advance(self, table, book, weights, key, until, pace)


class UnnoticedBook(Book):
    """A `Book` in which others do not look at our quotes: they count distances from each other's best prices, as in a replay.

    Where orders are placed by their distance from the best price, a maker who is looked at can drag the whole book along by
    quoting inside the spread. Here it cannot. What meets our order still trades with it, and is missing to those behind it.
    """

    @rule
    def facing(self, book: Any, side: int) -> int:
        return book.best[side]


@scalar
def mid_price(venue: Any, book: Any) -> float:
    """Midway between others' best prices, price units."""
    return 0.5 * venue.tick * mid_twice(book)


@routine
def decide(
    market: Any, table: Any, book: Any, weights: Any, account: Portfolio, action: Any, now: Now, key: Any
) -> Dealt:  # fmt: skip
    """Send the orders of an action and let events happen until the next decision."""
    venue, start = market.venue, book.time
    bid, ask, units = orders(market, book, account.inventory, action, now)
    clear_counters(book)
    late = venue.delay(start)
    if late > 0.0:
        venue.run(table, book, weights, key, start + late, 0)
    middle = mid_twice(book)
    closed, value = place(market, book, account.inventory, bid, ask, units)
    venue.run(table, book, weights, key, start + market.clock.dt(), market.clock.pace())

    fills = Fills(book.filled[BID], book.filled[ASK], book.value[BID], book.value[ASK], book.gained[BID] + book.gained[ASK],
                  closed, value, middle, book.arrived)  # fmt: skip
    return settled(market, account, fills, book.time - start, now)


class Fills(NamedTuple):
    """What a maker's orders came to within a decision, lots and sums of ticks x lots as in the ladder."""

    bought: int
    sold: int
    paid: int
    received: int
    gained: int
    closed: int  # lots of the market order, bought if > 0
    value: int  # price x lots of it
    middle: int  # twice the mid when it was sent
    arrived: int


@routine
def settled(market: Any, account: Portfolio, fills: Fills, dt: float, now: Now) -> Dealt:
    """What a decision came to for the account that had made it."""
    venue = market.venue
    crossed = exchange(market, account, fills.closed, fills.value, False, now)
    bought = exchange(market, crossed, fills.bought, fills.paid, True, now)
    sold = exchange(market, bought, -fills.sold, -fills.received, True, now)
    gained = fills.gained - (2 * fills.value - fills.closed * fills.middle)
    filled, share = fills.bought + fills.sold, venue.lot / market.order_size
    captured = 0.5 * venue.tick * venue.lot * gained
    traded, arrived = share * filled, share * fills.arrived
    return Dealt(sold, now.world.flow, now.world.venue, 0.0, 0.0, captured, traded, arrived, dt)


@routine
def orders(market: Any, book: Any, inventory: float, action: Any, now: Now) -> tuple[int, int, float]:
    """What an action wants: bid and ask in ticks, and the units of inventory that a market order shall close."""
    wanted = market.quote.decode(action, now)
    bid = target(market.venue, book, BID, wanted.bid_depth, market.quote.at_touch())
    ask = target(market.venue, book, ASK, wanted.ask_depth, market.quote.at_touch())
    return bid, ask, math.floor(wanted.cut * abs(inventory) / market.order_size + 0.5) * market.order_size


@routine
def place(market: Any, book: Any, inventory: float, bid: int, ask: int, units: float) -> tuple[int, int]:
    """Send the market order, against the `inventory` that was held at the decision, and then the quotes.

    The market order's lots, bought if > 0, and price x lots.
    """
    closed, value, lot = 0, 0, market.venue.lot
    long = inventory > 0.0
    if units > 0.0:
        closed, value = market.venue.cross(book, BID if long else ASK, int(units / lot + 0.5))
    sign = -1 if long else 1
    send(market, book, bid, ask, inventory + lot * (sign * closed + book.filled[BID] - book.filled[ASK]))
    return sign * closed, sign * value


@scalar
def target(venue: Any, book: Any, side: int, depth: float, at_touch: bool) -> int:
    """The price in ticks that a depth means: ticks from others' best price of that side, or price units from the mid,
    rounded to the nearest tick and, where two are as near, to the outer one."""
    return target_from(venue, book, side, depth, at_touch, book.best[side])


@scalar
def target_from(venue: Any, book: Any, side: int, depth: float, at_touch: bool, best: int) -> int:
    """As `target`, where `best` is the best price that ticks are counted from."""
    out = 2.0 * side - 1.0
    if at_touch:
        return best + int(out * math.floor(clip(depth, -_FURTHEST, _FURTHEST) + 0.5))
    away = clip(depth / venue.tick, -_FURTHEST, _FURTHEST)
    return int(out * math.floor(out * 0.5 * mid_twice(book) + away + 0.5))


@routine
def send(market: Any, book: Any, bid: int, ask: int, inventory: float) -> None:
    """Let our orders stand at these prices, no larger than the limits of the inventory allow."""
    buying, selling = sizes(market, inventory)
    bid, ask = held_back(book, BID, bid), held_back(book, ASK, ask)
    apart = max(0, (bid - ask) // 2 + 1)  # where our own orders would meet, both step back
    bid, ask = bid - apart, ask + apart
    if book.price[ASK] != ask:
        book.left[ASK] = 0  # out of the way of the new bid
    quote(book, BID, bid, buying)
    quote(book, ASK, ask, selling)


@scalar
def sizes(market: Any, inventory: float) -> tuple[int, int]:
    """The lots that may be bid for, and offered, within the limits of the inventory."""
    lot, whole = market.venue.lot, int(market.order_size / market.venue.lot + 0.5)
    buying = min(whole, int((market.max_inventory - inventory) / lot + 0.5))
    selling = min(whole, int((market.max_inventory + inventory) / lot + 0.5))
    return max(buying, 0), max(selling, 0)


@scalar
def exchange(market: Any, account: Portfolio, size: int, value: int, making: bool, now: Now) -> Portfolio:
    """The account after `size` lots (bought if > 0) for price x lots of `value`, with the fee at the mean price."""
    venue = market.venue
    if size == 0:
        return account
    units, paid = venue.lot * size, venue.tick * venue.lot * value
    price = venue.tick * (value / size)
    fee = market.fees.maker_fee(price, now) if making else market.fees.taker_fee(price, now)
    return Portfolio(account.cash - paid - abs(units) * fee, account.inventory + units, account.hedges)


@routine
def show(venue: Any, book: Any, observations: Any, place: int) -> None:
    """Write the venue's `signals` from `place` on."""
    unit = 1.0 / (venue.mean_order() * venue.queue_scale)
    bid, ask, levels = lots(book, book.best[BID]), lots(book, book.best[ASK]), int(venue.observed)
    observations[place] = book.best[ASK] - book.best[BID]
    observations[place + 1] = (bid - ask) / (bid + ask) if bid + ask > 0 else 0.0
    place += 2
    for side in range(2):
        out = 2 * side - 1
        for level in range(levels):
            price = book.best[side] + out * level
            inside = (book.edge[side] - price) * out >= 0
            observations[place + level] = unit * lots(book, price) if inside else 0.0
        place += levels
    for side in range(2):
        stands = book.left[side] > 0
        observations[place] = 1.0 if stands else 0.0
        observations[place + 1] = float((book.price[side] - book.best[side]) * (2 * side - 1)) if stands else 0.0
        observations[place + 2] = unit * book.ahead[side] if stands else 0.0
        place += 3
    observations[place] = unit * pressure(venue, book)
    venue.show_flow(book, observations, place + 1)
