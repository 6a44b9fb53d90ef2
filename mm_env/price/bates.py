"""Mids with a stochastic variance and jumps (Bates 1996), in price units and in shares of the price."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import rule
from mm_env.core.maths import exp
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative, Real
from mm_env.price.compound_poisson import counts, log_normal_jumps, normal_jumps, relative_square
from mm_env.price.heston import GeometricHeston, Heston, StochasticVariance
from mm_env.price.jumps import NormalJumps
from mm_env.price.law import Law
from mm_env.price.models import lognormal_variance
from mm_env.price.variance import QuadraticExponential, VarianceStep
from mm_env.price.with_jumps import Jumping, WithJumps, WithRelativeJumps
from mm_env.world import Now


class Bates(StochasticVariance):
    """`Heston` plus jumps ~ N(jump_mean, jump_std^2) at a rate, compensated: Bates 1996 in price units."""

    rate: NonNegative  # jumps / time
    jump_mean: Real  # price
    jump_std: NonNegative  # price
    drift: Real = 0.0  # price / time, of all
    scheme: VarianceStep = QuadraticExponential()

    @property
    def sigma(self) -> float:
        """The volatility of the mid in the long run, jumps and all: what closed forms take."""
        return self.split().sigma  # pyright: ignore[reportAttributeAccessIssue]

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        moved = mid + self.drift * dt + self.shift(self.scheme, latent, noise, dt)
        return moved + normal_jumps(counts(self.rate * dt), self.jump_mean, self.jump_std, noise)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid + self.drift * dt

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        square = self.jump_mean * self.jump_mean + self.jump_std * self.jump_std
        return (max(latent.v, 0.0) + self.rate * square) * dt

    def split(self) -> Jumping:
        """The diffusion and the jumps that it stands for."""
        heston = Heston(self.kappa, self.theta, self.vol, self.rho, self.v0, self.drift, self.scheme)
        return WithJumps(heston, NormalJumps(self.rate, self.jump_mean, self.jump_std))

    def check(self, market: Any) -> None:
        self.split().check(market)

    def law(self, dt: float, nodes: int) -> Law:
        return self.split().law(dt, nodes)


class GeometricBates(StochasticVariance):
    """`GeometricHeston` times e^J at a rate, J ~ N(jump_mean, jump_std^2), compensated (Bates 1996)."""

    rate: NonNegative  # jumps / time
    jump_mean: Real  # of the logarithm
    jump_std: NonNegative
    drift: Real = 0.0  # 1 / time, of all
    scheme: VarianceStep = QuadraticExponential()

    relative: ClassVar[bool] = True

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        grown = self.drift * dt + self.growth(self.scheme, latent, noise, dt)
        return mid * exp(grown + log_normal_jumps(counts(self.rate * dt), self.jump_mean, self.jump_std, noise))

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid * exp(self.drift * dt)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        """Of a move from where the mid is now: mid^2 e^(2 drift dt) (e^((v + rate E[(e^J - 1)^2]) dt) - 1)."""
        square = max(latent.v, 0.0) + self.rate * relative_square(self.jump_mean, self.jump_std)
        return lognormal_variance(now.mid, self.drift, square, dt)

    def split(self) -> Jumping:
        """The diffusion and the jumps that it stands for."""
        heston = GeometricHeston(self.kappa, self.theta, self.vol, self.rho, self.v0, self.drift, self.scheme)
        return WithRelativeJumps(heston, NormalJumps(self.rate, self.jump_mean, self.jump_std))

    def check(self, market: Any) -> None:
        self.split().check(market)
