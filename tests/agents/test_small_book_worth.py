"""The exact worth of policies of a small book: held to what they bring, and to who goes by more than the state."""

import numpy as np
import pytest

from agents.exact.book_states import observations_of, of_books, pack, unpack
from agents.exact.small_book import SmallBook, book_optimum
from agents.exact.small_book_worth import tabulated, worth_in
from agents.policy import CustomPolicy, RandomPolicy, play
from agents.strategies.touch import AtTouch, ImbalanceSkew
from mm_env.simulation import Simulation
from tests.agents.test_small_book import MARKET
from tests.worlds import within

FLOW = MARKET.observation_names.index("order_flow")


def test_states_are_what_they_were_packed_of_and_show_what_the_simulator_shows():
    states, simulation = SmallBook.of(MARKET), Simulation(MARKET, 500)
    simulation.start(3)
    random = np.random.default_rng(0)
    for _ in range(10):
        simulation.step(random.integers(0, 16, 500).astype(np.float64))
        columns = of_books(MARKET, simulation.books, simulation.state.account.inventory)
        keys = states.keys[states.places(simulation.books, simulation.state.account.inventory)]
        for column, found in zip(columns, unpack(MARKET, keys), strict=True):
            np.testing.assert_array_equal(column, found)
        shown, seen = observations_of(MARKET, keys), simulation.observations.copy()
        seen[:, MARKET.observation_names.index("time_left")], seen[:, FLOW] = 1.0, 0.0
        np.testing.assert_allclose(shown, seen, atol=1e-7)
    assert (pack(MARKET, *unpack(MARKET, states.keys)) == states.keys).all()


@pytest.mark.parametrize("made", [AtTouch, ImbalanceSkew, lambda market: AtTouch(market, behind=-1, most=1.0)],
                         ids=["join", "imbalance", "inside, one at most"])  # fmt: skip
def test_a_policy_that_goes_by_the_state_is_worth_what_it_brings_in_simulation(made):
    best, _, _ = book_optimum(MARKET, 1000)
    policy = made(MARKET)
    actions = tabulated(best.states, policy)
    assert actions is not None
    simulation = Simulation(MARKET, 20_000)
    simulation.start(3)
    start = best.states.places(simulation.books, simulation.state.account.inventory)
    assert within(play(MARKET, policy, 20_000, 3).objective - best.states.worth(actions)[start], 0.0)


def test_the_optimum_is_worth_its_objective_and_a_single_action_what_it_is_said_to_be():
    best, action, constant = book_optimum(MARKET, 1000)
    assert worth_in(best, best) == pytest.approx(best.objective, abs=1e-12)
    one = CustomPolicy(Acting(lambda seen: np.full(len(seen), action)))
    assert worth_in(best, one) == pytest.approx(constant, abs=1e-12)


def test_who_goes_by_the_order_flow_or_by_chance_has_no_exact_worth():
    best, _, _ = book_optimum(MARKET, 1000)
    by_flow = CustomPolicy(Acting(lambda seen: np.where(seen[:, FLOW] > 0.0, 0, 5)))
    for policy in (by_flow, RandomPolicy(MARKET)):
        assert worth_in(best, policy) is None


class Acting:
    def __init__(self, rule):
        self.act = rule
