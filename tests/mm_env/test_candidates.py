"""Candidates in the kernel act as they do step by step, on the same noise, and as a table of the same actions does."""

from dataclasses import replace

import numpy as np
import pytest

from agents.learning.evolved import QuadraticPolicy
from agents.policy import play
from mm_env import Grid
from mm_env.candidates import QuadraticForm
from mm_env.markets import market_named
from mm_env.simulation import Simulation

GRID = replace(market_named("cartea_jaimungal"), quote=Grid(max_half_spread=4.0, max_skew=4.0))


def weights_of(form, count, scale=0.3):
    return scale * np.random.default_rng(0).normal(size=(count, form.outputs, form.features))


def step_by_step(form, weights, episodes, seed):
    simulation = Simulation(form.market, len(weights) * episodes)
    form._step_by_step(simulation, weights, simulation.start_copies(seed, len(weights)))
    return simulation.state.tally.objective.reshape(len(weights), episodes)


@pytest.mark.parametrize("market", [market_named("cartea_jaimungal"), GRID], ids=["numbers", "grid"])
def test_the_kernel_plays_what_is_played_step_by_step(market):
    form = QuadraticForm(market)
    weights = weights_of(form, 3)
    fast, slow = form.objectives(weights, 64, 5), step_by_step(form, weights, 64, 5)
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9 * abs(slow).max())


def test_python_and_machine_code_agree():
    market = replace(market_named("cartea_jaimungal"), clock=replace(market_named("cartea_jaimungal").clock, steps=5))
    form = QuadraticForm(market)
    weights, found = weights_of(form, 2), []
    for interpreted in (False, True):
        simulation = Simulation(market, 128, interpreted=interpreted)
        simulation.start_copies(1, 2)
        form._in_kernel(simulation, weights, 64)
        found.append(simulation.state.tally.objective)
    np.testing.assert_array_equal(*found)


def test_all_candidates_meet_the_same_noise():
    form = QuadraticForm(market_named("cartea_jaimungal"))
    weights = np.repeat(weights_of(form, 1), 3, axis=0)
    found = form.objectives(weights, 64, 5)
    assert (found == found[0]).all()
    assert len(np.unique(found[0])) > 50
    assert not (form.objectives(weights, 64, 6) == found).any()


def test_a_candidate_earns_what_the_policy_of_its_weights_does():
    market = market_named("cartea_jaimungal")
    form = QuadraticForm(market)
    weights = weights_of(form, 1)
    found = form.objectives(weights, 128, 9)[0]
    np.testing.assert_allclose(found, play(market, QuadraticPolicy(market, weights[0]), 128, 9).objective, rtol=1e-9)


def test_what_cannot_be_is_refused():
    form = QuadraticForm(market_named("cartea_jaimungal"))
    with pytest.raises(ValueError, match="multiple of 64, got 100"):
        form.objectives(weights_of(form, 1), 100, 0)
