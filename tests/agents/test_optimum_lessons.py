"""What nets can hold of a small book's optimum: how often it meets each state, and how close a net comes that is shown them."""

import numpy as np
import pytest

from agents.exact.book_states import of_books
from agents.exact.small_book import book_optimum
from agents.exact.small_book_worth import worth_in
from agents.learning.learner import Learner
from agents.learning.optimum_lessons import ACTION, occupancy, qualities, teach
from agents.learning.sb3 import TrainedPolicy
from mm_env.markets import small_book
from mm_env.simulation import Simulation
from tests.agents.test_small_book import MARKET
from tests.worlds import within


def test_states_are_met_as_often_as_in_simulation():
    best, _, _ = book_optimum(MARKET, 20_000)
    met, simulation = occupancy(best), Simulation(MARKET, 20_000)
    np.testing.assert_allclose(met.sum(axis=1), 1.0, atol=1e-12)
    simulation.start(0)  # the books that `met` starts from
    for _ in range(20):
        simulation.step(best.act(simulation.observations).astype(np.float64))
    *_, held = of_books(MARKET, simulation.books, simulation.state.account.inventory)
    place = best.states.places(simulation.books, simulation.state.account.inventory)
    assert within(best.states.inventory[place] ** 2, float(met[20] @ best.states.inventory**2))
    assert within(held, float(met[20] @ best.states.inventory))


def test_the_policy_that_is_taught_is_the_optimum_where_nothing_ties():
    best, _, _ = book_optimum(MARKET, 1000)
    soft, hard = qualities(best.states, 1e-3), qualities(best.states, ACTION)
    np.testing.assert_allclose(soft.sum(axis=2), 1.0, atol=1e-5)
    assert (hard.argmax(axis=2) == best.actions).all()
    ahead = np.partition(soft, -2, axis=2)
    alone = ahead[..., -1] > 0.9
    assert alone.mean() > 0.05
    assert (soft.argmax(axis=2) == best.actions)[alone].all()


@pytest.mark.slow
def test_whole_numbers_one_hot_are_learnt_in_fewer_steps_than_as_they_are():
    market, skills = small_book(), {}
    best, _, constant = book_optimum(market)
    for one_hot in (False, True):
        settings = {"n_steps": 2, "batch_size": 2, "policy_kwargs": {"net_arch": [64, 64]}}
        model = Learner("PPO", 2, 1, lateness=True, one_hot=one_hot, settings=settings).model(market, 0)
        teach(model.policy, best, 1500)
        seen = TrainedPolicy(model)
        value = worth_in(best, seen if one_hot else BlindToFlow(seen, market))
        skills[one_hot] = (value - constant) / (best.objective - constant)
    assert skills[True] > 0.93
    assert skills[True] > skills[False] + 0.05


class BlindToFlow:
    """A policy that is shown no order flow."""

    def __init__(self, policy, market):
        self.policy, self.market = policy, market

    def act(self, observations):
        seen = observations.copy()
        seen[:, self.market.observation_names.index("order_flow")] = 0.0
        return self.policy.act(seen)
