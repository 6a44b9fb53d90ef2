"""Regimes that nobody sees: the agent is shown how likely each of them is, given how the mid moved."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import differs, nominal, rule
from mm_env.core.maths import exp, log, scalar
from mm_env.core.noise import Noise
from mm_env.core.parameters import ListedNonNegative
from mm_env.core.tuples import Numbers, both, largest, scaled, times_rows, total
from mm_env.price.law import Law
from mm_env.price.regimes import RegimeSwitching
from mm_env.world import Now


class HiddenRegime(NamedTuple):
    """The latent state: the regime, the latent state of the price within, and what is believed of the regime."""

    regime: float
    inner: Any
    belief: tuple[float, ...]  # P(regime | moves of the mid so far)


class HiddenRegimes(RegimeSwitching):
    """`RegimeSwitching` whose regime the agent does not see. It sees P(regime | moves so far) of all regimes but the first.

    The filter is Bayes' rule for the steps that are simulated, hence exact (Wonham's in the limit of short steps):
    belief' ~ sum over r of belief[r] N(move; mean[r], variance[r]) exp(rates dt)[r, .]. It is told the price's own moves:
    without jumps after orders, and not when orders come, from which a market with `RegimeFlow` could tell more.

    There is no exact optimum on these beliefs. That of who sees the regime, of `RegimeSwitching`, is an upper bound.

    Raises: ValueError as `RegimeSwitching` does; unless `prior` sums to 1, and each regime's moves are normal with a variance.
    """

    prior: ListedNonNegative = (1.0,)  # P(regime at the start) that the agent begins with; a single 1: it knows which

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prior == (1.0,) and differs(self.initial_regime):
            raise ValueError(
                f"HiddenRegimes.prior must say how likely each first regime is, as they differ: {self.initial_regime}"
            )
        known = np.eye(self.regimes)[round(nominal(self.initial_regime))]
        prior = tuple(known.tolist()) if self.prior == (1.0,) else self.each("prior", self.prior)
        if abs(sum(prior) - 1.0) > 1e-9:
            raise ValueError(f"HiddenRegimes.prior must sum to 1, got {sum(prior):g}")
        object.__setattr__(self, "prior", prior)

    @property
    def signals(self) -> tuple[str, ...]:
        return (*(f"belief_{regime}" for regime in range(1, self.regimes)), *self.price.signals)

    def check(self, market: Any) -> None:
        super().check(market)
        try:
            law = self.price.law(market.clock.step_length, 1)
        except NotImplementedError:
            law = None
        if law is None or law.others or law.probability.size > 1 or not min(self.volatility) * law.variance.min() > 0.0:
            raise ValueError(
                "HiddenRegimes.price must move by one normal with a variance in each regime, such as Brownian, for the filter "
                f"to be exact, got {self.price} and volatility {self.volatility}"
            )

    @rule
    def start(self) -> Any:
        return HiddenRegime(self.initial_regime, self.price.start(), self.prior)

    @rule
    def unread(self, noise: Noise) -> Noise:
        return self.price.unread(noise)

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float, now: Now) -> Any:
        inner, moved = latent.inner, self.move(now.mid, latent, noise, dt, now) - now.mid
        told = (moved, self.price.expected(now.mid, inner, dt, now) - now.mid, self.price.variance(inner, dt, now), dt)
        belief = self.believed(latent.belief, told)
        return HiddenRegime(self.following(latent.regime, noise, dt), self.price.evolve(inner, noise, dt, now), belief)

    @rule
    def believed(self, belief: Numbers, told: tuple[float, float, float, float]) -> Numbers:
        """The belief at t + dt, told the mid's move, mean and variance of what it would have been by `price`, and dt."""
        fit = both(log_likelihood, self.drift, self.volatility, told)
        following = times_rows(both(weighed, belief, fit, largest(fit)), self.chain(told[3]))
        return scaled(1.0 / max(total(following), 1e-300), following)

    @rule
    def observe(self, mid: float, latent: Any, now: Now) -> tuple[float, ...]:
        return latent.belief[1:] + self.price.observe(mid, latent.inner, now)

    def law(self, dt: float, nodes: int) -> Law:
        raise NotImplementedError(
            "hidden regimes have no law by what the agent sees; the optimum of who sees them, of RegimeSwitching, is an upper "
            "bound"
        )


@scalar
def log_likelihood(drift, volatility, told):
    """ln of the density of the mid's move in one regime, up to a constant."""
    moved, mean, variance, dt = told
    spread, off = volatility * volatility * variance, moved - volatility * mean - drift * dt
    return -0.5 * (off * off / spread + log(spread))


@scalar
def weighed(belief, fit, best):
    """belief x likelihood, which is 1 of the best fit."""
    return belief * exp(fit - best)
