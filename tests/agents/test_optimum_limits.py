"""Small steps and long horizons: the optimum tends to the closed forms of the papers, and to the average reward."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import poisson_equation
from agents.exact.optimum import optimum
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.strategies.glft import GLFT
from mm_env import (
    ArrivalImpact,
    Bernoulli,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    FiniteHorizon,
    InventoryPenalty,
    Poisson,
    Sides,
)
from mm_env.markets import amzn_ergodic, cartea_jaimungal, glft
from tests.agents.optimal_worlds import TINY, enumerated, grid_error, pairs, shrunk

# the limits of continuous time

STEPS = (100, 200, 400)


def orders_of_convergence(errors):
    return np.log2(np.abs(errors[:-1]) / np.abs(errors[1:]))


@pytest.mark.parametrize("flow", [Poisson(10.0), Bernoulli(10.0)])
def test_cartea_and_jaimungals_value_and_quotes_are_reached_at_first_order_in_dt(flow):
    market = replace(
        cartea_jaimungal(), venue=Dealer(flow, Exponential(1.0)), quote=Depths(max_depth=9.0, min_depth=-7.0),
        max_inventory=8.0,
    )  # fmt: skip
    theory = CarteaJaimungal(rate=10.0, kappa=1.0, phi=0.5, alpha=0.001, horizon=1.0, max_inventory=8)
    found = [optimum(replace(market, clock=FiniteHorizon(1.0, steps))) for steps in STEPS]
    assert_first_order(found, theory.value(0, 1.0), theory.depths(np.arange(-3.0, 4.0), 1.0))


def test_gueant_lehalle_and_fernandez_tapias_value_and_quotes_are_reached_at_first_order_in_dt():
    market = replace(glft(), quote=Depths(max_depth=30.0, min_depth=-20.0), max_inventory=8.0)
    theory = GLFT(gamma=0.01, sigma=0.3, k=0.3, A=0.9, horizon=60.0, max_inventory=8)
    found = [optimum(replace(market, clock=FiniteHorizon(60.0, steps))) for steps in STEPS]
    twin, _ = theory.as_cartea_jaimungal()
    assert_first_order(found, twin.value(0, 60.0), theory.depths(np.arange(-3.0, 4.0), 60.0))


def assert_first_order(found, value, quotes):
    middle = found[0].value.shape[-1] // 2
    errors = np.array([f.value[0, 0, middle] - value for f in found])
    orders = orders_of_convergence(errors)
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders
    distance = np.array([np.abs(f.table().depths()[0, middle - 3 : middle + 4] - quotes).max() for f in found])
    orders = orders_of_convergence(distance)
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders


def test_the_stationary_rate_is_reached_at_first_order_in_dt():
    market = replace(amzn_ergodic(), max_inventory=6.0, quote=Depths(max_depth=0.4, min_depth=-0.2))
    theory = CarteaJaimungalStationary(rate=0.081, kappa=23.1, phi=1e-4, max_inventory=6)
    found = [optimum(replace(market, clock=Ergodic(600.0, steps))) for steps in (300, 600, 1200)]
    orders = orders_of_convergence(np.array([f.rate - theory.average_reward for f in found]))
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders
    np.testing.assert_allclose(found[-1].table().depths()[0, 3:-3], theory.depths(np.arange(-3.0, 4.0), 0.0), atol=2e-3)


def test_the_stationary_rate_and_quotes_of_unequal_sides_are_reached_at_first_order_in_dt():
    """Where quotes lie on their own side of the mid: beyond it theory lets orders come for them that move the mid."""
    venue = Dealer(Sides(Poisson(0.05), Poisson(0.12)), Exponential(23.1), ArrivalImpact(0.002))
    market = replace(amzn_ergodic(), venue=venue, max_inventory=6.0, quote=Depths(max_depth=0.4, min_depth=-0.3))
    theory = CarteaJaimungalStationary(0.05, 23.1, 1e-4, 6, jump=0.002, ask_rate=0.12)
    found = [optimum(replace(market, clock=Ergodic(600.0, steps))) for steps in (300, 600, 1200)]
    orders = orders_of_convergence(np.array([f.rate - theory.average_reward for f in found]))
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders
    quotes = theory.depths(np.arange(-1.0, 4.0), 0.0)
    assert quotes.min() > 0.01
    orders = orders_of_convergence(np.array([np.abs(f.table().depths()[0, 5:-3] - quotes).max() for f in found]))
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders


# without an end


def test_the_ergodic_optimum_solves_its_poisson_equation():
    market = shrunk("amzn_ergodic")
    found = optimum(market)
    rate, relative = poisson_equation(market, found.table().actions)
    assert rate == pytest.approx(found.rate, rel=1e-12)
    np.testing.assert_allclose(found.value[0, 0], relative, atol=1e-12)


def test_no_first_step_betters_the_ergodic_optimum():
    """Bellman: g dt + h is the most that a step and the relative values h after it are worth."""
    market = replace(TINY, clock=Ergodic(horizon=1.0, steps=10), reward=InventoryPenalty(phi=0.5))
    found, (bid, ask, spacing) = optimum(market), pairs(0.0, 3.0, 151)
    once = replace(market, clock=FiniteHorizon(horizon=0.1, steps=1))
    lost = found.rate * 0.1 + found.value[0, 0] - enumerated(once, bid, ask, end=found.value[0, 0])
    assert (lost >= -1e-12).all()
    assert (lost <= grid_error(once, spacing)).all()


def test_a_long_horizon_earns_the_ergodic_rate_in_each_further_step():
    market = shrunk("amzn_ergodic", orders=3)
    rate, dt, steps = optimum(market).rate, market.clock.step_length, 3000
    found = optimum(replace(market, clock=FiniteHorizon(steps * dt, steps)))
    further = found.value[0, 0] - found.value[1, 0]
    np.testing.assert_allclose(further, rate * dt, rtol=1e-9)
