"""A gap between two sessions, in which the mid moves and nobody trades: quotes and positions on the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.base import Table
from agents.exact.blind_optimum import blind_optimum
from agents.exact.evaluation import inventory_law, worth
from agents.exact.optimum import optimum
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.heston import SEARCHED
from mm_env.clock import FiniteHorizon
from mm_env.market import Market
from mm_env.markets import cartea_jaimungal
from mm_env.price.gaps import ScheduledGap
from mm_env.price.models import Brownian
from mm_env.quote import Depths
from mm_env.reward import VariancePenalty
from mm_env.rollout import inventory_levels
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Poisson

STEPS, SESSION, SIGMA = (240, 360, 480, 720, 960), 60.0, 0.01
GAMMA = 2.0 * 1e-5 / SIGMA**2  # phi = gamma sigma^2 / 2 = 1e-5
STD = (2.0 * 1e-3 / GAMMA) ** 0.5  # the gap costs gamma std^2 / 2 = 1e-3 a unit squared


def sessions(steps: int) -> Market:
    """Two sessions of 60 and a gap between them; rate 1, kappa 100, alpha 1e-4, |q| <= 10."""
    return replace(
        cartea_jaimungal(), price=ScheduledGap(Brownian(SIGMA), at=(SESSION,), std=(STD,)),
        venue=Dealer(Poisson(1.0), Exponential(100.0)), clock=FiniteHorizon(2.0 * SESSION, steps),
        quote=Depths(max_depth=0.1, min_depth=-0.05), reward=VariancePenalty(GAMMA, alpha=1e-4), max_inventory=10.0,
    )  # fmt: skip


@suite(
    "scheduled_gap", "exact: rate 1, kappa 100, phi 1e-5, alpha 1e-4; a gap that costs 1e-3 q^2 after 60 of 120", 20.0
)
def gap(_: Asked) -> Iterator[Row]:
    """The optimum, and that of who ignores the gap, played in the market that has it."""
    markets = {2.0 * SESSION / steps: sessions(steps) for steps in STEPS}
    tables = {dt: optimum(market).table() for dt, market in markets.items()}
    yield from _rows("", tables, 0.85633973, 1.40214)
    for before, known in ((30.0, 0.0090931), (1.0, 0.0067325)):
        asks = {dt: table.depths()[round((SESSION - before) / dt), 12, 1] for dt, table in tables.items()}
        yield Row.converging(f"ask depth at q = 2, {before:g} before the gap", known, asks, SEARCHED * 0.01)
    blind = {dt: blind_optimum(market, {"price": Brownian(SIGMA)}) for dt, market in markets.items()}
    ignoring = {dt: Table(policy.market, policy.best.actions[:, 0]) for dt, policy in blind.items()}
    yield from _rows(", ignoring the gap", ignoring, 0.85250499, 2.39050)


def _rows(who: str, tables: dict[float, Table], value: float, position: float) -> Iterator[Row]:
    worths = {dt: worth(table.market, table.actions) for dt, table in tables.items()}
    yield Row.converging(f"h(0){who}", value, worths, 1e-7)
    yield Row.converging(
        f"E|q| at the gap{who}", position, {dt: _held(table) for dt, table in tables.items()}, SEARCHED
    )


def _held(table: Table) -> float:
    """E|q| when the gap comes."""
    law = inventory_law(table.market, table.actions)[len(table.actions) // 2]
    return float(law @ np.abs(inventory_levels(table.market)))
