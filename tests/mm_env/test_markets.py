"""The markets that have a name: the parameters of their sources, and published figures."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env import ArrivalImpact, Ergodic, Market, NoImpact
from mm_env.markets import (
    MARKETS,
    adverse_selection,
    amzn,
    amzn_ergodic,
    avellaneda_stoikov,
    cartea_jaimungal,
    market_named,
)
from mm_env.rollout import inventory_levels, run_depths
from tests.worlds import within

EPISODES = 20_000
SYMMETRIC = [  # Avellaneda & Stoikov 2008, tables 1 to 3: spread, profit, its std, std of the final inventory
    (1.49, 68.4, 12.7, 8.4),
    (1.35, 68.8, 12.8, 8.7),
    (3.02, 44.0, 11.0, 5.1),
]


def parameters(market: Market):
    """sigma, rates, decays, horizon and steps."""
    flow, fill = market.venue.flow, market.venue.fill
    return (
        market.price.sigma, flow.bid.rate, flow.ask.rate, fill.bid.k, fill.ask.k,
        market.clock.horizon, market.clock.steps,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("avellaneda_stoikov", (2.0, 140.0, 140.0, 1.5, 1.5, 1.0, 200)),
        ("glft", (0.3, 0.9, 0.9, 0.3, 0.3, 600.0, 2400)),
        ("amzn", (0.0199, 0.081, 0.081, 23.1, 23.1, 600.0, 600)),
        ("aapl", (0.0353, 0.185, 0.185, 18.4, 18.4, 600.0, 600)),
    ],
)
def test_a_market_has_the_parameters_of_its_source(name, expected):
    assert parameters(MARKETS[name]()) == expected


def test_adverse_selection_is_the_calm_market_with_informed_orders():
    calm, informed = cartea_jaimungal(), adverse_selection()
    assert isinstance(informed.venue.impact.bid, ArrivalImpact)
    assert replace(informed, venue=replace(informed.venue, impact=NoImpact())) == calm


def test_the_ergodic_day_is_the_day_without_an_end():
    assert replace(amzn_ergodic(), clock=amzn().clock) == amzn()
    assert isinstance(amzn_ergodic().clock, Ergodic)


@pytest.mark.parametrize("name", MARKETS)
def test_a_name_stands_for_its_market(name):
    assert market_named(name) == MARKETS[name]()
    market = MARKETS[name]()
    assert market_named(market) is market


@pytest.mark.parametrize("name", MARKETS)
def test_the_limit_of_a_named_market_is_seldom_met_by_its_observation_scale(name):
    market = MARKETS[name]()
    assert 1.0 <= market.inventory_scale <= market.max_inventory


@pytest.mark.parametrize(("spread", "profit", "profit_std", "inventory_std"), SYMMETRIC)
def test_symmetric_quotes_earn_what_avellaneda_and_stoikov_published(spread, profit, profit_std, inventory_std):
    market, paths = avellaneda_stoikov(), 1_000  # of the paper, whose standard errors are the tolerance
    depths = np.full((1, len(inventory_levels(market)), 2), spread / 2)
    episodes = run_depths(market, depths, EPISODES, seed=2008)
    assert abs(episodes.profit.mean() - profit) < 4 * profit_std / np.sqrt(paths)
    assert abs(episodes.profit.std() - profit_std) < 4 * profit_std / np.sqrt(2 * paths)
    assert abs(episodes.terminal_inventory.std() - inventory_std) < 4 * inventory_std / np.sqrt(2 * paths)


@pytest.mark.parametrize("spread", [row[0] for row in SYMMETRIC])
def test_symmetric_quotes_earn_their_spread_on_every_fill(spread):
    market = avellaneda_stoikov()
    depths = np.full((1, len(inventory_levels(market)), 2), spread / 2)
    episodes, chance = run_depths(market, depths, EPISODES, seed=1), 140 * np.exp(-1.5 * spread / 2) / 200
    assert within(episodes.profit, 2 * 200 * chance * spread / 2)
    assert within(episodes.fills, 2 * 200 * chance)
    assert within(episodes.terminal_inventory**2, 2 * 200 * chance * (1 - chance))
    assert np.allclose(episodes.spread_captured, episodes.fills * spread / 2, rtol=1e-12)
