"""Parameters that differ by lane: their scenarios, the full-information optimum, and tables valued over all of them."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from agents.exact.evaluation import best_fixed, best_linear_skew, evaluate, moments, worth, worth_fixed
from agents.exact.full_information import full_information_optimum
from agents.exact.optimum import optimum
from agents.exact.parameter_scenarios import differing, lane_axes, scenarios
from agents.exact.price_grid import Unsolvable
from agents.policy import StrategyPolicy, play
from mm_env import (
    CARA,
    Brownian,
    Dealer,
    Ergodic,
    Exponential,
    Integers,
    InventoryPenalty,
    LogUniform,
    OrnsteinUhlenbeck,
    Poisson,
    Sides,
    Uniform,
)  # fmt: skip
from mm_env.rollout import run_actions
from tests.worlds import within, world

DRIFTING = world(price=Brownian(sigma=1.0, drift=Uniform(-3.0, 3.0)))
RANDOM = replace(DRIFTING, venue=Dealer(Poisson(LogUniform(5.0, 20.0)), Exponential(k=1.0)))
LANES = world(
    price=Brownian(sigma=1.0, drift=np.repeat([-3.0, 0.5, 3.0], 8_000)),
    venue=Dealer(Poisson(rate=np.repeat([5.0, 10.0, 20.0], 8_000)), Exponential(1.0)),
)
TABLE = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 7, 2))


@dataclass(frozen=True)
class Coin:
    """A user's own distribution: one of two values."""

    low: float
    high: float

    @property
    def support(self):
        return self.low, self.high

    def ppf(self, uniform):
        return np.where(uniform < 0.5, self.low, self.high)


# scenarios


def test_a_market_of_numbers_is_its_only_scenario():
    assert scenarios(world()) == [(1.0, world(), ())]
    assert differing(world()) == {}


def test_a_quadrature_has_the_moments_of_the_distribution():
    drifts = np.array([(case.weight, case.market.price.drift) for case in scenarios(DRIFTING)]).T
    for power, moment in ((0, 1.0), (1, 0.0), (2, 3.0), (4, 16.2)):
        assert drifts[0] @ drifts[1] ** power == pytest.approx(moment, abs=1e-12)


def test_a_draw_that_both_sides_share_is_one_axis_and_two_draws_are_two():
    shared = world(venue=Dealer(Poisson(Uniform(5.0, 9.0)), Exponential(1.0)))
    apart = world(venue=Dealer(Sides(Poisson(Uniform(5.0, 9.0)), Poisson(Uniform(5.0, 9.0))), Exponential(1.0)))
    assert [len(lane_axes(market)) for market in (shared, apart)] == [1, 2]
    assert all(case.market.venue.flow.bid == case.market.venue.flow.ask for case in scenarios(shared))
    assert not all(case.market.venue.flow.bid == case.market.venue.flow.ask for case in scenarios(apart))


def test_arrays_go_together_lane_by_lane():
    found = [(c.weight, c.market.price.drift, c.market.venue.flow.bid.rate) for c in scenarios(LANES)]
    assert found == [(1 / 3, -3.0, 5.0), (1 / 3, 0.5, 10.0), (1 / 3, 3.0, 20.0)]


def test_whole_numbers_are_all_there_with_equal_weights():
    cases = scenarios(world(venue=Dealer(Poisson(Integers(8, 11)), Exponential(1.0))))
    assert [(c.weight, c.market.venue.flow.ask.rate) for c in cases] == [(0.25, 8), (0.25, 9), (0.25, 10), (0.25, 11)]


def test_where_an_episode_starts_is_no_scenario_unless_it_changes_what_is_best():
    assert differing(world(initial_inventory=Integers(-1, 1), initial_mid=Uniform(90.0, 110.0))) == {}
    reverting = world(price=OrnsteinUhlenbeck(1.0, 1.0, 100.0), initial_mid=Uniform(99.0, 101.0))
    assert [leaf.path for leaf in differing(reverting).values()] == ["initial_mid"]


# tables over all lanes


@pytest.mark.parametrize("parts", [
    {"price": DRIFTING.price},
    {"price": DRIFTING.price, "venue": RANDOM.venue},
    {"price": LANES.price, "venue": LANES.venue},
    {"venue": Dealer(Poisson(Integers(3, 20)), Exponential(1.0)), "initial_inventory": Integers(-2, 2)},
    {"price": Brownian(Uniform(0.5, 2.0)), "reward": CARA(0.1)},
    {"price": OrnsteinUhlenbeck(1.0, 1.0, 100.0), "initial_mid": Uniform(97.0, 103.0)},
])  # fmt: skip
def test_the_simulator_has_the_exact_moments_over_the_lanes(parts):
    market = world(**parts)
    exact, objective = moments(market, TABLE), run_actions(market, TABLE, 24_000, 3).objective
    assert within(objective, exact.mean)
    assert within((objective - exact.mean) ** 2, exact.variance)


@pytest.mark.parametrize(
    "market", [DRIFTING, LANES, pytest.param(replace(RANDOM, reward=CARA(0.1)), marks=pytest.mark.slow)]
)
def test_no_other_constant_quotes_are_worth_more_over_the_lanes(market):
    best = best_fixed(market).half_spread
    for other in (*np.linspace(0.0, 4.0, 9), best + 1e-3, best - 1e-3):
        assert worth_fixed(market, other) <= worth_fixed(market, best) * (1 + 1e-12)


def test_leaning_on_the_inventory_is_worth_more_over_the_lanes():
    table = StrategyPolicy(best_linear_skew(LANES), LANES).table()
    assert worth(table.market, table.actions) > worth_fixed(LANES, best_fixed(LANES).half_spread) + 0.01


# the full-information optimum


def test_the_informed_optimum_is_the_mean_of_those_of_the_lanes():
    alone = [optimum(replace(world(), price=Brownian(1.0, drift=d), venue=Dealer(Poisson(r), Exponential(1.0))))
             for d, r in ((-3.0, 5.0), (0.5, 10.0), (3.0, 20.0))]  # fmt: skip
    found = full_information_optimum(LANES)
    assert found.objective == pytest.approx(np.mean([one.objective for one in alone]), rel=1e-12)
    assert (found.error, set(found.names)) == (0.0, {"price.drift", "venue.flow.bid.rate"})


def test_told_each_lanes_parameters_it_earns_its_value():
    found = full_information_optimum(LANES)
    assert within(play(LANES, found, 24_000, 0).objective, found.objective)


@pytest.mark.parametrize("market", [DRIFTING, pytest.param(RANDOM, marks=pytest.mark.slow)])
def test_the_error_that_is_reported_bounds_that_of_the_quadrature(market):
    """Against the midpoint rule on many values."""
    found, u = full_information_optimum(market), (np.arange(60) + 0.5) / 60
    rates = market.venue.flow.bid.rate.ppf((np.arange(15) + 0.5) / 15) if market is RANDOM else [10.0]
    exact = np.mean([
        optimum(world(price=Brownian(1.0, drift=d), venue=Dealer(Poisson(r), Exponential(1.0)))).objective
        for d in market.price.drift.ppf(u) for r in rates
    ])  # fmt: skip
    midpoint = 2e-3  # of the rule itself, at most
    assert abs(found.objective - exact) <= found.error + midpoint


def test_a_distribution_that_no_quadrature_fits_has_a_large_error():
    market = world(price=Brownian(1.0, drift=Coin(0.0, 3.0)))
    found = full_information_optimum(market)
    exact = np.mean([optimum(world(price=Brownian(1.0, drift=d))).objective for d in (0.0, 3.0)])
    assert abs(found.objective - exact) <= found.error
    assert found.error > 0.01


def test_nobody_who_is_not_told_does_better():
    told = full_information_optimum(DRIFTING).objective
    median = optimum(replace(DRIFTING, price=Brownian(1.0))).table().actions
    assert worth(DRIFTING, median) < told - 0.01
    for table in np.random.default_rng(2).uniform(-1.0, 1.0, (20, 5, 7, 2)):
        assert worth(DRIFTING, np.clip(median + 0.2 * table, -1.0, 1.0)) < told


def test_without_an_end_it_is_the_mean_average_reward():
    market = replace(LANES, clock=Ergodic(1.0, 10), reward=InventoryPenalty(phi=0.3))
    found = full_information_optimum(market)
    assert found.worth == pytest.approx(np.mean([case.rate for case in found.cases]), rel=1e-12)


def test_under_cara_it_is_worth_the_certainty_equivalent_of_the_lottery_over_lanes():
    found = full_information_optimum(replace(LANES, reward=CARA(0.1)))
    assert found.objective == pytest.approx((1.0 - np.exp(-0.1 * found.worth)) / 0.1, rel=1e-12)
    assert found.objective == pytest.approx(np.mean([case.objective for case in found.cases]), rel=1e-12)


@pytest.mark.parametrize(("market", "reason"), [
    (world(), "no parameter differs by lane"),
    (world(venue=Dealer(Poisson(Integers(1, 300)), Exponential(1.0))), "300 markets to solve at the least, more than 200"),
    (world(price=Brownian(Uniform(1, 2), Uniform(1, 2)), reward=InventoryPenalty(Uniform(1, 2), Uniform(1, 2)),
           venue=Dealer(Poisson(Uniform(1, 2)), Exponential(1.0))),
     "price.sigma, price.drift, venue.flow.* differ by lane: 243 markets to solve"),
    (world(reward=CARA(Uniform(0.1, 0.2))), "reward.gamma differs by lane"),
    (world(price=Brownian(np.ones(2), np.ones(3))), "arrays of parameters must have one value for each lane"),
])  # fmt: skip
def test_what_stands_in_the_way_is_named(market, reason):
    with pytest.raises(Unsolvable, match=reason):
        full_information_optimum(market)


def test_it_does_not_act_where_nobody_knows_the_lanes():
    seen = np.zeros((5, 2), np.float32)
    with pytest.raises(ValueError, match=r"acts only where arrays say each lane's price.drift"):
        full_information_optimum(DRIFTING).act(seen)
    with pytest.raises(ValueError, match="acts in all of 24000 lanes, got 5"):
        full_information_optimum(LANES).act(seen)


def test_a_random_start_needs_no_scenarios():
    market = world(initial_inventory=Integers(-2, 2))
    found = optimum(market)
    starts = [optimum(replace(market, initial_inventory=float(q))).objective for q in range(-2, 3)]
    assert found.objective == pytest.approx(np.mean(starts), rel=1e-12)
    assert evaluate(market, found.table().actions).objective == pytest.approx(found.objective, rel=1e-12)
