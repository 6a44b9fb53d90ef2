"""A position or a loan that nobody tends is liquidated: first passages of a geometric Brownian motion, in closed form, by the
recursion over the health factor, and simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.exact.financed_optimum import rule_worth
from agents.strategies.financing import LetAlone
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.heston import FAR, simulated
from mm_env.clock import FiniteHorizon
from mm_env.first_passage import liquidation_probability, watched_liquidation_probability
from mm_env.lending import Collateral, Token
from mm_env.margins import LossLimit
from mm_env.market import Market
from mm_env.markets import cartea_jaimungal
from mm_env.price.models import Geometric
from mm_env.reward import InventoryPenalty
from mm_env.rollout import inventory_levels, run_depths

HEALTH, SIGMA, DAYS, YEAR = 1.25, 0.8, 30, 365.0
HORIZON, DEBT, BONUS = DAYS / YEAR, 20.0, 0.05
WATCHED, DAILY = 0.36836, 0.31850  # continuously, and once a day


@suite("liquidation", "exact: GBM without drift, 80 % a year, health factor 1.25, 30 days", 12.0)
def first_passage(asked: Asked) -> Iterator[Row]:
    """The probability that the mid falls to its start / 1.25, and the share of accounts that a loss limit closes there."""
    yield Row("watched continuously", WATCHED, liquidation_probability(HEALTH, SIGMA, HORIZON), 5e-6)
    yield Row("watched daily", DAILY, watched_liquidation_probability(HEALTH, SIGMA, HORIZON, DAYS), 5e-6)
    market = replace(
        cartea_jaimungal(), price=Geometric(sigma=SIGMA), clock=FiniteHorizon(HORIZON, DAYS), reward=InventoryPenalty(),
        margin=LossLimit(loss=100.0 * (1.0 - 1.0 / HEALTH)), initial_inventory=1.0, max_inventory=1.0,
    )  # fmt: skip
    depths = np.full((1, len(inventory_levels(market)), 2), FAR)
    closed = run_depths(market, depths, asked.episodes, asked.seed).closed
    assert closed is not None
    yield simulated("accounts closed, watched daily, simulated", DAILY, closed)
    yield from loans(asked)


def loans(asked: Asked) -> Iterator[Row]:
    """A loan against a token, whose loss is the bonus: its exact worth a unit of it, and the share of loans liquidated. Watched
    ever more often it is liquidated as often as if it were watched always: errors fall with the square root of the step."""
    daily = financed(DAYS)
    yield Row("loan, watched daily, by its exact worth", DAILY, lost(daily, 8), 2e-5)
    found = {HORIZON / dates: lost(financed(dates), 8) for dates in (15, 60, 240)}
    often, oftener, oftenest = (found[dt] for dt in sorted(found, reverse=True))
    limit = (8.0 * oftenest - 6.0 * oftener + often) / 3.0  # Richardson's, of errors in dt^(1/2) and dt
    yield Row("loan, watched continuously, in the limit", WATCHED, limit, 2e-5)
    depths = np.full((1, len(inventory_levels(daily)), 2), FAR)
    loan = run_depths(daily, depths, asked.episodes, asked.seed).loan
    assert loan is not None
    yield simulated("loans liquidated, watched daily, simulated", DAILY, (loan.liquidations > 0.0).astype(np.float64))


def financed(dates: int) -> Market:
    """A loan that is liquidated as a whole, watched at so many dates."""
    loan = Collateral(
        token=Token(sigma=SIGMA),
        collateral=HEALTH * DEBT / (0.8 * 100.0),
        debt=DEBT,
        threshold=0.8,
        close_factor=1.0,
        bonus=BONUS,
    )
    return replace(cartea_jaimungal(), financing=loan, clock=FiniteHorizon(HORIZON, dates), reward=InventoryPenalty())


def lost(market: Market, points: int) -> float:
    """What an untended loan loses, in units of the bonus on its debt."""
    return -rule_worth(market, LetAlone(), points) / (BONUS * DEBT)
