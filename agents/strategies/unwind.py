"""Almgren & Chriss 2000, Optimal execution of portfolio transactions, Journal of Risk 3: how to unwind a position by an end.

A trade of n units within tau costs half_spread |n| + temporary n^2 / tau beside the mid, which it moves by permanent n for
good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.fixed import finite
from mm_env.core.parameters import Count, NonNegative, Positive, check_fields

Floats = NDArray[np.float64]
_SMALL = 1e-6  # kappa tau below which the schedule is even


@dataclass(frozen=True)
class AlmgrenChriss:
    """The schedule that minimises E[cost] + risk_aversion Var[cost], in `steps` trades evenly spaced until `horizon`.

    x_j = X sinh(kappa (T - t_j)) / sinh(kappa T), where 2 (cosh(kappa tau) - 1) / tau^2 = risk_aversion sigma^2 / eta,
    eta = temporary - permanent tau / 2.

    Raises: ValueError unless eta > 0: else trading to and fro would pay.
    """

    sigma: NonNegative  # price / sqrt(time)
    temporary: Positive  # price time / unit
    risk_aversion: NonNegative  # 1 / money
    horizon: Positive  # time
    steps: Count
    permanent: NonNegative = 0.0  # price / unit
    half_spread: NonNegative = 0.0  # price

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if not self._eta > 0.0:
            raise ValueError(
                f"{type(self).__name__}.temporary must be > permanent x {self._tau:g} / 2, got {self.temporary:g}: "
                f"make steps shorter"
            )

    @property
    def urgency(self) -> float:
        """kappa, 1 / time: the position falls by e in about 1 / kappa where the end is far."""
        pull = self.risk_aversion * self.sigma**2 / self._eta
        return math.acosh(1.0 + 0.5 * pull * self._tau**2) / self._tau

    def left(self, steps_left: ArrayLike) -> Floats:
        """The share of a position that the next trade leaves, by how many trades are left, it included (>= 1)."""
        n = finite("steps_left", steps_left)
        if not (n >= 1.0).all():
            raise ValueError(f"steps_left must be >= 1, got {n.min():g}")
        pace = self.urgency * self._tau
        if pace < _SMALL:
            return 1.0 - 1.0 / n
        before, after = -np.expm1(-2.0 * pace * n), -np.expm1(-2.0 * pace * (n - 1.0))
        return np.exp(-pace) * after / before  # a quotient of sinh that does not overflow

    def schedule(self, position: float) -> Floats:
        """The positions (steps + 1,) from `position` to 0."""
        shares = self.left(np.arange(self.steps, 0, -1))
        return position * np.concatenate([[1.0], np.cumprod(shares)])

    def cost(self, held: ArrayLike) -> float:
        """E[cost] of the positions (steps + 1,) of a schedule, money, by the mid at its start."""
        positions = finite("held", held)
        traded = -np.diff(positions)
        impact = 0.5 * self.permanent * (positions[0] ** 2 - positions[-1] ** 2)
        spread = self.half_spread * np.abs(traded).sum()
        return float(impact + spread + self._eta / self._tau * (traded**2).sum())

    def variance(self, held: ArrayLike) -> float:
        """Var[cost] of a schedule, money^2."""
        return float(self.sigma**2 * self._tau * (finite("held", held)[1:] ** 2).sum())

    @property
    def _tau(self) -> float:
        return self.horizon / self.steps

    @property
    def _eta(self) -> float:
        return self.temporary - 0.5 * self.permanent * self._tau


def twap(position: float, steps: int) -> Floats:
    """The positions (steps + 1,) that sell the same amount in each step: `AlmgrenChriss` without risk aversion."""
    return position * np.linspace(1.0, 0.0, steps + 1)
