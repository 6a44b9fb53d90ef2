"""A seed for each lane: it is then, to the bit, the single env of that seed."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from mm_env import MarketMakingEnv, MarketMakingVectorEnv, Uniform
from mm_env.resampled import Branches
from mm_env.simulation import Simulation
from tests.mm_env.envs import MODES, SHORT, acting, first_observations, made, snapshot, unchanged
from tests.worlds import COVERING, numbers, random_actions, same_bits, world

SEEDS = [5, 0, 5, 2**62 + 3]
RANDOM = world(initial_mid=Uniform(90.0, 110.0))


def singles(market, mode) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: MarketMakingEnv(market)] * len(SEEDS), autoreset_mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_lanes_with_seeds_of_their_own_are_single_envs_of_those_seeds(mode):
    ours, theirs = MarketMakingVectorEnv(SHORT, 4, mode), singles(SHORT, mode)
    assert same_bits(ours.reset(seed=SEEDS)[0], theirs.reset(seed=SEEDS)[0])
    for step in range(9):
        actions = random_actions(SHORT, 4, step)
        (*one, _), (*other, _) = ours.step(actions), theirs.step(actions)
        assert all(same_bits(a, b) for a, b in zip(one, other, strict=True))
        if mode == AutoresetMode.DISABLED and one[2].any():
            again = {"reset_mask": one[2].copy()}
            assert same_bits(ours.reset(options=again)[0], theirs.reset(options=dict(again))[0])


@pytest.mark.parametrize("name", COVERING)
def test_each_lane_of_a_simulation_is_lane_0_of_its_own_seed(name):
    market = COVERING[name]
    several = Simulation(market, 4, interpreted=True)
    alone = [Simulation(market, 1, interpreted=True) for _ in SEEDS]
    first = [one.start(seed)[0] for one, seed in zip(alone, SEEDS, strict=True)]
    assert same_bits(several.start_each(SEEDS), np.stack(first))
    for step in range(3):
        actions = random_actions(market, 4, step)
        seen, rewards, *_ = several.step(actions.reshape(-1))
        for lane, one in enumerate(alone):
            shown, reward, *_ = one.step(actions[lane])
            assert same_bits(seen[lane], shown[0])
            assert same_bits(rewards[lane], reward[0])
    assert same_bits(numbers(several), np.concatenate([numbers(one) for one in alone]))


def test_random_parameters_are_those_of_the_seed():
    ours, theirs = MarketMakingVectorEnv(RANDOM, 4), singles(RANDOM, AutoresetMode.NEXT_STEP)
    for seed in (SEEDS, None):
        ours.reset(seed=seed), theirs.reset(seed=seed)
        mids = [env.unwrapped.simulation.state.mid[0] for env in theirs.envs]
        assert ours.simulation.state.mid.tolist() == mids


def test_a_seed_of_none_goes_on_to_the_lanes_next_episode():
    env, other = made(), MarketMakingEnv(SHORT)
    acting(env)
    observations, _ = env.reset(seed=[None, 8])
    assert same_bits(observations, np.stack([first_observations(1)[0], other.reset(seed=8)[0]]))
    assert same_bits(env.reset()[0], np.stack([first_observations(2)[0], other.reset()[0]]))


def test_the_first_reset_draws_a_seed_where_none_is_given():
    drawn = set()
    for _ in range(3):
        env = MarketMakingVectorEnv(SHORT, 2)
        env.reset(seed=[None, 8])
        drawn.add(int(env.simulation.keys[0, 0]))
        assert env.simulation.keys[1].tolist() == [8, 0]
    assert len(drawn) == 3


def test_seeds_go_with_a_mask():
    env = made(lanes=3)
    before = acting(env)[0]
    observations, _ = env.reset(seed=[7, 7, 7], options={"reset_mask": np.array([False, True, False])})
    assert same_bits(observations[1], MarketMakingEnv(SHORT).reset(seed=7)[0])
    assert same_bits(observations[::2], before[::2])


def test_one_seed_again_starts_all_lanes_as_ever():
    env = made()
    env.reset(seed=[1, 2])
    assert same_bits(env.reset(seed=4)[0], first_observations(0))
    assert env.simulation.keys is None


def test_the_list_of_one_lane_is_its_seed():
    env = MarketMakingVectorEnv(SHORT, 1)
    assert same_bits(env.reset(seed=[4])[0], first_observations(0, lanes=1))
    assert (env.simulation.seed, env.simulation.keys) == (4, None)


@pytest.mark.parametrize("seeds", [(3, 8), np.array([3, 8])])
def test_seeds_may_be_any_sequence(seeds):
    assert same_bits(made().reset(seed=seeds)[0], made().reset(seed=[3, 8])[0])


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([1], "seed must be one number, or one for each of 2 lanes, got 1"),
        ([1, 2, 3], "seed must be one number, or one for each of 2 lanes, got 3"),
        ([1, -1], r"seed\[1\] must be a whole number in \[0, 2\^63\), got -1"),
        ([1.5, 1], r"seed\[0\] must be a whole number in \[0, 2\^63\), got 1.5"),
        ([True, 1], r"seed\[0\] must be a whole number in \[0, 2\^63\), got True"),
    ],
)
def test_bad_seeds_are_an_error_and_change_nothing(seeds, message):
    env = made()
    before = snapshot(env)
    with pytest.raises(ValueError, match=f"^{message}"):
        env.reset(seed=seeds)
    assert unchanged(env, before)


def test_a_saved_state_has_the_seeds_of_its_lanes():
    env = made()
    env.reset(seed=[7, 9])
    saved, stories = env.save(), []
    for _ in range(2):
        env.restore(saved)
        stories.append([array for _ in range(4) for array in acting(env)[:2]])
        env.reset(seed=1)
    assert all(same_bits(one, other) for one, other in zip(*stories, strict=True))


def test_branches_are_other_outcomes_of_each_lane():
    env = MarketMakingVectorEnv(SHORT, 2)
    env.reset(seed=[7, 7])
    branches = Branches(env.simulation, 3)
    rewards = branches.step(np.zeros(4)).rewards
    assert len(np.unique(rewards)) > 3
    assert same_bits(rewards, branches.step(np.zeros(4)).rewards)
