"""What a market shows, where it starts, and what it refuses to be made of."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Bernoulli,
    Binomial,
    Brownian,
    Dealer,
    Ergodic,
    Exponential,
    FillImpact,
    FiniteHorizon,
    Integers,
    InventoryPenalty,
    LogUniform,
    Market,
    OrnsteinUhlenbeck,
    Price,
    Sides,
    Uniform,
    rule,
)
from mm_env.core.noise import draw
from mm_env.simulation import Simulation
from tests.worlds import random_actions, stepped, world


class Unforeseen(Price):
    """A price that does not say what it expects."""

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + noise.price[0] - 0.5


def episode_rewards(market: Market):
    """The rewards of each step of an episode of random actions."""
    simulation = Simulation(market, 9, interpreted=True)
    simulation.start(3)
    for step in range(market.clock.steps):
        yield simulation.step(random_actions(market, 9, step).reshape(-1))[1]


def test_the_initial_inventory_is_no_profit():
    for start in (-3.0, 0.0, 2.0):
        simulation = Simulation(world(initial_inventory=start), 2, interpreted=True)
        simulation.start(0)
        assert (simulation.state.account.inventory == start).all()
        assert not simulation.state.tally.profit.any()
        assert not simulation.state.account.cash.any()


def test_a_random_initial_inventory_has_its_law_and_differs_between_episodes():
    simulation = Simulation(world(initial_inventory=Integers(-3, 3)), 7_000)
    simulation.start(0)
    counts = np.unique(simulation.state.account.inventory, return_counts=True)
    assert counts[0].tolist() == [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    assert ((counts[1] - 1_000) ** 2 / 1_000).sum() < 6 + 4 * math.sqrt(12)
    before = simulation.state.account.inventory
    simulation.restart(np.ones(7_000, np.bool_))
    assert abs(np.corrcoef(before, simulation.state.account.inventory)[0, 1]) < 4 / math.sqrt(7_000)


def test_the_agent_sees_inventory_and_the_time_left():
    market = world(initial_inventory=-1.0)
    assert market.observation_names == ("inventory", "time_left")
    simulation = Simulation(market, 1, interpreted=True)
    assert simulation.start(0).tolist() == [[-0.5, 1.0]]
    for step in range(1, 6):
        observations = simulation.step(np.ones(2))[0]
        inventory = simulation.state.account.inventory[0]
        assert observations.tolist() == [[inventory / 2, float(np.float32(1 - step / 5))]]


def test_an_ergodic_market_shows_no_time_and_charges_no_end():
    market = world(clock=Ergodic(2.0, 2), reward=InventoryPenalty(alpha=1e9), initial_inventory=3.0)
    assert market.observation_names == ("inventory",)
    assert all(np.abs(rewards).max() < 1e3 for rewards in episode_rewards(market))
    finite = replace(market, clock=FiniteHorizon(2.0, 2))
    assert [rewards.max() < -1e8 for rewards in episode_rewards(finite)] == [False, True]


def test_the_agent_sees_the_signals_of_the_price():
    market = world(price=OrnsteinUhlenbeck(sigma=2.0, speed=0.5, mean=97.0))
    assert market.observation_names == ("inventory", "time_left", "mid_deviation")
    simulation = Simulation(market, 1, interpreted=True)
    assert simulation.start(0)[0, 2] == np.float32(3.0 / 2.0)  # the stationary deviation is 2 / sqrt(2 * 0.5)


def test_the_observation_space_holds_the_limit():
    space = world().observation_space
    assert space.low.tolist() == [-1.5, 0.0]
    assert space.high.tolist() == [1.5, 1.0]
    assert space.dtype == np.float32


def test_rewards_are_finite_for_a_price_that_says_nothing_of_what_it_expects():
    for reward in (InventoryPenalty(phi=0.1), CARA(0.1), AsymmetricDamping(0.5)):
        _, rewards = stepped(world(price=Unforeseen(), reward=reward), [0.0, 0.0])
        assert np.isfinite(rewards).all()


@pytest.mark.parametrize("noise", [0.5, Uniform(0.0, 1.0), np.array([1.0, 0.0])])
def test_noise_can_be_taken_out_only_of_a_price_that_knows_what_it_expects(noise):
    with pytest.raises(ValueError, match=r"noise must be 1 unless the price gives its `expected` move"):
        world(price=Unforeseen(), reward=InventoryPenalty(noise=noise))
    world(price=Brownian(1.0), reward=InventoryPenalty(noise=noise))


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"max_inventory": 0.0}, ValueError, "Market.max_inventory must be > 0, got 0.0"),
        ({"max_inventory": 2.5}, ValueError, "Market.max_inventory must be whole order sizes of 1, got 2.5"),
        ({"max_inventory": np.ones(3)}, TypeError, "Market.max_inventory must be the same in all lanes"),
        ({"order_size": Uniform(1.0, 2.0)}, TypeError, "Market.order_size must be the same in all lanes"),
        ({"order_size": 2.0}, ValueError, "Market.max_inventory must be whole order sizes of 2, got 3.0"),
        ({"inventory_scale": np.ones(3)}, TypeError, "Market.inventory_scale must be the same in all lanes"),
        ({"clock": FiniteHorizon(np.ones(3), 5)}, TypeError, "FiniteHorizon.horizon must be the same in all lanes"),
        ({"clock": FiniteHorizon(1.0, Integers(3, 5))}, TypeError, "FiniteHorizon.steps must be the same in all lanes"),
        ({"initial_inventory": 4.0}, ValueError, "Market.initial_inventory must lie in [-max_inventory, max_"),
        ({"initial_inventory": Integers(-4, 0)}, ValueError, "Market.initial_inventory must lie in [-max_inventory"),
        ({"initial_inventory": np.array([0.0, -5.0])}, ValueError, "Market.initial_inventory must lie in [-max_inventory"),
        ({"initial_inventory": 0.5}, ValueError, "Market.initial_inventory must be whole order sizes of 1, got 0.5"),
        ({"initial_inventory": np.array([0.0, 1.5])}, ValueError, "Market.initial_inventory must be whole order sizes"),
        ({"initial_inventory": Uniform(-2.0, 2.0)}, ValueError, "Market.initial_inventory must be whole order sizes"),
        ({"initial_inventory": LogUniform(1.0, 2.0)}, ValueError, "Market.initial_inventory must be whole order sizes"),
        (
            {"initial_inventory": Integers(-2, 2), "order_size": 2.0, "max_inventory": 4.0},
            ValueError,
            "Market.initial_inventory must be whole order sizes",
        ),
        ({"initial_mid": math.inf}, ValueError, "Market.initial_mid must be a finite number, got inf"),
    ],
)  # fmt: skip
def test_a_market_is_checked_where_it_is_made(parts, error, message):
    with pytest.raises(error) as raised:
        world(**parts)
    assert str(raised.value).startswith(message)


def test_impact_on_arrival_moves_the_mid_though_we_are_not_filled():
    market = world(
        price=Binomial(0.0),
        venue=Dealer(Bernoulli(1.0), Exponential(1e3), Sides(ArrivalImpact(0.5), FillImpact(0.5))),
        clock=FiniteHorizon(1.0, 1),
    )
    simulation, _ = stepped(market, [1.0, 0.0])
    assert simulation.state.tally.fills[0] == 0.0
    assert simulation.state.tally.arrivals[0] == 2.0
    assert simulation.state.mid[0] == pytest.approx(100 + 0.5 * math.log(draw(0, 0, 0, 0).bid_jump), rel=1e-15)
