"""Fire sales: falling prices force leveraged holders to sell, and what they sell makes prices fall."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.systemic.arrays import ROUNDING, Floats, amounts
from mm_env.systemic.deleveraging import Deleveraging, Marked
from mm_env.systemic.sale_impact import SaleImpact
from mm_env.systemic.single_asset import settled

_STILL, _MOST = 1e-13, 1_000_000  # a round that moves no price by more than this share is the last; rounds at most


class Holders(NamedTuple):
    """Who holds what, bought with how much debt, at the prices before the shock. Leading axes of `units` are scenarios."""

    units: Floats  # (..., holders, assets)
    debt: Floats  # (..., holders), currency
    prices: Floats  # (assets,)

    @classmethod
    def of(cls, units: Any, debt: Any, prices: Any) -> Holders:
        """Holders, checked.

        Raises: ValueError for shapes that do not fit, what is negative, and who has no equity to begin with.
        """
        held, owed, now = amounts("units", units, 2), amounts("debt", debt, 1), amounts("prices", prices, 1)
        if now.ndim != 1 or held.shape[-1] != len(now) or owed.shape[-1] != held.shape[-2]:
            raise ValueError(
                "units must be (..., holders, assets), debt (..., holders) and prices (assets,), got shapes "
                f"{held.shape}, {owed.shape} and {now.shape}"
            )
        worth = held @ now
        if not (worth > owed).all():
            raise ValueError(f"debt must be below what the assets are worth, got equity {(worth - owed).min():g}")
        return cls(held, owed, now)

    @property
    def assets(self) -> Floats:
        """The value of what each holds, (..., holders)."""
        return self.units @ self.prices

    @property
    def leverage(self) -> Floats:
        """Assets / equity, (..., holders)."""
        return self.assets / (self.assets - self.debt)


class FireSale(NamedTuple):
    """Where it ends in each scenario: prices, the share of its assets that each holder has sold, and what it is worth."""

    prices: Floats  # (..., assets)
    sold: Floats  # (..., holders)
    equity: Floats  # (..., holders), below 0 where debt is not covered


def equilibrium(holders: Holders, shocked: Any, rule: Deleveraging, impact: SaleImpact) -> FireSale:
    """The greatest equilibrium below the `shocked` prices (..., assets), before anybody has sold.

    Prices p = max(shocked - fall(sum of sold_i(p) units_i), 0), all sales at p. Sales only rise as prices fall, so that there
    is a greatest such p (Tarski 1955), which sellers who wait for others' sales come to from above. Of a single asset with
    linear impact, and holders that are the same in all scenarios, it is found exactly, by the sorted prices at which sales set
    in and end; else by rounds from above until one moves no price by more than 1e-13 of what it was before the shock.

    Raises: ValueError for prices that are not those of the assets.
    """
    start = _checked(holders, shocked, impact)
    prices = _exact(holders, start, rule, impact)
    prices = _from_above(holders, start, rule, impact) if prices is None else prices
    sold = _asked(holders, prices, rule)
    return FireSale(prices, sold, _value(holders.units, prices) - holders.debt)


def unfold(
    holders: Holders, shocked: Any, rule: Deleveraging, impact: SaleImpact, steps: int
) -> tuple[Floats, FireSale]:
    """The prices before each step and at the end, (steps + 1, ..., assets), and where it ends after `steps`.

    In a step each holder is marked at the prices before it, sells of what it holds still what the rule asks, gets the prices
    after it, and repays debt. Sellers of the first steps get more than in the equilibrium, below which no price falls.
    """
    start = _checked(holders, shocked, impact)
    shape = _scenarios(holders, start)
    held, cash = (np.full((*shape, holders.units.shape[-2]), x) for x in (1.0, 0.0))
    path = [np.broadcast_to(start, (*shape, start.shape[-1]))]
    for _ in range(steps):
        sells = held * rule.sold(_marked(holders, path[-1], held, cash))
        held = held - sells
        path.append(_after(start, 1.0 - held, holders, impact, path[-1]))
        cash = cash + sells * _value(holders.units, path[-1])
    equity = held * _value(holders.units, path[-1]) + cash - holders.debt
    return np.stack(path), FireSale(path[-1], 1.0 - held, equity)


def _checked(holders: Holders, shocked: Any, impact: SaleImpact) -> Floats:
    start, assets = amounts("shocked", shocked, 1), len(holders.prices)
    impact.check(assets)
    if start.shape[-1] != assets:
        raise ValueError(f"shocked must be prices (..., {assets}) of the assets, got shape {start.shape}")
    return start


def _scenarios(holders: Holders, start: Floats) -> tuple[int, ...]:
    """The axes before those of holders and assets."""
    return np.broadcast_shapes(holders.units.shape[:-2], holders.debt.shape[:-1], start.shape[:-1])


def _value(units: Floats, prices: Floats) -> Floats:
    """What the units of each holder are worth, (..., holders)."""
    return np.matmul(units, prices[..., None])[..., 0]


def _marked(holders: Holders, prices: Floats, held: Floats | float = 1.0, cash: Floats | float = 0.0) -> Marked:
    value, before = _value(holders.units, prices), holders.assets
    return Marked(held * value, holders.debt - cash, np.asarray(held), value / np.where(before > 0.0, before, 1.0),
                  holders.leverage)  # fmt: skip


def _asked(holders: Holders, prices: Floats, rule: Deleveraging) -> Floats:
    """The share of all that it held which each holder has to sell at these prices, (..., holders)."""
    return rule.sold(_marked(holders, prices))


def _after(start: Floats, sold: Floats, holders: Holders, impact: SaleImpact, before: Floats) -> Floats:
    """Prices once these shares are sold, never above those `before`, which rounding could make them."""
    units = np.matmul(sold[..., None, :], holders.units)[..., 0, :]
    return np.minimum(np.maximum(start - impact.fall(units), 0.0), before)


def _from_above(holders: Holders, start: Floats, rule: Deleveraging, impact: SaleImpact) -> Floats:
    """Prices after rounds of sales from the shocked prices on, until nothing moves any more."""
    shape, (n, assets) = _scenarios(holders, start), holders.units.shape[-2:]
    units = np.broadcast_to(holders.units, (*shape, n, assets)).reshape(-1, n, assets)
    debt = np.broadcast_to(holders.debt, (*shape, n)).reshape(-1, n)
    shocked = np.broadcast_to(start, (*shape, assets)).reshape(-1, assets)
    prices, going = shocked.copy(), np.arange(len(units))
    for _ in range(_MOST):
        some = Holders(units[going], debt[going], holders.prices)
        after = _after(shocked[going], _asked(some, prices[going], rule), some, impact, prices[going])
        moving = (prices[going] - after > _STILL * holders.prices).any(axis=1)
        prices[going] = after
        going = going[moving]
        if len(going) == 0:
            break
    return prices.reshape(*shape, -1)


def _exact(holders: Holders, start: Floats, rule: Deleveraging, impact: SaleImpact) -> NDArray[np.float64] | None:
    """The equilibrium of a single asset by its breakpoints; None where there is no such way."""
    slope = impact.marginal(len(holders.prices))
    if slope is None or len(holders.prices) > 1 or holders.units.ndim > 2 or holders.debt.ndim > 1:
        return None
    units, price = holders.units[:, 0], float(holders.prices[0])
    pieces = rule.pieces(units, holders.debt, price, holders.leverage)
    if pieces is None:
        return None
    return settled(pieces, units, start[..., 0], float(slope[0]), ROUNDING * price)[..., None]
