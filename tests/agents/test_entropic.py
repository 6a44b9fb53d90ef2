"""CARA learnt from each step: its advantages are, exactly, what altering that step alone changes of the utility."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from agents.exact.evaluation import evaluate
from agents.exact.optimum import optimum
from agents.learning.entropic import EntropicRollouts, WealthChange
from agents.learning.learner import Learner
from agents.learning.sb3 import VecAdapter
from agents.policy import tabulate
from mm_env import CARA, Ergodic, InventoryPenalty, Merton, Uniform
from tests.worlds import random_actions, within, world

GAMMA, STEPS, SETTINGS = 0.4, 5, {"n_steps": 5, "batch_size": 320, "policy_kwargs": {"net_arch": [16]}}
MARKET = world(reward=CARA(GAMMA), price=Merton(sigma=1.0, rate=0.5, jump_mean=-1.5, jump_std=0.5))
LEVELS, TABLE = 7, np.random.default_rng(5).uniform(-0.5, 0.5, (STEPS, 7, 2))
SCALE, SHIFT = 3.0, 0.2  # of the rewards that are learnt from
V: Any = evaluate(MARKET, TABLE).value[:, 0]  # (steps + 1, levels), the certainty equivalent of what is still to come


def exact_critic(observations):
    """V of acting by TABLE, in the units of the rewards that are learnt from."""
    inventory, time_left = observations[:, 0].numpy() * MARKET.inventory_scale, observations[:, 1].numpy()
    steps_left = np.rint(time_left * STEPS).astype(int)
    values = SCALE * (V[STEPS - steps_left, np.rint(inventory).astype(int) + LEVELS // 2] - SHIFT * steps_left)
    return torch.from_numpy(values.astype(np.float32)[:, None])


def differences(step, noise, table=TABLE, lanes=20_000):
    """The risk-sensitive temporal differences of a step by `table`, by two branches of each lane, price units."""
    learning = replace(MARKET, reward=WealthChange(GAMMA, noise))
    adapter = VecAdapter(learning, lanes, reward_scale=SCALE, reward_shift=SHIFT, branches=2)
    adapter.seed(3)
    seen = adapter.reset()
    for t in range(step + 1):
        level = np.rint(seen[:, 0] * MARKET.inventory_scale).astype(int) + LEVELS // 2
        values = exact_critic(torch.from_numpy(seen)).numpy().ravel()
        seen, *_ = adapter.step((table if t == step else TABLE)[t, level].astype(np.float32))
    buffer = EntropicRollouts(8, adapter.observation_space, adapter.action_space, gamma=1.0, n_envs=lanes)
    buffer.critic, buffer.lanes = exact_critic, adapter
    return (buffer.lookahead(values) - values) / SCALE, level


@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("step", [0, 2, STEPS - 1])
def test_the_exact_certainty_equivalent_is_the_fixed_point_of_the_critic(step, noise):
    """E[u | s] = 0, from inventory to inventory, at the last step too."""
    found, level = differences(step, noise)
    for held in np.unique(level):
        if (level == held).sum() > 300:
            assert within(found[level == held], 0.0)


def test_an_advantage_is_what_altering_one_step_changes_of_the_utility():
    """E[u | s, a] = (U(altered) - U(table)) exp(gamma V(s)), for quotes of any kind."""
    for seed in range(3):
        altered = TABLE.copy()
        altered[0] = random_actions(MARKET, LEVELS, seed)
        wanted = -np.expm1(-GAMMA * (evaluate(MARKET, altered).worth - evaluate(MARKET, TABLE).worth)) / GAMMA
        assert within(differences(0, 0.0, altered)[0], wanted)


def test_noise_of_the_first_order_is_taken_out():
    loud, quiet = (differences(2, noise)[0].var() for noise in (1.0, 0.0))
    assert quiet < 0.5 * loud


def test_a_training_of_seconds_comes_near_the_optimum():
    settings = SETTINGS | {"gamma": 1.0, "gae_lambda": 0.4, "learning_rate": 3e-3, "n_epochs": 4}
    quick = Learner("PPO", 64_000, 64, noise=0.0, reward_scale=10.0, branches=4, stagger=True, settings=settings)
    learnt: Any = tabulate(MARKET, quick.train(MARKET, 0))
    best, start = optimum(MARKET).worth, evaluate(MARKET, np.zeros((1, LEVELS, 2))).worth
    assert evaluate(MARKET, learnt.actions).worth > start + 0.9 * (best - start)


@pytest.mark.parametrize(("reward", "clock", "branches", "known"), [
    (CARA(GAMMA), MARKET.clock, 2, True),
    (CARA(GAMMA), MARKET.clock, 0, False),  # utility at the end, as it is
    (InventoryPenalty(), MARKET.clock, 2, False),
    (CARA(GAMMA), Ergodic(0.5, STEPS), 2, False),  # no wealth is final there
    (CARA(Uniform(0.1, 0.4)), MARKET.clock, 2, False),
])  # fmt: skip
def test_who_learns_so(reward, clock, branches, known):
    learner, market = Learner("PPO", 320, 64, branches=branches), replace(MARKET, reward=reward, clock=clock)
    assert learner.is_entropic(market) == known
    assert learner.training_market(market).reward == (WealthChange(GAMMA) if known else reward)
