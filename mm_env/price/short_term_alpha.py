"""A mid with a short-term alpha: its drift is a signal that comes and goes."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import rule
from mm_env.core.maths import exp, normal, one_minus_exp, scalar
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative, Positive
from mm_env.price.law import Law, Reverting
from mm_env.price.models import Price, second_unread


class Drift(NamedTuple):
    """The latent state: the drift of the mid."""

    alpha: float  # price / time


class ShortTermAlpha(Price):
    """dS = alpha dt + sigma dW, d alpha = -decay alpha dt + vol dZ, moved exactly together; alpha starts at 0.

    The agent sees alpha in standard deviations of its stationary law, vol / sqrt(2 decay). Cartea & Wang 2020, "Market
    making with alpha signals", without the jumps of alpha at orders.
    """

    sigma: NonNegative  # price / sqrt(time)
    decay: Positive  # 1 / time
    vol: Positive  # price / time^(3/2)

    signals: ClassVar[tuple[str, ...]] = ("alpha",)

    unread = second_unread

    @rule
    def start(self) -> Any:
        return Drift(0.0)

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float) -> float:
        drifted = latent.alpha * one_minus_exp(self.decay * dt) / self.decay
        deviation = math.sqrt(self.rest(dt))
        return mid + drifted + self.shared(dt) * normal(noise.latent) + deviation * normal(noise.price)

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float) -> Any:
        deviation = self.vol * math.sqrt(one_minus_exp(2.0 * self.decay * dt) / (2.0 * self.decay))
        return Drift(latent.alpha * exp(-self.decay * dt) + deviation * normal(noise.latent))

    @rule
    def expected(self, mid: float, latent: Any, dt: float) -> float:
        return mid + latent.alpha * one_minus_exp(self.decay * dt) / self.decay

    @rule
    def variance(self, latent: Any, dt: float) -> float:
        shared = self.shared(dt)
        return shared * shared + self.rest(dt)

    @rule
    def observe(self, mid: float, latent: Any) -> tuple[float, ...]:
        return (latent.alpha * math.sqrt(2.0 * self.decay) / self.vol,)

    @rule
    def shared(self, dt: float) -> float:
        """How far the mid moves with one deviation of alpha's noise: Cov(integral of alpha, alpha') / std(alpha')."""
        gone = one_minus_exp(self.decay * dt)
        return (
            self.vol * gone * gone / (self.decay * math.sqrt(2.0 * self.decay * one_minus_exp(2.0 * self.decay * dt)))
        )

    @rule
    def rest(self, dt: float) -> float:
        """The variance of the mid's move once alpha before and after is known, price units squared."""
        share = self.vol / self.decay
        return self.sigma * self.sigma * dt + share * share * bridge(self.decay * dt) / self.decay

    def law(self, dt: float, nodes: int) -> Law:
        grid = Reverting.of(self.decay, dt, nodes)
        alpha = self.vol / math.sqrt(2.0 * self.decay) * grid.nodes[:, None]
        drifted = alpha * one_minus_exp(self.decay * dt) / self.decay
        move = drifted + self.shared(dt) * grid.z
        states = np.hstack([np.full_like(alpha, np.nan), alpha])
        return Law(grid.probability, move, self.rest(dt), grid.nodes, grid.following, "alpha", states=states)


@scalar
def bridge(x: float) -> float:
    """x - 2 tanh(x / 2) for x >= 0, to full precision for small x too: what the ends leave open of an integral between."""
    y = x * x
    series = x * y / 12.0 * (1.0 - y / 10.0 * (1.0 - 17.0 * y / 168.0 * (1.0 - 31.0 * y / 306.0)))
    gone = one_minus_exp(x)
    return series if x < 0.1 else x - 2.0 * gone / (2.0 - gone)
