"""An instrument whose mark has a part of its own, beside what goes with the mid."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import rule
from mm_env.core.maths import second_normal
from mm_env.core.noise import Noise
from mm_env.hedging.traded import Traded
from mm_env.world import Now


class Idiosyncratic(Traded):
    """A traded instrument whose mark moves by its delta with the mid, and by a normal part of its own beside: override `driven`
    in place of `evolve`, and `own_volatility`, so that the own parts of several may be correlated."""

    @rule
    def shock(self, noise: Noise) -> float:
        """The standard normal of its own part, which nothing that moves the mid reads (`Price.unread`)."""
        return second_normal(noise.price)

    @rule
    def own_volatility(self) -> float:
        """The volatility of its own part by the mid's: `square` is (q + delta h)^2 + (own_volatility h)^2."""
        raise NotImplementedError

    @rule
    def driven(
        self, state: Any, before: Now, mid: float, shock: float, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        """What `evolve` gives, with `shock` for the standard normal of its own part."""
        raise NotImplementedError

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        return self.driven(state, before, mid, self.shock(noise), dt, variance, trades)
