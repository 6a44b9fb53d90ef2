"""Markets of a user's own: a channel that has a state, seasons and regimes, a price of two factors."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mm_env import (
    CARA,
    Dealer,
    Depths,
    Exponential,
    FiniteHorizon,
    Flow,
    InventoryPenalty,
    Law,
    NonNegative,
    OrnsteinUhlenbeck,
    Positive,
    Price,
    ProportionalFees,
    rule,
)
from mm_env.core.maths import exp, normal, one_minus_exp
from mm_env.price.law import Reverting
from mm_env.venue.venue import Trades, Transition, Venue
from tests.worlds import world


class Balance(NamedTuple):
    ours: float


class Channel(Venue):
    """A payment channel of capacity 4: at most one payment a step, for the fee that is quoted (depth), or one of others'."""

    rate: Positive  # payments / time and way, were they free
    others: NonNegative  # payments / time and way, that pass us by

    signals = ("balance",)

    def states(self):
        return tuple(Balance(float(b)) for b in range(5))

    def place(self, state):
        return state.ours

    def begin(self, mid):
        return Balance(2.0)

    def observe(self, now):
        return (0.25 * now.world.venue.ours,)

    @rule
    def odds(self, quote, sides, dt, balance):
        room, funds = 1.0 if balance < 3.5 else 0.0, 1.0 if balance > 0.5 else 0.0
        into = room * self.rate * exp(-quote.bid_depth) * dt if sides[0] else 0.0
        out = funds * self.rate * exp(-quote.ask_depth) * dt if sides[1] else 0.0
        return into, out, room * self.others * dt, funds * self.others * dt

    def trade(self, quote, bid_open, ask_open, noise, dt, now):
        into, out, _, _ = self.odds(quote, (bid_open, ask_open), dt, now.world.venue.ours)
        bid, ask = 1.0 if noise.bid < into else 0.0, 1.0 if into <= noise.bid < into + out else 0.0
        return Trades(bid, ask, into, out, bid + ask, 0.0)

    def evolve(self, trades, noise, dt, now):
        balance, last = now.world.venue.ours, 1.0 - self.others * dt
        more = 1.0 if noise.bid >= last and balance < 3.5 else 0.0
        less = 1.0 if last - self.others * dt <= noise.bid < last and balance > 0.5 else 0.0
        return Balance(balance + trades.bid_filled - trades.ask_filled + more - less)

    def transitions(self, market, state, quote):
        held, size, b = state.account.inventory, market.order_size, state.world.venue.ours
        into, out, more, less = self.odds(quote, market.open_sides(held), market.clock.dt(), b)
        return (
            Transition(1.0 - into - out - more - less, held, 0.0, 0.0, 0.0, Balance(b)),
            Transition(into, held + size, size * quote.bid_depth, 0.0, 0.0, Balance(b + 1.0)),
            Transition(out, held - size, size * quote.ask_depth, 0.0, 0.0, Balance(b - 1.0)),
            Transition(more, held, 0.0, 0.0, 0.0, Balance(b + 1.0)),
            Transition(less, held, 0.0, 0.0, 0.0, Balance(b - 1.0)),
        )


class Weather(NamedTuple):
    rough: float


class Regimes(Price):
    """A mid whose volatility switches between two values, as a Markov chain."""

    calm: NonNegative
    rough: NonNegative
    up: Positive  # 1 / time, from calm to rough
    down: Positive

    signals = ("rough",)

    @rule
    def start(self):
        return Weather(0.0)

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + (self.rough if latent.rough > 0.5 else self.calm) * math.sqrt(dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        leaves = noise.latent[0] < (
            one_minus_exp(self.down * dt) if latent.rough > 0.5 else one_minus_exp(self.up * dt)
        )
        return Weather(1.0 - latent.rough if leaves else latent.rough)

    @rule
    def observe(self, mid, latent):
        return (latent.rough,)

    def law(self, dt, nodes):
        leave = np.array([-math.expm1(-self.up * dt), -math.expm1(-self.down * dt)])
        return Law(np.stack([1.0 - leave, leave], -1), 0.0, np.array([[self.calm**2], [self.rough**2]]) * dt,
                   np.array([0.0, 1.0]), [[0.0, 1.0], [1.0, 0.0]], "rough", kind="labels",
                   states=[[np.nan, 0.0], [np.nan, 1.0]])  # fmt: skip


class Seasons(Flow):
    """More orders come at the open and the close, and twice as many while the mid is rough."""

    rate: Positive

    @rule
    def probability(self, take, dt, now, state):
        busy = 2.0 if min(now.time, now.time_left) < 0.5 else 1.0
        return 1.0 - exp(-self.rate * busy * (1.0 + now.world.price.rough) * take * dt)


class Factors(NamedTuple):
    drift: float
    rough: float


class TwoFactors(Price):
    """dS = x dt + sigma dW: x reverts to 0, and sigma switches between two values."""

    speed: Positive
    vol: Positive  # of x, its stationary deviation
    calm: NonNegative
    rough: NonNegative
    switch: Positive

    signals = ("drift", "rough")

    @rule
    def start(self):
        return Factors(0.0, 0.0)

    @rule
    def move(self, mid, latent, noise, dt):
        sigma = self.rough if latent.rough > 0.5 else self.calm
        return mid + self.vol * latent.drift * dt + sigma * math.sqrt(dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        kick = math.sqrt(one_minus_exp(2.0 * self.speed * dt)) * normal(noise.latent)
        leaves = noise.bid_jump < one_minus_exp(self.switch * dt)
        return Factors(latent.drift * exp(-self.speed * dt) + kick, 1.0 - latent.rough if leaves else latent.rough)

    @rule
    def observe(self, mid, latent):
        return latent.drift, latent.rough

    def law(self, dt, nodes):
        grid, leave = Reverting.of(self.speed, dt, nodes), -math.expm1(-self.switch * dt)
        drift = Law(grid.probability, self.vol * grid.nodes[:, None] * dt, 0.0, grid.nodes, grid.following, "drift")
        return drift * Law([1.0 - leave, leave], 0.0, np.array([[self.calm**2], [self.rough**2]]) * dt, np.array([0.0, 1.0]),
                           [[0.0, 1.0], [1.0, 0.0]], "rough", kind="labels")  # fmt: skip


DAY, PENALTY = FiniteHorizon(2.0, 20), InventoryPenalty(phi=0.3, alpha=0.1)
OPEN = {
    "channel": world(venue=Channel(rate=3.0, others=0.5), clock=DAY, reward=InventoryPenalty(), quote=Depths(3.0)),
    "seasons and regimes": world(
        price=Regimes(0.5, 2.0, 2.0, 4.0), venue=Dealer(Seasons(4.0), Exponential(1.0)), clock=DAY, reward=PENALTY,
        quote=Depths(3.0, -0.5),
    ),
    "two factors": world(price=TwoFactors(1.0, 1.0, 0.5, 2.0, 2.0), clock=DAY, reward=PENALTY, quote=Depths(3.0, -1.0)),
}  # fmt: skip
OPEN["fees by a price that reverts"] = world(
    price=OrnsteinUhlenbeck(4.0, 2.0, 10.0), initial_mid=11.0, fees=ProportionalFees(0.02), clock=DAY, reward=PENALTY,
    quote=Depths(3.0, -0.5),
)  # fmt: skip
OPEN["two factors, utility"] = replace(OPEN["two factors"], reward=CARA(0.3))
