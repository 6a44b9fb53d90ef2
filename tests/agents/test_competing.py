"""Closed-form quotes of one of several makers: exact without risk, and hard to exploit with it."""

from dataclasses import replace

import numpy as np
import pytest

from agents import CarteaJaimungal, competing
from agents.exact.two_makers import TwoMakers
from mm_env import BestQuote, InventoryPenalty
from mm_env.competitions import duopoly
from mm_env.markets import cartea_jaimungal
from mm_env.rollout import inventory_levels


def depths(strategy, market):
    times = market.clock.step_length * np.arange(market.clock.steps, 0, -1)
    return strategy.depths(inventory_levels(market)[None, :], times[:, None])


@pytest.mark.parametrize("makers", [1, 2, 5])
def test_without_risk_it_is_the_equilibrium_and_with_one_maker_the_monopolist(makers):
    market = replace(duopoly(), makers=makers, reward=InventoryPenalty(), max_inventory=50.0)
    bid, ask = competing(market).depths(0.0, 1e-6)
    assert bid == pytest.approx(1.0 / (1.0 + (1.0 - 1.0 / makers) / 0.5), abs=1e-5)
    assert ask == pytest.approx(bid, abs=1e-5)
    assert (competing(market) == CarteaJaimungal.of(market)) == (makers == 1)


def test_it_is_exploited_by_less_than_a_quarter_of_what_the_monopolists_quotes_are():
    market = duopoly()
    two, grid = TwoMakers(market), np.linspace(-0.5, 2.0, 26)

    def exploited(strategy):
        own = depths(strategy, market)
        return two.best_response(own, grid).worth - two.worth(own, own).first

    ours, monopolist = exploited(competing(market)), exploited(CarteaJaimungal.of(market))
    assert 0.0 <= ours < 0.25 * monopolist


@pytest.mark.parametrize("market", [cartea_jaimungal(), replace(duopoly(), routing=BestQuote())])
def test_markets_without_a_logit_are_refused(market):
    with pytest.raises(ValueError, match="who competes needs a Competition with LogitRouting"):
        competing(market)
