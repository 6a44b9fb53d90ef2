"""The price of a token that is posted as collateral."""

from __future__ import annotations

import math
from typing import Annotated

from mm_env.core.component import Component, rule
from mm_env.core.maths import cos_turn, exp, log, normal
from mm_env.core.noise import FINANCING, Noise, more
from mm_env.core.parameters import Interval, NonNegative, Positive, Real
from mm_env.price.compound_poisson import MOST, OFTEN, count_of, counts, log_growth
from mm_env.price.jumps import highest

Correlation = Annotated[float, Interval(-1.0, 1.0)]


class Token(Component):
    """d ln P = (drift - sigma^2 / 2) dt + sigma (rho dB + sqrt(1 - rho^2) dZ) + J dN - ln E[e^(J dN)]: a geometric Brownian
    motion with normal jumps of the logarithm (Merton 1976), whose mean is P e^(drift t).

    dB is the quoted asset's unforeseen move in its standard deviations, whatever moves it, so that the two move together with a
    correlation of rho; jumps are the token's own. The mean is exact where dB is normal.
    """

    sigma: NonNegative  # 1 / sqrt(time)
    correlation: Correlation = 0.0  # rho
    jump_rate: NonNegative = 0.0  # 1 / time
    jump_mean: Real = 0.0  # of the logarithm
    jump_std: NonNegative = 0.0
    drift: Real = 0.0  # 1 / time
    initial_price: Positive = 100.0  # price units

    def check(self, dt: float) -> None:
        """Refuse steps in which there would be more jumps than are drawn. Raises: ValueError."""
        if highest(self.jump_rate) * dt > OFTEN:
            raise ValueError(
                f"Token.jump_rate must be at most {OFTEN:g} jumps a step, as no more than {MOST} are drawn in one, got "
                f"{highest(self.jump_rate):g} x {dt:g}: make steps shorter"
            )

    @rule
    def move(self, price: float, shock: float, noise: Noise, dt: float) -> float:
        """The price at t + dt."""
        drawn, own = more(noise, FINANCING), math.sqrt(1.0 - self.correlation * self.correlation)
        z = self.correlation * shock + own * normal((drawn[2], drawn[3]))
        diffused = (self.drift - 0.5 * self.sigma * self.sigma) * dt + self.sigma * math.sqrt(dt) * z
        return price * exp(diffused + self.jumped(noise, dt))

    @rule
    def jumped(self, noise: Noise, dt: float) -> float:
        """The sum of a step's jumps, less the logarithm of its growth."""
        drawn, law = more(noise, FINANCING + 1), counts(self.jump_rate * dt)
        count = count_of(law, drawn[0])
        spread = math.sqrt(-2.0 * count * log(drawn[1])) * cos_turn(drawn[2])
        growth = exp(self.jump_mean + 0.5 * self.jump_std * self.jump_std)
        return count * self.jump_mean + self.jump_std * spread - log_growth(law, growth)

    @rule
    def expected(self, price: float, dt: float) -> float:
        """E[price at t + dt]."""
        return price * exp(self.drift * dt)
