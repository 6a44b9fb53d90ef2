"""Who ignores a feature plays the optimum of the market without it: never better than the optimum, and judged exactly."""

from dataclasses import replace

import numpy as np
import pytest

from agents import BlindOptimum, blind_optimum
from agents.exact.blind_optimum import with_parts
from agents.exact.evaluation import Unsolvable, evaluate, worth
from agents.exact.optimum import optimum
from agents.policy import moved, play, tabulate
from mm_env import (
    Brownian,
    Dealer,
    Depths,
    Exponential,
    FiniteHorizon,
    Grid,
    InventoryPenalty,
    LossLimit,
    MaintenanceMargin,
    NoMargin,
    OrnsteinUhlenbeck,
    Poisson,
    ProportionalFees,
    RegimeFlow,
    RegimeSwitching,
    Sides,
)
from mm_env.rollout import run_policy
from tests.agents.open_markets import OPEN, Regimes, TwoFactors
from tests.worlds import COVERING, thinned, within, world

DAY = FiniteHorizon(2.0, 20)
FEATURES = {
    "a mid that reverts": (
        world(price=OrnsteinUhlenbeck(sigma=1.0, speed=2.0, mean=99.0), clock=DAY, quote=Depths(3.0, -1.0)),
        {"price": Brownian(1.0)},
    ),
    "seasons and regimes": (
        OPEN["seasons and regimes"],
        {"price": Brownian(1.0), "venue.flow": Poisson(5.0)},
    ),
    "drift of two factors": (OPEN["two factors"], {"price": Brownian(1.0)}),
    "drift of two factors, utility": (OPEN["two factors, utility"], {"price": Brownian(1.0)}),
}  # fmt: skip


LONG = {"drift of two factors, utility", "seasons and regimes"}


@pytest.mark.parametrize("name", thinned(FEATURES, LONG))
def test_the_feature_is_worth_what_who_ignores_it_loses(name):
    market, instead = FEATURES[name]
    blind, best = blind_optimum(market, instead), optimum(market)
    table = tabulate(market, blind)
    lost = best.worth - worth(table.market, table.actions)
    assert lost > 10.0 * best.error
    assert within(play(market, blind, 40_000, seed=1).objective, evaluate(table.market, table.actions, 41).objective)


@pytest.mark.parametrize("name", thinned(FEATURES, LONG))
def test_it_quotes_what_the_optimum_of_its_own_market_quotes(name):
    market, instead = FEATURES[name]
    own, blind = optimum(with_parts(market, instead)), blind_optimum(market, instead)
    np.testing.assert_array_equal(tabulate(market, blind).actions, own.actions[:, 0])
    by_table = play(market, blind, 500, seed=2)
    by_steps = run_policy(blind.acts_in(market), blind.act, 500, seed=2)
    np.testing.assert_allclose(by_table.objective, by_steps.objective, rtol=1e-12, atol=1e-12)


def test_who_ignores_nothing_is_the_optimum():
    market = world(clock=DAY, quote=Depths(3.0))
    blind, best = blind_optimum(market, {}), optimum(market)
    assert worth(market, tabulate(market, blind).actions) == pytest.approx(best.worth, rel=1e-12)


def test_who_ignores_one_of_two_factors_sees_the_other():
    """The regimes are seen and the drift is not: it acts by the column of `rough`, wherever that stands."""
    market = replace(OPEN["two factors"], price=TwoFactors(1.0, 1.0, 0.5, 2.0, 2.0))
    blind = blind_optimum(market, {"price": Regimes(0.5, 2.0, 2.0, 2.0)})
    assert tabulate(market, blind) is None
    own = blind.best.market
    seen = np.array([[0.5, 0.4, -1.3, 1.0], [0.5, 0.4, 1.3, 0.0]], np.float32)  # inventory, time_left, drift, rough
    np.testing.assert_array_equal(blind.act(seen), blind.best.act(seen[:, [0, 1, 3]]))
    assert not np.array_equal(*blind.act(seen))
    best, earned = optimum(market), play(market, blind, 40_000, seed=3).objective
    assert own.observation_names == ("inventory", "time_left", "rough")
    assert earned.mean() < best.objective + 4.0 * earned.std() / 200.0


def test_inventory_is_seen_on_the_scale_of_its_own_market():
    market = world(inventory_scale=1.5)
    blind, plain = (blind_optimum(each, {"inventory_scale": 2.0}) for each in (market, world(inventory_scale=2.0)))
    by_scale = [play(each.market, each, 300, seed=1).objective for each in (blind, plain)]
    np.testing.assert_array_equal(*by_scale)
    seen = np.array([[-2.0, 0.6], [1.0 / 1.5, 0.6]], np.float32)  # -3 and 1 orders
    np.testing.assert_array_equal(blind.act(seen), blind.best.actions[2, 0, [0, 4]])


@pytest.mark.slow
def test_who_ignores_a_margin_does_not_look_at_the_profit_and_is_ruined_more_often():
    called = MaintenanceMargin(capital=4.0, per_unit=3.0, liquidation_cost=1.0, franchise_loss=5.0)
    market = world(price=Brownian(2.0), margin=called, clock=DAY, quote=Depths(3.0), reward=InventoryPenalty())
    best, blind = optimum(market), blind_optimum(market, {"margin": NoMargin()})
    assert blind.best.market.observation_names == ("inventory", "time_left")
    knows, ignores = (play(market, policy, 20_000, seed=4) for policy in (best, blind))
    assert ignores.closed.mean() > 1.2 * knows.closed.mean()
    table = tabulate(market, blind)
    assert within(ignores.objective, worth(market, table.actions))
    assert worth(market, table.actions) < best.worth - best.error


def test_the_profit_is_seen_on_the_scale_of_its_own_market():
    called = LossLimit(loss=2.0, liquidation_cost=1.0)
    market = world(margin=called, profit_scale=5.0, clock=DAY, quote=Depths(3.0), price=Brownian(2.0))
    same = [blind_optimum(replace(market, profit_scale=s), {"profit_scale": 2.0}) for s in (5.0, 2.0)]
    np.testing.assert_allclose(*(play(each.market, each, 300, seed=1).objective for each in same), rtol=1e-6)
    assert tabulate(market, same[0]) is None


def test_choices_stay_choices():
    market = replace(COVERING["discrete"], venue=Dealer(Poisson(10.0), Exponential(1.5)), quote=Grid(1.0, 0.5))
    blind = blind_optimum(market, {"price": Brownian(2.0)})
    actions = blind.act(np.zeros((4, 1), np.float32))
    assert (actions.dtype, actions.shape) == (np.int64, (4,))


def test_it_can_be_told_of_another_market():
    market, instead = FEATURES["a mid that reverts"]
    blind, other = blind_optimum(market, instead), replace(market, initial_mid=99.0)
    assert moved(blind, other).market == other
    assert isinstance(moved(blind, other), BlindOptimum)


def test_both_sides_have_the_part_that_is_named_once():
    market = world(venue=Dealer(Sides(Poisson(5.0), Poisson(9.0)), Exponential(1.0)))
    assert with_parts(market, {"venue.flow.rate": 7.0}) == with_parts(market, {"venue.flow": Poisson(7.0)})
    assert with_parts(market, {"venue.flow.bid": Poisson(9.0)}).venue.flow.bid.rate == 9.0
    assert with_parts(market, {"reward": InventoryPenalty()}).reward == InventoryPenalty()
    both = {"venue": market.venue, "venue.flow.ask.rate": 5.0}  # a part, and a number within it
    assert with_parts(world(), both).venue.flow == Sides(Poisson(5.0), Poisson(5.0))


def test_parts_that_go_together_are_replaced_at_once():
    regimes = RegimeSwitching(Brownian(1.0), ((-2.0, 2.0), (4.0, -4.0)), (1.0, 2.0))
    market = world(price=regimes, venue=Dealer(RegimeFlow(Poisson(9.0), (1.0, 2.0)), Exponential(1.0)))
    plain = with_parts(market, {"price": Brownian(1.0), "venue.flow": Poisson(12.0)})
    assert plain == world(venue=Dealer(Poisson(12.0), Exponential(1.0)))
    with pytest.raises(ValueError, match="RegimeFlow needs a price with regimes"):
        with_parts(market, {"price": Brownian(1.0)})


@pytest.mark.parametrize(("market", "instead", "said"), [
    (world(), {"prize": Brownian(1.0)}, r"instead must name parts of the market .*, got 'prize'. Did you mean 'price'\?"),
    (world(), {"venue.flow.rate.x": 1.0}, "instead must name parts of the market .*, got 'venue.flow.rate.x'"),
    (world(), {"price": Regimes(0.5, 2.0, 2.0, 4.0)}, "a blind optimum must see what its own market shows, got rough beside"),
    (world(), {"max_inventory": 2.0}, "a blind optimum must have the max_inventory of the market it plays in, 3.0, got 2.0"),
    (world(), {"clock": FiniteHorizon(0.5, 4)}, "a blind optimum must have the clock.steps of the market .*, 5, got 4"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(market, instead, said):
    with pytest.raises(ValueError, match=said):
        blind_optimum(market, instead)


def test_what_cannot_be_solved_without_the_feature_says_so():
    with pytest.raises(Unsolvable, match="fees"):
        blind_optimum(world(), {"fees": ProportionalFees(0.01)})
