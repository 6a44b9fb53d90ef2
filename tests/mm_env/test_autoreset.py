"""The three autoreset modes step by step, and against gymnasium's own vector of single envs."""

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from mm_env import Grid, MarketMakingEnv, MarketMakingVectorEnv, Touch
from tests.mm_env.envs import DISCRETE, ENDLESS, MODES, SHORT, acting, first_observations, made, snapshot, unchanged
from tests.worlds import COVERING, numbers, random_actions, same_bits


def test_same_step_by_hand():
    env = made()
    for left in (2 / 3, 1 / 3):
        observations, _, terminated, truncated, infos = acting(env)
        assert observations[:, 1] == pytest.approx(left)
        assert not terminated.any()
        assert not truncated.any()
        assert infos == {}
    observations, rewards, terminated, truncated, infos = acting(env)
    assert terminated.tolist() == [True, True]
    assert truncated.tolist() == [False, False]
    assert same_bits(observations, first_observations(1))
    assert infos["final_obs"][:, 1].tolist() == [0.0, 0.0]
    assert infos["_final_obs"].tolist() == infos["_figures"].tolist() == infos["_final_info"].tolist() == [True, True]
    assert infos["figures"]["l"].tolist() == [3.0, 3.0]
    assert np.array_equal(infos["final_info"]["figures"]["r"], infos["figures"]["r"])
    assert rewards.all()
    observations, _, terminated, _, infos = acting(env)
    assert observations[:, 1] == pytest.approx(2 / 3)  # the first step of episode 1
    assert not terminated.any()
    assert infos == {}


def test_next_step_by_hand():
    env = made(mode="NextStep")
    acting(env), acting(env)
    observations, rewards, terminated, truncated, infos = acting(env)
    assert terminated.tolist() == [True, True]
    assert not truncated.any()
    assert observations[:, 1].tolist() == [0.0, 0.0]
    assert infos["_figures"].tolist() == [True, True]
    assert "final_obs" not in infos
    observations, rewards, terminated, truncated, infos = acting(env, [1.0, 1.0])
    assert same_bits(observations, first_observations(1))
    assert rewards.tolist() == [0.0, 0.0]
    assert not terminated.any()
    assert not truncated.any()
    assert infos == {}
    assert acting(env)[0][:, 1] == pytest.approx(2 / 3)


def test_disabled_by_hand():
    env = made(mode="Disabled")
    acting(env), acting(env)
    observations, _, terminated, _, infos = acting(env)
    assert terminated.tolist() == [True, True]
    assert observations[:, 1].tolist() == [0.0, 0.0]
    assert infos["_figures"].tolist() == [True, True]
    before = snapshot(env)
    with pytest.raises(ResetNeeded, match="2 lanes have ended"):
        acting(env)
    assert unchanged(env, before)
    observations, infos = env.reset(options={"reset_mask": np.array([True, False])})
    assert observations[0].tolist() == first_observations(1)[0].tolist()
    assert observations[1, 1] == 0.0
    assert infos == {}
    with pytest.raises(ResetNeeded, match="1 lanes have ended"):
        acting(env)
    env.reset(options={"reset_mask": np.array([False, True])})
    assert acting(env)[0][:, 1] == pytest.approx(2 / 3)


def test_the_action_of_the_reset_step_is_ignored_in_next_step_mode():
    stories = []
    for action in ([1.0, 1.0], [-1.0, 0.3]):
        env = made(mode="NextStep")
        for _ in range(3):
            acting(env)
        stories.append([acting(env, action)[:4], acting(env)[:4], [numbers(env.simulation)]])
    assert all(same_bits(a, b) for one, other in zip(*stories, strict=True) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_lanes_may_end_at_different_steps(mode):
    env, lanes = made(lanes=3, mode=mode), np.array([False, True, False])
    acting(env)
    env.reset(options={"reset_mask": lanes})  # lane 1 is a step behind the others from here on
    acting(env)
    observations, rewards, terminated, _, infos = acting(env)
    assert terminated.tolist() == [True, False, True]
    assert infos["_figures"].tolist() == [True, False, True]
    if mode == AutoresetMode.SAME_STEP:
        assert observations[:, 1] == pytest.approx([1.0, 1 / 3, 1.0])
        assert infos["final_obs"][:, 1].tolist() == [0.0, 0.0, 0.0]
        assert infos["final_obs"][1].tolist() == [0.0, 0.0]
    else:
        assert observations[:, 1] == pytest.approx([0.0, 1 / 3, 0.0])
    if mode == AutoresetMode.DISABLED:
        env.reset(options={"reset_mask": terminated})
    observations, rewards, terminated, _, infos = acting(env)
    assert terminated.tolist() == [False, True, False]
    first = {AutoresetMode.SAME_STEP: 2 / 3, AutoresetMode.NEXT_STEP: 1.0, AutoresetMode.DISABLED: 2 / 3}[mode]
    assert observations[[0, 2], 1] == pytest.approx(first)
    assert (rewards[[0, 2]] == 0).all() == (mode == AutoresetMode.NEXT_STEP)


def test_a_partial_reset_after_an_end_leaves_the_others_in_their_new_episode():
    env, control = made(lanes=3), made(lanes=3)
    for _ in range(3):
        acting(env), acting(control)  # all lanes end and start anew within this step
    env.reset(options={"reset_mask": np.array([True, False, False])})
    for found, expected in zip(acting(env)[:4], acting(control)[:4], strict=True):
        assert same_bits(found[1:], expected[1:])


def test_the_cut_of_an_ergodic_market_is_a_truncation():
    for mode in MODES:
        env = made(ENDLESS, mode=mode)
        acting(env), acting(env)
        _, _, terminated, truncated, infos = acting(env)
        assert not terminated.any()
        assert truncated.all()
        assert infos["_figures"].all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("market", [SHORT, ENDLESS, DISCRETE], ids=["finite", "ergodic", "discrete"])
def test_one_lane_does_what_gymnasiums_vector_of_single_envs_does(market, mode):
    ours = MarketMakingVectorEnv(market, 1, mode)
    theirs = SyncVectorEnv([lambda: MarketMakingEnv(market)], autoreset_mode=mode)
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"] == mode
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    assert same_bits(ours.reset(seed=6)[0], theirs.reset(seed=6)[0])
    for step in range(11):
        action = random_actions(market, 1, step)
        action = action[:, 0].astype(np.int64) if isinstance(market.quote, Grid | Touch) else action
        (*mine, my_infos), (*their, their_infos) = ours.step(action), theirs.step(action)
        assert all(same_bits(one, other) for one, other in zip(mine, their, strict=True))
        if not (mine[2] | mine[3]):
            continue
        if mode == AutoresetMode.SAME_STEP:
            assert same_bits(my_infos["final_obs"][0], their_infos["final_obs"][0])
            my_infos, their_infos = my_infos["final_info"], their_infos["final_info"]
        assert {k: v.tolist() for k, v in my_infos["figures"].items()} == {
            k: v.tolist() for k, v in their_infos["figures"].items() if not k.startswith("_")
        }
        if mode == AutoresetMode.DISABLED:
            again = {"options": {"reset_mask": np.array([True])}}
            assert same_bits(ours.reset(**again)[0], theirs.reset(**again)[0])


@pytest.mark.parametrize("name", COVERING)
def test_the_single_env_is_lane_0_of_the_vector_env_step_for_step(name):
    market = COVERING[name]
    single, vector = MarketMakingEnv(market), MarketMakingVectorEnv(market, 3)
    observation, infos = single.reset(seed=12)
    assert infos == {}
    assert same_bits(observation, vector.reset(seed=12)[0][0])
    for step in range(2 * market.clock.steps + 1):
        actions = random_actions(market, 3, step)
        actions = actions[:, 0].astype(np.int64) if isinstance(market.quote, Grid | Touch) else actions
        observation, reward, terminated, truncated, infos = single.step(actions[0])
        observations, rewards, all_terminated, all_truncated, all_infos = vector.step(actions)
        assert (reward, terminated, truncated) == (rewards[0], all_terminated[0], all_truncated[0])
        assert [type(x) for x in (reward, terminated, truncated)] == [float, bool, bool]
        if terminated or truncated:
            assert infos["figures"] == {k: v[0] for k, v in all_infos["figures"].items()}
            assert same_bits(observation, all_infos["final_obs"][0])
            observation, _ = single.reset()
        assert same_bits(observation, observations[0])
