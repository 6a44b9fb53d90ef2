"""Correlated assets beside the market of Cartea, Jaimungal & Penalva: one traded freely, in whole lots at a cost, and by rules;
two traded freely."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.linalg import expm

from agents.exact.hedged_optimum import best_quotes
from agents.exact.optimum import optimum
from agents.strategies.hedging import FixedBand, FullHedge, HedgeRule, least_risky, left_over
from experiments.verification.suite import Asked, Row, suite
from mm_env.clock import FiniteHorizon
from mm_env.hedging import CorrelatedAsset, CorrelatedHedges, HedgePortfolio
from mm_env.market import Market
from mm_env.markets import cartea_jaimungal
from mm_env.quote import Depths

STEPS = (25, 50, 100, 200)
MARKET = replace(cartea_jaimungal(), quote=Depths(max_depth=4.0, min_depth=-1.0), max_inventory=8.0)


def hedged(steps: int, cost: float = 0.05) -> Market:
    """With an asset of the same volatility and a correlation of 0.9, in whole lots; at most eight of both are held."""
    asset = CorrelatedAsset(correlation=0.9, half_spread=cost, max_position=8.0, lot=1.0)
    return replace(MARKET, hedges=asset, clock=FiniteHorizon(1.0, steps))


def by_dt(worth: Callable[[Market], float], cost: float = 0.05, finer: int = 1) -> dict[float, float]:
    """What a market is worth, by its step."""
    return {1.0 / steps: worth(hedged(steps, cost)) for steps in (finer * fewest for fewest in STEPS)}


@suite("hedging", "exact: rho 0.9, cost 0.05 a lot, |q| <= 8, |h| <= 8, rest as Cartea, Jaimungal & Penalva", 60.0)
def correlated_asset(_: Asked) -> Iterator[Row]:
    """The optimum, and the best quotes of who hedges by a rule; the limits of no cost and of too high a one."""
    yield Row.converging(
        "free continuous hedge", 7.07205769, by_dt(lambda market: optimum(left_over(market)).worth), 1e-5
    )
    # at coarse steps it switches late and second-order terms show: the limit of 50, 100 and 200 steps is off by -1.4e-4
    yield Row.converging("optimum", 6.78310, by_dt(lambda market: optimum(market).worth, finer=4), 2e-5)
    rules: list[tuple[str, float, HedgeRule]] = [
        ("always to the nearest lot", 6.71893, FullHedge()), ("best fixed band", 6.77280, FixedBand(1.0)),
    ]  # fmt: skip
    for name, published, rule in rules:
        values = by_dt(lambda market, rule=rule: best_quotes(market, rule).worth)
        yield Row.converging(name, published, values, 2e-5)
    yield Row.converging("cost 2: not to hedge", 6.38060, by_dt(lambda market: optimum(market).worth, 2.0), 1e-5)


RHO = (0.8, 0.9)  # of two assets with the mid
MOST = 3.0  # units held


def left_by_two(own: float) -> float:
    """1 - R^2 of two assets, R the multiple correlation, that have `RHO` with the mid and `own` between their own parts."""
    between = RHO[0] * RHO[1] + own * math.sqrt((1.0 - RHO[0] ** 2) * (1.0 - RHO[1] ** 2))
    squared = (RHO[0] ** 2 + RHO[1] ** 2 - 2.0 * RHO[0] * RHO[1] * between) / (1.0 - between**2)
    return 1.0 - squared


def closed_form(share: float) -> float:
    """h(0, q = 0) of Cartea, Jaimungal & Penalva with phi and alpha times `share`: h = ln(w) / kappa, w = e^(A T) e^(-kappa
    alpha q^2), A with -kappa phi q^2 on the diagonal and rate / e beside it."""
    venue: Any = MARKET.venue
    reward: Any = MARKET.reward
    kappa, rate, q = venue.fill.bid.k, venue.flow.bid.rate, np.arange(-MOST, MOST + 1.0)
    matrix = np.diag(-kappa * share * reward.phi * q**2)
    matrix += (np.eye(len(q), k=1) + np.eye(len(q), k=-1)) * rate / math.e
    worth = np.log(expm(matrix * MARKET.clock.horizon) @ np.exp(-kappa * share * reward.alpha * q**2)) / kappa
    return float(worth[len(q) // 2])


def free(steps: int, own: float) -> Market:
    """With two assets as volatile as the mid that cost nothing, in lots by which the least risky positions are met exactly."""
    pair = tuple(CorrelatedAsset(rho) for rho in RHO)
    matrix = ((1.0, own), (own, 1.0))
    lots = np.abs(least_risky(replace(MARKET, hedges=CorrelatedHedges(pair, matrix))))
    pair = tuple(replace(a, lot=lot, max_position=MOST * lot) for a, lot in zip(pair, lots.tolist(), strict=True))
    both = CorrelatedHedges(pair, matrix) if own else HedgePortfolio(pair)
    return replace(MARKET, hedges=both, max_inventory=MOST, clock=FiniteHorizon(1.0, steps))


@suite("two_hedges", "exact: two assets, rho 0.8 and 0.9, no cost, |q| <= 3; Cartea, Jaimungal & Penalva's ODE", 60.0)
def two_assets(_: Asked) -> Iterator[Row]:
    """The optimum over quotes and both positions is the closed form of the market alone with phi and alpha times 1 - R^2."""
    for own in (0.0, 0.3):
        named = f"own parts {own:g} correlated" if own else "own parts independent"
        left: Any = left_over(free(25, own)).reward
        yield Row(f"1 - R^2, {named}", left_by_two(own), left.phi / MARKET.reward.phi, 1e-12)  # pyright: ignore
        values = {1.0 / steps: optimum(free(steps, own)).worth for steps in STEPS}
        yield Row.converging(f"free continuous hedge, {named}", closed_form(left_by_two(own)), values, 5e-5)
