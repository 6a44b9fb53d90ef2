"""stable-baselines3: its own checks, its VecEnv contract, and what was learnt as a Policy."""

import math
import pickle
import sys
from copy import deepcopy
from dataclasses import astuple, replace
from functools import partial
from types import ModuleType

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor, VecNormalize, VecVideoRecorder

from agents.learning.sb3 import ALGORITHMS, TrainedPolicy, VecAdapter, algorithm, load
from agents.policy import Policy, play, tabulate
from mm_env import Ergodic, FiniteHorizon, Grid, Integers, MarketMakingEnv, MarketMakingVectorEnv
from mm_env.envs.registration import IDS
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
        assert len(infos) == 2
        for lane, info in enumerate(infos):
            if info:
                assert same_bits(info["terminal_observation"], vector_infos["final_obs"][lane])
                assert info["TimeLimit.truncated"] is False
                assert info["episode"]["r"] == vector_infos["figures"]["r"][lane]
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
    assert env.env_is_wrapped(Monitor) == [True, True]
    assert env.env_is_wrapped(gym.Wrapper) == [False, False]
    assert env.env_is_wrapped(gym.Wrapper, indices=[0]) == [False]
    with pytest.raises(AttributeError):
        env.get_attr("nothing_of_the_kind")


def test_infos_are_each_steps_own():
    env = reset()
    seen = []
    for _ in range(7):
        infos = env.step(ACTIONS)[3]
        assert all("mine" not in info for info in infos)
        for info in infos:
            info["mine"] = len(seen)
        seen.append(infos)
    assert [[info["mine"] for info in infos] for infos in seen] == [[step, step] for step in range(7)]
    assert sorted(seen[2][0]) == ["TimeLimit.truncated", "episode", "mine", "terminal_observation"]
    assert (seen[0][:], seen[0] == list(seen[0])) == ([{"mine": 0}, {"mine": 0}], True)


class Standing:
    """A model that always does the same."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.tile(ACTIONS[0], (len(observation), 1)), state


def test_evaluate_policy_reports_whole_episodes_in_the_markets_units_and_warns_of_nothing():
    plain, lanes = run_policy(SHORT, lambda seen: np.tile(ACTIONS[0], (len(seen), 1)), 3, 5), VecAdapter(SHORT, 3)
    lanes.seed(5)
    returns, lengths = evaluate_policy(Standing(), lanes, 3, return_episode_rewards=True)
    assert sorted(returns) == sorted(plain.objective.tolist())
    scaled = VecAdapter(SHORT, 3, reward_scale=1e-3, reward_shift=0.7, stagger=True)
    scaled.seed(5)
    returns, lengths = evaluate_policy(Standing(), scaled, 6, return_episode_rewards=True)
    assert lengths == [3] * 6
    lane = MarketMakingVectorEnv(SHORT, 3)
    lane.reset(seed=5)
    first, second = ([lane.step(np.tile(ACTIONS[0], (3, 1)))[4] for _ in range(3)][2]["figures"]["r"] for _ in "12")
    third = [lane.step(np.tile(ACTIONS[0], (3, 1)))[4] for _ in range(3)][2]["figures"]["r"]
    assert sorted(returns) == sorted(
        [first[0], second[0], *second[1:], *third[1:]]
    )  # lanes 1 and 2 began in the middle


def test_part_episodes_end_without_figures_and_a_restored_lane_knows_them():
    env, again = VecAdapter(SHORT, 3, stagger=True), VecAdapter(SHORT, 3, stagger=True)
    env.seed(0), again.seed(1)
    env.reset(), again.reset()
    again.env.restore(env.env.save())
    for lanes in (env, again):
        told = [["episode" in info for info in lanes.step(np.tile(ACTIONS[0], (3, 1)))[3]] for _ in range(6)]
        assert told[:3] == [[False, False, False], [False, False, False], [True, False, False]]
        assert told[3:] == [[False, False, True], [False, True, False], [True, False, False]]


def test_the_evaluating_callback_sees_the_markets_units(tmp_path):
    lanes = VecAdapter(SHORT, 2, reward_scale=1e-3)
    watched = EvalCallback(lanes, n_eval_episodes=4, eval_freq=8, log_path=str(tmp_path), verbose=0)
    PPO("MlpPolicy", VecAdapter(SHORT, 2), n_steps=8, batch_size=16, n_epochs=1, seed=0, device="cpu").learn(
        16, watched
    )
    found = np.load(tmp_path / "evaluations.npz")
    assert (found["ep_lengths"] == 3).all()
    assert np.abs(found["results"]).max() > 0.05  # scaled, all were below 0.01


def test_videos_show_the_first_lanes(monkeypatch, tmp_path):
    monkeypatch.setitem(
        sys.modules, "moviepy", ModuleType("moviepy")
    )  # the recorder looks for it, and uses it to write only
    env = VecVideoRecorder(
        VecAdapter(SHORT, 3, render_mode="rgb_array", shown=2), str(tmp_path), lambda step: step == 0
    )
    assert env.frames_per_sec == 10
    env.reset()
    env.step(np.tile(ACTIONS[0], (3, 1)))
    assert [(frame.shape, frame.dtype) for frame in env.recorded_frames] == [((760 * 2, 1200, 3), np.uint8)] * 2
    assert not same_bits(*env.recorded_frames)
    env.recorded_frames = []
    one = VecAdapter(SHORT, 3, render_mode="rgb_array")
    one.reset()
    assert one.render().shape == (760, 1200, 3)


def test_options_of_a_reset_are_refused():
    env = reset()
    env.set_options({"anything": 1})
    with pytest.raises(ValueError, match="the lanes' resets take no options, got"):
        env.reset()


def test_worker_processes_step_single_envs_as_one_process_does():
    make = partial(MarketMakingEnv, SHORT)
    ours, theirs = SubprocVecEnv([make, make], start_method="spawn"), DummyVecEnv([make, make])
    ours.seed(3), theirs.seed(3)
    assert same_bits(ours.reset(), theirs.reset())
    for _ in range(4):
        (seen, rewards, dones, _), (same, singles, over, _) = ours.step(ACTIONS), theirs.step(ACTIONS)
        assert same_bits(seen, same)
        assert same_bits(rewards.astype(np.float32), singles)
        assert same_bits(dones, over)
    ours.close()


@pytest.mark.parametrize("copied", [deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_of_the_lanes_goes_on_as_they_do(copied):
    env = VecAdapter(SHORT, 2, reward_scale=0.5, stagger=True, branches=2)
    env.seed(4)
    env.reset()
    env.step(ACTIONS)
    other = copied(env)
    assert other.branches.simulation is other.env.simulation
    for _ in range(7):
        one, same = env.step(ACTIONS), other.step(ACTIONS)
        assert all(same_bits(a, b) for a, b in zip(one[:3], same[:3], strict=True))
        assert [i.get("episode", {}).get("r") for i in one[3]] == [i.get("episode", {}).get("r") for i in same[3]]
        assert all(same_bits(a, b) for a, b in zip(env.outcomes, other.outcomes, strict=True))


@pytest.mark.parametrize(("name", "settings"), [("PPO", {"n_steps": 16}), ("SAC", {"learning_starts": 20})])
def test_what_learnt_under_normalised_observations_is_shown_such(tmp_path, name, settings):
    lanes = VecNormalize(VecAdapter(world(), 4), norm_reward=False)
    model = algorithm(name)("MlpPolicy", lanes, batch_size=32, seed=0, device="cpu", **settings).learn(128)
    seen = np.array([[0.5, 0.4], [-1.0, 0.2]], np.float32)
    expected = model.predict(lanes.normalize_obs(seen), deterministic=True)[0]
    assert not np.array_equal(expected, model.predict(seen, deterministic=True)[0])
    assert same_bits(TrainedPolicy(model).act(seen), expected)
    model.save(tmp_path / "model")
    lanes.save(str(tmp_path / "statistics"))
    with pytest.raises(ValueError, match=r"learnt under VecNormalize, whose statistics are not saved with it: give"):
        load(name, tmp_path / "model")
    statistics = VecNormalize.load(str(tmp_path / "statistics"), VecAdapter(world(), 1))
    found = algorithm(name).load(tmp_path / "model", device="cpu")
    assert same_bits(TrainedPolicy(found, statistics).act(seen), expected)


def test_spaces_are_the_single_envs():
    env = VecAdapter(DISCRETE, 3)
    assert env.observation_space == DISCRETE.observation_space
    assert env.action_space == gym.spaces.Discrete(12)
    assert env.num_envs == 3


def test_a_bad_action_is_refused():
    with pytest.raises(ValueError, match="actions must be finite, got nan in lane 1"):
        reset().step(np.array([[0.0, 0.0], [0.0, np.nan]]))


def test_the_wrappers_of_stable_baselines_fit():
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
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
        ValueError,
        match="algorithm must be one of PPO, A2C, SAC, TD3, DQN, TQC, RecurrentPPO, CompiledPPO, QRDQN, got 'ppo'",
    ):
        algorithm("ppo")
