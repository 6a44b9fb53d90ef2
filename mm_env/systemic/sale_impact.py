"""How far sales move the price of an asset."""

from __future__ import annotations

import numpy as np

from mm_env.core.component import Component
from mm_env.core.parameters import Rates
from mm_env.systemic.arrays import Floats


class SaleImpact(Component):
    """How far prices fall with what is sold; one number of a parameter is that of all assets."""

    def fall(self, units: Floats) -> Floats:
        """The fall of each price after so many units of the asset were sold, (..., assets) as `units`."""
        raise NotImplementedError

    def marginal(self, assets: int) -> Floats | None:
        """The fall per unit (assets,) where it is one whatever is sold, else None."""
        return None

    def check(self, assets: int) -> None:
        """Refuse parameters of another number of assets. Raises: ValueError."""
        for name, values in vars(self).items():
            if len(values) not in (1, assets):
                kind = type(self).__name__
                raise ValueError(
                    f"{kind}.{name} must have one number, or one for each of {assets} assets, got {len(values)}"
                )


class LinearSaleImpact(SaleImpact):
    """A price falls by `slope` a unit that is sold."""

    slope: Rates  # price / unit

    def fall(self, units: Floats) -> Floats:
        return np.array(self.slope) * units

    def marginal(self, assets: int) -> Floats | None:
        return np.broadcast_to(np.array(self.slope), (assets,))


class SquareRootSaleImpact(SaleImpact):
    """A price falls by `scale` x sqrt(units sold) (Almgren, Thum, Hauptmann & Li 2005; Toth et al. 2011)."""

    scale: Rates  # price / sqrt(unit)

    def fall(self, units: Floats) -> Floats:
        return np.array(self.scale) * np.sqrt(units)
