"""Gymnasium's two faces: seeds, masks, restored states, spaces and errors that change nothing."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

from mm_env import MarketMakingEnv, MarketMakingVectorEnv, OrnsteinUhlenbeck, Uniform
from mm_env.simulation import Simulation
from tests.mm_env.envs import ACTION, DISCRETE, MODES, SHORT, acting, first_observations, made, snapshot, unchanged
from tests.worlds import COVERING, same_bits, thinned, world


@pytest.mark.parametrize("make", [lambda: MarketMakingEnv(SHORT), lambda: MarketMakingVectorEnv(SHORT, 2)])
def test_the_first_reset_without_a_seed_differs_from_run_to_run(make):
    seeds = set()
    for _ in range(3):
        env = make()
        env.reset()
        seeds.add(env.simulation.seed)
    assert len(seeds) == 3


def test_a_reset_without_a_seed_goes_on_to_the_next_episode():
    env = made()
    assert same_bits(env.reset()[0], first_observations(1))
    assert same_bits(env.reset()[0], first_observations(2))
    assert same_bits(env.reset(seed=4)[0], first_observations(0))


def test_a_mask_resets_its_lanes_only():
    env = made(lanes=70)
    observations, mask = acting(env)[0].copy(), np.arange(70) % 3 == 0
    after, _ = env.reset(options={"reset_mask": mask})
    assert same_bits(after[~mask], observations[~mask])
    assert same_bits(after[mask], first_observations(1, lanes=70)[mask])
    assert acting(env)[0][:, 1] == pytest.approx(np.where(mask, 2 / 3, 1 / 3))


def test_a_mask_of_all_lanes_may_come_with_a_seed():
    env = made()
    assert same_bits(env.reset(seed=9, options={"reset_mask": np.ones(2, np.bool_)})[0], first_observations(0, seed=9))


@pytest.mark.parametrize(
    "mask",
    [
        [True, False],
        np.array([1, 0]),
        np.ones(3, np.bool_),
        np.zeros(2, np.bool_),
        np.ones((2, 1), np.bool_),
        True,
        None,
    ],
)
def test_a_bad_mask_is_an_error_and_changes_nothing(mask):
    env = made()
    acting(env)
    before = snapshot(env)
    with pytest.raises(ValueError, match=r"reset_mask must be a bool array of shape \(2,\) with a True in it, got "):
        env.reset(options={"reset_mask": mask})
    assert unchanged(env, before)


def test_a_seed_and_a_mask_that_leaves_lanes_out_do_not_go_together():
    env = made()
    before = snapshot(env)
    with pytest.raises(ValueError, match="seed starts all lanes anew"):
        env.reset(seed=1, options={"reset_mask": np.array([True, False])})
    assert unchanged(env, before)


@pytest.mark.parametrize("make", [lambda: MarketMakingEnv(SHORT), lambda: MarketMakingVectorEnv(SHORT, 2)])
@pytest.mark.parametrize("seed", [True, -1, 2**63, 1.5, "0"])
def test_a_bad_seed_is_an_error_and_changes_nothing(make, seed):
    env = make()
    env.reset(seed=4)
    before = snapshot(env)
    with pytest.raises(ValueError, match=r"seed must be a whole number in \[0, 2\^63\), got "):
        env.reset(seed=seed)
    assert unchanged(env, before)


@pytest.mark.parametrize("mode", MODES)
def test_a_restored_env_goes_on_as_if_nothing_had_happened(mode):
    env = made(mode=mode)
    acting(env)
    env.reset(options={"reset_mask": np.array([False, True])})
    acting(env), acting(env)  # lane 0 has ended, lane 1 has not
    saved, stories = env.save(), []
    for _ in range(2):
        env.restore(saved)
        if mode == AutoresetMode.DISABLED:
            env.reset(options={"reset_mask": np.array([True, False])})
        stories.append(
            [array.copy() for _ in range(3 if mode != AutoresetMode.DISABLED else 1) for array in acting(env)[:4]]
        )
        env.reset(seed=99)
        acting(env)
    assert all(same_bits(one, other) for one, other in zip(*stories, strict=True))


@pytest.mark.parametrize("env", [MarketMakingEnv(SHORT), MarketMakingVectorEnv(SHORT, 2)])
def test_a_step_needs_a_reset_first(env):
    with pytest.raises(ResetNeeded, match=r"step\(\) needs reset\(\) first"):
        env.step(env.action_space.sample())


def test_a_single_env_needs_a_reset_after_the_end():
    env = MarketMakingEnv(SHORT)
    env.reset(seed=0)
    for _ in range(3):
        env.step(ACTION)
    with pytest.raises(ResetNeeded, match=r"needs reset\(\)"):
        env.step(ACTION)


@pytest.mark.parametrize("name", thinned(COVERING, {"hawkes", "queue_reactive"}))
def test_observations_and_sampled_actions_lie_inside_their_spaces(name):
    env = MarketMakingVectorEnv(COVERING[name], 5)
    env.action_space.seed(0)
    observations, _ = env.reset(seed=0)
    for _ in range(8):
        assert observations in env.observation_space
        actions = env.action_space.sample()
        observations, rewards, terminated, truncated, infos = env.step(actions)
        assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
        assert (observations.shape, rewards.shape) == ((5, len(env.market.observation_names)), (5,))
        assert not infos or infos["final_obs"] in env.observation_space


def test_the_figures_of_an_episode_are_those_of_the_simulation():
    env, simulation = made(lanes=5), Simulation(SHORT, 5)
    simulation.start(4)
    total = 0.0
    for _ in range(3):
        _, rewards, _, _, infos = acting(env)
        simulation.step(np.tile(ACTION, 5))
        total = total + rewards
    figures, state = infos["figures"], simulation.state
    assert np.array_equal(figures["r"], total)
    assert np.array_equal(figures["inventory"], state.account.inventory)
    for name, values in state.tally._asdict().items():
        assert same_bits(figures[name], values)


@pytest.mark.parametrize("lanes", [0, -1, 1.5, True])
def test_num_envs_is_a_whole_number_from_1_on(lanes):
    with pytest.raises(ValueError, match=r"num_envs must be a whole number in \[1, 2\^32\), got "):
        MarketMakingVectorEnv(SHORT, lanes)


@pytest.mark.parametrize("make", [MarketMakingEnv, MarketMakingVectorEnv])
@pytest.mark.parametrize(
    ("market", "message"),
    [
        ("amazn", r"market must be a Market or the name of one, got 'amazn'\. Did you mean 'amzn'\?"),
        ("zzz", r"market must be a Market or the name of one, got 'zzz'\. Known are: avellaneda_stoikov, "),
        (3, r"market must be a Market or the name of one, got 3"),
        (["amzn"], r"market must be a Market or the name of one, got \['amzn'\]"),
    ],
)
def test_an_unknown_market_is_an_error_that_helps(make, market, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make(market)


def test_an_unknown_autoreset_mode_is_an_error():
    with pytest.raises(ValueError, match="'sometimes' is not a valid AutoresetMode"):
        MarketMakingVectorEnv(SHORT, 1, "sometimes")


def test_a_parameter_of_the_wrong_length_is_an_error_before_anything_is_simulated():
    with pytest.raises(ValueError, match="must have one value for each of 2 lanes, got 3"):
        MarketMakingVectorEnv(world(initial_mid=np.ones(3)), 2)


def test_random_parameters_differ_between_the_episodes_of_a_lane():
    market = replace(SHORT, price=OrnsteinUhlenbeck(sigma=1.0, speed=1.0, mean=Uniform(90.0, 110.0)))
    env = MarketMakingVectorEnv(market, 2)
    seen = [env.reset(seed=0)[0][:, 2], env.reset()[0][:, 2], env.reset()[0][:, 2]]
    assert len(np.unique(seen)) == 6


def test_gymnasiums_spaces_are_the_markets():
    env = MarketMakingVectorEnv(SHORT, 3)
    assert env.single_observation_space == SHORT.observation_space
    assert env.single_action_space == gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    assert env.action_space.shape == (3, 2)
    assert MarketMakingVectorEnv(DISCRETE, 3).action_space == gym.spaces.MultiDiscrete([12, 12, 12])
