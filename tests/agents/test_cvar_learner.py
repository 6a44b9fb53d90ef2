"""A learner of CVaR: its threshold finds the quantile of the profits, and its quotes gain in the worst of them."""

from dataclasses import replace

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback

from agents.exact.cvar import worst_mean
from agents.learning.checkpoint import save_checkpoint
from agents.learning.cvar import CVaRLearner, learnt_threshold
from agents.learning.learner import CHECKPOINT, middling
from mm_env import Brownian, CVaR, Depths, FiniteHorizon, InventoryPenalty, LossLimit, Uniform
from mm_env.rollout import run_policy
from tests.worlds import world

QUOTE, CLOCK = Depths(max_depth=3.0, min_depth=0.0), FiniteHorizon(1.0, 10)
TAIL = CVaR(level=0.8, closing_cost=0.1)
MARKET = world(reward=TAIL, quote=QUOTE, clock=CLOCK, profit_scale=2.0)
SETTINGS = {"n_steps": 10, "batch_size": 640, "n_epochs": 4, "gamma": 1.0, "policy_kwargs": {"net_arch": [16]}}


def learner(total_steps, settings=None, **more):
    return CVaRLearner("PPO", total_steps, 64, settings=SETTINGS | (settings or {}), **more)


def left(episodes):
    return episodes.profit - TAIL.closing_cost * np.abs(episodes.terminal_inventory)


def tail(profits):
    return float(worst_mean(profits[None], np.full((1, len(profits)), 1.0 / len(profits)), TAIL.level)[0])


@pytest.mark.slow
def test_the_threshold_converges_to_the_quantile_of_a_policy_that_stays_as_it_is():
    fixed = learner(256_000, {"learning_rate": 0.0, "n_epochs": 1}, threshold_step=0.1)
    model = fixed.train(MARKET, 0).model
    profits = left(run_policy(MARKET, lambda seen: model.predict(seen)[0], 20_000, seed=9))
    assert abs(float(np.mean(profits < learnt_threshold(model))) - 0.2) < 0.02
    assert learnt_threshold(model) < np.median(left(middling(MARKET))) - 0.05  # where it began


def test_a_training_of_seconds_has_better_worst_profits_than_its_start():
    trained = learner(128_000, {"learning_rate": 3e-3}, stagger=True, lateness=True).train(MARKET, 0)
    start = tail(left(middling(MARKET)))
    assert tail(left(run_policy(MARKET, trained.act, 4_000, seed=9))) > start + 0.1


def test_a_threshold_that_does_not_move_is_the_markets_own():
    market = replace(MARKET, reward=replace(TAIL, threshold=0.7))
    assert learnt_threshold(learner(1_280, threshold_step=0.0).train(market, 0).model) == 0.7
    assert learner(1_280, threshold_step=0.0).training_market(market).reward == replace(market.reward, shaping=1.0)


def test_ruin_ends_an_episode_for_good_and_nothing_is_subtracted_on_the_way():
    ruinous = replace(MARKET, price=Brownian(2.0), margin=LossLimit(loss=0.5))
    lanes, told = learner(640, stagger=False).lanes(ruinous), []
    lanes.seed(0)
    lanes.reset()
    for _ in range(CLOCK.steps - 1):  # before the horizon, so that nothing but ruin ends an episode
        _, _, ended, infos = lanes.step(np.zeros((64, 2), np.float32))
        told += [infos[lane]["TimeLimit.truncated"] for lane in np.flatnonzero(ended)]
    assert told
    assert not any(told)
    assert lanes.reward_shift == 0.0
    assert learner(640).lanes(MARKET).reward_shift != 0.0


class Stop(BaseCallback):
    """Leaves a checkpoint at the third rollout, and ends the training there."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def _on_rollout_start(self):
        if self.num_timesteps >= 1_280:
            save_checkpoint(self.folder / CHECKPOINT, self.model)
            raise KeyboardInterrupt

    def _on_step(self):
        return True


def test_a_training_that_is_resumed_ends_with_the_same_weights_and_threshold(tmp_path):
    plain = learner(3_200, checkpoints=0, branches=2, threshold_step=0.1)
    whole = plain.train(MARKET, 3).model
    with pytest.raises(KeyboardInterrupt):
        plain.train(MARKET, 3, tmp_path, [Stop(tmp_path)])
    resumed = plain.train(MARKET, 99, tmp_path, resume=True).model
    assert learnt_threshold(resumed) == learnt_threshold(whole)
    theirs = whole.policy.state_dict()
    assert all(np.array_equal(value, theirs[name]) for name, value in resumed.policy.state_dict().items())


@pytest.mark.parametrize(("made", "reward", "said"), [
    ({"algorithm": "SAC"}, TAIL, r"^CVaRLearner.algorithm must be one of PPO, A2C, got 'SAC'"),
    ({"threshold_step": -1.0}, TAIL, r"^CVaRLearner.threshold_step must be >= 0, got -1"),
    ({}, InventoryPenalty(), r"^a CVaRLearner needs a market whose reward is a CVaR .*, got InventoryPenalty"),
    ({}, replace(TAIL, threshold=Uniform(0.0, 1.0)), r"^CVaR.threshold must be one number for a CVaRLearner, got Uniform"),
    ({"expected_fills": True}, TAIL, r"^expected_fills must be off where the agent sees the profit"),
])  # fmt: skip
def test_what_it_cannot_learn_is_refused(made, reward, said):
    with pytest.raises((TypeError, ValueError), match=said):
        CVaRLearner(**{"algorithm": "PPO", "total_steps": 640, "num_envs": 4, **made}).model(
            replace(MARKET, reward=reward), 0
        )
