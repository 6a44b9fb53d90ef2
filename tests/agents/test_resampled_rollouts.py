"""Advantages without the luck of a step: computed by hand, the same in the mean, and with one n-th of its variance."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from agents.learning.learner import Learner
from agents.learning.rollout_buffers import ResampledRollouts, attached, resampled_values
from agents.learning.sb3 import VecAdapter
from mm_env import Ergodic
from mm_env.markets import small_book
from tests.worlds import BOOKS, COVERING, random_actions, thinned, within, world

SHORT = {"n_steps": 8, "batch_size": 16, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}}
MARKETS = {"dealer": world(), "ergodic": world(clock=Ergodic(0.5, 5)), "book": small_book()}


def critic(observations):
    """A value that bends in all it sees."""
    return torch.sin(2.0 * observations).sum(1, keepdim=True) + observations[:, :1] ** 2


@pytest.mark.parametrize("name", MARKETS)
def test_advantages_are_those_computed_by_hand(name, monkeypatch):
    lanes, tried = VecAdapter(MARKETS[name], 4, branches=3), []
    model = attached(PPO("MlpPolicy", lanes, rollout_buffer_class=ResampledRollouts, seed=0, gamma=0.9, **SHORT))
    step = lanes.step_wait

    def noted():
        stepped = step()
        tried.append(lanes.outcomes)
        return stepped

    monkeypatch.setattr(lanes, "step_wait", noted)
    model._setup_learn(1)
    model.collect_rollouts(lanes, model._init_callback(None), model.rollout_buffer, 8)
    buffer, bootstrap = model.rollout_buffer, name == "ergodic"
    for lane in range(4):
        advantage = 0.0
        for t in reversed(range(8)):
            ended = buffer.episode_starts[t + 1, lane] if t < 7 else model._last_episode_starts[lane]
            targets = [
                tried[t].rewards[b, lane]
                + (
                    0.9 * value(model, tried[t].observations[b, lane])
                    if bootstrap or not tried[t].ended[b, lane]
                    else 0
                )
                for b in range(3)
            ]
            delta = np.mean(targets) - value(model, buffer.observations[t, lane])
            advantage = delta + (0.0 if ended else 0.9 * model.gae_lambda * advantage)
            assert buffer.advantages[t, lane] == pytest.approx(advantage, abs=1e-5)


def value(model, observation):
    return float(model.policy.predict_values(torch.from_numpy(observation[None])).detach())


@pytest.mark.parametrize("name", thinned(COVERING, set(BOOKS) - {"queue_reactive"}))
def test_targets_keep_their_mean(name):
    """Each lane's own target less that of its branches has mean zero."""
    market, count = COVERING[name], 10_000
    lanes = VecAdapter(market, count, branches=4)
    lanes.seed(0)
    lanes.reset()
    actions = random_actions(market, count)
    following, rewards, _, _ = lanes.step(actions if market.quote.space.shape else actions[:, 0].astype(np.int64))
    assert not lanes.outcomes.ended.any()
    plain = rewards + critic(torch.from_numpy(following)).numpy().ravel()
    assert within(plain - resampled_values(critic, lanes, 1.0), 0.0)


def test_one_nth_of_the_variance_is_left():
    """All lanes act alike from the same state."""
    left = []
    for branches in (1, 9):
        lanes = VecAdapter(world(), 5_000, branches=branches)
        lanes.seed(0)
        lanes.reset()
        lanes.step(np.tile(np.float32([0.1, -0.3]), (5_000, 1)))
        left.append(resampled_values(critic, lanes, 1.0).var())
    assert left[0] / left[1] == pytest.approx(9.0, rel=0.1)


@pytest.mark.parametrize("name", ["SAC", "TD3", "DQN", "TQC", "RecurrentPPO"])
def test_it_is_refused_to_those_who_do_not_learn_from_rollouts_of_their_own(name):
    with pytest.raises(ValueError, match=f"Learner.branches is for PPO and A2C, got {name}"):
        Learner(name, 64, branches=2)


@pytest.mark.parametrize("branches", [-1, 0.5, True])
def test_branches_are_counted(branches):
    with pytest.raises((TypeError, ValueError), match=r"Learner\.branches must be a whole number in"):
        Learner("PPO", 64, branches=branches)


def test_a_buffer_without_branches_is_refused():
    with pytest.raises(ValueError, match="ResampledRollouts needs a VecAdapter with branches, got one with none"):
        attached(PPO("MlpPolicy", VecAdapter(world(), 4), rollout_buffer_class=ResampledRollouts, **SHORT))


@pytest.mark.parametrize("name", ["PPO", "A2C"])
def test_it_learns_the_same_from_the_same_seed_in_a_book_too(name):
    settings = SHORT if name == "PPO" else {"n_steps": 8}
    market = replace(small_book(), max_inventory=1.0)
    learner = Learner(name, 128, 4, branches=2, settings=settings)
    first, again = (learner.train(market, 0).model.policy.parameters_to_vector() for _ in range(2))
    assert np.array_equal(first, again)
    assert np.isfinite(first).all()
