"""A loan under stress: the collateral crashes, and moves as the mid or apart from it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative, Probability
from mm_env.lending.collateral import Collateral
from mm_env.lending.token import Token
from mm_env.stress.mixed import remade
from mm_env.stress.parts import within
from mm_env.world import Now


class StressedLoan(Collateral):
    """A loan whose token moves as `shocked` from `begins` to `ends`, and loses the share `crash` of its price in the first
    step.

    It is put over the class of the loan that is stressed (`mixed`).
    """

    begins: NonNegative = field(kw_only=True)  # time since the episode began
    ends: NonNegative = field(kw_only=True)
    crash: Probability = field(kw_only=True)
    shocked: Token = field(kw_only=True)

    def __reduce__(self) -> Any:
        return remade(StressedLoan, self)

    @rule
    def token_after(self, state: Any, shock: float, noise: Noise, dt: float, now: Now) -> float:
        usual, stressed = (
            self.token.move(state.price, shock, noise, dt),
            self.shocked.move(state.price, shock, noise, dt),
        )
        price = stressed if within(now.time, self.begins, self.ends) > 0.0 else usual
        return price * (1.0 - within(now.time, self.begins, self.begins + dt) * self.crash)
