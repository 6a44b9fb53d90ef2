"""Stochastic variance: the optimum under a square-root variance in the limit of this package's steps, and calls simulated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.exact.optimum import Optimum, optimum
from agents.quoting import quoted_depths
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.cartea_jaimungal import MARKET
from mm_env.clock import FiniteHorizon
from mm_env.market import Market
from mm_env.options import CALL, HestonTable, SquareRootVariance, heston, heston_option
from mm_env.price.heston import GeometricHeston, Heston
from mm_env.price.models import Price
from mm_env.reward import InventoryPenalty, VariancePenalty
from mm_env.rollout import inventory_levels, run_depths
from mm_env.simulation import Simulation

STEPS, NODES = (50, 75, 100, 150, 200), 81
CIR = Heston(kappa=5.0, theta=1.0, vol=1.5, rho=-0.5, v0=1.0)
SEARCHED = 5e-5  # quotes are found to about 2e-6, as values are flat there, and extrapolation magnifies that
FAR = 1e6  # a depth that nobody reaches, price units


@suite(
    "square_root_variance", "exact: dv = 5 (1 - v) dt + 1.5 sqrt(v) dZ, penalty v q^2 / 2, rest as Cartea et al.", 60.0
)
def variance(_: Asked) -> Iterator[Row]:
    """The correlation of price and variance does not enter: it is that of no term of the objective."""
    found = {1.0 / steps: optimum(_market(steps), NODES) for steps in STEPS}
    yield Row.converging("h(0) at v = 1", 6.38972, {dt: best.worth for dt, best in found.items()}, 2e-5)
    asks = {dt: first_quotes(best, 1.0)[1] for dt, best in found.items()}
    yield Row.converging("ask depth at q = 1, v = 1", 0.80538, asks, SEARCHED)


def _market(steps: int) -> Market:
    reward = VariancePenalty(gamma=1.0, alpha=0.001)
    return replace(MARKET, price=CIR, reward=reward, max_inventory=8.0, clock=FiniteHorizon(1.0, steps))


def first_quotes(best: Optimum, inventory: float) -> tuple[float, float]:
    """Bid and ask depth that an optimum quotes at the start of an episode with this inventory, price units."""
    shown = Simulation(replace(best.market, initial_inventory=inventory), 1).start(0)
    bid, ask = quoted_depths(best.market, np.atleast_2d(best.act(shown)))[0]
    return float(bid), float(ask)


@suite(
    "heston_prices", "Heston 1993: kappa 1.5768, theta .0398, vol .5751, rho -.5711, v0 .0175, S = K = 100, T = 1", 1.5
)
def prices(_: Asked) -> Iterator[Row]:
    """By quadrature of the characteristic function, and by the table that rules read."""
    law = SquareRootVariance(kappa=1.5768, theta=0.0398, vol=0.5751, rho=-0.5711)
    yield Row("call, K = 100, by quadrature", 5.78515543, heston(law, CALL, 100.0, 100.0, 1.0, 0.0175).price, 5e-9)
    numbers = HestonTable(*law, longest=1.0, highest=0.36).numbers
    told = heston_option(CALL, 100.0, 100.0, 1.0, 0.0175, 0.0, 0.0, numbers).price
    yield Row("call, K = 100, by table", 5.78515543, told, 5e-5)


@suite(
    "heston_call", "Heston 1993: kappa 1.5768, theta .0398, vol .5751, rho -.5711, v0 .0175, S = K = 100, T = 1", 10.0
)
def call(asked: Asked) -> Iterator[Row]:
    """The mean of (S_T - K)+ over simulated mids, within four standard errors."""
    price = GeometricHeston(kappa=1.5768, theta=0.0398, vol=0.5751, rho=-0.5711, v0=0.0175)
    mids = final_mids(price, 1.0, 200, asked)
    yield simulated("call, K = 100, simulated", 5.78515543, controlled(np.maximum(mids - 100.0, 0.0), mids, 100.0))
    yield simulated("E[S_T], simulated", 100.0, mids)


def final_mids(price: Price, horizon: float, steps: int, asked: Asked) -> np.ndarray:
    """The mid from 100 after `horizon`, (episodes,): what one unit that nobody trades has earned."""
    market = replace(MARKET, price=price, reward=InventoryPenalty(), clock=FiniteHorizon(horizon, steps),
                     initial_inventory=1.0, max_inventory=1.0)  # fmt: skip
    depths = np.full((1, len(inventory_levels(market)), 2), FAR)
    return 100.0 + run_depths(market, depths, asked.episodes, asked.seed).profit


def simulated(name: str, known: float, sample: np.ndarray, source: str = "") -> Row:
    """The mean of a sample beside what is known of it, within four of its standard errors."""
    error = float(np.std(sample)) / math.sqrt(len(sample))
    return Row(name, known, float(np.mean(sample)), 4.0 * error, source=source)


def controlled(sample: np.ndarray, control: np.ndarray, mean: float) -> np.ndarray:
    """The sample less its regression on a control variate whose mean is known: of the same mean, with less noise."""
    slope = np.cov(sample, control)[0, 1] / np.var(control)
    return sample - slope * (control - mean)
