"""An option on the quoted asset, held beside it: what all have in common."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np

from mm_env.core.component import differs, rule
from mm_env.core.parameters import Distribution, Positive, Real
from mm_env.hedging.traded import Traded
from mm_env.options.black_scholes import CALL, check_side
from mm_env.world import Now

_EXPIRED = 1e-9  # of the expiry: what counting steps may leave of the time to it


class Option(Traded):
    """A call (side 1.0) or put (-1.0) on the mid, without rates, that expires at the episode's horizon or later.

    `expiry` is a time since the start of the episode. At the horizon the position is worth what the option pays, or its mark.
    With delta the mark's derivative by the mid, the whole position is as risky as (q + h delta)^2, to the first order in the
    mid's move.

    Raises: ValueError for another side; by a market, where it expires before the episode ends.
    """

    expiry: Positive = field(kw_only=True)  # time
    side: Real = field(default=CALL, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if differs(self.side):
            raise TypeError(f"{type(self).__name__}.side must be the same in all lanes, got {self.side!r}")
        check_side(f"{type(self).__name__}.side", self.side)

    def check(self, market: Any) -> None:
        first = self.expiry.support[0] if isinstance(self.expiry, Distribution) else float(np.min(self.expiry))
        if first < market.clock.horizon * (1.0 - _EXPIRED):
            raise ValueError(
                f"{type(self).__name__}.expiry must be the clock's horizon of {market.clock.horizon:g} or later, got {first:g}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        return ("call" if self.side == CALL else "put",)

    @rule
    def time_to_expiry(self, now: Now) -> float:
        """Time, exactly 0 at expiry."""
        left = self.expiry - now.time
        return left if left > _EXPIRED * self.expiry else 0.0

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        net = inventory + held[0] * self.deltas(now)[0]
        return net * net
