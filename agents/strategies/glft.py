"""Gueant, Lehalle & Fernandez-Tapia 2013, Dealing with the inventory risk, Math. Financial Economics 7(4).

The market and the dealer of Avellaneda & Stoikov 2008 (volatility `sigma`, intensity A exp(-k depth), risk
aversion `gamma`), with inventory limited to +-Q, solved exactly. `sigma` is in price units per square root
of a second, `A` per second, `k` and `gamma` per price unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.avellaneda_stoikov import log1p_ratio, markup
from agents.strategies.cartea_jaimungal import CarteaJaimungal, check_levels
from agents.strategies.closed_form import ClosedForm
from agents.strategies.fixed import finite, paired
from agents.strategies.precision import beyond_precision, check_precision, held, within_precision
from mm_env.core.parameters import Count, NonNegative, Positive, check_fields

_TINY = 1e-290  # gamma / k below which its limit stands for it


@dataclass(frozen=True)
class GLFT(ClosedForm):
    """The exact quotes for a finite horizon T (seconds) and inventory within +-max_inventory.

    v_q' = (k/2) gamma sigma^2 q^2 v_q - eta (v_{q-1} + v_{q+1}),  v_q(T) = 1
    eta = A (1 + gamma/k)^-(1 + k/gamma)
    bid depth = (1/k) ln(v_q / v_{q+1}) + (1/gamma) ln(1 + gamma/k),  ask depth with v_{q-1}
    """

    gamma: Positive
    sigma: NonNegative
    k: Positive
    A: Positive
    horizon: Positive
    max_inventory: Count

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_levels(self, self.max_inventory)
        with within_precision(self):
            _ = self._twin  # what cannot be solved is refused here, not at the first quote

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units.

        Inventory is rounded to whole lots and clipped to +-max_inventory. A side that is closed at its limit
        reports the depth of the nearest open level.

        Raises: ValueError if `seconds_left` lies outside [0, horizon] by more than rounding.
        """
        twin, shift = self._twin
        with within_precision(self):
            return held(self, twin.depths(inventory, seconds_left) + shift)

    def as_cartea_jaimungal(self) -> tuple[CarteaJaimungal, float]:
        """The same equation, a running penalty in place of utility: (twin, shift), depths = twin's + shift.

        kappa = k, phi = gamma sigma^2 / 2, alpha = 0, rate = e eta; shift = (1/gamma) ln(1 + gamma/k) - 1/k,
        price units. As gamma -> 0 the rate tends to A and the shift to 0.
        """
        rate, phi = math.exp(1 + _log_eta(self)), self.gamma * self.sigma**2 / 2
        if not rate > 0.0 or not phi < math.inf:
            raise beyond_precision(self)
        twin = CarteaJaimungal(rate, self.k, phi, 0.0, self.horizon, self.max_inventory)
        return twin, markup(self.gamma, self.k) - 1 / self.k

    @cached_property
    def _twin(self) -> tuple[CarteaJaimungal, float]:
        return self.as_cartea_jaimungal()


@dataclass(frozen=True)
class GLFTAsymptotic(ClosedForm):
    """The closed-form approximation far from the horizon and the inventory limits.

    depth = (1/gamma) ln(1 + gamma/k) + (1 +- 2q)/2 sqrt(sigma^2 gamma / (2 k A) (1 + gamma/k)^(1 + k/gamma))

    with + for the bid and - for the ask. A Gaussian in q stands for the exact solution's eigenvector.
    """

    gamma: Positive
    sigma: NonNegative
    k: Positive
    A: Positive

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_precision(self, 1.0, 0.0)

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units."""
        with within_precision(self):
            slope = self.sigma * math.sqrt(self.gamma / (2 * self.k)) * math.exp(-_log_eta(self) / 2)
            half_spread, lean = markup(self.gamma, self.k) + slope / 2, slope * finite("inventory", inventory)
            return held(self, paired(half_spread + lean, half_spread - lean, inventory, seconds_left))


def _log_eta(model: GLFT | GLFTAsymptotic) -> float:
    """ln eta = ln A - (1 + k/gamma) ln(1 + gamma/k), eta per second."""
    ratio = model.gamma / model.k
    if not ratio > _TINY:
        return math.log(model.A) - 1.0  # the limit as gamma -> 0
    return math.log(model.A) - (1 + model.k / model.gamma) * log1p_ratio(model.gamma, model.k)
