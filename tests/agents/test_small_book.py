"""The exact optimum of a small order book, held to the simulator whose own functions it was found with."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.book_states import of_books, pack
from agents.exact.price_grid import Unsolvable
from agents.exact.small_book import BookOptimum, SmallBook, book_optimum
from agents.policy import play
from mm_env import Ergodic, Fees, GeometricSize, InventoryPenalty, Touch
from mm_env.markets import small_book
from mm_env.rollout import run_policy
from mm_env.simulation import Simulation
from tests.worlds import within

LANES, SEED = 20_000, 3


def tiny(steps=40, **parts):
    market = small_book()
    venue = replace(market.venue, flow=replace(market.venue.flow, capacity=2.0))
    clock = replace(market.clock, horizon=float(steps), steps=steps)
    reward = InventoryPenalty(phi=0.05, alpha=0.1)
    return replace(market, venue=venue, clock=clock, max_inventory=1.0, reward=reward, **parts)


MARKET = tiny()
HEDGING = tiny(20, quote=Touch(hedging=True), fees=Fees(maker=-0.1, taker=0.2))


def starts(market):
    simulation = Simulation(market, LANES)
    simulation.start(SEED)
    return SmallBook.of(market).places(simulation.books, simulation.state.account.inventory)


@pytest.mark.parametrize("market", [MARKET, HEDGING], ids=["quotes", "hedging"])
def test_all_that_may_come_next_is_counted(market):
    states = SmallBook.of(market)
    assert np.abs(states.chance.sum(axis=1) - 1.0).max() < 1e-13
    assert (np.diff(states.keys) > 0).all()
    assert np.abs(states.inventory).max() == market.max_inventory


@pytest.mark.parametrize("market", [MARKET, HEDGING], ids=["quotes", "hedging"])
@pytest.mark.parametrize("action", [0, 1, 5, 6, -1])
def test_one_action_at_every_decision_is_worth_what_it_brings_in_simulation(market, action):
    action = action % market.quote.space.n
    exact = SmallBook.of(market).worth(action)[starts(market)]
    episodes = run_policy(market, lambda seen: np.full(len(seen), action), LANES, SEED)
    if episodes.objective.std() == 0.0:
        assert np.abs(exact).max() < 1e-12
    else:
        assert within(episodes.objective - exact, 0.0)


@pytest.mark.parametrize("market", [MARKET, HEDGING], ids=["quotes", "hedging"])
def test_the_optimum_brings_its_value_in_simulation_and_no_action_more(market):
    states, place = SmallBook.of(market), starts(market)
    value, actions = states.best()
    policy = BookOptimum(market, states, actions, float(value[place].mean()), place)
    assert within(play(market, policy, LANES, SEED).objective - value[place], 0.0)
    for action in range(market.quote.space.n):
        assert (states.worth(action) <= value + 1e-12).all()


def test_what_an_agent_sees_tells_the_state():
    states, simulation = SmallBook.of(MARKET), Simulation(MARKET, 500)
    simulation.start(SEED)
    _, actions = states.best()
    policy, random = BookOptimum(MARKET, states, actions, 0.0, starts(MARKET)), np.random.default_rng(0)
    for step in range(20):
        keys = pack(MARKET, *of_books(MARKET, simulation.books, simulation.state.account.inventory))
        place = states.places(simulation.books, simulation.state.account.inventory)
        assert (states.keys[place] == keys).all()
        assert (policy.act(simulation.observations) == actions[step, place]).all()
        simulation.step(random.integers(0, 16, 500).astype(np.float64))


def test_the_named_market_has_an_optimum_above_its_best_single_action():
    best, action, constant = book_optimum(small_book(), books=1000)
    assert len(best.states.keys) == 14641
    assert action == 0  # one tick inside on both sides
    assert best.worth > constant + 2.0


@pytest.mark.parametrize(("parts", "reason"), [
    ({"clock": Ergodic(horizon=10.0, steps=10)}, "decisions are not at every event"),
    ({"quote": replace(MARKET.quote, behind=1), "initial_inventory": 1.0}, "it starts with an inventory"),
    ({"venue": replace(MARKET.venue, size=GeometricSize(2.0))}, "orders are not one lot each"),
    ({"venue": replace(MARKET.venue, observed=1)}, "not all of its queues are seen"),
    ({"venue": replace(MARKET.venue, latency=0.5)}, "decisions take effect late"),
    ({"venue": replace(MARKET.venue, flow=replace(MARKET.venue.flow, capacity=1e9))}, "queues may grow without end"),
])  # fmt: skip
def test_what_is_not_small_is_refused_with_the_reason(parts, reason):
    with pytest.raises(Unsolvable, match=reason):
        SmallBook.of(replace(MARKET, **parts))
