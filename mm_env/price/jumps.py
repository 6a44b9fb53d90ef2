"""Jumps of the mid: how often they come and how large they are."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, differs, record, rule
from mm_env.core.maths import exp
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, NonNegative, Positive, Probability, Real
from mm_env.price.compound_poisson import (
    MOST,
    OFTEN,
    counts,
    mean_count,
    sum_of_coins,
    sum_of_exponentials,
    sum_of_normals,
)
from mm_env.price.law import Law
from mm_env.world import Now

Floats = NDArray[np.float64]
_POINTS = (24, 10, 6)  # of Gauss and Laguerre for each of the sums of exponentials of one, two and three jumps


class Mixture(NamedTuple):
    """A mixture of normals, the one of no jump at all by default."""

    probability: Any = (1.0,)
    mean: Any = (0.0,)
    variance: Any = (0.0,)


def volatility_of(sigma: Any, rate: Any, square: float) -> Any:
    """sqrt(sigma^2 + rate E[J^2]): of a diffusion and of jumps; the parameter itself that differs by lane, if one does."""
    apart = [value for value in (sigma, rate) if differs(value)]
    return apart[0] if apart else math.sqrt(sigma**2 + rate * square)


def highest(value: Any) -> float:
    """The largest value that a parameter may take."""
    return float(value.support[1] if isinstance(value, Distribution) else np.max(value))


class JumpProcess(Component):
    """Jumps that come at `rate_at` a unit of time and whose sizes J are independent.

    Sizes are price units, or moves of the price's logarithm, as what they are handed to says.
    """

    @rule
    def rate_at(self, latent: Any, now: Now) -> float:
        """Jumps / time, where the price is in this state."""
        raise NotImplementedError

    @rule
    def total(self, count: float, noise: Noise) -> float:
        """The sum of 0.0, 1.0, 2.0 or 3.0 jumps."""
        raise NotImplementedError

    @rule
    def first(self) -> float:
        """E[J]."""
        raise NotImplementedError

    @rule
    def second(self) -> float:
        """E[J^2]."""
        raise NotImplementedError

    @rule
    def growth(self, power: float) -> float:
        """E[e^(power J)]."""
        raise NotImplementedError

    @property
    def most(self) -> float:
        """The largest rate that there may be, jumps / time."""
        raise NotImplementedError

    def mean_rate(self, price: Any) -> Any:
        """Jumps / time in the long run, of this price."""
        raise NotImplementedError

    def onto(self, law: Law, dt: float, price: Any) -> Law:
        """The law of a step of `price`, which is `law`, with these jumps on top."""
        raise NotImplementedError

    def fits(self, price: Any) -> None:
        """Refuse a price whose jumps these cannot be."""

    def check(self, dt: float) -> None:
        """Refuse steps in which there would be more jumps than are drawn."""
        if self.most * dt > OFTEN:
            raise ValueError(
                f"{type(self).__name__}.rate must be at most {OFTEN:g} jumps a step, as no more than {MOST} are drawn in one, "
                f"got {self.most:g} x {dt:g}: make steps shorter"
            )


class Jumps(JumpProcess):
    """Jumps at the times of a Poisson process. Override `total`, `first`, `second`, `growth`; with `sums` their markets are
    solved exactly."""

    rate: NonNegative  # 1 / time

    @rule
    def rate_at(self, latent: Any) -> float:
        return self.rate

    @property
    def most(self) -> float:
        return highest(self.rate)

    @property
    def largest_power(self) -> float:
        """E[e^(power |J|)] is finite for powers below it."""
        return math.inf

    def mean_rate(self, price: Any) -> Any:
        return self.rate

    def sums(self, count: int) -> Mixture:
        """The law of the sum of one, two or three jumps."""
        raise NotImplementedError(f"the jumps of {type(self).__name__} have no law that is stated")

    def law(self, dt: float) -> Law:
        """The law of what they add to the mid's move within dt, compensated."""
        shares = counts(self.rate * dt)
        off, sums = mean_count(shares) * record(self).first(), [Mixture(), *(self.sums(n) for n in range(1, MOST + 1))]
        parts = [
            np.broadcast_arrays(share * np.asarray(law.probability), np.asarray(law.mean) - off, law.variance)
            for share, law in zip(shares, sums, strict=True)
        ]
        probability, mean, variance = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Law(probability / probability.sum(), mean, variance, largest_power=self.largest_power)

    def onto(self, law: Law, dt: float, price: Any) -> Law:
        return law * self.law(dt)


class NormalJumps(Jumps):
    """J ~ N(mean, std^2), at the times of a Poisson process (Merton 1976)."""

    mean: Real
    std: NonNegative

    @rule
    def total(self, count: float, noise: Noise) -> float:
        return sum_of_normals(count, self.mean, self.std, noise)

    @rule
    def first(self) -> float:
        return self.mean

    @rule
    def second(self) -> float:
        return self.mean * self.mean + self.std * self.std

    @rule
    def growth(self, power: float) -> float:
        return exp(power * self.mean + 0.5 * power * power * self.std * self.std)

    def sums(self, count: int) -> Mixture:
        return Mixture([1.0], [count * self.mean], [count * self.std**2])


class DoubleExponentialJumps(Jumps):
    """J is exponential of mean `up_mean` with probability `up`, else minus one of mean `down_mean` (Kou 2002)."""

    up: Probability
    up_mean: Positive
    down_mean: Positive

    @property
    def largest_power(self) -> float:
        return 1.0 / max(highest(self.up_mean), highest(self.down_mean))

    @rule
    def total(self, count: float, noise: Noise) -> float:
        return sum_of_exponentials(count, self.up, self.up_mean, self.down_mean, noise)

    @rule
    def first(self) -> float:
        return self.up * self.up_mean - (1.0 - self.up) * self.down_mean

    @rule
    def second(self) -> float:
        return 2.0 * (self.up * self.up_mean * self.up_mean + (1.0 - self.up) * self.down_mean * self.down_mean)

    @rule
    def growth(self, power: float) -> float:
        """Finite for power x up_mean < 1 alone."""
        return self.up / (1.0 - power * self.up_mean) + (1.0 - self.up) / (1.0 + power * self.down_mean)

    def sums(self, count: int) -> Mixture:
        """By Gauss and Laguerre's points of the gamma laws that the jumps up and those down add up to.

        E[e^(power J)] is then right to 1e-6 up to 0.6 of `largest_power`, and to 1e-3 up to 0.9.
        """
        found = [Mixture([], [], [])]
        for risen in range(count + 1):
            share = math.comb(count, risen) * self.up**risen * (1.0 - self.up) ** (count - risen)
            (p, rise), (q, fall) = (
                gamma_points(risen, _POINTS[count - 1]),
                gamma_points(count - risen, _POINTS[count - 1]),
            )
            move = np.add.outer(self.up_mean * rise, -self.down_mean * fall).ravel()
            found.append(Mixture(share * np.outer(p, q).ravel(), move, np.zeros(len(move))))
        return Mixture(*(np.concatenate(each) for each in zip(*found, strict=True)))


class FixedJumps(Jumps):
    """J is `size` or -size, each with probability 1/2."""

    size: NonNegative

    @rule
    def total(self, count: float, noise: Noise) -> float:
        return sum_of_coins(count, self.size, noise)

    @rule
    def first(self) -> float:
        return 0.0

    @rule
    def second(self) -> float:
        return self.size * self.size

    @rule
    def growth(self, power: float) -> float:
        return 0.5 * (exp(power * self.size) + exp(-power * self.size))

    def sums(self, count: int) -> Mixture:
        risen = range(count + 1)
        shares = [math.comb(count, k) / 2.0**count for k in risen]
        return Mixture(shares, [(2.0 * k - count) * self.size for k in risen], np.zeros(count + 1))


def gamma_points(count: int, points: int) -> tuple[Floats, Floats]:
    """Weights and values of a quadrature for the sum of `count` exponentials of mean 1."""
    if count == 0:
        return np.ones(1), np.zeros(1)
    y, weights = np.polynomial.laguerre.laggauss(points)
    weights = weights * y ** (count - 1)
    return weights / weights.sum(), y
