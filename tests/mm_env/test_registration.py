"""The registered ids: gymnasium makes, checks and wraps every one of them."""

import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import NormalizeObservation
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorRecordEpisodeStatistics

import mm_env
from mm_env import MarketMakingEnv, MarketMakingVectorEnv
from mm_env.envs.registration import IDS, register_all
from mm_env.markets import MARKETS
from tests.worlds import COVERING, random_actions, same_bits, world

UNBOUNDED_SIGNALS = "ignore:.*Box observation space (min|max)imum value is -?infinity:UserWarning"


def test_every_named_market_has_an_id():
    assert sorted(IDS.values()) == sorted(MARKETS)


@pytest.mark.filterwarnings(UNBOUNDED_SIGNALS)
@pytest.mark.parametrize("name", IDS)
def test_gymnasium_checks_every_id(name):
    env = gym.make(name).unwrapped
    assert isinstance(env, MarketMakingEnv)
    assert env.spec.id == name
    assert env.market == MARKETS[IDS[name]]()
    check_env(env)


@pytest.mark.filterwarnings(UNBOUNDED_SIGNALS)
@pytest.mark.parametrize("name", COVERING)
def test_gymnasium_checks_every_kind_of_market(name):
    if name != "unbounded":  # its actions have no ends: it is for closed-form strategies
        check_env(gym.make("mm_env/AMZN-v0", market=COVERING[name]).unwrapped)


@pytest.mark.parametrize("name", IDS)
def test_make_vec_makes_the_vector_env_of_every_id(name):
    env = gym.make_vec(name, num_envs=3)
    assert isinstance(env, MarketMakingVectorEnv)
    assert (env.num_envs, env.spec.id) == (3, name)
    observations, _ = env.reset(seed=0)
    assert observations in env.observation_space
    observations, rewards, *_ = env.step(env.action_space.sample())
    assert observations in env.observation_space
    assert np.isfinite(rewards).all()


def test_make_takes_another_market():
    market = world()
    assert gym.make("mm_env/GLFT-v0", market=market).unwrapped.market is market
    assert gym.make_vec("mm_env/GLFT-v0", num_envs=2, market="amzn").market == MARKETS["amzn"]()
    assert (
        gym.make_vec("mm_env/GLFT-v0", num_envs=2, autoreset_mode="NextStep").metadata["autoreset_mode"].value
        == "NextStep"
    )


def test_gymnasium_can_run_single_envs_side_by_side():
    env = gym.make_vec("mm_env/AMZN-v0", num_envs=2, vectorization_mode="sync", market=world())
    env.reset(seed=0)
    assert env.step(np.zeros((2, 2)))[0].shape == (2, 2)


def test_an_unknown_id_is_gymnasiums_error():
    with pytest.raises(gym.error.NameNotFound, match="`AMZM` doesn't exist in namespace mm_env"):
        gym.make("mm_env/AMZM-v0")
    with pytest.raises(gym.error.VersionNotFound):
        gym.make("mm_env/AMZN-v9")


def test_registering_twice_is_harmless(recwarn):
    register_all()
    assert not recwarn.list


def test_gymnasiums_statistics_of_a_single_env_are_ours():
    env = RecordEpisodeStatistics(gym.make("mm_env/AMZN-v0", market=world()))
    env.reset(seed=0)
    for _ in range(5):
        *_, infos = env.step(np.zeros(2))
    assert infos["episode"]["l"] == infos["figures"]["l"] == 5
    assert infos["episode"]["r"] == pytest.approx(infos["figures"]["r"])


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_gymnasiums_statistics_of_a_vector_env_are_ours(mode):
    env = VectorRecordEpisodeStatistics(gym.make_vec("mm_env/AMZN-v0", num_envs=2, market=world(), autoreset_mode=mode))
    env.reset(seed=0)
    for _ in range(3):
        for _ in range(5):
            *_, infos = env.step(np.zeros((2, 2)))
        assert infos["episode"]["l"].tolist() == infos["figures"]["l"].tolist() == [5, 5]
        assert infos["episode"]["r"] == pytest.approx(infos["figures"]["r"])
        if mode == "NextStep":
            env.step(np.zeros((2, 2)))


def test_gymnasiums_wrappers_of_observations_take_the_next_step_mode():
    env = gym.make_vec("mm_env/AMZN-v0", num_envs=2, market=world(), autoreset_mode="NextStep")
    env = NormalizeObservation(env)
    env.reset(seed=0)
    seen = [env.step(np.zeros((2, 2)))[0] for _ in range(12)]
    assert np.isfinite(seen).all()
    with pytest.raises(ValueError, match="NEXT_STEP"):
        NormalizeObservation(gym.make_vec("mm_env/AMZN-v0", num_envs=2, market=world()))


@pytest.mark.parametrize("name", IDS)
def test_the_spec_says_how_long_an_episode_is(name):
    steps = MARKETS[IDS[name]]().clock.steps
    single, vector = gym.make(name), gym.make_vec(name, num_envs=2)
    assert single.spec.max_episode_steps == vector.spec.max_episode_steps == steps
    assert gym.make(name, max_episode_steps=3).spec.max_episode_steps == 3
    assert gym.make_vec(name, num_envs=2, max_episode_steps=3).spec.max_episode_steps == 3


def test_the_spec_is_that_of_the_market_given():
    assert gym.make("mm_env/AMZN-v0", market=world()).spec.max_episode_steps == 5
    assert gym.make_vec("mm_env/AMZN-v0", num_envs=2, market=world()).spec.max_episode_steps == 5


def test_the_end_of_a_horizon_is_no_truncation_whoever_makes_the_env():
    env = gym.make("mm_env/AMZN-v0", market=world())
    env.reset(seed=0)
    assert [env.step(np.zeros(2))[2:4] for _ in range(5)][-1] == (True, False)


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_a_limit_of_steps_truncates_as_gymnasiums_does(mode):
    made = {"market": world(), "max_episode_steps": 3}
    ours = gym.make_vec("mm_env/AMZN-v0", num_envs=2, autoreset_mode=mode, **made)
    kwargs = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": AutoresetMode(mode)}}
    theirs = gym.make_vec("mm_env/AMZN-v0", num_envs=2, **kwargs, **made)
    assert same_bits(ours.reset(seed=[4, 9])[0], theirs.reset(seed=[4, 9])[0])
    for step in range(9):
        actions = random_actions(world(), 2, step)
        (*one, infos), (*other, their_infos) = ours.step(actions), theirs.step(actions)
        assert all(same_bits(a, b) for a, b in zip(one, other, strict=True))
        if not one[3].any():
            continue
        assert infos["figures"]["l"].tolist() == [3.0, 3.0]
        if mode == "SameStep":
            assert same_bits(infos["final_obs"], np.stack(their_infos["final_obs"]))
        else:
            assert [env.unwrapped.figures() for env in theirs.envs] == [
                {name: values[lane] for name, values in infos["figures"].items()} for lane in range(2)
            ]
        if mode == "Disabled":
            again = {"options": {"reset_mask": np.array([True, True])}}
            assert same_bits(ours.reset(**again)[0], theirs.reset(options={**again["options"]})[0])


@pytest.mark.parametrize("limit", [0, -1, 1.5])
def test_a_limit_of_steps_is_a_whole_number_from_1_on(limit):
    with pytest.raises(ValueError, match="max_episode_steps must be a whole number >= 1, got"):
        gym.make_vec("mm_env/AMZN-v0", num_envs=2, max_episode_steps=limit)


def test_figures_are_to_be_had_where_a_wrapper_cuts_the_episode():
    env, total = gym.make("mm_env/AMZN-v0", market=world(), max_episode_steps=3), 0.0
    env.reset(seed=0)
    for _ in range(3):
        _, reward, terminated, truncated, infos = env.step(np.zeros(2))
        total += reward
    assert (terminated, truncated, infos) == (False, True, {})
    figures = env.unwrapped.figures()
    assert figures["l"] == 3.0
    assert figures["r"] == pytest.approx(total)


def test_gymnasium_imports_the_package_by_itself_where_the_id_names_it():
    script = "import gymnasium; print(gymnasium.make('mm_env:mm_env/AMZN-v0').spec.id)"
    run = [sys.executable, "-W", "error::UserWarning", "-c", script]
    done = subprocess.run(
        run, capture_output=True, text=True, encoding="utf-8", cwd=Path(mm_env.__file__).parents[1], check=True
    )
    assert done.stdout.strip() == "mm_env/AMZN-v0"
