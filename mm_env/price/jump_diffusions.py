"""Diffusions with jumps by the names of their papers: the same as a price `WithJumps`, with all parameters in one row."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from mm_env.core.component import record, rule
from mm_env.core.maths import exp, normal
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative, Positive, Probability, Real
from mm_env.price.compound_poisson import (
    counts,
    drawn,
    log_normal_jumps,
    mean_count,
    normal_jumps,
    relative_square,
    sum_of_exponentials,
)
from mm_env.price.jumps import DoubleExponentialJumps, NormalJumps, volatility_of
from mm_env.price.law import Law
from mm_env.price.models import Brownian, Geometric, Price, lognormal_variance, second_unread
from mm_env.price.with_jumps import Jumping, WithJumps, WithRelativeJumps
from mm_env.world import Now


class Shorthand(Price):
    """What shorthands have in common: they are checked as what they stand for."""

    def split(self) -> Jumping:
        """The diffusion and the jumps that it stands for."""
        raise NotImplementedError

    def check(self, market: Any) -> None:
        self.split().check(market)

    @property
    def long_run_sigma(self) -> float:
        """The volatility of the mid, jumps and all, price / sqrt(time)."""
        price, jumps = self.split().price, self.split().jumps
        return volatility_of(price.sigma, jumps.mean_rate(price), record(jumps).second())  # pyright: ignore[reportAttributeAccessIssue]


class Merton(Shorthand):
    """dS = drift dt + sigma dW + jumps ~ N(jump_mean, jump_std^2) at a rate, compensated: Merton 1976 in price units."""

    sigma: NonNegative  # price / sqrt(time), of the diffusion
    rate: NonNegative  # jumps / time
    jump_mean: Real  # price
    jump_std: NonNegative  # price
    drift: Real = 0.0  # price / time, of all

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        moved = mid + self.drift * dt + self.sigma * math.sqrt(dt) * normal(noise.price)
        return moved + normal_jumps(counts(self.rate * dt), self.jump_mean, self.jump_std, noise)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid + self.drift * dt

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        square = self.jump_mean * self.jump_mean + self.jump_std * self.jump_std
        return (self.sigma * self.sigma + self.rate * square) * dt

    def split(self) -> Jumping:
        return WithJumps(Brownian(self.sigma, self.drift), NormalJumps(self.rate, self.jump_mean, self.jump_std))

    def law(self, dt: float, nodes: int) -> Law:
        return self.split().law(dt, nodes)


class Kou(Shorthand):
    """dS = drift dt + sigma dW + jumps up by an exponential of mean up_mean with probability `up`, else down by one of mean
    down_mean, at a rate, compensated: Kou 2002 in price units."""

    sigma: NonNegative  # price / sqrt(time), of the diffusion
    rate: NonNegative  # jumps / time
    up: Probability
    up_mean: Positive  # price
    down_mean: Positive  # price
    drift: Real = 0.0  # price / time, of all

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        moved = mid + self.drift * dt + self.sigma * math.sqrt(dt) * normal(noise.price)
        law, mean = counts(self.rate * dt), self.up * self.up_mean - (1.0 - self.up) * self.down_mean
        total = sum_of_exponentials(drawn(law, noise), self.up, self.up_mean, self.down_mean, noise)
        return moved + (total - mean_count(law) * mean)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid + self.drift * dt

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        square = self.up * self.up_mean * self.up_mean + (1.0 - self.up) * self.down_mean * self.down_mean
        return (self.sigma * self.sigma + 2.0 * self.rate * square) * dt

    def split(self) -> Jumping:
        jumps = DoubleExponentialJumps(self.rate, self.up, self.up_mean, self.down_mean)
        return WithJumps(Brownian(self.sigma, self.drift), jumps)

    def law(self, dt: float, nodes: int) -> Law:
        return self.split().law(dt, nodes)


class GeometricMerton(Shorthand):
    """dS/S = drift dt + sigma dW + (e^J - 1) dN, J ~ N(jump_mean, jump_std^2), N at a rate, compensated (Merton 1976); moved
    exactly, but that more than three jumps a step count as three."""

    sigma: NonNegative  # 1 / sqrt(time), of the diffusion
    rate: NonNegative  # jumps / time
    jump_mean: Real  # of the logarithm
    jump_std: NonNegative
    drift: Real = 0.0  # 1 / time, of all

    relative: ClassVar[bool] = True

    unread = second_unread

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        grown = (self.drift - 0.5 * self.sigma * self.sigma) * dt + self.sigma * math.sqrt(dt) * normal(noise.price)
        return mid * exp(grown + log_normal_jumps(counts(self.rate * dt), self.jump_mean, self.jump_std, noise))

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid * exp(self.drift * dt)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        """Of a move from where the mid is now: mid^2 e^(2 drift dt) (e^((sigma^2 + rate E[(e^J - 1)^2]) dt) - 1)."""
        square = self.sigma * self.sigma + self.rate * relative_square(self.jump_mean, self.jump_std)
        return lognormal_variance(now.mid, self.drift, square, dt)

    def split(self) -> Jumping:
        return WithRelativeJumps(
            Geometric(self.sigma, self.drift), NormalJumps(self.rate, self.jump_mean, self.jump_std)
        )
