"""Mids with a stochastic variance: Heston's, in price units and in shares of the price."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import differs, record, rule
from mm_env.core.maths import exp, normal
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, Interval, NonNegative, Positive, Real
from mm_env.price.law import Law
from mm_env.price.models import Price, lognormal_variance
from mm_env.price.variance import QuadraticExponential, SquareRoot, VarianceStep, tilt
from mm_env.world import Now

Correlation = Annotated[float, Interval(-1.0, 1.0)]
_BEYOND = 1e-9  # of the stationary law of the variance, the share that no grid spans


class Variance(NamedTuple):
    """The latent state: the variance of the mid a unit of time."""

    v: float  # price^2 / time; 1 / time of a relative price


class StochasticVariance(Price):
    """What prices driven by dv = kappa (theta - v) dt + vol sqrt(v) dZ have in common. The volatility that the agent sees is
    sqrt(v / theta).
    """

    kappa: Positive  # 1 / time
    theta: Positive  # as v
    vol: Positive  # of the variance, price / time; 1 / time of a relative price
    rho: Correlation
    v0: NonNegative

    signals: ClassVar[tuple[str, ...]] = ("volatility",)

    @property
    def sigma(self) -> float:
        """The volatility of the mid in the long run, sqrt(theta): what closed forms take."""
        return self.theta if differs(self.theta) else math.sqrt(self.theta)

    @rule
    def start(self) -> Any:
        return Variance(self.v0)

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float) -> Any:
        return Variance(self.scheme.following(latent.v, self.root(), noise, dt))  # pyright: ignore

    @rule
    def observe(self, mid: float, latent: Any) -> tuple[float, ...]:
        return (math.sqrt(max(latent.v, 0.0) / self.theta),)

    @rule
    def root(self) -> SquareRoot:
        """The parameters of the variance."""
        return SquareRoot(self.kappa, self.theta, self.vol)

    @rule
    def shift(self, scheme: Any, latent: Any, noise: Noise, dt: float) -> float:
        """integral of sqrt(v) dW over a step, of mean 0."""
        v, root = latent.v, self.root()
        after = scheme.following(v, root, noise, dt)
        rest = (1.0 - self.rho * self.rho) * scheme.total(v, after, dt)
        return self.rho * scheme.shared(v, after, root, dt) + math.sqrt(rest) * normal(noise.price)

    @rule
    def growth(self, scheme: Any, latent: Any, noise: Noise, dt: float) -> float:
        """integral of sqrt(v) dW - v dt / 2 over a step, so that the mean of its exponential is 1."""
        v, root = latent.v, self.root()
        after = scheme.following(v, root, noise, dt)
        rest = (1.0 - self.rho * self.rho) * scheme.total(v, after, dt)
        return scheme.growth(v, after, root, self.rho, dt) + math.sqrt(rest) * normal(noise.price) - 0.5 * rest


class Heston(StochasticVariance):
    """dS = drift dt + sqrt(v) dW, dv = kappa (theta - v) dt + vol sqrt(v) dZ, d<W, Z> = rho dt: Heston 1993 in price units, as
    `Brownian` is to `Geometric`.

    The mean of a step is exact; its variance and the rest as the `scheme` says.
    """

    drift: Real = 0.0  # price / time
    scheme: VarianceStep = QuadraticExponential()

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        return mid + self.drift * dt + self.shift(self.scheme, latent, noise, dt)

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid + self.drift * dt

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        return max(latent.v, 0.0) * dt

    def law(self, dt: float, nodes: int) -> Law:
        """On a grid that is uniform in the volatility seen, up to where the variance from v0 and its stationary law end."""
        rules, root = record(self), record(self).root()
        grid = np.linspace(0.0, math.sqrt((self.v0 + self._highest()) / self.theta), max(nodes, 3))
        v = self.theta * grid[:, None] ** 2
        branches = [self.scheme.branches(here, root, dt) for here in v[:, 0].tolist()]
        probability, after = (np.array(part) for part in zip(*branches, strict=True))
        mean = self.drift * dt + self.rho * rules.scheme.shared(v, after, root, dt)
        spread = (1.0 - self.rho**2) * rules.scheme.total(v, after, dt)
        following = np.clip(np.sqrt(after / self.theta), 0.0, grid[-1])
        states = np.hstack([np.full_like(v, np.nan), v])
        return Law(probability, mean, spread, grid, following, self.signals[0], states=states)

    def _highest(self) -> float:
        """Where the stationary law of the variance, a gamma, ends."""
        from scipy.special import gammainccinv

        scale = self.vol**2 / (2.0 * self.kappa)
        return float(scale * gammainccinv(self.theta / scale, _BEYOND))


class GeometricHeston(StochasticVariance):
    """dS/S = drift dt + sqrt(v) dW, dv = kappa (theta - v) dt + vol sqrt(v) dZ, d<W, Z> = rho dt (Heston 1993).

    ln S is moved as Andersen 2008 does, with his martingale correction: E[S_{t+dt}] = S_t e^(drift dt) to rounding.
    """

    drift: Real = 0.0  # 1 / time
    scheme: VarianceStep = QuadraticExponential()

    relative: ClassVar[bool] = True

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        return mid * exp(self.drift * dt + self.growth(self.scheme, latent, noise, dt))

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid * exp(self.drift * dt)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        """Of a move from where the mid is now: mid^2 e^(2 drift dt) (e^(v dt) - 1)."""
        return lognormal_variance(now.mid, self.drift, max(latent.v, 0.0), dt)

    def check(self, market: Any) -> None:
        check_growth(self, market.clock.step_length)


def check_growth(price: Any, dt: float) -> None:
    """Refuse steps so long that the mean of a relative price would be infinite: e^(slope v') has one for slope w < 1 only,
    w = vol^2 (1 - e^(-kappa dt)) / kappa."""
    kappa, vol, rho = (_ends(getattr(price, name)) for name in ("kappa", "vol", "rho"))
    w = vol[1] ** 2 * -math.expm1(-kappa[0] * dt) / kappa[0]
    if rho[1] > 0.0 and tilt(SquareRoot(kappa[1], 1.0, vol[1]), rho[1], dt) * w >= 1.0:
        raise ValueError(
            f"{type(price).__name__} needs steps shorter than about 1 / (rho vol) = {1.0 / (rho[1] * vol[1]):.3g}, got {dt:.3g}"
        )


def _ends(value: Any) -> tuple[float, float]:
    return value.support if isinstance(value, Distribution) else (float(np.min(value)), float(np.max(value)))
