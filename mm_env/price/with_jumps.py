"""Any price plus compound Poisson jumps."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import parts, record, rule
from mm_env.core.maths import exp
from mm_env.core.noise import Noise
from mm_env.price.around import Around
from mm_env.price.compound_poisson import counts, drawn, log_growth, mean_count
from mm_env.price.jumps import JumpProcess, volatility_of
from mm_env.price.law import Law
from mm_env.world import Now


class Jumping(Around):
    """What prices with jumps on top of another have in common: its state, its signals and what it shows."""

    jumps: JumpProcess

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(hasattr(part, "split") or isinstance(part, JumpProcess) for _, part in parts(self.price)):
            raise ValueError(
                f"{type(self).__name__}.price must have no jumps itself, as all are drawn alike: {self.price}"
            )
        if self.price.needs_book or self.price.relative != type(self).relative:
            kind = "a share of itself" if type(self).relative else "price units, and not by what trading makes it"
            raise ValueError(f"{type(self).__name__}.price must move by {kind}, got {self.price}")
        self.jumps.fits(self.price)

    def check(self, market: Any) -> None:
        super().check(market)
        self.jumps.check(market.clock.step_length)


class WithJumps(Jumping):
    """S + J_1 + ... + J_N: `price` plus jumps at the times of a Poisson process, compensated: its drift is the whole drift.

    A step has the jumps' exact law, but that more than three count as three, and at most 0.05 may be expected (`jumps`).
    """

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        law = counts(self.jumps.rate_at(latent, now) * dt)
        total = self.jumps.total(drawn(law, noise), noise)
        return self.price.move(mid, latent, noise, dt, now) + (total - mean_count(law) * self.jumps.first())

    @rule
    def expected(self, mid: float, latent: Any, dt: float, now: Now) -> float:
        return self.price.expected(mid, latent, dt, now)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        return self.price.variance(latent, dt, now) + self.jumps.rate_at(latent, now) * dt * self.jumps.second()

    @property
    def sigma(self) -> float:
        """The volatility of the mid in the long run, jumps and all: what closed forms take."""
        return volatility_of(self.price.sigma, self.jumps.mean_rate(self.price), record(self.jumps).second())  # pyright: ignore

    def law(self, dt: float, nodes: int) -> Law:
        return self.jumps.onto(self.price.law(dt, nodes), dt, self.price)


class WithRelativeJumps(Jumping):
    """S e^(J_1 + ... + J_N): as `WithJumps`, for a relative `price`, whose logarithm jumps; E[S_t] is that without jumps."""

    relative: ClassVar[bool] = True

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        law = counts(self.jumps.rate_at(latent, now) * dt)
        total = self.jumps.total(drawn(law, noise), noise)
        return self.price.move(mid, latent, noise, dt, now) * exp(total - log_growth(law, self.jumps.growth(1.0)))

    @rule
    def expected(self, mid: float, latent: Any, dt: float, now: Now) -> float:
        return self.price.expected(mid, latent, dt, now)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        """Of a move from where the mid is now: (Var of `price` + E^2) e^(rate E[(e^J - 1)^2] dt) - E^2, E = `expected`."""
        mean, square = (
            self.expected(now.mid, latent, dt, now),
            self.jumps.growth(2.0) - 2.0 * self.jumps.growth(1.0) + 1.0,
        )
        grown = exp(self.jumps.rate_at(latent, now) * square * dt)
        return (self.price.variance(latent, dt, now) + mean * mean) * grown - mean * mean
