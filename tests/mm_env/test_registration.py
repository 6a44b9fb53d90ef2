"""The registered ids: gymnasium makes, checks and wraps every one of them."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorRecordEpisodeStatistics

from mm_env import MarketMakingEnv, MarketMakingVectorEnv
from mm_env.markets import MARKETS
from mm_env.registration import IDS, register_all
from tests.worlds import COVERING, world

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
    env = RecordEpisodeStatistics(gym.make("mm_env/AMZN-v0", market=world()), stats_key="recorded")
    env.reset(seed=0)
    for _ in range(5):
        *_, infos = env.step(np.zeros(2))
    assert infos["recorded"]["l"] == infos["figures"]["l"] == 5
    assert infos["recorded"]["r"] == pytest.approx(infos["figures"]["r"])


def test_gymnasiums_statistics_of_a_vector_env_are_ours():
    env = gym.make_vec("mm_env/AMZN-v0", num_envs=2, market=world())
    env = VectorRecordEpisodeStatistics(env, stats_key="recorded")  # "episode" is ours
    env.reset(seed=0)
    for _ in range(5):
        *_, infos = env.step(np.zeros((2, 2)))
    assert infos["recorded"]["l"].tolist() == infos["figures"]["l"].tolist() == [5, 5]
    assert infos["recorded"]["r"] == pytest.approx(infos["figures"]["r"])
