"""Mirror descent on every action's lookahead: what is looked ahead to, what is stepped to, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.exact.small_book import SmallBook
from agents.learning.learner import Learner
from agents.learning.mirror import MDPO
from mm_env import CARA
from mm_env.resampled import EveryAction
from mm_env.simulation import Simulation
from tests.agents.test_small_book import MARKET, tiny
from tests.worlds import within, world

SETTINGS = {"n_steps": 8, "batch_size": 64, "n_epochs": 1, "learning_rate": 0.0}


def learner(**parts):
    told = {"total_steps": 512, "num_envs": 32, "branches": 2, "one_hot": True, "settings": SETTINGS}
    return Learner("MDPO", **{**told, **parts})


@pytest.fixture(scope="module")
def model():
    return learner().model(MARKET, 0)


def test_each_action_is_tried_with_the_mean_that_it_has_exactly():
    simulation, states, random = Simulation(MARKET, 500), SmallBook.of(MARKET), np.random.default_rng(0)
    simulation.start(3)
    for _ in range(5):
        simulation.step(random.integers(0, 16, 500).astype(np.float64))
    place = states.places(simulation.books, simulation.state.account.inventory)
    tried = EveryAction(simulation, 16, 8).step(np.zeros(500)).rewards.reshape(16, 8, 500)
    for action in range(16):
        expected = states.sent_gain[place, action] + states.gain[states.sent[place, action]]
        assert within((tried[action] - expected).ravel(), 0.0)


def test_actions_that_come_to_the_same_orders_meet_the_same_outcomes():
    simulation, states = Simulation(MARKET, 500), SmallBook.of(MARKET)
    simulation.start(3)
    place = states.places(simulation.books, simulation.state.account.inventory)
    tried = EveryAction(simulation, 16, 2).step(np.zeros(500))
    seen = tried.observations.reshape(16, 2, 500, -1)
    same = np.flatnonzero(states.sent[place, 0] == states.sent[place, 5])
    assert len(same) > 50
    np.testing.assert_array_equal(seen[0][:, same], seen[5][:, same])


def test_the_lanes_themselves_go_on_as_without_being_tried():
    simulation, other = Simulation(MARKET, 100), Simulation(MARKET, 100)
    actions = np.random.default_rng(0).integers(0, 16, 100).astype(np.float64)
    for one in (simulation, other):
        one.start(3)
    EveryAction(simulation, 16, 2).step(actions)
    for seen, wanted in zip(simulation.step(actions), other.step(actions), strict=True):
        np.testing.assert_array_equal(seen, wanted)


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_it_steps_to_the_policy_times_the_exponential_of_what_actions_are_worth(memory):
    model = learner(settings={**SETTINGS, "memory": memory, "temperature": 0.5}).model(MARKET, 0)
    model.learn(256)
    observations, _, targets = model._lessons()
    with torch.no_grad():
        policy = torch.softmax(model._log_chances(observations), dim=1).numpy().astype(float)
    stepped = policy**memory * np.exp(model.rollout_buffer.worth.reshape(policy.shape) / 0.5)
    found = np.exp(targets.numpy().astype(float))
    np.testing.assert_allclose(
        found / found.sum(axis=1, keepdims=True), stepped / stepped.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-8
    )


def test_what_is_expected_of_a_step_is_the_policys_mean_over_the_worths_of_actions(model):
    model.learn(256)
    buffer = model.rollout_buffer
    with torch.no_grad():
        seen = torch.from_numpy(buffer.observations).flatten(0, 1)
        chances = torch.softmax(model._log_chances(seen), dim=1).numpy().reshape(buffer.worth.shape)
    np.testing.assert_allclose((chances * buffer.worth).sum(axis=2), buffer.expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("parts", "market", "reason"), [
    ({"branches": 0}, MARKET, "branches must be >= 1 for MDPO"),
    ({}, world(), "MDPO needs a grid of actions"),
    ({}, replace(MARKET, reward=CARA(0.1)), "MDPO needs rewards that add up over steps"),
])  # fmt: skip
def test_what_it_cannot_learn_from_is_refused(parts, market, reason):
    with pytest.raises(ValueError, match=reason):
        learner(**parts).check(market)


def test_a_temperature_is_positive():
    with pytest.raises(ValueError, match=r"MDPO\.temperature must be > 0"):
        MDPO("MlpPolicy", None, temperature=0.0, _init_setup_model=False)


@pytest.mark.slow
def test_it_comes_close_to_the_optimum_of_a_tiny_book():
    from agents.exact.small_book import book_optimum
    from agents.exact.small_book_worth import worth_in

    market = tiny(20)
    best, _, constant = book_optimum(market, 1000)
    settings = {"n_steps": 16, "batch_size": 512, "n_epochs": 4, "learning_rate": 3e-3, "max_grad_norm": 10.0}
    policy = learner(num_envs=64, total_steps=100_000, reward_scale=10.0, settings=settings).train(market, 0)
    assert (worth_in(best, policy) - constant) / (best.objective - constant) > 0.8
