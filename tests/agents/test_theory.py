"""What closed forms take of a market: today's numbers for every registered market, and components of a user's own."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import agents
from agents.strategies.theory import theory
from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Dealer,
    DepthImpact,
    Exponential,
    Fill,
    Flow,
    Geometric,
    InventoryPenalty,
    Linear,
    NoImpact,
    Poisson,
    Positive,
    Price,
    Reward,
    Sides,
    Uniform,
    Venue,
    rule,
)
from mm_env.core.maths import exp, normal
from mm_env.envs.registration import IDS
from mm_env.markets import market_named
from tests.worlds import thinned, world

FILE = Path(__file__).with_name("theory.json")
KNOWN = json.loads(FILE.read_text(encoding="utf-8"))
LONG = {
    "amzn_book",
    "amzn_reactive",
    "hawkes",
    "small_hawkes",
    "small_queue_reactive",
}  # estimated as the other books are, over tens of seconds


def test_every_registered_market_is_known():
    assert set(IDS.values()) == set(KNOWN) | LONG


@pytest.mark.parametrize("name", thinned(sorted(KNOWN), {"queue_reactive", "small_book"}))
def test_strategies_have_the_parameters_that_they_had(name):
    market = market_named(name)
    for form, expected in KNOWN[name].items():
        made = getattr(agents, form).of(market)
        found = {field.name: getattr(made, field.name) for field in fields(made)}
        assert {name: value for name, value in found.items() if value is not None} == pytest.approx(expected, rel=1e-12)


def test_what_is_given_takes_the_place_of_what_the_market_says():
    market = market_named("avellaneda_stoikov")
    mine = agents.GLFT.of(market, gamma=0.7, A=None)
    assert mine == replace(agents.GLFT.of(market), gamma=0.7)
    assert agents.AvellanedaStoikovStationary.of(market, omega=500.0).omega == 500.0
    assert agents.FixedSymmetric.of(market).half_spread == 1.0 / market.venue.fill.bid.k
    with pytest.raises(
        TypeError, match="GLFT has the parameters gamma, sigma, k, A, horizon, max_inventory, got kappa, phi"
    ):
        agents.GLFT.of(market, phi=0.1, kappa=1.0)


# components of one's own


class Gusty(Price):
    gust: Positive

    @property
    def sigma(self):
        return 0.5 * self.gust

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + self.gust * dt * normal(noise.price)


class Scaled(Fill):
    scale: Positive

    @property
    def k(self):
        return 1.0 / self.scale

    @rule
    def take(self, depth):
        return exp(-depth / self.scale)


class Busy(Flow):
    rate: Positive

    @rule
    def probability(self, take, dt):
        return 1.0 - exp(-self.rate * take * dt)


class Squared(Reward):
    phi: Positive

    @rule
    def reward(self, outcome):
        return outcome.wealth_change - self.phi * outcome.inventory**2 * outcome.dt


def test_components_of_ones_own_go_with_every_strategy():
    market = world(price=Gusty(4.0), venue=Dealer(Busy(10.0), Scaled(0.5)), reward=Squared(0.3), order_size=1.0)
    found = theory(market)
    assert (found.sigma, found.rate, found.k, found.jump, found.phi, found.alpha) == (2.0, 10.0, 2.0, 0.0, 0.3, 0.0)
    assert found.gamma == 2.0 * 0.3 / 2.0**2
    assert (found.horizon, found.orders, found.half_spread) == (market.clock.horizon, 3, 0.5)
    for form in KNOWN["amzn"]:
        assert np.isfinite(getattr(agents, form).of(market).depths(np.array([-1.0, 0.0, 1.0]), 0.1)).all()


def test_an_impact_by_depth_is_that_of_a_fill_where_who_does_not_mind_inventory_quotes():
    impact = DepthImpact(base=0.1, slope=0.2)
    assert theory(world(venue=Dealer(Poisson(9.0), Exponential(4.0), impact))).jump == pytest.approx(0.1 + 0.2 / 4.0)
    assert theory(world(venue=Dealer(Poisson(9.0), Linear(1.0), ArrivalImpact(0.3)))).jump == 0.3


class Bazaar(Venue):
    k: Positive
    rate: Positive
    mean: Positive


def test_a_venue_without_flow_and_fill_may_say_it_itself():
    market = replace(world())
    object.__setattr__(market, "venue", Bazaar(3.0, 7.0, 0.1))
    assert (theory(market).k, theory(market).rate) == (3.0, 7.0)


def test_under_cara_the_penalty_follows_from_the_aversion_and_back():
    market = world(reward=CARA(0.4), order_size=0.5, max_inventory=1.5)
    sigma = theory(market).sigma
    assert theory(market).gamma == 0.4 * 0.5
    assert theory(market).phi == 0.5 * 0.4 * sigma**2 * 0.5
    penalised = replace(market, reward=InventoryPenalty(phi=0.5 * 0.4 * sigma**2, alpha=0.2))
    assert theory(penalised).gamma == pytest.approx(theory(market).gamma)
    assert theory(penalised).alpha == 0.1


# what a market does not say


def on(**venue):
    parts = {"flow": Poisson(9.0), "fill": Exponential(2.0), "impact": NoImpact()} | venue
    return world(venue=Dealer(**parts))


@pytest.mark.parametrize(("market", "quantity", "said"), [
    (on(fill=Linear(1.0)), "k",
     r"fills that decay as exp\(-k depth\), market\.venue\.fill\.k, and Linear has none \(a class of your own says it by a "
     r"field or a property k\)$"),
    (on(flow=Sides(Poisson(9.0), Poisson(8.0))), "rate",
     r"one rate of orders for both sides, market\.venue\.flow\.rate, and each side has its own$"),
    (on(impact=Sides(ArrivalImpact(0.1), NoImpact())), "jump", r"one mean jump .*, and each side has its own$"),
    (on(flow=Poisson(Uniform(1.0, 2.0))), "rate",
     r"market\.venue\.flow\.rate to be one number, got the distribution Uniform$"),
    (world(price=Geometric(0.1)), "sigma", r"sigma in price units, and that of Geometric is a share of the price$"),
    (world(reward=AsymmetricDamping(0.1)), "gamma", r"a risk aversion \(gamma, or phi .* and AsymmetricDamping has none"),
    (world(reward=InventoryPenalty(phi=np.array([0.1, 0.2]))), "phi", r"market\.reward\.phi to be one number, got several$"),
])  # fmt: skip
def test_what_a_market_does_not_say_is_refused_with_the_part_and_what_to_add(market, quantity, said):
    with pytest.raises(ValueError, match=f"^the theory wants {said}"):
        getattr(theory(market), quantity)


def test_sides_that_agree_are_one():
    assert theory(on(fill=Sides(Exponential(2.0), Exponential(2.0)))).k == 2.0


def test_a_number_that_a_strategy_cannot_take_is_told_where_it_came_from():
    free = world(reward=InventoryPenalty(phi=0.0))
    with pytest.raises(ValueError, match=r"^GLFT\.gamma must be > 0, got 0\.0 \(of market\.reward\)$"):
        agents.GLFT.of(free)
    with pytest.raises(ValueError, match=r"^GLFT\.gamma must be > 0, got -1\.0$"):
        agents.GLFT.of(free, gamma=-1.0)
