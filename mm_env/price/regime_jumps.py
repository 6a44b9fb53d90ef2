"""Jumps whose rate is that of the regime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mm_env.core.component import differs, flat, record, rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import ListedNonNegative
from mm_env.core.tuples import pick
from mm_env.price.jumps import JumpProcess, Jumps
from mm_env.price.law import Law
from mm_env.world import Now


class RegimeJumps(JumpProcess):
    """`jumps` at factors[r] times their rate in regime r of the price that jumps: `WithJumps(RegimeSwitching(...), ...)`.

    Over a step the rate is that of the regime in which the step begins.
    """

    jumps: Jumps
    factors: ListedNonNegative  # one for each regime

    @rule
    def rate_at(self, latent: Any, now: Now) -> float:
        return self.jumps.rate_at(latent, now) * pick(self.factors, latent.regime)

    @rule
    def total(self, count: float, noise: Noise) -> float:
        return self.jumps.total(count, noise)

    @rule
    def first(self) -> float:
        return self.jumps.first()

    @rule
    def second(self) -> float:
        return self.jumps.second()

    @rule
    def growth(self, power: float) -> float:
        return self.jumps.growth(power)

    @property
    def most(self) -> float:
        return self.jumps.most * max(self.factors)

    def mean_rate(self, price: Any) -> Any:
        return self.jumps.rate if differs(self.jumps.rate) else self.jumps.rate * float(price.stationary @ self.factors)

    def fits(self, price: Any) -> None:
        kind, regimes = type(price).__name__, getattr(price, "regimes", 0)
        if len(self.factors) != regimes:
            raise ValueError(
                f"RegimeJumps.factors must be one for each of the {regimes} regimes of {kind}, got {list(self.factors)}"
            )

    def onto(self, law: Law, dt: float, price: Any) -> Law:
        """The jumps become branches of the one axis that says the regime."""
        place = _place_of_regime(price)
        axes = [_jumping(axis, self, dt, place) if _says(axis, place) else axis for axis in law.axes]
        found = axes[0]
        for axis in axes[1:]:
            found = found * axis
        return found


def _place_of_regime(price: Any) -> int:
    """The column of a law's `states` with the regime."""
    start = record(price).start()
    return 1 + list(flat(start._replace(regime=-1.0))).index(-1.0)


def _says(axis: Law, place: int) -> bool:
    return axis.states is not None and axis.states.shape[1] > place and not np.isnan(axis.states[:, place]).any()


def _jumping(axis: Law, jumps: RegimeJumps, dt: float, place: int) -> Law:
    """An axis whose branches are each followed by those of the jumps, at the rate of the regime of the node."""
    regimes = np.rint(axis.states[:, place]).astype(int)
    laws = [jumps.jumps.law(factor * dt) for factor in jumps.factors]
    probability, mean, variance = (
        np.stack([getattr(law, name)[0] for law in laws])[regimes][:, None, :]
        for name in ("probability", "mean", "variance")
    )
    n, branches = len(axis.nodes), probability.shape[-1]
    return replace(
        axis,
        probability=(axis.probability[:, :, None] * probability).reshape(n, -1),
        mean=(axis.mean[:, :, None] + mean).reshape(n, -1),
        variance=(axis.variance[:, :, None] + variance).reshape(n, -1),
        following=np.repeat(axis.following, branches, axis=1),
        targets=tuple(np.repeat(target, branches, axis=1) for target in axis.targets),
        largest_power=min(axis.largest_power, laws[0].largest_power),
    )
