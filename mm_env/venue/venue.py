"""A place to trade: what every venue is to the market, to the loops over lanes and to the exact solvers."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, rule
from mm_env.core.maths import clip, scalar
from mm_env.core.noise import Noise
from mm_env.portfolio import Portfolio, buy
from mm_env.quote import Quote
from mm_env.world import Now


class Trades(NamedTuple):
    """What happened at a venue within one step."""

    bid_filled: float  # orders that hit our bid: 1.0 or 0.0
    ask_filled: float
    bid_chance: float  # P(bid_filled), given all that was known when the quotes were set
    ask_chance: float
    arrivals: float  # orders that came, filled by us or not
    jump: float  # how far the orders moved the mid, price units


class Chances(NamedTuple):
    """Probabilities within one step, of fills for a side that is open."""

    bid: float
    ask: float
    bid_arrival: float  # of an order that would hit a bid at the mid; it comes whatever we quote
    ask_arrival: float


class Dealt(NamedTuple):
    """What was traded between two decisions, and where it left the venue."""

    account: Portfolio
    flow: Any  # the state of the flow after it
    venue: Any  # that of the venue
    jump: float  # how far orders moved the mid, price units
    surprise: float  # what of the money was noise of mean zero, price units
    captured: float  # over our fills, depth x size, less what market orders paid, price units
    fills: float  # in orders of ours
    arrivals: float  # market orders, of the size of ours
    dt: float


class Transition(NamedTuple):
    """One of the outcomes that a quote may have within a step."""

    probability: float
    inventory: float  # after it, units
    gain: float  # money from the trades over the mid at which the quotes were set, fees paid, price units
    jump: float  # mean of the mid's jump by the orders, price units
    jump_variance: float
    venue: Any  # the state of the venue after it


@scalar
def certain(chances: Chances) -> Chances:
    """The chances that noise makes of what a flow says: what it says beyond 1 is sure, and below 0 never."""
    bid, ask = clip(chances.bid, 0.0, 1.0), clip(chances.ask, 0.0, 1.0)
    return Chances(bid, ask, clip(chances.bid_arrival, 0.0, 1.0), clip(chances.ask_arrival, 0.0, 1.0))


class Venue(Component):
    """A place to trade. Override `trade`: who fills us, and how orders move the mid. For a state of its own, a named tuple of
    numbers, `begin` and `evolve` too; with `transitions` its markets are solved exactly.
    """

    loops: ClassVar[str] = "lanes"  # "events": each lane has a record of memory, and time goes from event to event
    makes_mid: ClassVar[bool] = False  # the mid is what trading here makes it, and the price is `FromBook`
    happened_once: ClassVar[bool] = False  # a recording: no step can be drawn again
    takes_ranges: ClassVar[bool] = False  # a pool: what is quoted is a range of prices, placed by a quoting `of_pool`
    unsolvable: ClassVar[str] = ""  # why there is no exact recursion, in words
    takes_makers: ClassVar[bool] = False  # its clients may be those of several makers
    of_one: ClassVar[type[Venue] | None] = None  # the class of the same venue with one maker, where it has several

    @property
    def is_drawn_book(self) -> bool:
        """Whether it is an order book that is simulated, not recorded, and one maker's."""
        return self.makes_mid and not self.happened_once and self.of_one is None

    @property
    def can_rebalance(self) -> bool:
        """Whether what it holds is brought back when a quoting asks for it (`Quoting.rebalances`)."""
        return False

    @property
    def ends(self) -> tuple[float, float] | None:
        """The inventories at which our side, and the other, have nothing left; None where trading has no such ends."""
        return None

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of what it shows of itself."""
        return ()

    def states(self) -> tuple[Any, ...]:
        """All states that it may be in, for exact solvers, in the order that `place` numbers them; () if it has none, or too
        many. Its signals must tell them apart."""
        return ()

    def signals_beside(self, quote: Any) -> tuple[str, ...]:
        """The names of what it shows beside a quoting, one for each number of `observe`."""
        return self.signals

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with this venue."""
        for part in (market.price, market.clock, market.quote):
            if part.needs_book:
                raise ValueError(
                    f"{type(part).__name__} needs an order book: venue must be a Book, got {type(self).__name__}"
                )
        self.check_quote(market)

    def check_quote(self, market: Any) -> None:
        """Refuse a quoting of ranges where depths are quoted, and of depths where ranges are."""
        if market.quote.of_pool != self.takes_ranges:
            wanted = "place ranges (Range, RangeGrid, DynamicFee)" if self.takes_ranges else "quote depths"
            raise ValueError(f"Market.quote must {wanted} at a {type(self).__name__}, got {market.quote}")

    def most_held(self, market: Any) -> float:
        """The largest |inventory| that its market may show, units."""
        return market.max_inventory

    def figures(self, market: Any, state: Any) -> dict[str, Any]:
        """What it tells of episodes that have ended in a `state` of lanes, each number an array (n,): name -> (n,), for
        tables."""
        return {}

    def memory(self, num_lanes: int) -> tuple[NDArray[Any], ...]:
        """Arrays that it keeps beside the lanes' states."""
        return ()

    def stretches(self, books: Any) -> NDArray[np.int64] | None:
        """The number of the recorded stretch that each lane's episode began in; None where episodes are independent."""
        return None

    @rule
    def begin(self, mid: float, quote: Any = ()) -> Any:
        """Its state at the start of an episode: a named tuple of numbers, or () if it has none.

        How many numbers may depend on the quoting; a venue to which it does not matter leaves the argument out.
        """
        return ()

    @rule
    def place(self, state: Any) -> float:
        """The number of a state among `states`: 0.0, 1.0, ..."""
        return 0.0

    @rule
    def begin_flow(self) -> Any:
        """The state of the flow of orders to it at the start of an episode."""
        return ()

    @rule
    def trade(self, quote: Quote, bid_open: bool, ask_open: bool, noise: Noise, dt: float, now: Now) -> Trades:
        """What our quotes meet within [t, t + dt)."""
        raise NotImplementedError

    @rule
    def traded(
        self, quote: Quote, bid_open: bool, ask_open: bool, noise: Noise, dt: float, now: Now, memory: Any
    ) -> Trades:
        """What all who quote meet within [t, t + dt): we, where nobody quotes beside us."""
        return self.trade(quote, bid_open, ask_open, noise, dt, now)

    @rule
    def ours(self, trades: Trades, memory: Any) -> Trades:
        """Our share of what was traded."""
        return trades

    @rule
    def chances(self, quote: Quote, dt: float, now: Now) -> Chances:
        """How likely our quotes are to fill and orders to arrive within dt, if the venue knows."""
        raise NotImplementedError

    @rule
    def evolve(self, trades: Trades, noise: Noise, dt: float, now: Now) -> Any:
        """Its state at t + dt, from what was traded; `now.world.venue` is that at t."""
        return now.world.venue

    @rule
    def evolve_flow(self, trades: Trades, noise: Noise, dt: float, now: Now) -> Any:
        """The state of the flow at t + dt; `now.world.flow` is that at t."""
        return now.world.flow

    @rule
    def transitions(self, market: Any, state: Any, quote: Quote) -> tuple[Transition, ...]:
        """All that may come of a quote within a step, its market order included, with probabilities that sum to 1.

        What exact evaluation, the optimum, the adversary and expected fills read, and what the simulator is held to.
        """
        raise NotImplementedError

    @rule
    def elapsed(self, time: float, memory: Any) -> float:
        """The time since the episode began, which is `time` where steps are evenly spaced."""
        return time

    @rule
    def mid_after(self, moved: float, dealt: Dealt, memory: Any) -> float:
        """The mid at the next decision, from where the price moved to by itself."""
        return moved + dealt.jump

    @rule
    def observe(self, now: Now) -> tuple[float, ...]:
        """One number of order one for each of `signals`."""
        return ()

    @rule
    def deal(self, market: Any, state: Any, action: Any, noise: Noise, memory: Any) -> Dealt:
        """What comes of an action: the market order, the quotes, and those who trade with them."""
        dt, now = market.clock.dt(), market.now(state, memory)
        quote = market.quoted(action, state, memory)
        crossed = market.cross(state.account, state.mid, quote.cut, quote.cut_cost, now)
        bid_open, ask_open = market.sides(crossed.inventory, state, now)
        all_trades = self.traded(quote, bid_open, ask_open, noise, dt, now, memory)
        trades = self.ours(all_trades, memory)
        bid, ask = state.mid - quote.bid_depth, state.mid + quote.ask_depth
        bid_fee, ask_fee = market.fees.maker_fee(bid, now), market.fees.maker_fee(ask, now)
        bought = buy(crossed, market.order_size * trades.bid_filled, bid, bid_fee)
        account = buy(bought, -market.order_size * trades.ask_filled, ask, ask_fee)
        bid_noise = (trades.bid_filled - trades.bid_chance) * (quote.bid_depth - bid_fee)
        ask_noise = (trades.ask_filled - trades.ask_chance) * (quote.ask_depth - ask_fee)
        captured = trades.bid_filled * quote.bid_depth + trades.ask_filled * quote.ask_depth
        paid = abs(crossed.inventory - state.account.inventory) * quote.cut_cost
        flow, venue = self.evolve_flow(all_trades, noise, dt, now), self.evolve(all_trades, noise, dt, now)
        surprise, fills = market.order_size * (bid_noise + ask_noise), trades.bid_filled + trades.ask_filled
        gained = market.order_size * captured - paid
        return Dealt(account, flow, venue, trades.jump, surprise, gained, fills, trades.arrivals, dt)
