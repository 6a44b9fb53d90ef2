"""Small books whose flow has a state of its own, excitement: exact values held to the simulator."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.book_states import of_books, pack
from agents.exact.price_grid import Unsolvable
from agents.exact.small_book import BookOptimum, SmallBook
from agents.policy import play
from mm_env import ContStoikovTalreja, EphemerallySelfExciting, InventoryPenalty, QueueDependent
from mm_env.markets import small_book, small_hawkes, small_queue_reactive
from mm_env.rollout import run_policy
from mm_env.simulation import Simulation
from tests.worlds import within

LANES, SEED = 20_000, 3


def tiny(market, **flow):
    venue = replace(market.venue, flow=replace(market.venue.flow, **flow))
    clock = replace(market.clock, horizon=30.0, steps=30)
    return replace(market, venue=venue, clock=clock, max_inventory=1.0, reward=InventoryPenalty(phi=0.05, alpha=0.1))


MARKETS = {
    "hawkes": tiny(small_hawkes(), most=1.0),
    "queue-reactive": tiny(small_queue_reactive()),
}
EACH = pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)


def started(market, lanes=LANES):
    simulation = Simulation(market, lanes)
    simulation.start(SEED)
    return simulation


def starts(market):
    simulation = started(market)
    return SmallBook.of(market).places(simulation.books, simulation.state.account.inventory)


@EACH
def test_all_that_may_come_next_is_counted(market):
    states = SmallBook.of(market)
    assert np.abs(states.chance.sum(axis=1) - 1.0).max() < 1e-12
    assert np.abs(states.inventory).max() == market.max_inventory


@EACH
def test_what_an_agent_sees_tells_the_state(market):
    states, simulation, random = SmallBook.of(market), started(market, 500), np.random.default_rng(0)
    _, actions = states.best()
    policy = BookOptimum(market, states, actions, 0.0, starts(market))
    for step in range(20):
        inventory = simulation.state.account.inventory
        place = states.places(simulation.books, inventory)
        assert (states.keys[place] == pack(market, *of_books(market, simulation.books, inventory))).all()
        assert (policy.act(simulation.observations) == actions[step, place]).all()
        simulation.step(random.integers(0, 16, 500).astype(np.float64))


@EACH
@pytest.mark.parametrize("action", [0, 1, 5, 6])
def test_one_action_at_every_decision_is_worth_what_it_brings_in_simulation(market, action):
    exact = SmallBook.of(market).worth(action)[starts(market)]
    episodes = run_policy(market, lambda seen: np.full(len(seen), action), LANES, SEED)
    assert within(episodes.objective - exact, 0.0)


@EACH
def test_the_optimum_brings_its_value_in_simulation_and_no_action_more(market):
    states, place = SmallBook.of(market), starts(market)
    value, actions = states.best()
    policy = BookOptimum(market, states, actions, float(value[place].mean()), place)
    assert within(play(market, policy, LANES, SEED).objective - value[place], 0.0)
    for action in range(market.quote.space.n):
        assert (states.worth(action) <= value + 1e-12).all()


def test_without_excitation_it_is_worth_what_the_poisson_book_is():
    """A flow that excites nothing: units of excitement come and end, which lets the maker decide more often, but changes no
    rate. So a quote that is kept is worth the same until the first end of excitement; with one that never ends, in all."""
    market = MARKETS["hawkes"]
    idle = replace(market.venue.flow, excitation=0.0, expiry_rate=1e-12, most=1.0)
    calm = replace(market, venue=replace(market.venue, flow=idle, warm_up=0.0))
    poisson = ContStoikovTalreja(idle.arrival, idle.cancellation, idle.taking, idle.scale, idle.exponent, 1.0, 2.0)
    plain = replace(calm, venue=replace(calm.venue, flow=poisson, flow_seen=0))
    worths = []
    for one in (calm, plain):
        states, simulation = SmallBook.of(one), started(one, 1)
        place = states.places(simulation.books, simulation.state.account.inventory)
        worths.append([states.worth(action)[place].item() for action in (0, 5)])
    np.testing.assert_allclose(*worths, rtol=1e-9)


def test_rates_that_do_not_mind_the_queue_are_those_of_the_poisson_book():
    """Limit orders and market orders at one rate, each order cancelled at one rate; with ours four stand at a price at most."""
    poisson = tiny(small_book())
    flow = poisson.venue.flow
    rows = [
        ([rate] * 3 + [0.0] * 2, [theta * queue for queue in range(5)], [flow.taking] * 5)
        for rate, theta in zip(flow.arrival[:2], flow.cancellation[:2])
    ]
    by_queue = QueueDependent(*zip(*rows, strict=True))
    assert by_queue.capacity == flow.capacity
    markets = [poisson, replace(poisson, venue=replace(poisson.venue, flow=by_queue))]
    for action in (0, 5):
        episodes = [run_policy(m, lambda seen, a=action: np.full(len(seen), a), 500, SEED) for m in markets]
        assert np.array_equal(episodes[0].objective, episodes[1].objective)
    one, other = (SmallBook.of(market).best()[0] for market in markets)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_excitement_has_the_stationary_mean_of_its_birth_and_death():
    """Of one side: births at taking + excitation Q below `most` = 1, deaths at the expiry rate."""
    flow = MARKETS["hawkes"].venue.flow
    simulation = started(replace(MARKETS["hawkes"], venue=replace(MARKETS["hawkes"].venue, warm_up=50.0)))
    excited = simulation.books.excitement[:, 4]
    wanted = flow.taking / (flow.taking + flow.expiry_rate)
    assert within(excited, wanted)
    assert set(np.unique(excited)) == {0.0, 1.0}


@pytest.mark.parametrize(("name", "parts", "reason"), [
    ("hawkes", {"flow_seen": 0}, "the flow's own state is not seen"),
    ("hawkes", {"flow": EphemerallySelfExciting((1.0,), (1.0,), 1.0)}, "its flow has no finite capacity"),
])  # fmt: skip
def test_what_is_not_small_is_refused_with_the_reason(name, parts, reason):
    market = MARKETS[name]
    with pytest.raises(Unsolvable, match=reason):
        SmallBook.of(replace(market, venue=replace(market.venue, **parts)))
