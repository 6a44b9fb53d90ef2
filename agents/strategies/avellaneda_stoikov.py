"""Avellaneda & Stoikov 2008, High-frequency trading in a limit order book, Quantitative Finance 8(3).

The mid is a Brownian motion of volatility `sigma` (price units per square root of a second), orders take a
quote at depth d with intensity A exp(-k d), and the dealer has exponential utility of risk aversion `gamma`
(per price unit). A quote is an indifference ("reservation") price and a mark-up, (1/gamma) ln(1 + gamma/k).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.closed_form import ClosedForm
from agents.strategies.fixed import check_optional, finite, paired, time_left
from agents.strategies.precision import check_precision, held, within_precision
from mm_env.core.parameters import Count, Interval, NonNegative, Positive, check_fields

_TINY = 1e-290  # below it quotients lose their digits


@dataclass(frozen=True)
class AvellanedaStoikov(ClosedForm):
    """Quotes centred on the reservation price: the paper's inventory strategy, sections 2.2 and 3.2.

    reservation price = S - q gamma sigma^2 (T - t)
    total spread      = gamma sigma^2 (T - t) + (2/gamma) ln(1 + gamma/k)

    `horizon` is T, in seconds; it only bounds `seconds_left`, T - t.
    """

    gamma: Positive
    sigma: NonNegative
    k: Positive
    horizon: Positive

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_precision(self, 1.0, [0.0, self.horizon])

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units.

        Raises: ValueError if `seconds_left` lies outside [0, horizon] by more than rounding.
        """
        with within_precision(self):
            risk = self.gamma * self.sigma**2 * time_left(seconds_left, self.horizon)
            half_spread, lean = risk / 2 + markup(self.gamma, self.k), risk * finite("inventory", inventory)
            return held(self, paired(half_spread + lean, half_spread - lean, inventory, seconds_left))


@dataclass(frozen=True)
class AvellanedaStoikovSymmetric(ClosedForm):
    """The average spread of the inventory strategy, constant around the mid: the paper's benchmark, section 3.3.

    spread = gamma sigma^2 T / 2 + (2/gamma) ln(1 + gamma/k)

    The average is the integral over [0, T]. Over the left ends of the paper's 200 steps it would be 3.03 at
    gamma = 1, where 3.02 is printed.
    """

    gamma: Positive
    sigma: NonNegative
    k: Positive
    horizon: Positive

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_precision(self, 1.0, [0.0, self.horizon])

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units.

        Raises: ValueError if `seconds_left` lies outside [0, horizon] by more than rounding.
        """
        time_left(seconds_left, self.horizon)
        with within_precision(self):
            half_spread = self.gamma * self.sigma**2 * self.horizon / 4 + markup(self.gamma, self.k)
            return held(self, paired(half_spread, half_spread, inventory, seconds_left))


@dataclass(frozen=True)
class AvellanedaStoikovStationary(ClosedForm):
    """Quotes for an infinite horizon, utility discounted at the rate `omega` a second (the paper's section 2.3).

    Holding q for ever, with cash x, is worth -exp(-gamma (x + q S)) / (omega - gamma^2 sigma^2 q^2 / 2). The
    reservation prices leave that unchanged:

    bid = S + (1/gamma) ln(1 - (2q + 1) gamma^2 sigma^2 / (2 omega - gamma^2 sigma^2 q^2))
    ask = S - (1/gamma) ln(1 + (2q - 1) gamma^2 sigma^2 / (2 omega - gamma^2 sigma^2 q^2))

    The paper prints the ask as S + (1/gamma) ln(1 + (1 - 2q) ...), which agrees to first order only: it is
    not the bid's mirror image and not indifferent.

    `omega` None is the paper's choice gamma^2 sigma^2 (q_max + 1)^2 / 2, at which the reservation bid falls
    to minus infinity at q_max: there a dealer buys no more. Inventory is clipped to +-q_max, and a side that
    is closed there reports the depth of the last lot at which it is open.
    """

    gamma: Positive
    sigma: Positive
    k: Positive
    q_max: Count
    omega: Positive | None = None

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        with within_precision(self):
            least = (self.gamma * self.sigma * self.q_max) ** 2 / 2
        check_optional("AvellanedaStoikovStationary.omega", self.omega, Interval(least, low_open=True))
        check_precision(self, float(self.q_max), 0.0)

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units."""
        with within_precision(self):
            q = finite("inventory", inventory)
            return held(self, paired(self._bid_depth(q), self._bid_depth(-q), inventory, seconds_left))

    def _bid_depth(self, inventory: NDArray[np.float64]) -> NDArray[np.float64]:
        """S less the bid price; the ask depth at q is the bid depth at -q."""
        q, risk = np.clip(inventory, -self.q_max, self.q_max - 1), (self.gamma * self.sigma) ** 2
        if self.omega is None and not _TINY < risk < 1 / _TINY:
            risk = 1.0  # of which the paper's choice leaves nothing
        omega = risk * (self.q_max + 1) ** 2 / 2 if self.omega is None else self.omega
        reservation = np.log1p(-(2 * q + 1) * risk / (2 * omega - risk * q**2)) / self.gamma
        return markup(self.gamma, self.k) - reservation


def markup(gamma: float, k: float) -> float:
    """The mark-up over the reservation price, (1/gamma) ln(1 + gamma/k), price units; 1/k as gamma -> 0."""
    return log1p_ratio(gamma, k) / gamma if gamma / k > _TINY else 1 / k


def log1p_ratio(gamma: float, k: float) -> float:
    """ln(1 + gamma/k), also where gamma/k is beyond the largest number."""
    ratio = gamma / k
    return math.log1p(ratio) if ratio < math.inf else math.log(gamma) - math.log(k)
