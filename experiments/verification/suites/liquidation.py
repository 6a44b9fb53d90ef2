"""A position that nobody trades is liquidated: first passages of a geometric Brownian motion, in closed form and simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.heston import FAR, simulated
from mm_env.clock import FiniteHorizon
from mm_env.first_passage import liquidation_probability, watched_liquidation_probability
from mm_env.margins import LossLimit
from mm_env.markets import cartea_jaimungal
from mm_env.price.models import Geometric
from mm_env.reward import InventoryPenalty
from mm_env.rollout import inventory_levels, run_depths

HEALTH, SIGMA, DAYS, YEAR = 1.25, 0.8, 30, 365.0
WATCHED, DAILY = 0.36836, 0.31850  # continuously, and once a day


@suite("liquidation", "exact: GBM without drift, 80 % a year, health factor 1.25, 30 days", 10.0)
def first_passage(asked: Asked) -> Iterator[Row]:
    """The probability that the mid falls to its start / 1.25, and the share of accounts that a loss limit closes there."""
    horizon = DAYS / YEAR
    yield Row("watched continuously", WATCHED, liquidation_probability(HEALTH, SIGMA, horizon), 5e-6)
    yield Row("watched daily", DAILY, watched_liquidation_probability(HEALTH, SIGMA, horizon, DAYS), 5e-6)
    market = replace(
        cartea_jaimungal(), price=Geometric(sigma=SIGMA), clock=FiniteHorizon(horizon, DAYS), reward=InventoryPenalty(),
        margin=LossLimit(loss=100.0 * (1.0 - 1.0 / HEALTH)), initial_inventory=1.0, max_inventory=1.0,
    )  # fmt: skip
    depths = np.full((1, len(inventory_levels(market)), 2), FAR)
    closed = run_depths(market, depths, asked.episodes, asked.seed).closed
    assert closed is not None
    yield simulated("accounts closed, watched daily, simulated", DAILY, closed)
