"""A payment channel, or a credit line each way: payments move a balance between two sides, as far as it goes."""

# pyright: reportAttributeAccessIssue=false
# The rules run on records, where every part has a side; to the type checker a part may still be a single model.

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import Sides, differs, record, rule
from mm_env.core.maths import clip, scalar
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, NonNegative, Positive
from mm_env.core.tuples import each, joined
from mm_env.portfolio import Portfolio, buy
from mm_env.quote import Quote
from mm_env.venue.channel.payments import PaymentSizes, fits
from mm_env.venue.channel.quoting import sends_market_orders
from mm_env.venue.channel.rebalancing import NoRebalancing, Rebalancing, whole_orders
from mm_env.venue.dealer.dealer import both_sides
from mm_env.venue.dealer.fill import Fill
from mm_env.venue.dealer.flow import Flow
from mm_env.venue.venue import Dealt, Transition, Venue
from mm_env.world import Now


class ChannelState(NamedTuple):
    """What a channel is in the middle of; the balance is that of the inventory."""

    left: float  # of rebalancing; 0.0 where it is not under way
    paid: float  # for rebalancing since the episode began, price units
    rebalances: float  # how often it was asked for since the episode began


class Step(NamedTuple):
    """What a step begins with: payments come with these chances, and pass where there is room for them."""

    left: float  # of rebalancing, that which is asked for now included
    asked: float  # 1.0 if it is asked for now
    cost: float  # of rebalancing that is asked for now, price units
    bid_chance: float  # of a payment to us, at our fee for it
    ask_chance: float  # of a payment from us
    room: float  # for payments to us, order sizes
    funds: float  # for payments from us, order sizes


class Channel(Venue):
    """Payments come to us by `flow.bid` and go from us by `flow.ask`, at rates that fall with our fees by `fill`.

    Our balance is `initial_balance` + inventory, that of the other side `capacity` less ours: a payment to us is a purchase at
    the mid less the bid depth, our fee a unit, and one from us a sale at the mid plus the ask depth. A payment that is larger
    than what the paying side has left, or than the market's limits allow, fails. In a step at most one comes each way, both
    judged by the balance at its start:

    P(a payment comes to us within dt) = flow.bid.probability(fill.bid.take(fee), dt), of `payments` size; likewise from us.
    """

    capacity: Positive  # units, of both sides together
    initial_balance: NonNegative  # units, on our side at no inventory
    flow: Flow | Sides
    fill: Fill | Sides
    payments: PaymentSizes = PaymentSizes()
    rebalancing: Rebalancing = NoRebalancing()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("capacity", "initial_balance"):
            if differs(getattr(self, name)):
                raise TypeError(f"Channel.{name} must be the same in all lanes, got {getattr(self, name)!r}")
        if self.initial_balance > self.capacity:
            raise ValueError(
                f"Channel.initial_balance must lie in [0, {self.capacity:g}], the capacity, got {self.initial_balance:g}"
            )
        for name, kind in (("flow", Flow), ("fill", Fill)):
            object.__setattr__(self, name, both_sides(f"Channel.{name}", getattr(self, name), kind))

    @property
    def ends(self) -> tuple[float, float]:
        return -self.initial_balance, self.capacity - self.initial_balance

    @property
    def signals(self) -> tuple[str, ...]:
        """How much of the rebalancing is left, where there is any; the balance is the inventory."""
        return type(self.rebalancing).signals

    @property
    def can_rebalance(self) -> bool:
        return self.rebalancing.allowed

    def states(self) -> tuple[ChannelState, ...]:
        return tuple(ChannelState(left, 0.0, 0.0) for left in self.rebalancing.stages())

    def check(self, market: Any) -> None:
        super().check(market)
        for side in (self.flow.bid, self.flow.ask):
            side.check(market)
        self._check_sizes(market)
        self._check_inventories(market)
        self.rebalancing.check(self, market.order_size)
        self._check_target(market)
        self._check_orders(market)

    def _check_sizes(self, market: Any) -> None:
        size, most = market.order_size, max(self.payments.sizes) * market.order_size
        for name in ("capacity", "initial_balance"):
            if not whole_orders(value := getattr(self, name), size):
                raise ValueError(f"Channel.{name} must be whole order sizes of {size:g}, got {value:g}")
        if most > self.capacity:
            raise ValueError(f"Channel.capacity must be >= the largest payment, {most:g}, got {self.capacity:g}")

    def _check_inventories(self, market: Any) -> None:
        """Refuse inventories of which the balance is none of the channel's, and limits that cut off an end of it."""
        (low, high), held = self.ends, market.initial_inventory
        if (reach := max(-low, high)) > market.max_inventory * (1.0 + 1e-9):
            raise ValueError(
                f"Market.max_inventory must be >= {reach:g}, so that it holds both ends of the channel, got "
                f"{market.max_inventory:g}"
            )
        values = held.support if isinstance(held, Distribution) else np.ravel(held)
        if min(values) < low or max(values) > high:
            raise ValueError(
                f"Market.initial_inventory must lie in [{low:g}, {high:g}], so that the balance is within the channel, "
                f"got {held}"
            )

    def _check_target(self, market: Any) -> None:
        """Refuse a target that the market's limits keep the balance from."""
        rules_ = record(market)
        state = rules_.begin(0.0, rules_.initial_mid)
        long, short = rules_.reach(state, rules_.opening())
        home = rules_.venue.rebalancing.aim() - self.initial_balance
        if self.can_rebalance and not -short - 1e-9 <= home <= long + 1e-9:
            raise ValueError(
                f"{type(self.rebalancing).__name__}.target_balance must be within Market.limits, which keep the balance in "
                f"[{self.initial_balance - short:g}, {self.initial_balance + long:g}], got {rules_.venue.rebalancing.aim():g}"
            )

    def _check_orders(self, market: Any) -> None:
        """Refuse a quoting that sends market orders, of which a channel has none."""
        quote = getattr(market.quote, "quoting", None) if market.quote.rebalances else market.quote
        if quote is not None and sends_market_orders(quote, record(market).opening()):
            raise ValueError(
                f"Channel has no market orders, which {type(quote).__name__} may send: quote by Depths or the like, or by "
                "RebalancingQuotes around it"
            )

    @rule
    def begin(self, mid: float) -> ChannelState:
        return ChannelState(0.0, 0.0, 0.0)

    @rule
    def place(self, state: ChannelState) -> float:
        return state.left

    @rule
    def begin_flow(self) -> Any:
        return self.flow.bid.start(), self.flow.ask.start()

    @rule
    def observe(self, now: Now) -> tuple[float, ...]:
        return self.rebalancing.observe(now.world.venue.left)

    @rule
    def opened(self, market: Any, state: Any, quote: Quote, now: Now) -> Step:
        """What a step begins with, once the quote is known."""
        before, size, dt = now.world.venue.left, market.order_size, market.clock.dt()
        left = self.rebalancing.begun(before, 1.0 if quote.cut > 0.0 else 0.0)
        asked = 1.0 if left > 0.5 and before < 0.5 else 0.0
        held = state.account.inventory
        balance, (long, short) = self.initial_balance + held, market.reach(state, now)
        room = min(self.capacity - balance, min(long, market.max_inventory) - held) / size
        funds = min(balance, min(short, market.max_inventory) + held) / size
        bid_flow, ask_flow = now.world.flow
        bid = self.flow.bid.probability(self.fill.bid.take(quote.bid_depth, now), dt, now, bid_flow)
        ask = self.flow.ask.probability(self.fill.ask.take(quote.ask_depth, now), dt, now, ask_flow)
        passable = self.rebalancing.passable(left)
        cost = asked * self.rebalancing.price(self.rebalancing.aim() - balance)
        return Step(left, asked, cost, clip(bid, 0.0, 1.0), clip(ask, 0.0, 1.0), passable * room, passable * funds)

    @rule
    def deal(self, market: Any, state: Any, action: Any, noise: Noise, memory: Any) -> Dealt:
        now, quote, size = market.now(state, memory), market.quoted(action, state, memory), market.order_size
        step = self.opened(market, state, quote, now)
        bid_sent = self.payments.draw(noise.bid_jump) if noise.bid < step.bid_chance else 0.0
        ask_sent = self.payments.draw(noise.ask_jump) if noise.ask < step.ask_chance else 0.0
        came, gone = bid_sent * fits(bid_sent, step.room), ask_sent * fits(ask_sent, step.funds)
        bid_gain, ask_gain, bid, ask = self.fees_of(market, quote, state.mid, now)
        bought = buy(state.account, size * came, state.mid - quote.bid_depth, bid)
        account = buy(bought, -size * gone, state.mid + quote.ask_depth, ask)
        done = self.rebalancing.done(step.left, market.clock.dt(), noise)
        home = self.rebalancing.aim() - self.initial_balance
        rested = buy(account, done * (home - account.inventory), state.mid, 0.0)
        after = Portfolio(rested.cash - step.cost, rested.inventory, rested.hedges)
        bid_noise = (came - step.bid_chance * self.payments.mean_within(step.room)) * bid_gain
        ask_noise = (gone - step.ask_chance * self.payments.mean_within(step.funds)) * ask_gain
        captured = size * (came * quote.bid_depth + gone * quote.ask_depth) - step.cost
        venue = moved_on(now.world.venue, step, (1.0 - done) * self.rebalancing.later(step.left))
        flow = self.flow_after(noise, market.clock.dt(), now)
        return Dealt(after, flow, venue, 0.0, size * (bid_noise + ask_noise), captured, came + gone, bid_sent + ask_sent,
                     market.clock.dt())  # fmt: skip

    @rule
    def fees_of(self, market: Any, quote: Quote, mid: float, now: Now) -> tuple[float, float, float, float]:
        """What a unit brings to us and from us, and what the market charges of it."""
        bid_fee = market.fees.maker_fee(mid - quote.bid_depth, now)
        ask_fee = market.fees.maker_fee(mid + quote.ask_depth, now)
        return quote.bid_depth - bid_fee, quote.ask_depth - ask_fee, bid_fee, ask_fee

    @rule
    def flow_after(self, noise: Noise, dt: float, now: Now) -> Any:
        """The state of the flow at t + dt: a payment that would come at no fee counts, whether it does or not."""
        bid_flow, ask_flow = now.world.flow
        hit = 1.0 if noise.bid < self.flow.bid.arrival(dt, now, bid_flow) else 0.0
        lifted = 1.0 if noise.ask < self.flow.ask.arrival(dt, now, ask_flow) else 0.0
        bid_after = self.flow.bid.evolve(bid_flow, hit, lifted, noise, dt, now)
        return bid_after, self.flow.ask.evolve(ask_flow, lifted, hit, noise, dt, now)

    @rule
    def transitions(self, market: Any, state: Any, quote: Quote) -> tuple[Transition, ...]:
        """Each size to us, or none, with each from us, or none, and with rebalancing done or not: all independent."""
        now, size = market.now(state, ()), market.order_size
        step = self.opened(market, state, quote, now)
        bid_gain, ask_gain, _, _ = self.fees_of(market, quote, state.mid, now)
        home = self.rebalancing.aim() - self.initial_balance
        after = moved_on(now.world.venue, step, self.rebalancing.later(step.left))
        endings = self.rebalancing.endings(step.left, market.clock.dt())
        gone = self.payments.passing(step.ask_chance, step.funds)
        told = (gone, endings, (state.account.inventory, size, bid_gain, ask_gain, step.cost, home, after))
        return joined(each(_with_payment_in, self.payments.passing(step.bid_chance, step.room), told))


@scalar
def moved_on(state, step, left):
    """The state after a step, with so much of a rebalancing left."""
    return ChannelState(left, state.paid + step.cost, state.rebalances + step.asked)


@scalar
def _with_payment_in(came, told):
    gone, endings, rest = told
    return joined(each(_with_payment_out, gone, (came, endings, rest)))


@scalar
def _with_payment_out(gone, told):
    came, endings, rest = told
    return each(_with_ending, endings, (came, gone, rest))


@scalar
def _with_ending(ending, told):
    came, gone, (held, size, bid_gain, ask_gain, cost, home, after) = told
    chance, done = ending
    moved = held + size * (came[1] - gone[1])
    inventory = home if done > 0.5 else moved
    gain = size * (came[1] * bid_gain + gone[1] * ask_gain) - cost
    venue = ChannelState((1.0 - done) * after.left, after.paid, after.rebalances)
    return Transition(came[0] * gone[0] * chance, inventory, gain, 0.0, 0.0, venue)
