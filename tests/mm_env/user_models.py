"""What a user might write in a module of their own: one model of each kind, two helpers and a latent state."""

import math
from typing import NamedTuple

from mm_env import (
    Clock,
    Fees,
    Fill,
    Flow,
    Impact,
    Noise,
    NonNegative,
    Positive,
    Price,
    Quote,
    Quoting,
    Real,
    Reward,
    Trades,
    Venue,
    rule,
    scalar,
)
from mm_env.core.maths import exp, normal

CALM = 0.25


class Variance(NamedTuple):
    """The latent state of Heston's model."""

    variance: float
    shock: float


@scalar
def positive_part(x: float) -> float:
    return max(x, 0.0)


@scalar
def correlated(first: float, second: float, rho: float) -> float:
    return rho * first + math.sqrt(1.0 - rho * rho) * second


class Heston(Price):
    """dS = sqrt(v) dW, dv = speed (mean - v) dt + vol sqrt(v) dZ, by full truncation Euler."""

    mean: Positive
    speed: Positive
    vol: NonNegative
    rho: Real = -0.5

    signals = ("variance",)

    def start(self):
        return Variance(self.mean, 0.0)

    def move(self, mid: float, latent: Variance, noise: Noise, dt: float) -> float:
        z = correlated(normal(noise.latent), normal(noise.price), self.rho)
        return mid + math.sqrt(positive_part(latent.variance) * dt) * z

    def evolve(self, latent: Variance, noise: Noise, dt: float) -> Variance:
        v, z = positive_part(latent.variance), normal(noise.latent)
        change = self.speed * (self.mean - v) * dt + self.vol * math.sqrt(v * dt) * z
        return Variance(latent.variance + change, z)

    def expected(self, mid: float, latent: Variance, dt: float) -> float:
        return mid

    def observe(self, mid: float, latent: Variance):
        return (latent.variance / self.mean - 1.0,)


class Clusters(Flow):
    """Orders that come in pairs: half as often, each pair twice as likely to hold one that takes the quote."""

    rate: NonNegative

    def probability(self, take: float, dt: float) -> float:
        missed = positive_part(1.0 - take)
        return 1.0 - exp(-0.5 * self.rate * (1.0 - missed * missed) * dt)


class Step(Fill):
    """All orders take quotes up to a depth, CALM of them up to twice that."""

    reach: Positive

    def take(self, depth: float) -> float:
        if depth <= self.reach:
            return 1.0
        return CALM if depth <= 2.0 * self.reach else 0.0


class Fixed(Impact):
    """Every arrival moves the mid by the same amount, every fill by twice that."""

    size: NonNegative

    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return self.size * (arrived + filled)


class Drawdown(Reward):
    """The wealth change, but for losses twice."""

    aversion: NonNegative

    def reward(self, outcome) -> float:
        return outcome.wealth_change - self.aversion * positive_part(-outcome.wealth_change)


class Tick(Quoting):
    """Depths in whole ticks."""

    tick: Positive

    def decode(self, action) -> Quote:
        bid = math.floor(4.0 * action[0] + 0.5) * self.tick
        return Quote(bid, math.floor(4.0 * action[1] + 0.5) * self.tick, 0.0, 0.0)


class Tiered(Fees):
    """No fee below a price."""

    above: Real = 0.0

    def maker_fee(self, price: float) -> float:
        return self.maker if price > self.above else 0.0


class Session(Clock):
    """Shows the time that has passed, and its square."""

    def final(self, step: float) -> float:
        return 1.0 if step >= self.steps else 0.0

    def observe(self, step: float):
        return (1.0 - step / self.steps,)


class Alternating(Venue):
    """Both sides fill when the noise of the bid is low, at a depth of at most `reach`."""

    reach: Positive

    @rule
    def near(self, depth: float) -> bool:
        return depth <= self.reach

    def trade(self, quote, bid_open, ask_open, noise, dt):
        bid_chance = 0.5 if bid_open & self.near(quote.bid_depth) else 0.0
        ask_chance = 0.5 if ask_open & self.near(quote.ask_depth) else 0.0
        bid_filled = 1.0 if noise.bid < bid_chance else 0.0
        ask_filled = 1.0 if noise.bid < ask_chance else 0.0
        return Trades(bid_filled, ask_filled, bid_chance, ask_chance, arrivals=2.0, jump=0.0)
