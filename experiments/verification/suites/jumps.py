"""Jumps of the mid: the optimum under CARA in the limit of this package's steps, and Merton's calls simulated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.exact.optimum import optimum
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.heston import SEARCHED, controlled, final_mids, first_quotes, simulated
from mm_env.clock import FiniteHorizon
from mm_env.markets import glft
from mm_env.price.jump_diffusions import GeometricMerton
from mm_env.price.jumps import FixedJumps
from mm_env.price.models import Brownian
from mm_env.price.with_jumps import WithJumps
from mm_env.quote import Depths

STEPS = (1200, 1800, 2400, 3600, 4800)
CALLS = {80.0: 23.60904, 90.0: 15.419343, 100.0: 9.021649, 110.0: 4.731666, 120.0: 2.250023}  # by strike
VOLATILITY, SHARE, RATE, INTEREST, YEARS = 0.25, 0.25, 5.0, 0.08, 0.5


@suite("jumps_under_cara", "exact: GLFT's figures, the mid jumps by +-5 at rate 1/600", 60.0)
def cara(_: Asked) -> Iterator[Row]:
    """Utility sees cosh(gamma q J) of a jump, where a quadratic penalty sees its variance."""
    price = WithJumps(Brownian(0.3), FixedJumps(rate=1.0 / 600.0, size=5.0))
    market = replace(glft(), price=price, quote=Depths(max_depth=30.0, min_depth=-20.0))
    found = {600.0 / steps: optimum(replace(market, clock=FiniteHorizon(600.0, steps))) for steps in STEPS}
    worth = {dt: best.worth for dt, best in found.items()}
    yield Row.converging("certainty equivalent", 1287.8206939, worth, 5e-3)
    for q, known in ((0, 3.32029920), (1, 3.40293492)):
        bids = {dt: first_quotes(best, float(q))[0] for dt, best in found.items()}
        yield Row.converging(f"bid depth at q = {q}", known, bids, SEARCHED)


@suite(
    "merton_1976", "Merton 1976 in Haug's parametrisation: vol .25, jump share .25, 5 jumps a year, r .08, T .5", 10.0
)
def calls(asked: Asked) -> Iterator[Row]:
    """The mean of the discounted payoffs over simulated mids, within four standard errors."""
    std = VOLATILITY * math.sqrt(SHARE / RATE)
    sigma = VOLATILITY * math.sqrt(1.0 - SHARE)
    price = GeometricMerton(sigma=sigma, rate=RATE, jump_mean=-0.5 * std**2, jump_std=std, drift=INTEREST)
    mids = final_mids(price, YEARS, 100, asked)
    for strike, known in CALLS.items():
        payoffs = controlled(np.maximum(mids - strike, 0.0), mids, 100.0 * math.exp(INTEREST * YEARS))
        yield simulated(f"call, K = {strike:g}, simulated", known, math.exp(-INTEREST * YEARS) * payoffs)
