"""The desk's figures over a set of episodes, each with its 95 % interval.

Every figure is a function of the episodes' distribution. Its influence function psi, one number an episode, gives the
standard error std(psi) / sqrt(n), of means and of ratios and tail means alike (Huber 1981, ch. 1). Episodes in windows of a
recorded day are not independent: there the interval is that of a block bootstrap over the windows (`mm_env.bootstrap`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.bootstrap import half_width
from mm_env.rollout import Episodes

Floats = NDArray[np.float64]
Windows = NDArray[np.int64] | None  # the number of the window that each episode played; None: they are independent
Z95 = 1.959963984540054


class Estimate(NamedTuple):
    """A figure and the half-width of its 95 % interval, NaN where a single episode or window tells of none."""

    value: float
    half_width: float


def mean(x: Floats, windows: Windows = None) -> Estimate:
    """E[x]."""
    return _estimate(x.mean(), x - x.mean(), windows)


def deviation(x: Floats, windows: Windows = None) -> Estimate:
    """The standard deviation of x."""
    centred, spread = x - x.mean(), x.std()
    return _estimate(spread, (centred**2 - spread**2) / (2.0 * spread) if spread > 0 else np.zeros_like(x), windows)


def sharpe(x: Floats, windows: Windows = None) -> Estimate:
    """E[x] / std[x] over one episode, not annualised; NaN if x never varies."""
    centred, spread = x - x.mean(), x.std()
    if spread <= 1e-12 * abs(x.mean()):  # nothing but rounding
        return Estimate(float("nan"), float("nan"))
    ratio = x.mean() / spread
    return _estimate(ratio, centred / spread - 0.5 * ratio * ((centred / spread) ** 2 - 1.0), windows)


def cvar(x: Floats, level: float = 0.95, windows: Windows = None) -> Estimate:
    """The mean of the worst 1 - level of x (Rockafellar & Uryasev 2000), as a profit: the more negative, the worse."""
    threshold = np.quantile(x, 1.0 - level)
    shortfall = threshold - np.maximum(threshold - x, 0.0) / (1.0 - level)
    return _estimate(shortfall.mean(), shortfall - shortfall.mean(), windows)


def value_at_risk(x: Floats, level: float = 0.95) -> Estimate:
    """The quantile of x that a share `level` exceeds, as a profit; its interval is between the order statistics whose ranks are
    n p -+ 1.96 sqrt(n p (1 - p)), p = 1 - level, which holds for any distribution (David & Nagaraja 2003, sec. 7.1)."""
    value, (low, high) = np.quantile(x, 1.0 - level), _ranks(len(x), 1.0 - level)
    if len(x) < 2:
        return Estimate(float(value), float("nan"))
    ordered = np.sort(x)
    return Estimate(float(value), float(0.5 * (ordered[high] - ordered[low])))


def _ranks(n: int, p: float) -> tuple[int, int]:
    """The ranks, from 0, between which the quantile p of n independent numbers lies in 95 of 100 cases."""
    half = Z95 * np.sqrt(n * p * (1.0 - p))
    return max(int(np.floor(n * p - half)), 0), min(int(np.ceil(n * p + half)), n - 1)


def ratio(numerator: Floats, denominator: Floats, windows: Windows = None) -> Estimate:
    """E[numerator] / E[denominator]; NaN if nothing is below the line."""
    below = denominator.mean()
    if below == 0:
        return Estimate(float("nan"), float("nan"))
    value = numerator.mean() / below
    return _estimate(value, (numerator - value * denominator) / below, windows)


def covariance_share(part: Floats, whole: Floats, windows: Windows = None) -> Estimate:
    """Cov[part, whole] / Var[whole]: the share of a sum's variance that one of its terms brings; NaN if it never varies."""
    product, square = (part - part.mean()) * (whole - whole.mean()), (whole - whole.mean()) ** 2
    return ratio(product, square, windows)


def figures(episodes: Episodes) -> dict[str, Estimate]:
    """Every figure of the table, by name; those of margins, gaps, hedges, loans, channels, desks, books of options and venues
    where there are any."""
    e, w = episodes, episodes.window
    return {
        "objective": mean(e.objective, w),
        "profit": mean(e.profit, w),
        "profit_std": deviation(e.profit, w),
        "sharpe": sharpe(e.profit, w),
        "cvar_95": cvar(e.profit, windows=w),
        "mean_absolute_position": mean(e.mean_absolute_inventory, w),
        "terminal_inventory": mean(e.terminal_inventory, w),
        "terminal_inventory_std": deviation(e.terminal_inventory, w),
        "spread_captured": mean(e.spread_captured, w),
        "fill_ratio": ratio(e.fills, e.arrivals, w),
        "max_drawdown": mean(e.drawdown, w),
        **_of_margin(e),
        **_of_gaps(e),
        **_of_desk(e),
        **_of_book(e),
        **_of_hedges(e),
        **_of_channel(e),
        **_of_loan(e),
        **{name: mean(values, w) for name, values in (e.of_venue or {}).items()},
    }


def _of_channel(e: Episodes) -> dict[str, Estimate]:
    """`failed_payments`, what was asked for at our fees and found no room, in order sizes an episode; the shares of time that
    the channel was `empty`, `full` and `rebalancing`; `rebalances`, how often that was asked for, and `rebalancing_cost`."""
    if e.channel is None:
        return {}
    told = {name: mean(values, e.window) for name, values in e.channel._asdict().items()}
    return {"failed_payments": mean(e.arrivals - e.fills, e.window), **told}


def _of_hedges(e: Episodes) -> dict[str, Estimate]:
    """`hedging_cost`, of trading hedges beside their marks, and `hedge_turnover`, units traded of them: means over episodes."""
    told = {"hedging_cost": e.hedging_cost, "hedge_turnover": e.hedge_turnover}
    return {name: mean(values, e.window) for name, values in told.items() if values is not None}


def _of_loan(e: Episodes) -> dict[str, Estimate]:
    """`liquidated`, the probability of a liquidation; `time_to_liquidation`, the mean time to the first of those that have one,
    NaN if none has; `liquidation_loss`, `loan_interest`, `loan_moves` and `forgone_return`, what these cost an episode; and
    `mean_health`, the mean health factor of the steps with a debt, of which each counts for at most 20."""
    if e.loan is None:
        return {}
    loan, w = e.loan, e.window
    hit = (loan.liquidations > 0.0).astype(np.float64)
    costs = {"liquidation_loss": loan.lost, "loan_interest": loan.interest, "loan_moves": loan.managed,
             "forgone_return": loan.forgone}  # fmt: skip
    return {
        "liquidated": mean(hit, w),
        "time_to_liquidation": ratio(loan.first * hit, hit, w),
        **{name: mean(values, w) for name, values in costs.items()},
        "mean_health": ratio(loan.health, loan.steps, w),
    }


def _of_margin(e: Episodes) -> dict[str, Estimate]:
    """`closed`, the probability of ruin; `time_to_ruin`, the mean time to it of those ruined, NaN if none is; `time_open`, the
    mean of the time to ruin or the end, whichever is first (restricted mean survival time), which leaves nobody out."""
    if e.closed is None or e.time_open is None:
        return {}
    ruined, w = ratio(e.time_open * e.closed, e.closed, e.window), e.window
    return {"closed": mean(e.closed, w), "time_to_ruin": ruined, "time_open": mean(e.time_open, w)}


def _of_gaps(e: Episodes) -> dict[str, Estimate]:
    """`worst_gap`, the least that a gap brought to any of these episodes; `gap_variance_share`, the share of the profit's
    variance that gaps bring; `gap_inventory`, the mean |q| held through a gap by open accounts."""
    if e.gap_profit is None or e.gap_inventory is None:
        return {}
    held, through = np.abs(np.nan_to_num(e.gap_inventory)).sum(axis=1), (~np.isnan(e.gap_inventory)).sum(axis=1)
    return {
        "worst_gap": Estimate(float(e.gap_profit.min()), float("nan")),
        "gap_variance_share": covariance_share(e.gap_profit.sum(axis=1), e.profit, e.window),
        "gap_inventory": ratio(held, through.astype(np.float64), e.window),
    }


def _of_desk(e: Episodes) -> dict[str, Estimate]:
    """`hedging_cost` and `inventory_profit`, which with the spread make the profit; `inventory_variance_share`, the share of
    the profit's variance that inventories bring; `mean_risk`, the mean standard deviation of the position, price / sqrt(time);
    and of each instrument its profit, its share of the profit's variance, and what is `internalised`, the share of what clients
    traded that was not traded on outside."""
    if e.instruments is None or e.mean_risk is None:
        return {}
    each, w, found = e.instruments, e.window, {}
    for i, name in enumerate(each.names):
        clients, outside = each.client_volume[:, i], each.outside_volume[:, i]
        found[f"profit_{name}"] = mean(each.profit[:, i], w)
        found[f"variance_share_{name}"] = covariance_share(each.profit[:, i], e.profit, w)
        found[f"internalised_{name}"] = ratio(clients - outside, clients, w)
    moved = each.inventory_profit.sum(axis=1)
    return {
        "hedging_cost": mean(each.hedging_cost.sum(axis=1), w),
        "inventory_profit": mean(moved, w),
        "inventory_variance_share": covariance_share(moved, e.profit, w),
        "mean_risk": mean(e.mean_risk, w),
        **found,
    }


def _of_book(e: Episodes) -> dict[str, Estimate]:
    """`mean_absolute_delta`, `mean_absolute_gamma` and `mean_absolute_vega` of a book of options, over steps and episodes."""
    if e.mean_greeks is None:
        return {}
    names = ("delta", "gamma", "vega")
    return {f"mean_absolute_{name}": mean(e.mean_greeks[:, i], e.window) for i, name in enumerate(names)}


def certainty_equivalent(episodes: Episodes, gamma: float) -> Estimate:
    """The sure profit of the same CARA utility as the episodes, price units: -ln(E[m]) / gamma, m = exp(-gamma profit).

    By the delta method an episode moves it by -(m / E[m] - 1) / gamma.
    """
    least = episodes.profit.min()
    losses = np.exp(-gamma * (episodes.profit - least))  # of at most 1
    value = least - np.log(losses.mean()) / gamma
    return _estimate(value, -(losses / losses.mean() - 1.0) / gamma, episodes.window)


def paired_difference(episodes: Episodes, other: Episodes) -> Estimate:
    """E[objective] less the other's, over the same lanes of the same seed: what both met alike cancels."""
    return mean(episodes.objective - other.objective, episodes.window)


def _estimate(value: float, influence: Floats, windows: Windows) -> Estimate:
    if len(influence) < 2:
        return Estimate(float(value), float("nan"))
    if windows is not None:
        return Estimate(float(value), half_width(influence, windows))
    return Estimate(float(value), float(Z95 * influence.std() / np.sqrt(len(influence))))
