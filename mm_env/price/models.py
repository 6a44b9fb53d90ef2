"""How the mid-price moves over one step. Prices in price units, time in the market's unit (seconds, say)."""

from __future__ import annotations

import math
from inspect import isfunction
from typing import Any, ClassVar

from mm_env.core.component import Component, arguments, rule
from mm_env.core.maths import exp, normal, one_minus_exp, scalar
from mm_env.core.noise import Noise, beside_the_price
from mm_env.core.parameters import NonNegative, Positive, Real
from mm_env.price.law import Floats, Law, Reverting
from mm_env.world import Now


@scalar
def lognormal_variance(mid: float, drift: float, square: float, dt: float) -> float:
    """mid^2 e^(2 drift dt) (e^(square dt) - 1): the variance of a price after dt whose growth has this drift and square."""
    grown = mid * exp(drift * dt)
    return grown * grown * (exp(square * dt) - 1.0)


def second_unread(self, noise: Noise) -> Noise:
    """The noise of a step, of which a price reads `price` by `normal` alone."""
    return noise


class Price(Component):
    """A model of the mid. Override `move`; for a latent state (a variance, a regime) `start` and `evolve` too. With `law` its
    markets are solved exactly.

    `signals` names what `observe` shows the agent, scaled to order one.
    """

    signals: ClassVar[tuple[str, ...]] = ()
    relative: ClassVar[bool] = False  # its moves, and so its sigma, are shares of the price
    needs_book: ClassVar[bool] = False  # what trading makes it: an order book's mid

    def __init_subclass__(cls) -> None:
        """What `unread` says is of the rules that it was written for: a subclass that draws otherwise says it anew."""
        draws = any("noise" in arguments(function) for function in vars(cls).values() if isfunction(function))
        if draws and "unread" not in vars(cls):
            cls.unread = Price.unread
        super().__init_subclass__()

    @rule
    def start(self) -> Any:
        """The latent state at the start of an episode: a named tuple of floats, or () if it has none."""
        return ()

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        """The mid at t + dt, from the mid and the latent state at t."""
        raise NotImplementedError

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float, now: Now) -> Any:
        """The latent state at t + dt."""
        return latent

    @rule
    def expected(self, mid: float, latent: Any, dt: float, now: Now) -> float:
        """E[mid at t + dt]. A model that overrides it allows `InventoryPenalty.noise`; to one that does not it is refused."""
        return mid

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        """Var[mid's move] over a step of dt that ended `now`, told by the state then, price units squared: what
        `VariancePenalty` charges. To a model that does not override it that reward is refused."""
        return 0.0

    @rule
    def unread(self, noise: Noise) -> Noise:
        """The noise of a step as hedges draw by it: no rule here may read `second_normal` of its `price`.

        A block of their own, unless a model says `unread = second_unread`: that it reads `noise.price` by `normal` alone,
        which is independent of `second_normal`. Hedges then need no draw, no logarithm and no root of their own.
        """
        return beside_the_price(noise)

    @rule
    def observe(self, mid: float, latent: Any, now: Now) -> tuple[float, ...]:
        """One number of order one for each of `signals`."""
        return ()

    @rule
    def tables_in(self, memory: Any) -> Any:
        """What its rules are told as `now.tables`, of what is kept in memory: () of a price that keeps nothing."""
        return ()

    @rule
    def opening(self, mid: float, noise: Noise, tables: Any) -> float:
        """The mid that an episode begins with, given the market's `initial_mid` and the noise of its first step."""
        return mid

    def tables(self, market: Any) -> tuple[Floats, ...]:
        """Arrays that its rules read, kept once for all lanes: () or one, float64."""
        return ()

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with this price."""

    def law_at(self, time: float, dt: float, nodes: int) -> Law:
        """The law of the step that begins at `time`; the same object where it is the same. For a model whose moves depend on
        the time, as those of a gap do; its nodes must not."""
        return self.law(dt, nodes)

    def law(self, dt: float, nodes: int) -> Law:
        """The law of one step, the latent state (if it has one) on a grid of about `nodes`.

        A model that gives it lets the exact evaluation of policies and the optimum be computed for its markets.
        """
        raise NotImplementedError(f"{type(self).__name__} has no law of its moves that is the same at every mid")


class Brownian(Price):
    """dS = drift dt + sigma dW (Bachelier)."""

    sigma: NonNegative  # price / sqrt(time)
    drift: Real = 0.0  # price / time

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        return mid + self.drift * dt + self.sigma * math.sqrt(dt) * normal(noise.price)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid + self.drift * dt

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        return self.sigma * self.sigma * dt

    def law(self, dt: float, nodes: int) -> Law:
        return Law(mean=self.drift * dt, variance=self.sigma**2 * dt)


class Binomial(Price):
    """S moves by +sigma sqrt(dt) or -sigma sqrt(dt), each with probability 1/2 (Avellaneda & Stoikov 2008, sec. 3.3)."""

    sigma: NonNegative  # price / sqrt(time)

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        step = self.sigma * math.sqrt(dt)
        return mid + (step if noise.price[0] < 0.5 else -step)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        return self.sigma * self.sigma * dt

    def law(self, dt: float, nodes: int) -> Law:
        step = self.sigma * math.sqrt(dt)
        return Law(probability=[0.5, 0.5], mean=[step, -step])


class Geometric(Price):
    """dS = drift S dt + sigma S dW (Black & Scholes), moved exactly: S never falls to zero."""

    sigma: NonNegative  # 1 / sqrt(time)
    drift: Real = 0.0  # 1 / time

    relative: ClassVar[bool] = True

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        growth = (self.drift - 0.5 * self.sigma * self.sigma) * dt
        return mid * exp(growth + self.sigma * math.sqrt(dt) * normal(noise.price))

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid * exp(self.drift * dt)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        """Of a move from where the mid is now: mid^2 e^(2 drift dt) (e^(sigma^2 dt) - 1)."""
        return lognormal_variance(now.mid, self.drift, self.sigma * self.sigma, dt)


class OrnsteinUhlenbeck(Price):
    """dS = speed (mean - S) dt + sigma dW, moved exactly.

    The agent sees the distance from the mean, in standard deviations of the stationary law, sigma / sqrt(2 speed); in price
    units where sigma is 0, for then there is no such law: the mid runs to its mean.
    """

    sigma: NonNegative  # price / sqrt(time)
    speed: Positive  # 1 / time
    mean: Real  # price

    signals: ClassVar[tuple[str, ...]] = ("mid_deviation",)

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        decay = exp(-self.speed * dt)
        spread = self.sigma * math.sqrt(one_minus_exp(2.0 * self.speed * dt) / (2.0 * self.speed))
        return self.mean + (mid - self.mean) * decay + spread * normal(noise.price)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return self.mean + (mid - self.mean) * exp(-self.speed * dt)

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        return self.sigma * self.sigma * one_minus_exp(2.0 * self.speed * dt) / (2.0 * self.speed)

    @rule
    def observe(self, mid: float, latent: Any) -> tuple[float, ...]:
        distance = mid - self.mean
        return (distance * math.sqrt(2.0 * self.speed) / self.sigma if self.sigma > 0.0 else distance,)

    def law(self, dt: float, nodes: int) -> Law:
        grid = Reverting.of(self.speed, dt, nodes)
        if self.sigma == 0.0:
            following = grid.nodes[:, None] * math.exp(-self.speed * dt)
            move, mids = following - grid.nodes[:, None], self.mean + grid.nodes[:, None]
            return Law(1.0, move, 0.0, grid.nodes, following, "mid_deviation", True, states=mids)
        scale = self.sigma / math.sqrt(2.0 * self.speed)
        move, mids = (
            (grid.exact - grid.nodes[:, None]) * self.sigma / math.sqrt(2.0 * self.speed),
            self.mean + scale * grid.nodes[:, None],
        )
        return Law(grid.probability, move, 0.0, grid.nodes, grid.following, "mid_deviation", True, states=mids)


class FromBook(Price):
    """The mid is that of an order book, midway between the best prices of all others: it moves by what happens there."""

    needs_book: ClassVar[bool] = True

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        return mid

    def law(self, dt: float, nodes: int) -> Law:
        raise NotImplementedError("the mid of an order book follows from its queues and has no law of its own")
