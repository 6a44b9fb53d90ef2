"""The exact optimum: worth what its own table is worth, better than all else, acting by it, or refused with the reason."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import average_reward, evaluate
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from agents.policy import play
from agents.strategies.avellaneda_stoikov import (
    AvellanedaStoikov,
    AvellanedaStoikovStationary,
    AvellanedaStoikovSymmetric,
)
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.glft import GLFT, GLFTAsymptotic
from agents.strategies.theory import theory
from mm_env import (
    CARA,
    AsymmetricDamping,
    Brownian,
    Dealer,
    Ergodic,
    Exponential,
    FillImpact,
    Geometric,
    Grid,
    OrnsteinUhlenbeck,
    Poisson,
    ProportionalFees,
    Reward,
    Uniform,
    rule,
)
from mm_env.rollout import inventory_levels
from tests.agents.optimal_worlds import REVERTING, SOLVABLE, every_solvable_market, shrunk
from tests.worlds import within, world


def worth(market, actions):
    return average_reward(market, actions) if isinstance(market.clock, Ergodic) else evaluate(market, actions).objective


def best_worth(found):
    return found.objective if found.rate is None else found.rate


def test_the_markets_of_the_literature_are_solvable():
    literature = {"avellaneda_stoikov", "cartea_jaimungal", "adverse_selection", "glft", "amzn", "aapl", "amzn_ergodic"}
    assert literature <= set(SOLVABLE)


@every_solvable_market
def test_the_optimum_is_worth_what_the_evaluation_of_its_table_says(name):
    market = shrunk(name)
    found = optimum(market)
    assert worth(market, found.table().actions) == pytest.approx(best_worth(found), rel=1e-12)


@every_solvable_market
def test_no_perturbed_table_is_worth_more(name):
    market, random = shrunk(name), np.random.default_rng(0)
    found = optimum(market)
    actions, best = found.table().actions, best_worth(found)
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        other = np.clip(actions + scale * random.uniform(-1.0, 1.0, actions.shape), -1.0, 1.0)
        assert worth(market, other) < best
    for _ in range(20):  # one quote of one moment at one inventory
        other, place = actions.copy(), tuple(random.integers(actions.shape))
        other[place] = random.uniform(-1.0, 1.0)
        assert worth(market, other) <= best + 1e-12 * abs(best)


@every_solvable_market
def test_no_closed_form_is_worth_more_than_the_optimum(name):
    market = shrunk(name)
    best, q = best_worth(optimum(market)), inventory_levels(market) / market.order_size
    times = market.clock.step_length * np.arange(market.clock.steps, 0, -1)[:, None]
    for strategy in closed_forms(market):
        depths = strategy.depths(q, times if not isinstance(market.clock, Ergodic) else times[:1])
        assert worth(market, market.quote.encode(depths)) <= best + 1e-12 * abs(best), strategy


def closed_forms(market):
    sigma, k, rate = theory(market).sigma, market.venue.fill.bid.k, market.venue.flow.bid.rate
    gamma = getattr(market.reward, "gamma", None) or 2.0 * market.reward.phi / sigma**2
    phi, alpha = 0.5 * gamma * sigma**2, getattr(market.reward, "alpha", 0.0)
    horizon, orders = market.clock.horizon, round(market.max_inventory / market.order_size)
    jump = getattr(market.venue.impact.bid, "mean", 0.0)
    return [
        FixedSymmetric(1.0 / k),
        LinearSkew(1.0 / k, 0.25 / k),
        AvellanedaStoikov(gamma, sigma, k, horizon),
        AvellanedaStoikovStationary(gamma, sigma, k, orders),
        AvellanedaStoikovSymmetric(gamma, sigma, k, horizon),
        GLFT(gamma, sigma, k, rate, horizon, orders),
        GLFTAsymptotic(gamma, sigma, k, rate),
        CarteaJaimungal(rate, k, phi, alpha, horizon, orders, jump),
        CarteaJaimungalStationary(rate, k, phi, orders, jump),
    ]


@every_solvable_market
def test_bids_deepen_and_asks_come_closer_the_more_is_held(name):
    market = shrunk(name)
    depths = optimum(market).table().depths()
    assert (np.diff(depths[:, :-1, 0], axis=1) >= -1e-6).all()  # at the limits the closed side quotes nothing
    assert (np.diff(depths[:, 1:, 1], axis=1) <= 1e-6).all()


# acting


@pytest.mark.parametrize("size", [1.0, 0.1])
def test_the_optimum_acts_by_its_table(size):
    market = world(order_size=size, max_inventory=round(3 * size, 9), inventory_scale=2 * size)
    found = optimum(market)
    seen = np.array([[q / 2.0, 1.0 - t / 5.0] for t in range(5) for q in range(-3, 4)], np.float32)
    np.testing.assert_array_equal(found.act(seen).reshape(5, 7, 2), found.table().actions)


def test_on_a_grid_the_optimum_acts_by_whole_numbers():
    market = world(quote=Grid(max_half_spread=2.0, max_skew=2.0))
    found = optimum(market)
    actions = found.act(np.array([[0.0, 1.0], [1.5, 0.2]], np.float32))
    assert actions.dtype == np.int64
    assert actions.tolist() == [found.actions[0, 0, 3, 0], found.actions[4, 0, 6, 0]]


def test_between_the_nodes_of_a_latent_state_a_choice_is_that_of_a_node():
    market = replace(REVERTING, quote=Grid(max_half_spread=2.0, max_skew=2.0, half_spreads=5, skews=5))
    found = optimum(market, 11)
    for left, right in zip(found.axis.nodes[:-1], found.axis.nodes[1:]):
        between = np.array([[0.5, 0.5, 0.7 * left + 0.3 * right]], np.float32)
        either = [found.act(np.array([[0.5, 0.5, x]], np.float32))[0] for x in (left, right)]
        assert found.act(between)[0] in either


@pytest.mark.parametrize("name", ["cartea_jaimungal", "glft"])
def test_simulated_the_optimum_earns_its_value(name):
    market = shrunk(name)
    found = optimum(market)
    assert within(play(market, found, 100_000, 0).objective, found.objective)


# what has no exact optimum


class Flat(Reward):
    """A user's own objective."""

    @rule
    def reward(self, outcome):
        return outcome.wealth_change - abs(outcome.inventory)


@pytest.mark.parametrize(("parts", "reason"), [
    ({"price": Geometric(sigma=0.02)}, "price: Geometric has no law of its moves that is the same at every mid"),
    ({"reward": Flat()}, r"reward has no exact recursion over \(time, inventory\): Flat\(\)"),
    ({"reward": AsymmetricDamping(0.5)}, "reward has no exact recursion"),
    ({"fees": ProportionalFees(maker=1e-4)}, "fees has no exact recursion"),
    ({"price": Brownian(sigma=np.array([1.0, 2.0]))}, r"price.sigma differs by lane: \[1. 2.\]"),
    ({"initial_mid": Uniform(90.0, 110.0)}, r"initial_mid differs by lane: Uniform"),
    ({"venue": Dealer(Poisson(10.0), Exponential(1.0), FillImpact(0.1)), "reward": CARA(0.1)},
     "impact has no exact recursion under this reward: FillImpact"),
    ({"clock": Ergodic(1.0, 10), "reward": CARA(0.1)}, "CARA utility is of the wealth at the end"),
    ({"clock": Ergodic(1.0, 10), "price": OrnsteinUhlenbeck(1.0, 1.0, 100.0)}, "a price without a state that matters"),
])  # fmt: skip
def test_what_stands_in_the_way_is_named(parts, reason):
    with pytest.raises(Unsolvable, match=reason):
        optimum(world(**parts))
