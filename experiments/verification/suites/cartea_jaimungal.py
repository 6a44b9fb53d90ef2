"""Cartea, Jaimungal & Penalva 2015, ch. 10: values in continuous time, and the optimum's limit as dt -> 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from agents.exact.optimum import Optimum, optimum
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from experiments.verification.suite import Asked, Row, suite
from mm_env.clock import Ergodic, FiniteHorizon
from mm_env.markets import amzn_ergodic, cartea_jaimungal
from mm_env.quote import Depths

BOOK = "Cartea, Jaimungal & Penalva 2015, ch. 10"
STEPS, HELD = (100, 200, 400), 10
MARKET = replace(cartea_jaimungal(), quote=Depths(max_depth=11.0, min_depth=-9.0), max_inventory=float(HELD))


@suite("cartea_jaimungal_penalva_2015", BOOK, 3.0)
def values(_: Asked) -> Iterator[Row]:
    """h(0, 0) as published, and the value and quotes of this package's optimum at its own dt, as dt -> 0."""
    for rate, kappa, known in ((140.0, 1.5, 68.25583476), (50.0, 2.0, 18.21929052)):
        theory = CarteaJaimungal(rate, kappa, 0.01, 0.001, 1.0, 100)
        yield Row(f"h(0), rate {rate:g}, kappa {kappa:g}", known, float(theory.value(0, 1.0)), 1e-7)
    theory = CarteaJaimungal(10.0, 1.0, 0.5, 0.001, 1.0, HELD)
    yield Row("h(0), rate 10, kappa 1, phi 0.5", 6.38060372, float(theory.value(0, 1.0)), 1e-7)
    found = {1.0 / steps: optimum(replace(MARKET, clock=FiniteHorizon(1.0, steps))) for steps in STEPS}
    worth = {dt: best.objective for dt, best in found.items()}
    yield Row.converging("h(0) of the optimum, dt -> 0", 6.38060372, worth, 1e-5)
    for q in (0, 3):
        bid = float(theory.depths(q, 1.0)[0])
        yield Row.converging(f"bid depth at q = {q}, dt -> 0", bid, {dt: bid_at(b, q) for dt, b in found.items()}, 1e-5)


def bid_at(best: Optimum, inventory: int, step: int = 0) -> float:
    """The bid depth that an optimum of orders of one unit quotes at an inventory."""
    return float(best.table().depths()[step, inventory + round(best.market.max_inventory), 0])


@suite("cartea_jaimungal_ergodic", f"{BOOK}, without an end", 5.0)
def rates(_: Asked) -> Iterator[Row]:
    """The average reward of the stationary quotes, and the optimum's as dt -> 0."""
    market = replace(amzn_ergodic(), max_inventory=6.0, quote=Depths(max_depth=0.4, min_depth=-0.2))
    theory = CarteaJaimungalStationary(rate=0.081, kappa=23.1, phi=1e-4, max_inventory=6)
    found = {600.0 / steps: optimum(replace(market, clock=Ergodic(600.0, steps))) for steps in (300, 600, 1200)}
    worth = {dt: best.worth for dt, best in found.items()}
    yield Row.converging(
        "average reward, AMZN's parameters", theory.average_reward, worth, 1e-5 * theory.average_reward
    )
    free = CarteaJaimungalStationary(rate=1.0, kappa=1.0, phi=0.0, max_inventory=1)
    known = 2.0 / math.e * math.cos(math.pi / 4.0)
    yield Row("average reward at phi = 0, |q| <= 1", known, free.average_reward, 1e-9)
