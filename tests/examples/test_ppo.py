"""examples/ppo.py: its advantages are stable-baselines3's, its step that of the lanes, and it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import RolloutBuffer

from examples import ppo
from experiments.evaluation.skill_references import SkillReferences
from mm_env.clock import FiniteHorizon
from mm_env.markets import cartea_jaimungal
from tests.threads import as_many_threads_as_before

__all__ = ["as_many_threads_as_before"]

SMALL = replace(cartea_jaimungal(), max_inventory=3.0, clock=FiniteHorizon(horizon=0.1, steps=10))
FEW = ppo.Settings(num_envs=64, num_steps=10, batch_size=320, total_steps=64 * 10 * 12)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(ppo, "market_named", lambda name: SMALL)
    return SMALL


def rollout_of(settings):
    torch.manual_seed(1)
    lanes = ppo.Lanes(settings)
    agent = ppo.Agent(lanes.market, settings)
    return lanes, agent, lanes.rollout(agent)


def test_advantages_are_those_of_stable_baselines3(small):
    lanes, agent, shown = rollout_of(replace(FEW, expected_fills=False))
    buffer = RolloutBuffer(10, small.observation_space, small.action_space, "cpu", 0.4, 1.0, 64)
    starts = torch.cat([torch.zeros(1, 64), shown.over[:-1]])
    for step in range(10):
        row = (shown.seen[step], shown.actions[step], shown.rewards[step], starts[step])
        buffer.add(*(part.numpy() for part in row), shown.values[step], shown.log_prob[step])
    with torch.no_grad():
        buffer.compute_returns_and_advantage(agent.value(torch.from_numpy(lanes.seen)), shown.over[-1].numpy())
    np.testing.assert_allclose(ppo.advantages(shown, 0.4).numpy(), buffer.advantages, atol=1e-4)


def test_foreseen_fills_are_the_mean_of_what_comes(small):
    lanes = ppo.Lanes(replace(FEW, num_envs=4096, stagger=False))
    actions = np.zeros((4096, 2), np.float32)
    inventories, chances = lanes.foreseen(actions)
    lanes.envs.step(actions)
    held = lanes.envs.simulation.inventory
    assert chances.sum(0) == pytest.approx(1.0, abs=1e-6)
    expected = float((inventories * chances).sum(0).mean()) * small.inventory_scale
    assert abs(held.mean() - expected) < 4.0 * held.std() / 64.0


def test_the_last_value_of_an_episode_is_none(small):
    _, _, shown = rollout_of(FEW)
    assert shown.over.sum() == 64  # each lane ends once in ten steps
    assert (shown.following[shown.over > 0.0] == 0.0).all()
    assert (shown.following[shown.over == 0.0] != 0.0).all()


def test_it_learns_and_the_same_seed_learns_the_same(small):
    references = SkillReferences.of(small)
    begun = ppo.Learnt(ppo.train(replace(FEW, total_steps=1, learning_rate=0.0)))
    learnt, again = (ppo.Learnt(ppo.train(FEW)) for _ in range(2))
    assert references.exact_skill(learnt) > references.exact_skill(begun) + 0.2
    assert references.exact_skill(learnt) == references.exact_skill(again)


def test_what_it_cannot_learn_is_refused():
    with pytest.raises(ValueError, match="expected_fills must be off where hedges"):
        ppo.Lanes(ppo.Settings(market="hedged"))
    with pytest.raises(ValueError, match="acts by real numbers"):
        ppo.Lanes(ppo.Settings(market="small_book"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_as_good_as_the_house_learner(seed):
    settings = ppo.Settings(market="cartea_jaimungal", seed=seed)
    skill = SkillReferences.of(cartea_jaimungal()).exact_skill(ppo.Learnt(ppo.train(settings)))
    assert skill > 0.99  # the house's PPO: 0.996 to 0.998 of five seeds
