"""From a shock to who is left: prices fall, margin calls force sales, prices fall further, and claims are cleared."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.systemic.arrays import Floats
from mm_env.systemic.clearing import clear
from mm_env.systemic.deleveraging import Deleveraging
from mm_env.systemic.fire_sale import Holders, equilibrium, unfold
from mm_env.systemic.sale_impact import SaleImpact

Bools = NDArray[np.bool_]


class Contagion(NamedTuple):
    """Who fails by which channel in each scenario, and what is lost: (..., dealers) and (...,), currency."""

    by_shock: Bools  # at the shocked prices, if all others pay in full
    by_claims: Bools  # at the shocked prices, once claims are cleared
    by_sales: Bools  # at the prices after forced sales, if all others pay in full
    in_the_end: Bools  # at the prices after forced sales, once claims are cleared
    direct_loss: Floats  # of value, by the shock; 0 where it is a gain
    sale_loss: Floats  # of value, by forced sales
    costs: Floats  # of bankruptcies
    prices: Floats  # (..., assets), after forced sales

    @property
    def whole_loss(self) -> Floats:
        """All that is lost, (...)."""
        return self.direct_loss + self.sale_loss + self.costs


def contagion(
    holders: Holders, liabilities: Any, shocked: Any, rule: Deleveraging, impact: SaleImpact,
    alpha: float = 1.0, beta: float = 1.0, steps: int | None = None,
) -> Contagion:  # fmt: skip
    """What a shock of prices comes to among dealers that hold alike and owe each other.

    1. Prices fall to `shocked` (..., assets). 2. Dealers sell as `rule` has it, to the equilibrium, or over `steps`. 3. Claims
    are cleared: a dealer has its assets and cash, and what others pay; it owes its debt, to outsiders, and `liabilities` (...,
    dealers, dealers), all of one rank; a failure costs 1 - alpha of assets and 1 - beta of claims. Margins are on assets and
    debt alone: claims between dealers are no collateral.

    Raises: ValueError where somebody could not pay before the shock, if all others did, or as `clear` and `equilibrium`.
    """
    before = holders.assets
    if clear(liabilities, before, holders.debt, alpha, beta).defaults.any():
        raise ValueError(
            "every dealer must be able to pay before the shock: lower leverage, or what dealers owe each other"
        )
    start = np.asarray(shocked, np.float64)
    sale = (
        equilibrium(holders, start, rule, impact) if steps is None else unfold(holders, start, rule, impact, steps)[1]
    )
    value, left = np.matmul(holders.units, start[..., None])[..., 0], sale.equity + holders.debt
    first, final = (clear(liabilities, np.maximum(x, 0.0), holders.debt, alpha, beta) for x in (value, left))
    return Contagion(
        first.round_of_default == 1, first.defaults, final.round_of_default == 1, final.defaults,
        np.maximum((before - value).sum(axis=-1), 0.0), (value - left).sum(axis=-1), final.costs, sale.prices,
    )  # fmt: skip
