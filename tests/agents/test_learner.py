"""Learners: what they refuse, what they learn on, and that the same seed learns the same."""

from dataclasses import replace

import numpy as np
import pytest

from agents.learning.learner import Learner
from agents.learning.sb3 import ALGORITHMS
from agents.policy import play
from mm_env import CARA, Grid, InventoryPenalty, Price, rule
from tests.worlds import world

SHORT = {"n_steps": 16, "batch_size": 64, "n_epochs": 2, "policy_kwargs": {"net_arch": [8]}}


@pytest.mark.parametrize(("wrong", "message"), [
    ({"algorithm": "PPOO"}, "Learner.algorithm must be one of PPO, A2C, SAC, TD3, DQN, TQC, RecurrentPPO, CompiledPPO, QRDQN, "
     "got 'PPOO'"),
    ({"total_steps": 0}, r"Learner.total_steps must be a whole number in \[1, 2.14748e\+09\], got 0"),
    ({"total_steps": 1.5}, "Learner.total_steps must be a whole number"),
    ({"num_envs": -1}, "Learner.num_envs must be a whole number"),
    ({"num_envs": "8"}, "Learner.num_envs must be a whole number"),
    ({"noise": 1.1}, r"Learner.noise must be in \[0, 1\], got 1.1"),
    ({"noise": float("nan")}, r"Learner.noise must be in \[0, 1\], got nan"),
    ({"reward_scale": 0.0}, "Learner.reward_scale must be > 0, got 0.0"),
    ({"reward_scale": np.array([1.0, 2.0])}, "Learner.reward_scale must be one number, > 0"),
])  # fmt: skip
def test_a_setting_is_refused_by_name_rule_and_value(wrong, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        Learner(**{"algorithm": "PPO", "total_steps": 100, **wrong})


def test_an_unknown_setting_of_the_algorithm_is_refused_by_name():
    learner = Learner("PPO", 100, settings={"learning_rat": 1e-3})
    with pytest.raises(TypeError, match="learning_rat"):
        learner.model(world(), seed=0)


@pytest.mark.parametrize("name", ["DQN", "QRDQN"])
def test_dqn_needs_a_grid_of_actions(name):
    with pytest.raises(ValueError, match=rf"^{name} needs a grid of actions .*, got SpreadAndSkew"):
        Learner(name, 100).train(world(), seed=0)


@pytest.mark.parametrize("name", ["SAC", "TD3", "TQC"])
def test_who_needs_continuous_actions_refuses_a_grid(name):
    with pytest.raises(ValueError, match=rf"^{name} needs continuous actions, got Grid"):
        Learner(name, 100).train(world(quote=Grid(max_half_spread=1.0, max_skew=1.0)), seed=0)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_learns_a_little(name):
    grid = {"quote": Grid(max_half_spread=1.0, max_skew=1.0, half_spreads=2, skews=3)} if "DQN" in name else {}
    market = world(**grid)
    rollout = {"n_steps": 16, "batch_size": 32} if "PPO" in name else {"n_steps": 16} if name == "A2C" else {}
    recurrent = {"policy": "MlpLstmPolicy"} if name == "RecurrentPPO" else {}
    settings = rollout or {"learning_starts": 20, "batch_size": 16, "buffer_size": 200}
    learner = Learner(name, total_steps=64, num_envs=2, settings={**settings, **recurrent})
    policy = learner.train(market, seed=0)
    assert policy.model.num_timesteps >= 64
    assert policy.learnt
    assert policy.recurrent == (name == "RecurrentPPO")
    first, again = (play(market, policy, 20, 0).objective for _ in range(2))
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)


def test_noise_leaves_the_training_market_as_it_is_but_for_its_rewards():
    market = world()
    assert Learner("PPO", 100).training_market(market) is market
    quiet = Learner("PPO", 100, noise=0.25).training_market(market)
    assert quiet == replace(market, reward=replace(market.reward, noise=0.25))
    utility = world(reward=CARA(gamma=0.1))
    assert Learner("PPO", 100, noise=0.0).training_market(utility) is utility


def test_rewards_without_noise_need_a_price_that_knows_its_mean():
    class Unforeseen(Price):
        @rule
        def move(self, mid, latent, noise, dt):
            return mid + noise.price[0]

    with pytest.raises(ValueError, match="noise must be 1 unless the price gives its `expected` move"):
        Learner("PPO", 100, noise=0.0).train(world(price=Unforeseen()), seed=0)


def test_the_model_learns_on_as_many_lanes_of_scaled_rewards_as_it_is_told():
    one, five = (Learner("PPO", 100, num_envs=8, reward_scale=x, noise=0.0, settings=SHORT) for x in (1.0, 5.0))
    lanes = five.model(world(), seed=0).get_env()
    assert lanes.num_envs == 8
    assert lanes.reward_scale == pytest.approx(5.0 * one.lanes(world()).reward_scale, rel=1e-12)
    assert lanes.env.market.reward == InventoryPenalty(phi=0.5, alpha=0.1, noise=0.0)


def weights(seed, **parts):
    learner = Learner("PPO", total_steps=256, num_envs=4, **{"settings": SHORT, **parts})
    return learner.train(world(), seed).model.policy.parameters_to_vector()


def test_the_same_seed_learns_the_same_weights_to_the_bit():
    first = weights(0)
    assert np.array_equal(first, weights(0))
    assert not np.array_equal(first, weights(1))


def test_what_is_learnt_from_changes_what_is_learnt():
    first = weights(0)
    assert not np.array_equal(first, weights(0, noise=0.0))
    assert not np.array_equal(first, weights(0, reward_scale=2.0))


def test_it_stops_at_the_first_rollout_past_its_steps():
    learner = Learner("PPO", total_steps=100, num_envs=4, settings=SHORT)
    assert learner.train(world(), seed=0).model.num_timesteps == 128


def test_an_algorithm_does_not_write_into_its_settings():
    settings = {"learning_starts": 20, "buffer_size": 200, "policy_kwargs": {"net_arch": [8]}}
    Learner("SAC", 64, settings=settings).model(world(), seed=0)
    assert settings["policy_kwargs"] == {"net_arch": [8]}
