"""stable-baselines3: its own checks, its VecEnv contract, and what was learnt as a Policy."""

import math
from dataclasses import astuple, replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from agents.policy import Policy, play, tabulate
from agents.sb3 import ALGORITHMS, TrainedPolicy, VecAdapter, algorithm, load
from mm_env import Ergodic, FiniteHorizon, Grid, Integers, MarketMakingEnv, MarketMakingVectorEnv
from mm_env.registration import IDS
from mm_env.rollout import run_policy
from tests.worlds import COVERING, same_bits, world

SHORT = world(clock=FiniteHorizon(0.3, 3), initial_inventory=Integers(-3, 3))
ENDLESS = world(clock=Ergodic(0.3, 3))
DISCRETE = COVERING["mean_reverting"]
ACTIONS = np.tile([0.1, -0.3], (2, 1))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Nets this small are slower on more, and two threads fight for the machine's two cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained(one_thread):
    """PPO after 2,000 steps of a market of time and inventory alone."""
    model = PPO(
        "MlpPolicy", VecAdapter(world(), num_envs=8), n_steps=64, batch_size=128, n_epochs=2, seed=0, device="cpu"
    )
    return model.learn(2_000)


def reset(market=SHORT, seed=4, **kwargs) -> VecAdapter:
    env = VecAdapter(market, 2, **kwargs)
    env.seed(seed)
    env.reset()
    return env


@pytest.mark.parametrize("name", IDS)
def test_stable_baselines_checks_every_id(name):
    check_env(gym.make(name).unwrapped)


@pytest.mark.parametrize("name", ["binomial", "mean_reverting", "market_orders"])
def test_stable_baselines_checks_every_kind_of_action(name):
    check_env(MarketMakingEnv(COVERING[name]))


def test_the_adapter_steps_as_the_vector_env_does():
    env, vector = reset(), MarketMakingVectorEnv(SHORT, 2)
    vector.reset(seed=4)
    for step in range(7):
        observations, rewards, dones, infos = env.step(ACTIONS)
        expected, worth, terminated, _, vector_infos = vector.step(ACTIONS)
        assert same_bits(observations, expected)
        assert same_bits(rewards, worth.astype(np.float32))
        assert same_bits(dones, terminated)
        assert [bool(info) for info in infos] == [step % 3 == 2] * 2
        for lane, info in enumerate(infos):
            if info:
                assert same_bits(info["terminal_observation"], vector_infos["final_obs"][lane])
                assert info["TimeLimit.truncated"] is False
                assert info["episode"]["r"] == vector_infos["episode"]["r"][lane]
                assert info["episode"]["l"] == 3
                assert info["episode"]["t"] >= 0.0


def test_the_adapter_does_what_stable_baselines_does_with_single_envs():
    ours, theirs = VecAdapter(SHORT, 1), DummyVecEnv([lambda: MarketMakingEnv(SHORT)])
    ours.seed(4), theirs.seed(4)
    assert same_bits(ours.reset(), theirs.reset())
    for _ in range(7):
        (*one, infos), (*other, their_infos) = ours.step(ACTIONS[:1]), theirs.step(ACTIONS[:1])
        assert all(same_bits(a, b) for a, b in zip(one, other, strict=True))
        for key in ("terminal_observation", "TimeLimit.truncated"):
            if infos[0]:
                assert np.array_equal(infos[0][key], their_infos[0][key])


def test_the_cut_of_an_ergodic_market_is_a_time_limit():
    env = reset(ENDLESS)
    env.step(ACTIONS), env.step(ACTIONS)
    _, _, dones, infos = env.step(ACTIONS)
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]


def test_what_was_returned_is_never_written_to_again():
    env = VecAdapter(SHORT, 2)
    env.seed(4)
    kept = [env.reset()]
    for _ in range(7):
        observations, rewards, dones, infos = env.step(ACTIONS)
        kept += [observations, rewards, dones, *(i["terminal_observation"] for i in infos if i)]
    copies = [array.copy() for array in kept]
    env.reset()
    env.step(ACTIONS)
    assert all(same_bits(one, other) for one, other in zip(kept, copies, strict=True))


def test_a_seed_holds_for_one_reset_and_the_next_goes_on():
    env, vector = VecAdapter(SHORT, 2), MarketMakingVectorEnv(SHORT, 2)
    env.seed(7)
    assert same_bits(env.reset(), vector.reset(seed=7)[0])
    assert same_bits(env.reset(), vector.reset()[0])
    env.seed(7)
    assert same_bits(env.reset(), vector.reset(seed=7)[0])
    assert env.reset_infos == [{}, {}]


def test_learners_see_scaled_rewards_and_people_the_markets():
    plain, scaled = reset(), reset(reward_scale=0.25)
    for _ in range(3):
        (_, rewards, _, infos), (_, fewer, _, same) = plain.step(ACTIONS), scaled.step(ACTIONS)
        assert fewer == pytest.approx(0.25 * rewards, rel=1e-6)
    assert [i["episode"]["r"] for i in infos] == [i["episode"]["r"] for i in same]


@pytest.mark.parametrize(
    ("scale", "error"), [(0.0, ValueError), (-1.0, ValueError), (math.nan, ValueError), ("x", TypeError)]
)
def test_a_reward_scale_is_positive(scale, error):
    with pytest.raises(error, match="reward_scale must be > 0"):
        VecAdapter(SHORT, 2, reward_scale=scale)


def test_attributes_and_methods_are_those_of_the_env():
    env = reset()
    assert env.get_attr("market") == [SHORT, SHORT]
    assert env.get_attr("market", indices=[1]) == [SHORT]
    assert env.get_attr("market", indices=0) == [SHORT]
    env.set_attr("note", 5)
    assert env.get_attr("note") == [5, 5]
    with pytest.raises(ValueError, match="note is the same in all lanes"):
        env.set_attr("note", 6, indices=[0])
    (observations, infos), _ = env.env_method("reset", seed=3)
    assert same_bits(observations, MarketMakingVectorEnv(SHORT, 2).reset(seed=3)[0])
    assert infos == {}
    assert env.env_is_wrapped(gym.Wrapper) == [False, False]
    assert env.env_is_wrapped(gym.Wrapper, indices=[0]) == [False]
    with pytest.raises(AttributeError):
        env.get_attr("nothing_of_the_kind")


def test_spaces_are_the_single_envs():
    env = VecAdapter(DISCRETE, 3)
    assert env.observation_space == DISCRETE.observation_space
    assert env.action_space == gym.spaces.Discrete(12)
    assert env.num_envs == 3


def test_a_bad_action_is_refused():
    with pytest.raises(ValueError, match="actions must be finite, got nan in lane 1"):
        reset().step(np.array([[0.0, 0.0], [0.0, np.nan]]))


def test_the_wrappers_of_stable_baselines_fit():
    env = VecNormalize(VecMonitor(VecAdapter(SHORT, 2)))
    env.seed(4)
    env.reset()
    for _ in range(3):
        observations, _, _, infos = env.step(ACTIONS)
    assert observations.shape == (2, 2)
    assert [info["episode"]["l"] for info in infos] == [3, 3]
    assert all("terminal_observation" in info for info in infos)


def test_ppo_learns_and_acts(trained):
    policy = TrainedPolicy(trained)
    assert isinstance(policy, Policy)
    actions = policy.act(np.zeros((5, 2), np.float32))
    assert actions.shape == (5, 2)
    assert np.abs(actions).max() <= 1.0
    assert same_bits(actions, policy.act(np.zeros((5, 2), np.float32)))
    assert np.isfinite(trained.ep_info_buffer[-1]["r"])
    assert trained.ep_info_buffer[-1]["l"] == 5


@pytest.mark.parametrize("lanes", [1, 50])
def test_what_was_learnt_plays_the_same_episodes_by_table_and_by_stepping(trained, lanes):
    policy, market = TrainedPolicy(trained), world()
    assert tabulate(market, policy) is not None
    by_table, by_stepping = play(market, policy, lanes, 3), run_policy(market, policy.act, lanes, 3)
    for one, other in zip(astuple(by_table), astuple(by_stepping), strict=True):
        assert one == pytest.approx(other, abs=1e-4)  # a network's outputs differ in the last float32 bit by batch size
    assert same_bits(by_table.fills, by_stepping.fills)
    assert same_bits(by_table.terminal_inventory, by_stepping.terminal_inventory)


def test_what_sees_more_than_time_and_inventory_plays_by_stepping(trained):
    market = replace(DISCRETE, quote=world().quote)
    assert tabulate(market, TrainedPolicy(trained)) is None


def test_a_discrete_learner_plays_by_index():
    market = world(quote=Grid(max_half_spread=1.0, max_skew=0.5))
    model = algorithm("DQN")("MlpPolicy", VecAdapter(market, 4), learning_starts=50, seed=0, device="cpu").learn(200)
    policy = TrainedPolicy(model)
    actions = policy.act(np.zeros((5, 2), np.float32))
    assert actions.shape == (5,)
    assert np.isin(actions, np.arange(25)).all()
    by_table, by_stepping = play(market, policy, 20, 3), run_policy(market, policy.act, 20, 3)
    assert same_bits(by_table.profit, by_stepping.profit)


def test_a_saved_model_loads_and_acts_alike(trained, tmp_path):
    trained.save(tmp_path / "model")
    seen = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    assert same_bits(load("PPO", tmp_path / "model").act(seen), TrainedPolicy(trained).act(seen))


def test_a_recurrent_learner_keeps_its_memory_until_it_is_told_to_forget():
    env = VecAdapter(world(), 4)
    model = algorithm("RecurrentPPO")("MlpLstmPolicy", env, n_steps=8, n_epochs=1, batch_size=32, seed=0, device="cpu")
    policy, seen = TrainedPolicy(model.learn(64)), np.ones((4, 2), np.float32)
    assert not policy.tabulable
    first, second = policy.act(seen), policy.act(seen)
    assert not np.array_equal(first, second)
    policy.forget()
    assert same_bits(policy.act(seen), first)


def test_two_evaluations_of_a_recurrent_learner_are_alike():
    env = VecAdapter(world(), 4)
    model = algorithm("RecurrentPPO")("MlpLstmPolicy", env, n_steps=8, n_epochs=1, batch_size=32, seed=0, device="cpu")
    policy = TrainedPolicy(model)
    assert same_bits(play(world(), policy, 4, 0).profit, play(world(), policy, 4, 0).profit)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_name_is_its_algorithm(name):
    assert algorithm(name).__name__ == name


def test_an_unknown_algorithm_is_an_error():
    with pytest.raises(
        ValueError, match="algorithm must be one of PPO, A2C, SAC, TD3, DQN, TQC, RecurrentPPO, got 'ppo'"
    ):
        algorithm("ppo")
