"""Who infects whom: the share of its equity that each dealer loses when one other fails, by claims or by fire sales."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from mm_env.core.parameters import Interval
from mm_env.systemic.arrays import Floats, amounts
from mm_env.systemic.clearing import clear
from mm_env.systemic.debt_rank import debt_rank, differential_debt_rank
from mm_env.systemic.deleveraging import Deleveraging, Marked
from mm_env.systemic.fire_sale import Holders, equilibrium
from mm_env.systemic.sale_impact import SaleImpact


def by_claims(liabilities: Any, outside: Any, to_outsiders: Any = 0.0, alpha: float = 1.0, beta: float = 1.0) -> Floats:
    """The share of its equity that the column's dealer loses when the row's loses all outside assets, (dealers, dealers).

    Of `clear`; NaN for who has no equity in the first place.
    """
    assets = amounts("outside", outside, 1)
    before = clear(liabilities, assets, to_outsiders, alpha, beta).equity
    after = clear(liabilities, assets * (1.0 - np.eye(len(assets))), to_outsiders, alpha, beta).equity
    return _lost(before, after)


def by_distress(impact: Any, differential: bool = False) -> Floats:
    """The distress of the column's dealer when the row's loses all its equity, by DebtRank, (dealers, dealers)."""
    n = len(np.asarray(impact))
    rank = differential_debt_rank if differential else debt_rank
    return rank(impact, np.eye(n), np.full(n, 1.0 / n)).distress


def by_sales(holders: Holders, rule: Deleveraging, impact: SaleImpact) -> Floats:
    """The share of its equity that the column's holder loses when the row's sells all it holds, (holders, holders).

    Prices fall by that sale to begin with and then to the equilibrium of all others. The diagonal is what it costs the seller.
    """
    if holders.units.ndim != 2 or holders.debt.ndim != 1:
        raise ValueError(f"holders must be the same in all scenarios, got units of shape {holders.units.shape}")
    found = [equilibrium(holders, holders.prices, _Liquidated(rule, i), impact) for i in range(len(holders.units))]
    return _lost(holders.assets - holders.debt, np.stack([sale.equity for sale in found]))


class _Liquidated(Deleveraging):
    """All as by `rule`, but that the holder `who` sells all it holds."""

    rule: Deleveraging
    who: Annotated[int, Interval(0, whole=True)]

    def sold(self, now: Marked) -> Floats:
        sold = self.rule.sold(now)
        return np.where(np.arange(sold.shape[-1]) == self.who, 1.0, sold)


def _lost(before: Floats, after: Floats) -> Floats:
    """The share of equity lost, at most 1; NaN where there was none."""
    known = np.where(before > 0.0, before, np.nan)
    return np.minimum((known - after) / known, 1.0)
