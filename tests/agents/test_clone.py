"""A warm start acts as its teacher did and knows what that is worth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents import AtTouch, CarteaJaimungal, FixedSymmetric, best_fixed
from agents.exact.evaluation import evaluate
from agents.learning.clone import clone, demonstrate
from agents.learning.learner import Learner
from agents.learning.sb3 import TrainedPolicy, VecAdapter
from agents.policy import grid_observations, policy_of
from mm_env import Grid, InventoryPenalty, Touch
from mm_env.markets import cont_stoikov_talreja
from tests.worlds import world

TEACHER = CarteaJaimungal(rate=10.0, kappa=1.0, phi=0.5, alpha=0.1, horizon=0.5, max_inventory=3)
MARKET = world()
BOOK = cont_stoikov_talreja()
SETTINGS = {
    "n_steps": 16,
    "batch_size": 64,
    "n_epochs": 1,
    "policy_kwargs": {"net_arch": [32, 32], "log_std_init": -2.0},
}


@pytest.fixture(scope="module")
def cloned():
    learner = Learner("PPO", 1, 2048, noise=0.0, standardise=False, settings=SETTINGS)
    model = learner.model(MARKET, seed=0)
    clone(model, policy_of(TEACHER, MARKET))
    return model


def visited():
    """The observations at the first steps and small inventories, and their places in a table."""
    seen = grid_observations(MARKET)
    assert seen is not None
    return seen[1:, 2:5]


def test_a_clone_acts_as_its_teacher(cloned):
    seen = visited().reshape(-1, 2)
    ours, theirs = TrainedPolicy(cloned).act(seen), np.clip(policy_of(TEACHER, MARKET).act(seen), -1.0, 1.0)
    assert np.abs(ours - theirs).max() < 0.05


def test_a_clone_knows_what_its_teacher_earns(cloned):
    table = policy_of(TEACHER, MARKET).act(grid_observations(MARKET).reshape(-1, 2)).reshape(5, 7, 2)
    exact = evaluate(MARKET, np.clip(table, -1.0, 1.0)).value[1:5, 0, 2:5]
    with torch.no_grad():
        values = cloned.policy.predict_values(torch.from_numpy(visited().reshape(-1, 2))).numpy().reshape(4, 3)
    assert np.abs(values - exact).max() < 0.1 * np.ptp(exact)


def test_a_clone_explores_as_it_was_told_to(cloned):
    assert cloned.policy.log_std.tolist() == [-2.0, -2.0]


def test_lessons_hold_whole_episodes_and_what_was_earned_to_their_end():
    lanes = VecAdapter(MARKET, 8, stagger=True)
    lanes.seed(0)
    lessons = demonstrate(lanes, policy_of(FixedSymmetric(0.5), MARKET))
    assert lessons.observations.shape == (40, 2)
    np.testing.assert_array_equal(lessons.observations[:, 1], np.repeat(np.float32([1.0, 0.8, 0.6, 0.4, 0.2]), 8))
    simulated = lanes.env.simulation
    lanes.seed(0)
    lanes.stagger = False
    lanes.reset()
    for _ in range(5):
        _, _, _, infos = lanes.step(np.tile(np.float32([0.0, 0.0]), (8, 1)))
    assert simulated.num_lanes == 8
    np.testing.assert_allclose(lessons.returns[:8], [info["episode"]["r"] for info in infos], rtol=1e-5)
    assert lanes.stagger is False


def test_choices_are_cloned_too():
    market = world(quote=Grid(max_half_spread=1.0, max_skew=1.0, half_spreads=3, skews=3))
    learner = Learner("PPO", 1, 512, noise=0.0, settings=SETTINGS)
    model = learner.model(market, seed=0)
    teacher = policy_of(TEACHER, market)
    clone(model, teacher)
    seen = visited().reshape(-1, 2)
    assert (TrainedPolicy(model).act(seen) == teacher.act(seen)).mean() > 0.8


@pytest.mark.parametrize(
    "teacher", [FixedSymmetric(0.4), FixedSymmetric(1.4), AtTouch(BOOK, -1), AtTouch(BOOK, 2)], ids=str
)
def test_at_the_touch_of_a_book_a_teacher_shows_the_quotes_it_means(teacher):
    """A strategy counts from the mid, `AtTouch` in another action space than the learner's: neither is what indices say."""
    market = replace(BOOK, quote=Touch(behind=3, hedging=True))
    lanes = VecAdapter(market, 16)
    lanes.seed(0)
    lessons = demonstrate(lanes, policy_of(teacher, market))
    shown = np.stack([lessons.actions // market.quote.choices, lessons.actions % market.quote.choices], axis=-1) - 1
    spread = lessons.observations[:, market.observation_names.index("spread")].astype(np.float64)[:, None]
    depth = getattr(teacher, "half_spread", None)
    behind = teacher.behind if depth is None else np.floor(depth - 0.5 * spread + 0.5)  # the tick is 1
    np.testing.assert_array_equal(shown, np.broadcast_to(np.clip(behind, -1, 4), shown.shape))


def test_a_teacher_that_learnt_other_actions_is_refused():
    learner = Learner("PPO", 1, 8, noise=0.0, standardise=False, settings=SETTINGS)
    other = TrainedPolicy(learner.model(world(quote=Grid(max_half_spread=1.0, max_skew=1.0)), seed=0))
    with pytest.raises(ValueError, match="a teacher must have learnt to act in Box"):
        demonstrate(VecAdapter(MARKET, 8), other)


def test_a_teacher_may_be_found_for_the_market():
    learner = Learner("PPO", 64, 8, teacher=best_fixed, settings=SETTINGS)
    first, again = (learner.train(MARKET, 0).model.policy.parameters_to_vector() for _ in range(2))
    assert np.array_equal(first, again)
    plain = Learner("PPO", 64, 8, settings=SETTINGS).train(MARKET, 0).model.policy.parameters_to_vector()
    assert not np.array_equal(first, plain)


def test_a_teacher_is_for_actor_critics():
    with pytest.raises(ValueError, match=r"^Learner\.teacher is for PPO and A2C, got SAC"):
        Learner("SAC", 64, teacher=best_fixed)


@pytest.mark.slow
def test_a_clone_is_better_than_what_it_started_from():
    market = world(reward=InventoryPenalty(phi=0.5))
    fresh = Learner("PPO", 1, 512, settings=SETTINGS).model(market, seed=0)
    teacher = policy_of(TEACHER, market)

    def worth(policy):
        seen = grid_observations(market).reshape(-1, 2)
        return evaluate(market, np.clip(policy.act(seen), -1, 1).reshape(5, 7, 2).astype(np.float64)).objective

    before = worth(TrainedPolicy(fresh))
    clone(fresh, teacher)
    assert before < worth(TrainedPolicy(fresh)) <= worth(teacher) + 0.01
