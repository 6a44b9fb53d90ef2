"""Quotes that follow from reservation prices: those of the closed forms that say the same prices, and a learner's own."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback

from agents import InternaliseExternalise, QuadraticDesk
from agents.desks import decoded, shown_at
from agents.learning.learner import Learner
from agents.learning.reservation import QuotedLanes, ReservationQuotes
from agents.learning.sb3 import TrainedPolicy
from agents.strategies.desk_problem import NoProblem
from mm_env import DeskSimulation, OutsideTarget
from mm_env.desks import eurusd, two_bonds
from tests.agents.test_desk_joined import PAIR, TIERED
from tests.mm_env.desks import rich
from tests.worlds import world

POSITIONS = np.array([[0.0, 0.0], [6_250.0, -50_000.0], [-75_000.0, 300_000.0]])
TINY = {"total_steps": 128, "num_envs": 8, "branches": 2, "checkpoints": 0, "quoting": ReservationQuotes, "noise": 0.0}
SHORT = {"n_steps": 8, "batch_size": 32, "n_epochs": 1}

DESKS: Any = {"pair": PAIR, "tiered": TIERED}


def chosen(quoting, below, slope, held):
    """The actions that say so."""
    own = below / quoting.half - held / quoting.limits
    return np.hstack([own, slope * quoting.largest / quoting.half])


def test_the_quotes_of_a_quadratic_value_are_those_of_its_reservation_prices():
    desk = two_bonds()
    theory, quoting = QuadraticDesk.of(desk), ReservationQuotes(desk)
    a, b = theory.matrices(3.0)
    below, slope = 2.0 * POSITIONS @ a + b, np.tile(np.diag(a), (3, 1))
    assert quoting.depths(below, slope) == pytest.approx(theory.depths(POSITIONS, 3.0), abs=1e-12)
    seen = shown_at(desk, POSITIONS, 150)
    depths, _ = decoded(desk, quoting.actions(seen, chosen(quoting, below, slope, POSITIONS)))
    assert depths == pytest.approx(
        np.clip(theory.depths(POSITIONS, 3.0), -0.2, 0.4), abs=1e-6
    )  # what is shown is single


def test_what_is_traded_outside_is_what_the_marginal_value_says():
    desk = eurusd()
    theory, quoting = InternaliseExternalise.of(desk), ReservationQuotes(desk)
    value, held = theory.solution.value, np.arange(1.0, 100.0)
    sold = value[101:-1] - value[100:-2]  # of one unit less, at positions of 1 to 99 units
    traded = quoting.trades(-sold[:, None], held[:, None])[:, 0]
    assert traded == pytest.approx(theory.trades(held), rel=1e-9, abs=1e-9)
    assert (traded == 0.0).any()
    assert (traded < 0.0).any()


@pytest.mark.parametrize("name", DESKS)
def test_lanes_are_those_of_the_desk_acted_on_by_the_quotes(name):
    desk = DESKS[name]
    quoting, lanes = ReservationQuotes(desk), QuotedLanes(ReservationQuotes(desk), desk, 6)
    plain, random = DeskSimulation(desk, 6), np.random.default_rng(0)
    lanes.seed(4)
    seen, same = np.asarray(lanes.reset()), plain.start(4)
    for _ in range(5):
        assert (seen == same).all()
        acts = random.uniform(-1.0, 1.0, (6, *quoting.space.shape)).astype(np.float32)
        same, rewards, _, _ = plain.step(quoting.actions(seen, acts).reshape(-1))
        following, earned, _, _ = lanes.step(acts)
        seen = np.asarray(following)
        assert earned == pytest.approx(rewards.astype(np.float32))


def test_a_learner_acts_in_the_desk_by_them_and_so_does_what_it_saved(tmp_path):
    learner = Learner("PPO", settings=SHORT, **TINY)
    policy = learner.train(DESKS["pair"], seed=0)
    policy.model.save(tmp_path / "model.zip")
    seen = shown_at(PAIR, np.array([[1.0, -2.0], [0.0, 3.0]]), 7)
    acted = policy.act(seen)
    assert policy.model.action_space.shape == (4,)
    assert acted.shape == (2, PAIR.width)
    assert (learner.load(DESKS["pair"], tmp_path / "model.zip").act(seen) == acted).all()
    policy.check(DESKS["pair"])
    with pytest.raises(ValueError, match="a teacher must have learnt to act in"):
        policy.check(DESKS["tiered"])
    assert (TrainedPolicy(policy.model).act(seen) == acted).all()


def test_training_that_was_interrupted_ends_as_it_would_have(tmp_path):
    class Stop(BaseCallback):
        def _on_step(self):
            return self.num_timesteps < 100

    learner = Learner("PPO", settings=SHORT, **{**TINY, "checkpoints": 2})
    whole = learner.train(DESKS["pair"], 1, tmp_path / "whole")
    learner.train(DESKS["pair"], 1, tmp_path / "broken", [Stop()])
    resumed = learner.train(DESKS["pair"], 1, tmp_path / "broken", resume=True)
    seen = shown_at(PAIR, np.array([[1.0, -2.0]]), 7)
    assert (resumed.act(seen) == whole.act(seen)).all()


def test_what_has_no_reservation_prices_and_teachers_are_refused_before_any_training():
    with pytest.raises(NoProblem, match="it must be a Desk, got Market"):
        Learner("PPO", settings=SHORT, **TINY).check(world())
    one = replace(rich(1).instruments[0], outside=OutsideTarget(0.1))
    targeting: Any = replace(rich(1), instruments=(one,))
    with pytest.raises(NoProblem, match="trades outside must be at a rate"):
        Learner("PPO", settings=SHORT, **TINY).check(targeting)
    with pytest.raises(ValueError, match=r"Learner.teacher must be null where there is a quoting"):
        Learner("PPO", 64, teacher=QuadraticDesk.of, quoting=ReservationQuotes)
