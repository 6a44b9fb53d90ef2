"""Gymnasium's two faces: each autoreset mode step by step, errors that change nothing, arrays that stay as they were."""

import math
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from mm_env import (
    Ergodic,
    FiniteHorizon,
    Grid,
    Integers,
    MarketMakingEnv,
    MarketMakingVectorEnv,
    OrnsteinUhlenbeck,
    Uniform,
)
from mm_env.simulation import Simulation
from tests.worlds import COVERING, numbers, random_actions, same_bits, world

MODES = list(AutoresetMode)
SHORT = world(clock=FiniteHorizon(0.3, 3), initial_inventory=Integers(-3, 3))  # so that first observations differ
ENDLESS = world(clock=Ergodic(0.3, 3))
DISCRETE = COVERING["mean_reverting"]
ACTION = np.array([0.1, -0.3])


def made(market=SHORT, lanes=2, mode=AutoresetMode.SAME_STEP, seed=4) -> MarketMakingVectorEnv:
    env = MarketMakingVectorEnv(market, lanes, mode)
    env.reset(seed=seed)
    return env


def acting(env, action=ACTION):
    return env.step(np.tile(action, (env.num_envs, 1)))


def first_observations(episode, lanes=2, seed=4) -> np.ndarray:
    """What `reset` gives for episode 0, 1, ... of a seed."""
    env = MarketMakingVectorEnv(SHORT, lanes)
    observations = env.reset(seed=seed)[0]
    for _ in range(episode):
        observations = env.reset()[0]
    return observations


def snapshot(env):
    """All that decides how an env goes on."""
    return numbers(env.simulation), env.simulation.episodes.copy()


def unchanged(env, before) -> bool:
    return all(same_bits(one, other) for one, other in zip(before, snapshot(env), strict=True))


# --- autoreset, by hand -----------------------------------------------------------------------------------------------


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
    assert infos["_final_obs"].tolist() == infos["_episode"].tolist() == infos["_final_info"].tolist() == [True, True]
    assert infos["episode"]["l"].tolist() == [3.0, 3.0]
    assert np.array_equal(infos["final_info"]["episode"]["r"], infos["episode"]["r"])
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
    assert infos["_episode"].tolist() == [True, True]
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
    assert infos["_episode"].tolist() == [True, True]
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
    assert infos["_episode"].tolist() == [True, False, True]
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
        assert infos["_episode"].all()


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
        action = action[:, 0].astype(np.int64) if isinstance(market.quote, Grid) else action
        (*mine, my_infos), (*their, their_infos) = ours.step(action), theirs.step(action)
        assert all(same_bits(one, other) for one, other in zip(mine, their, strict=True))
        if not (mine[2] | mine[3]):
            continue
        if mode == AutoresetMode.SAME_STEP:
            assert same_bits(my_infos["final_obs"][0], their_infos["final_obs"][0])
            my_infos, their_infos = my_infos["final_info"], their_infos["final_info"]
        assert {k: v.tolist() for k, v in my_infos["episode"].items()} == {
            k: v.tolist() for k, v in their_infos["episode"].items() if not k.startswith("_")
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
        actions = actions[:, 0].astype(np.int64) if isinstance(market.quote, Grid) else actions
        observation, reward, terminated, truncated, infos = single.step(actions[0])
        observations, rewards, all_terminated, all_truncated, all_infos = vector.step(actions)
        assert (reward, terminated, truncated) == (rewards[0], all_terminated[0], all_truncated[0])
        assert [type(x) for x in (reward, terminated, truncated)] == [float, bool, bool]
        if terminated or truncated:
            assert infos["episode"] == {k: v[0] for k, v in all_infos["episode"].items()}
            assert same_bits(observation, all_infos["final_obs"][0])
            observation, _ = single.reset()
        assert same_bits(observation, observations[0])


# --- seeds, masks and resets ------------------------------------------------------------------------------------------


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
    "mask", [[True, False], np.array([1, 0]), np.ones(3, np.bool_), np.zeros(2, np.bool_), np.ones((2, 1), np.bool_), True, None]
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


# --- actions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 3)), r"actions must be numbers of shape \(2, 2\), got float64 of shape \(2, 3\)"),
        (np.zeros(4), r"actions must be numbers of shape \(2, 2\), got float64 of shape \(4,\)"),
        (np.zeros((3, 2)), r"actions must be numbers of shape \(2, 2\), got float64 of shape \(3, 2\)"),
        (np.zeros((2, 2), np.bool_), r"actions must be numbers of shape \(2, 2\), got bool"),
        (np.zeros((2, 2), complex), r"actions must be numbers of shape \(2, 2\), got complex"),
        (np.array([["a", "b"]] * 2), r"actions must be numbers of shape \(2, 2\), got <U1"),
        (None, r"actions must be numbers of shape \(2, 2\), got object of shape \(\)"),
        (np.array([[0.0, 0.0], [0.0, math.nan]]), r"actions must be finite, got nan in lane 1"),
        (np.array([[math.inf, 0.0], [0.0, 0.0]]), r"actions must be finite, got inf in lane 0"),
        (np.array([[0.0, 0.0], [-math.inf, 0.0]]), r"actions must be finite, got -inf in lane 1"),
    ],
)
def test_a_bad_action_is_an_error_and_changes_nothing(actions, message):
    env = made()
    before = snapshot(env)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    assert unchanged(env, before)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 12], r"actions must lie in \[0, 11\], got 12 in lane 1"),
        ([-1, 0], r"actions must lie in \[0, 11\], got -1 in lane 0"),
        ([0.0, 1.0], r"actions must be whole numbers of shape \(2,\), got float64"),
        ([[0], [1]], r"actions must be whole numbers of shape \(2,\), got int64 of shape \(2, 1\)"),
        ([True, False], r"actions must be whole numbers of shape \(2,\), got bool"),
        (3, r"actions must be whole numbers of shape \(2,\), got int64 of shape \(\)"),
    ],
)
def test_a_bad_index_is_an_error_and_changes_nothing(actions, message):
    env = made(DISCRETE)
    before = snapshot(env)
    with pytest.raises(ValueError, match=message):
        env.step(np.array(actions))
    assert unchanged(env, before)


@pytest.mark.parametrize(
    ("market", "action", "message"),
    [
        (SHORT, [0.0], r"actions must be numbers of shape \(2,\), got float64 of shape \(1,\)"),
        (SHORT, [math.nan, 0.0], r"actions must be finite, got nan"),
        (DISCRETE, 12, r"actions must lie in \[0, 11\], got 12"),
        (DISCRETE, 1.0, r"actions must be whole numbers of shape \(\), got float64"),
    ],
)
def test_a_bad_action_of_a_single_env_is_an_error_and_changes_nothing(market, action, message):
    env = MarketMakingEnv(market)
    env.reset(seed=4)
    before = snapshot(env)
    with pytest.raises(ValueError, match=message):
        env.step(action)
    assert unchanged(env, before)


@pytest.mark.parametrize(
    "written",
    [
        lambda a: a.tolist(),
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a.astype(np.float32),
    ],
)
def test_an_action_is_its_numbers_however_they_are_laid_out(written):
    actions = np.array([[0.5, -0.25], [0.125, 1.0]])
    one, other = made(), made()
    assert same_bits(one.step(actions)[0], other.step(written(actions))[0])
    assert unchanged(other, snapshot(one))


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
def test_an_index_is_its_number_whatever_its_type(kind):
    one, other = made(DISCRETE), made(DISCRETE)
    one.step(np.array([3, 11]))
    other.step(np.array([3, 11], kind))
    assert unchanged(other, snapshot(one))


def test_an_action_is_not_written_to():
    env, actions = made(), np.array([[5.0, -7.0], [0.1, 0.2]])
    kept = actions.copy()
    env.step(actions)
    assert same_bits(actions, kept)


# --- arrays that stay as they were ------------------------------------------------------------------------------------


def every_array(returned):
    """All arrays in what reset or step returned."""
    if isinstance(returned, np.ndarray):
        yield returned
    elif isinstance(returned, dict):
        for value in returned.values():
            yield from every_array(value)
    elif isinstance(returned, tuple):
        for value in returned:
            yield from every_array(value)


def whole_life(env):
    """What an env returns over two episodes and resets of every kind."""
    mask = {"reset_mask": np.array([True, False])}
    yield env.reset(seed=4)
    for _ in range(2):
        for _ in range(3):
            yield acting(env)
        if env.autoreset_mode == AutoresetMode.DISABLED:
            yield env.reset()
    yield env.reset(options=mask)
    yield acting(env)
    yield env.reset()
    yield env.reset(seed=5)


@pytest.mark.parametrize("mode", MODES)
def test_what_was_returned_is_never_written_to_again(mode):
    kept = [(array, array.copy()) for returned in whole_life(MarketMakingVectorEnv(SHORT, 2, mode)) for array in every_array(returned)]
    assert all(same_bits(array, copy) for array, copy in kept)


@pytest.mark.parametrize("mode", MODES)
def test_writing_to_what_was_returned_changes_nothing_to_come(mode):
    control = [list(map(np.copy, every_array(r))) for r in whole_life(MarketMakingVectorEnv(SHORT, 2, mode))]
    for expected, returned in zip(control, whole_life(MarketMakingVectorEnv(SHORT, 2, mode)), strict=True):
        for one, other in zip(expected, every_array(returned), strict=True):
            assert same_bits(one, other)
        for array in every_array(returned):
            array[...] = True


def test_what_a_single_env_returned_stays_as_it_was():
    env, kept = MarketMakingEnv(SHORT), []
    for _ in range(2):
        kept.append(env.reset(seed=4)[0])
        kept += [env.step(ACTION)[0] for _ in range(3)]
    copies = [observation.copy() for observation in kept]
    env.reset()
    env.step(ACTION)
    assert all(same_bits(one, other) for one, other in zip(kept, copies, strict=True))
    assert kept[3][1] == 0.0  # the end of the first episode, whose time was up


# --- spaces and names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COVERING)
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
    figures, state = infos["episode"], simulation.state
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
