"""PettingZoo's parallel face: its own contract, and the same steps as the lanes of a world."""

import warnings

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from mm_env import Brownian, Competition, LossLimit, MarketMakingVectorEnv
from mm_env.competitions import COMPETITIONS
from mm_env.envs.parallel import MakersParallelEnv
from tests.mm_env.test_competition import parts


@pytest.mark.parametrize("market", COMPETITIONS)
def test_it_keeps_the_contract_of_pettingzoo(market):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(MakersParallelEnv(market), num_cycles=300)
        parallel_seed_test(lambda: MakersParallelEnv(market), num_cycles=50)


@pytest.mark.parametrize("market", COMPETITIONS)
def test_it_is_a_world_of_the_vector_env(market):
    """Step for step; a maker whose account is closed terminates here at once, and there with its world."""
    env = MakersParallelEnv(market)
    lanes = MarketMakingVectorEnv(market, 3 * len(env.possible_agents))
    seen, _ = env.reset(seed=4)
    rows, _ = lanes.reset(seed=4)
    random, space = np.random.default_rng(0), lanes.single_action_space
    while env.agents:
        playing = list(env.agents)
        places = [env.possible_agents.index(agent) for agent in playing]
        assert np.array_equal(np.stack([seen[agent] for agent in playing]), rows[places])
        wide = (lanes.num_envs, *(space.shape or ()))
        drawn = random.uniform(-1.0, 1.0, wide).astype(np.float32)
        actions = drawn if space.shape else random.integers(0, space.n, wide)  # pyright: ignore
        seen, rewards, over, cut, infos = env.step(
            {agent: actions[i] for i, agent in zip(places, playing, strict=True)}
        )
        rows, earned, terminated, truncated, more = lanes.step(actions)
        assert list(rewards.values()) == earned[places].tolist()
        told = dict(zip(playing, terminated[places].tolist(), strict=True))
        assert over == told or (env.market.may_close and all(over[agent] for agent in playing if told[agent]))
        assert not any(cut.values())
        assert not truncated.any()
    for agent, i in zip(playing, places, strict=True):
        assert infos[agent]["figures"]["r"] == more["figures"]["r"][i]


def test_a_closed_account_leaves_the_others():
    env = MakersParallelEnv(Competition(**parts(price=Brownian(sigma=20.0), margin=LossLimit(loss=5.0)), makers=3))
    left = set()
    for seed in range(10):
        env.reset(seed=seed)
        while env.agents:
            _, _, over, _, infos = env.step({agent: np.zeros(2, np.float32) for agent in env.agents})
            assert {agent for agent, info in infos.items() if info} == {agent for agent, ended in over.items() if ended}
            left.add(len(env.agents))
    assert {1, 2} <= left


@pytest.mark.parametrize(("market", "said"), [
    ("cartea_jaimungal", "market must be a Competition or CompetingDesks"),
    (Competition(**parts(), makers=1), "at least 2 makers"),
])  # fmt: skip
def test_markets_of_one_maker_are_refused(market, said):
    with pytest.raises((TypeError, ValueError), match=said):
        MakersParallelEnv(market)


def test_actions_that_are_missing_are_named():
    env = MakersParallelEnv("duopoly")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"got none for \['maker_1'\]"):
        env.step({"maker_0": np.zeros(2, np.float32)})
