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

from agents.avellaneda_stoikov import markup
from agents.cartea_jaimungal import CarteaJaimungal
from agents.fixed import finite, paired
from mm_env.parameters import Count, NonNegative, Positive, check_fields


@dataclass(frozen=True)
class GLFT:
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
        _ = self._twin  # what cannot be solved is refused here, not at the first quote

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units.

        Inventory is rounded to whole lots and clipped to +-max_inventory. A side that is closed at its limit
        reports the depth of the nearest open level.

        Raises: ValueError if `seconds_left` lies outside [0, horizon] by more than rounding.
        """
        twin, shift = self._twin
        return twin.depths(inventory, seconds_left) + shift

    def as_cartea_jaimungal(self) -> tuple[CarteaJaimungal, float]:
        """The same equation, a running penalty in place of utility: (twin, shift), depths = twin's + shift.

        kappa = k, phi = gamma sigma^2 / 2, alpha = 0, rate = e eta; shift = (1/gamma) ln(1 + gamma/k) - 1/k,
        price units. As gamma -> 0 the rate tends to A and the shift to 0.
        """
        twin = CarteaJaimungal(
            rate=math.exp(1 + _log_eta(self)),
            kappa=self.k,
            phi=self.gamma * self.sigma**2 / 2,
            alpha=0.0,
            horizon=self.horizon,
            max_inventory=self.max_inventory,
        )
        return twin, markup(self.gamma, self.k) - 1 / self.k

    @cached_property
    def _twin(self) -> tuple[CarteaJaimungal, float]:
        return self.as_cartea_jaimungal()


@dataclass(frozen=True)
class GLFTAsymptotic:
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

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units."""
        slope = self.sigma * math.sqrt(self.gamma / (2 * self.k)) * math.exp(-_log_eta(self) / 2)
        half_spread, lean = markup(self.gamma, self.k) + slope / 2, slope * finite("inventory", inventory)
        return paired(half_spread + lean, half_spread - lean, inventory, seconds_left)


def _log_eta(model: GLFT | GLFTAsymptotic) -> float:
    """ln eta = ln A - (1 + k/gamma) ln(1 + gamma/k), eta per second."""
    return math.log(model.A) - (1 + model.k / model.gamma) * math.log1p(model.gamma / model.k)
