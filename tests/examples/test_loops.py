"""Others' loops run on the environments as they are: CleanRL's stack of wrappers, and a file of its own where there is one
(CLEANRL names the folder), TorchRL's environments and its example."""

import os
import warnings
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from examples.cleanrl import TransformObservation, run
from mm_env.clock import Ergodic
from mm_env.markets import cartea_jaimungal
from tests.threads import as_many_threads_as_before

__all__ = ["as_many_threads_as_before"]

ID = "mm_env:mm_env/CarteaJaimungal-v0"
CLEANRL = Path(os.environ.get("CLEANRL", "../shared/cleanrl")) / "ppo_continuous_action.py"


def wrapped(market=None):
    """One environment in the wrappers of CleanRL's ppo_continuous_action.py."""
    env = gym.make(ID) if market is None else gym.make(ID, market=market)
    env = gym.wrappers.FlattenObservation(env)
    env = gym.wrappers.RecordEpisodeStatistics(env)
    env = gym.wrappers.ClipAction(env)
    env = gym.wrappers.NormalizeObservation(env)
    env = TransformObservation(env, lambda seen: np.clip(seen, -10, 10))
    env = gym.wrappers.NormalizeReward(env, gamma=0.99)
    return gym.wrappers.TransformReward(env, lambda reward: np.clip(reward, -10, 10))


@pytest.mark.parametrize("ergodic", [False, True])
def test_cleanrls_wrappers_tell_what_an_episode_brought(ergodic):
    market = cartea_jaimungal()
    if ergodic:
        market = replace(market, clock=Ergodic(horizon=1.0, steps=100))
    lanes = [lambda: wrapped(market)] * 2
    envs = SyncVectorEnv(lanes, autoreset_mode=AutoresetMode.SAME_STEP)
    plain = [gym.make(ID, market=market) for _ in range(2)]
    envs.reset(seed=3)
    for lane, env in enumerate(plain):
        env.reset(seed=3 + lane)
    brought, random = np.zeros(2), np.random.default_rng(0)
    for step in range(1, 101):
        actions = random.normal(0.0, 2.0, (2, 2)).astype(np.float32)  # outside of the space: they are clipped
        seen, rewards, terminated, truncated, infos = envs.step(actions)
        for lane, env in enumerate(plain):
            brought[lane] += env.step(np.clip(actions[lane], -1.0, 1.0))[1]
        assert np.isfinite(seen).all()
        assert np.isfinite(rewards).all()
        assert ("final_info" in infos) == (step == 100)
    assert (terminated != ergodic).all()
    assert (truncated == ergodic).all()
    told = infos["final_info"]["episode"]
    assert infos["final_info"]["_episode"].all()
    assert told["l"].tolist() == [100, 100]
    np.testing.assert_allclose(told["r"], brought, rtol=1e-5)
    np.testing.assert_allclose(infos["final_info"]["figures"]["r"], brought, rtol=1e-9)


@pytest.mark.skipif(not CLEANRL.is_file(), reason="no file of CleanRL: CLEANRL names the folder of one")
def test_a_file_of_cleanrl_runs_unmodified(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tyro")
    path = CLEANRL.resolve()
    monkeypatch.chdir(tmp_path)
    options = ("--env-id", ID, "--num-envs", "4", "--num-steps", "128", "--total-timesteps", "1024", "--no-cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of tyro
        left = run(path, *options)
    assert left["global_step"] == 1024
    assert capsys.readouterr().out.count("episodic_return=") == 8  # 4 lanes, episodes of 100 steps in 256
    assert list(tmp_path.glob("runs/**/events.*"))


def test_torchrl_sees_the_last_observation_of_an_episode():
    pytest.importorskip("torchrl")
    from torchrl.envs import GymEnv, GymWrapper

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        one = GymEnv("mm_env/CarteaJaimungal-v0").rollout(150)
        lanes = GymWrapper(gym.make_vec("mm_env/CarteaJaimungal-v0", num_envs=3))
        many = lanes.rollout(150, break_when_any_done=False)
    assert one.shape == (100,)
    assert bool(one["next", "terminated"][-1])
    assert many.shape == (3, 150)
    assert many["next", "terminated"][..., 0].nonzero()[:, 1].tolist() == [99, 99, 99]
    assert (many["next", "observation"][:, 99, 1] == 0.0).all()  # no time is left
    assert (many["observation"][:, 100, 1] == 1.0).all()  # and the next episode has begun


def test_torchrls_ppo_learns():
    pytest.importorskip("torchrl")
    from examples import torchrl_ppo
    from experiments.evaluation.skill_references import SkillReferences

    market = replace(cartea_jaimungal(), max_inventory=3.0)
    references = SkillReferences.of(market)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begun, learnt = (torchrl_ppo.train(market, frames, seed=0) for frames in (1, 12 * 256 * 32))
    assert references.exact_skill(learnt) > references.exact_skill(begun) + 0.2
