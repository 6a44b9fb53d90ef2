"""The best quotes: the best of fine grids, at kinks and ends, with market orders, and never outside the action space."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.optimum import optimum
from mm_env import (
    CARA,
    Bernoulli,
    Dealer,
    Depths,
    Exponential,
    Fees,
    Grid,
    InventoryPenalty,
    Linear,
    Logistic,
    MarketOrders,
    Poisson,
    PowerLaw,
    Skew,
    SpreadAndSkew,
)
from tests.agents.optimal_worlds import FREE, TINIES, TINY, enumerated, grid_error, pairs


@pytest.mark.parametrize("name", TINIES)
def test_the_optimum_is_the_best_of_a_fine_grid_of_quotes_but_for_its_spacing(name):
    market = TINIES[name]
    bid, ask, spacing = pairs(0.0, 3.0, 151)
    lost = optimum(market).value[0, 0] - enumerated(market, bid, ask)
    assert (lost >= -1e-12).all()
    assert (lost <= grid_error(market, spacing)).all()


KINK = 3e-5  # what a line search to 1e-7 of the range may lose in three steps on a slope of 13 beside a kink


@pytest.mark.parametrize("reach", [1.0, 8.0])
@pytest.mark.parametrize(
    "fill",
    [Exponential(20.0), PowerLaw(scale=0.1, exponent=3.0), Logistic(middle=0.3, width=0.05), Linear(reach=0.4)],
    ids=lambda fill: type(fill).__name__,
)
def test_the_best_quotes_are_found_among_many_that_never_fill(fill, reach):
    market = replace(TINY, venue=Dealer(Poisson(10.0), fill), quote=Depths(max_depth=reach, min_depth=-1.0))
    bid, ask, _ = pairs(0.0, 1.0, 201)
    assert (optimum(market).value[0, 0] - enumerated(market, bid, ask) >= -KINK).all()


@pytest.mark.parametrize(("quote", "near"), [
    (Depths(max_depth=8.0, min_depth=0.0), pairs(0.0, 1.0, 201)),
    (Depths(max_depth=0.05, min_depth=-3.0), pairs(-0.95, 0.05, 201)),
])  # fmt: skip
def test_the_best_quotes_are_found_at_the_ends_of_their_range(quote, near):
    market = replace(TINY, venue=Dealer(Poisson(10.0), Exponential(20.0)), quote=quote)
    assert (optimum(market).value[0, 0] - enumerated(market, *near[:2]) >= -1e-12).all()


@pytest.mark.parametrize(("venue", "quote", "phi"), [
    (Dealer(Poisson(10.0), PowerLaw(scale=0.1, exponent=3.0)), SpreadAndSkew(max_half_spread=2.0, max_skew=2.0), 0.5),
    (Dealer(Bernoulli(20.0), Exponential(1.0)), SpreadAndSkew(3.0, 3.0, min_half_spread=-1.0), 4.0),
])  # fmt: skip
def test_the_best_quotes_are_found_where_one_side_sits_on_a_kink(venue, quote, phi):
    """Where orders are sure to fill one quote, only the other may still move: both actions at once."""
    market = replace(TINY, venue=venue, quote=quote, reward=InventoryPenalty(phi=phi))
    bid, ask, _ = pairs(quote.min_half_spread, 2.0, 301)
    assert (optimum(market).value[0, 0] - enumerated(market, bid, ask) >= -KINK).all()


@pytest.mark.parametrize("reward", [InventoryPenalty(phi=0.5, alpha=0.1), CARA(gamma=0.3)])
def test_the_optimum_on_a_grid_is_the_best_of_all_its_choices(reward):
    grid = Grid(max_half_spread=1.5, max_skew=1.0, half_spreads=5, skews=7, min_half_spread=0.1)
    market = replace(TINY, quote=grid, reward=reward)
    half_spread, skew = np.meshgrid(np.linspace(0.1, 1.5, 5), np.linspace(-1.0, 1.0, 7), indexing="ij")
    best = enumerated(market, (half_spread - skew).ravel(), (half_spread + skew).ravel())
    found = optimum(market)
    np.testing.assert_allclose(found.value[0, 0], best, rtol=1e-12)
    assert np.isin(found.actions, np.arange(35)).all()


def test_a_half_spread_that_is_given_leaves_the_best_skew():
    market = replace(TINY, quote=Skew(half_spread=0.8, max_skew=0.6))
    skew, half_spread = np.linspace(-0.6, 0.6, 1201), 0.8
    lost = optimum(market).value[0, 0] - enumerated(market, half_spread - skew, half_spread + skew)
    assert (lost >= -1e-12).all()
    assert (lost <= 1e-5).all()


@pytest.mark.parametrize("quote", [
    Depths(max_depth=0.9, min_depth=0.7),
    SpreadAndSkew(max_half_spread=0.9, max_skew=0.1, min_half_spread=0.7),
    Skew(half_spread=0.8, max_skew=0.1),
    Grid(max_half_spread=0.9, max_skew=0.1, min_half_spread=0.7),
    MarketOrders(SpreadAndSkew(max_half_spread=0.9, max_skew=0.1, min_half_spread=0.7), half_spread=0.2),
])  # fmt: skip
def test_quotes_stay_inside_their_action_space(quote):
    market = replace(TINY, quote=quote)
    depths, wide = optimum(market).table().depths(), optimum(TINY).objective
    assert depths.min() >= 0.6 - 1e-12
    assert depths.max() <= 1.0 + 1e-12
    assert optimum(replace(market, quote=getattr(quote, "quoting", quote))).objective < wide


def test_actions_of_the_same_quotes_are_worth_the_same():
    """|bid depth|, |ask depth| <= 2 is a square; (half-spread, skew) cover a rhombus around it."""
    square = optimum(replace(TINY, quote=Depths(max_depth=2.0, min_depth=-2.0)))
    rhombus = optimum(replace(TINY, quote=SpreadAndSkew(max_half_spread=2.0, max_skew=2.0, min_half_spread=-2.0)))
    np.testing.assert_allclose(square.value[0, 0], rhombus.value[0, 0], rtol=1e-9)
    np.testing.assert_allclose(square.table().depths()[:, 1:-1], rhombus.table().depths()[:, 1:-1], atol=1e-4)


# market orders


@pytest.mark.parametrize("reward", [InventoryPenalty(phi=0.5, alpha=0.1), CARA(gamma=0.3)])
def test_market_orders_help_the_more_the_less_they_cost_and_never_hurt(reward):
    without = optimum(replace(TINY, quote=FREE, reward=reward)).value[0, 0]
    values = [
        optimum(replace(TINY, quote=MarketOrders(FREE, half_spread=cost), reward=reward)).value[0, 0]
        for cost in (0.0, 0.05, 0.5, 1e6)
    ]
    for cheaper, dearer in zip(values, [*values[1:], without], strict=True):
        assert (cheaper >= dearer - 1e-12).all()
    assert (values[0][[0, -1]] > without[[0, -1]] + 0.1).all()
    np.testing.assert_allclose(values[-1], without, rtol=1e-12)


def test_free_market_orders_make_every_inventory_worth_the_same():
    value = optimum(replace(TINY, quote=MarketOrders(FREE, half_spread=0.0))).value[0, 0]
    np.testing.assert_allclose(value, value[2], rtol=1e-12)


def test_a_market_order_is_sent_where_it_saves_more_than_it_costs():
    """With no flow at all only the terminal penalty alpha q^2 is left: the n-th order is worth closing if it saves more."""
    market = replace(
        TINY, venue=Dealer(Poisson(0.0), Exponential(1.0)), reward=InventoryPenalty(alpha=0.1),
        quote=MarketOrders(FREE, half_spread=0.2), fees=Fees(taker=0.05),
    )  # fmt: skip
    value = optimum(market).value[0, 0]  # from 2 to 1 saves 0.3 > 0.25; from 1 to 0 saves 0.1
    np.testing.assert_allclose(value, [-0.35, -0.1, 0.0, -0.1, -0.35], atol=1e-12)
