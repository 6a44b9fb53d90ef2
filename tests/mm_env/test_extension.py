"""Models of one's own, from one's own module: machine code and Python agree to the bit."""

from pathlib import Path

import numpy as np
import pytest

from mm_env import (
    Brownian,
    Dealer,
    Exponential,
    FiniteHorizon,
    InventoryPenalty,
    MarketMakingVectorEnv,
    Poisson,
    Price,
    rule,
)
from mm_env.core.component import record
from mm_env.simulation import Simulation
from tests.mm_env import user_models as mine
from tests.worlds import random_actions, same_bits, story, within, world

ROOT = Path(__file__).parents[2]
HESTON = mine.Heston(mean=0.3, speed=2.0, vol=0.4)
MARKETS = {
    "price": world(price=HESTON, reward=InventoryPenalty(phi=0.1, noise=0.5)),
    "everything else": world(
        venue=Dealer(mine.Clusters(9.0), mine.Step(0.5), mine.Fixed(0.1)),
        reward=mine.Drawdown(0.5),
        quote=mine.Tick(0.25),
        fees=mine.Tiered(maker=0.1, above=99.0),
        clock=mine.Session(0.5, 5),
    ),
    "venue": world(price=HESTON, venue=mine.Alternating(0.5)),
}


@pytest.mark.parametrize("name", MARKETS)
def test_models_of_ones_own_compile_to_the_bits_of_python(name):
    actions = random_actions(MARKETS[name], 70)
    made, plain = (story(Simulation(MARKETS[name], 70, interpreted=i), 1, actions, 7) for i in (False, True))
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))
    assert np.isfinite(made[-1]).all()


def test_a_latent_state_follows_its_own_law():
    simulation = Simulation(MARKETS["price"], 20_000)
    simulation.start(3)
    assert (simulation.state.world.price.variance == 0.3).all()
    for _ in range(5):
        simulation.step(np.zeros(40_000))
    assert within(simulation.state.world.price.variance, 0.3)
    shocks = simulation.state.world.price.shock
    assert within(shocks, 0.0)
    assert within(shocks**2, 1.0)


def test_a_latent_state_is_shown_where_it_is_declared():
    env = MarketMakingVectorEnv(MARKETS["price"], 5)
    assert env.market.observation_names == ("inventory", "time_left", "variance")
    env.reset(seed=0)
    observations = env.step(np.zeros((5, 2)))[0]
    shown = (env.simulation.state.world.price.variance / 0.3 - 1.0).astype(np.float32)
    assert same_bits(observations[:, 2], shown)


def test_a_latent_state_starts_anew_with_each_episode():
    simulation = Simulation(MARKETS["price"], 3)
    simulation.start(0)
    simulation.step(np.zeros(6))
    simulation.restart(np.array([True, False, False]))
    assert (simulation.state.world.price.variance == 0.3).tolist() == [True, False, False]


def test_parameters_of_ones_own_model_are_checked_and_may_differ_by_lane():
    with pytest.raises(ValueError, match=r"Heston\.speed must be > 0, got 0"):
        mine.Heston(mean=1.0, speed=0, vol=1.0)
    market = world(price=mine.Heston(mean=np.array([0.1, 0.5]), speed=1.0, vol=0.1))
    simulation = Simulation(market, 2)
    simulation.start(0)
    assert simulation.state.world.price.variance.tolist() == [0.1, 0.5]


def test_a_model_made_inside_a_function_works():
    class Drift(Price):
        @rule
        def move(self, mid, latent, noise, dt):
            return mid + dt

    simulation = Simulation(world(price=Drift(), clock=FiniteHorizon(4.0, 4)), 1)
    simulation.start(0)
    simulation.step(np.ones(2))
    assert simulation.state.mid.tolist() == [101.0]


def test_the_rules_of_a_parent_are_inherited():
    class Faster(mine.Step):
        def take(self, depth):
            return 0.5

    assert record(Faster(1.0)).take(9.0) == 0.5
    assert record(Dealer(Poisson(1.0), Faster(1.0))).fill.bid.take(0.0) == 0.5
    assert record(Dealer(Poisson(1.0), Exponential(1.0))).fill.ask.take(0.0) == 1.0


def test_a_model_that_forgets_its_rule_says_so():
    class Empty(Price):
        pass

    simulation = Simulation(world(price=Empty()), 1, interpreted=True)
    simulation.start(0)
    with pytest.raises(NotImplementedError):
        simulation.step(np.zeros(2))
    assert isinstance(Brownian(1.0), Price)
