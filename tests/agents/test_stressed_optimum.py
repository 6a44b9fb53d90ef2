"""Exact values of stressed markets: what quotes are worth is what they bring on average, and who was warned does no worse."""

from dataclasses import replace

import numpy as np
import pytest

import mm_env
from agents.exact.evaluation import worth
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from mm_env import Stress
from mm_env.clock import FiniteHorizon
from mm_env.markets import adverse_selection, cartea_jaimungal, regimes
from mm_env.rollout import run_actions
from mm_env.stress.stress import CALM

STRESSES = {
    "gap and volatility": Stress(0.3, 0.4, 4.0, gap=-0.5),
    "flow": Stress(0.2, 0.5, sells=2.0, buys=0.2),
    "adverse": Stress(0.0, 1.0, adverse=20.0),
    "all": Stress(0.3, 0.4, 3.0, 0.3, 1.5, 0.5, 10.0),
}


def small(market):
    """Ten steps and seven inventories."""
    return replace(market, clock=FiniteHorizon(market.clock.step_length * 10, 10), max_inventory=3.0)


MARKETS = {"cartea_jaimungal": cartea_jaimungal, "adverse_selection": adverse_selection}


@pytest.mark.parametrize("name", STRESSES)
@pytest.mark.parametrize("market", ["cartea_jaimungal", pytest.param("adverse_selection", marks=pytest.mark.slow)])
def test_what_quotes_are_worth_under_stress_is_what_they_bring(market, name):
    calm = small(MARKETS[market]())
    table = optimum(calm).table()
    stressed = STRESSES[name].applied(table.market)
    found = run_actions(stressed, table.actions, 200_000, 3).objective
    assert abs(found.mean() - worth(stressed, table.actions)) < 4.0 * found.std() / np.sqrt(len(found))


@pytest.mark.parametrize("name", STRESSES)
def test_who_was_warned_does_no_worse_and_calm_is_worth_the_same(name):
    calm = small(cartea_jaimungal())
    best = optimum(calm)
    warned, table = optimum(STRESSES[name].applied(calm)), best.table()
    assert warned.worth > worth(STRESSES[name].applied(table.market), table.actions)
    assert optimum(CALM.applied(calm)).worth == pytest.approx(best.worth, abs=1e-12)


@pytest.mark.slow
def test_regimes_are_stressed_with_them():
    calm = small(regimes())
    stressed = Stress(0.3, 0.4, 3.0, gap=0.5).applied(calm)
    found = run_actions(stressed, np.zeros((10, 7, 2)), 100_000, 3).objective
    assert abs(found.mean() - worth(stressed, np.zeros((10, 7, 2)))) < 4.0 * found.std() / np.sqrt(len(found))
    assert optimum(stressed).worth > found.mean()


def test_a_mid_that_reverts_has_no_law_under_stress():
    calm = replace(small(cartea_jaimungal()), price=mm_env.OrnsteinUhlenbeck(sigma=1.0, speed=0.5, mean=100.0))
    with pytest.raises((Unsolvable, NotImplementedError), match="whose moves depend on the mid, has no law"):
        optimum(STRESSES["gap and volatility"].applied(calm))
