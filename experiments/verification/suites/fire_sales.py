"""Fire sales: the equilibrium of a liquidation cascade, in closed form, by breakpoints, by rounds and by many small sellers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.verification.suite import Asked, Row, suite
from mm_env.systemic.deleveraging import EvenLiquidations, LeverageTarget
from mm_env.systemic.fire_sale import Holders, equilibrium, unfold
from mm_env.systemic.sale_impact import LinearSaleImpact, SquareRootSaleImpact
from mm_env.systemic.vulnerability import vulnerability

UNITS, PRICE, LOW, SHOCKED, SLOPE, SETTLES = 50.0, 100.0, 0.5, 95.0, 0.5, 90.0
SELLERS = 20_000


@suite(
    "liquidation_cascade",
    "exact: 50 units liquidatable evenly over prices 50 to 100, impact .5 a unit, shock of 5 %",
    2.0,
)
def cascade(asked: Asked) -> Iterator[Row]:
    """95 - (100 - p) / 2 = p: by breakpoints, in steps, and sold one by one by sellers whose prices are drawn."""
    holders, rule = Holders.of([[UNITS]], [0.0], [PRICE]), EvenLiquidations(LOW)
    linear = LinearSaleImpact((SLOPE,))
    yield Row("settles at", SETTLES, float(equilibrium(holders, [SHOCKED], rule, linear).prices[0]), 1e-12)
    path, _ = unfold(holders, [SHOCKED], rule, linear, 60)
    yield Row("after 60 steps of sales", SETTLES, float(path[-1, 0]), 1e-9)
    for n in range(1, 4):
        yield Row(f"after {n} of them", SETTLES + 5.0 * 0.5**n, float(path[n, 0]), 1e-12)
    root = SquareRootSaleImpact((1.0,))
    known = PRICE - (0.5 + np.sqrt(0.25 + PRICE - SHOCKED)) ** 2
    yield Row("settles at, impact sqrt(units)", known, float(equilibrium(holders, [SHOCKED], rule, root).prices[0]), 1e-9,
              source="exact: 95 - p = sqrt(100 - p)")  # fmt: skip
    error = 4.0 * SLOPE * UNITS / np.sqrt(SELLERS) * 0.5
    yield Row(f"{SELLERS:,} sellers at drawn prices, one by one", SETTLES, one_by_one(asked.seed), float(error),
              source="simulated: sellers one by one")  # fmt: skip


def one_by_one(seed: int) -> float:
    """The price once the seller with the highest liquidation price, and then the next, have sold until none has to."""
    ordered = np.sort(np.random.default_rng(seed).uniform(LOW * PRICE, PRICE, SELLERS))[::-1]
    price, each = SHOCKED, UNITS / SELLERS
    for trigger in ordered:
        if trigger < price:
            break
        price -= SLOPE * each
    return price


@suite("greenwood_landier_thesmar_2015", "exact: the first round of sales is the derivative of the cascade", 0.1)
def first_round(_: Asked) -> Iterator[Row]:
    """Aggregate vulnerability by its formula, and of small shocks in one step of sales, as the shock goes to 0."""
    units, prices = np.array([[4.0, 1.0, 0.0], [2.0, 2.0, 5.0], [0.0, 3.0, 20.0]]), np.array([50.0, 100.0, 10.0])
    holders = Holders.of(units, units @ prices * np.array([0.8, 0.9, 0.5]), prices)
    impact, fall = LinearSaleImpact((0.02, 0.05, 0.01)), np.array([1.0, 0.5, 0.2])
    whole, found = (holders.assets - holders.debt).sum(), {}
    for size in (4e-3, 2e-3, 1e-3):
        path = unfold(holders, prices * (1.0 - size * fall), LeverageTarget(), impact, 1)[0]
        found[size] = float((units @ (path[0] - path[1])).sum() / whole / size)
    yield Row.converging(
        "aggregate vulnerability to a shock of 1", vulnerability(holders, fall, impact).aggregate, found, 1e-6
    )
