"""Other outcomes of a step: alike in law, independent, and without a trace in the lanes that they branch from."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env import Brownian, Poisson
from mm_env.controls import Controls
from mm_env.resampled import Branches
from mm_env.simulation import Simulation
from tests.mm_env.recorded_days import random_day
from tests.mm_env.test_replay_markets import market_of
from tests.worlds import BOOKS, COVERING, numbers, random_actions, same_bits, within, world

LANES, COUNT = 5_000, 3


def under_way(market, lanes=LANES, steps=2):
    """A simulation after a few steps, and actions for the next one."""
    simulation, actions = Simulation(market, lanes), random_actions(market, lanes).reshape(-1)
    simulation.start(7)
    for _ in range(steps):
        simulation.step(actions)
    return simulation, actions


@pytest.mark.parametrize("name", COVERING)
def test_lanes_go_on_as_if_nobody_had_branched_from_them(name):
    (one, actions), (other, _) = under_way(COVERING[name], 70), under_way(COVERING[name], 70)
    tried = Branches(one, COUNT).step(actions)
    assert tried.observations.shape == (COUNT, 70, len(COVERING[name].observation_names))
    for here, there in zip(one.step(actions), other.step(actions), strict=True):
        assert same_bits(here, there)
    assert same_bits(numbers(one), numbers(other))


@pytest.mark.parametrize("name", COVERING)
def test_branches_and_lane_are_alike_in_law(name):
    """Lane by lane the differences of reward, of the gain, and of all that is seen, have mean zero; so have those of their
    squares."""
    simulation, actions = under_way(COVERING[name])
    tried, before = Branches(simulation, COUNT).step(actions), simulation.profits
    seen, rewards, ended, _ = simulation.step(actions)
    assert (tried.ended == ended).all()
    earned = [(tried.rewards, rewards), (tried.gains, simulation.profits - before)]
    for there, here in [*earned, *zip(np.moveaxis(tried.observations, 2, 0), seen.T, strict=True)]:
        for power in (1, 2):
            assert within((there.astype(float) ** power).mean(axis=0) - here.astype(float) ** power, 0.0, errors=5.0)


@pytest.mark.parametrize("name", ["brownian", next(iter(BOOKS))])
def test_branches_are_independent_of_each_other_and_of_the_lane(name):
    """From one and the same state by the same action: no two of them are correlated over the lanes."""
    market = COVERING[name]
    simulation = Simulation(market, 1)
    simulation.start(0)
    many = Simulation(market, LANES)
    many.copy_state_from(simulation)
    actions = np.tile(random_actions(market, 1).reshape(-1), LANES)
    tried = Branches(many, COUNT).step(actions).rewards
    rewards = many.step(actions)[1]
    correlations = np.corrcoef([*tried, rewards])[np.triu_indices(COUNT + 1, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(LANES)


def test_a_branch_is_a_function_of_seed_lane_branch_episode_and_step():
    one, actions = under_way(world())
    other, _ = under_way(world())
    first, again = Branches(one, COUNT).step(actions), Branches(other, COUNT).step(actions)
    assert all(same_bits(here, there) for here, there in zip(first, again, strict=True))
    one.step(actions)
    assert not same_bits(Branches(one, COUNT).step(actions).rewards, first.rewards)


def test_branches_have_the_parameters_of_their_lane():
    """One unit held for a step gains or loses dS, of variance sigma^2 dt; nobody trades."""
    market = world(price=Brownian(1.0), initial_inventory=1.0)
    market = replace(market, venue=replace(market.venue, flow=Poisson(0.0)))
    simulation = Simulation(market, LANES)
    sigma = np.linspace(0.0, 5.0, LANES)
    simulation.start(0)
    Controls(simulation, {"price.sigma": (0.0, 5.0)}).set(sigma[:, None])
    rewards = Branches(simulation, COUNT).step(np.zeros(2 * LANES)).rewards
    gains = rewards - rewards[:, :1]  # lane 0 has no risk: what is left there is the penalty
    assert within((gains**2 - sigma**2 * market.clock.step_length).mean(axis=0), 0.0)
    assert (gains[:, 0] == 0.0).all()


def test_a_recorded_day_has_no_other_outcome(tmp_path):
    market = market_of(random_day(tmp_path / "day.zip", seed=1, levels=25, events=3000))
    with pytest.raises(ValueError, match=r"branches need a market that is drawn, and .* happened once: branches=0"):
        Branches(Simulation(market, 2), 1)


@pytest.mark.parametrize("count", [0, 1.5, True])
def test_there_is_at_least_one_branch(count):
    with pytest.raises((TypeError, ValueError), match="branches must be"):
        Branches(Simulation(world(), 2), count)


def test_parameters_of_each_lane_are_refused_by_name():
    market = world(price=Brownian(np.array([1.0, 2.0])))
    with pytest.raises(ValueError, match=r"branches need one value of Market.price.sigma for all lanes"):
        Branches(Simulation(market, 2), 1)
