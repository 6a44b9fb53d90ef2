"""Laws of several makers in one market: one of them is that market, an order goes to one maker, all share the mid."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mm_env
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from mm_env import (
    ArrivalImpact,
    BestQuote,
    Brownian,
    Competition,
    Dealer,
    Depths,
    Exponential,
    FillImpact,
    FiniteHorizon,
    HawkesFlow,
    InventoryPenalty,
    LogitRouting,
    LossLimit,
    Market,
    Poisson,
    Uniform,
)
from mm_env.markets import MARKETS
from mm_env.simulation import Simulation
from tests.worlds import thinned

STEPS = 40


def parts(**other):
    """What a market is made of: busy, so that makers meet their limits within an episode."""
    own = {"price": Brownian(sigma=1.0), "venue": Dealer(flow=Poisson(60.0), fill=Exponential(1.0)), "quote": Depths(2.0),
           "clock": FiniteHorizon(1.0, STEPS), "reward": InventoryPenalty(phi=0.3), "max_inventory": 3.0}  # fmt: skip
    return own | other


def actions(simulation, seed):
    return np.random.default_rng(seed).uniform(-1.0, 1.0, simulation.num_lanes * simulation.market.width)


def alike(one, other, steps, acted, begun=7):
    """Step two simulations of the same lanes alike, and compare all that they show, to the bit."""
    assert (one.start(begun) == other.start(begun)).all()
    for step in range(steps):
        seen = zip(one.step(acted(step)), other.step(acted(step)), strict=True)
        assert all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in seen)
    assert np.array_equal(one.numbers, other.numbers, equal_nan=True)


ALONE = {
    "adverse": {"venue": Dealer(flow=Poisson(60.0), fill=Exponential(1.0), impact=FillImpact(mean=0.1))},
    "exciting": {
        "venue": Dealer(flow=HawkesFlow(base=30.0, branching=0.4, cross=0.1, decay=20.0), fill=Exponential(1.0))
    },
    "margin": {"margin": LossLimit(loss=1.0)},
    "drawn": {"price": Brownian(sigma=Uniform(0.5, 2.0))},
}


@pytest.mark.parametrize("name", thinned(ALONE, {"exciting", "drawn"}))
def test_one_maker_is_the_market_to_the_bit(name):
    market, alone = Market(**parts(**ALONE[name])), Competition(**parts(**ALONE[name]), makers=1)
    lanes = Simulation(market, 70)
    alike(lanes, Simulation(alone, 70), STEPS, lambda step: actions(lanes, step))


@pytest.mark.parametrize("other", [
    {"makers": 3, "routing": LogitRouting(0.4), **ALONE["adverse"]},
    {"makers": 5, "routing": BestQuote(), **ALONE["margin"]},
    {"makers": 2, "venue": Dealer(flow=Poisson(60.0), fill=Exponential(1.0), impact=ArrivalImpact(mean=0.2)),
     "price": Brownian(sigma=Uniform(0.5, 2.0))},
], ids=["logit", "margin", "drawn"])  # fmt: skip
def test_machine_code_of_makers_is_python_to_the_bit(other):
    market = Competition(**parts(**other))
    lanes = 66 // int(market.makers) * int(market.makers)
    compiled = Simulation(market, lanes)
    alike(compiled, Simulation(market, lanes, interpreted=True), 6, lambda step: actions(compiled, step))


@given(
    makers=st.integers(2, 6), scale=st.sampled_from([None, 0.1, 1.0]), seed=st.integers(0, 99), adverse=st.booleans()
)
def test_an_order_goes_to_one_maker_and_all_share_the_mid(makers, scale, seed, adverse):
    routing = BestQuote() if scale is None else LogitRouting(scale)
    lanes = Simulation(
        Competition(**parts(**(ALONE["adverse"] if adverse else {})), makers=makers, routing=routing), 4 * makers
    )
    lanes.start(seed)
    before = lanes.state
    for step in range(STEPS):
        lanes.step(actions(lanes, 100 * seed + step))
        after = lanes.state
        fills = (after.tally.fills - before.tally.fills).reshape(-1, makers)
        bought = (after.account.inventory - before.account.inventory).reshape(-1, makers)
        both = fills.sum(axis=1)
        assert both.max() <= 2.0
        assert (np.maximum(bought, 0.0).sum(axis=1) <= 1.0).all()
        assert (np.maximum(-bought, 0.0).sum(axis=1) <= 1.0).all()
        assert (np.ptp(after.mid.reshape(-1, makers), axis=1) == 0.0).all()
        paid = after.account.cash - before.account.cash + bought.reshape(-1) * before.mid  # by clients, over the mid
        spread = after.tally.spread_captured - before.tally.spread_captured
        assert np.allclose(paid, spread, rtol=0.0, atol=1e-9)
        before = after


def test_wealth_is_what_profit_says_for_every_maker():
    lanes = Simulation(Competition(**parts(), makers=4, routing=LogitRouting(0.3)), 40)
    lanes.start(1)
    for step in range(STEPS - 1):
        lanes.step(actions(lanes, step))
    state = lanes.state
    assert np.allclose(state.account.cash + state.account.inventory * state.mid, state.tally.profit, atol=1e-9)


def test_the_best_quote_gets_every_order():
    lanes = Simulation(Competition(**parts(max_inventory=100.0), makers=3), 3 * 50)
    quoted = np.tile([[0.2, 0.2], [-0.1, -0.1], [0.5, 0.5]], (50, 1)).reshape(-1)
    lanes.start(0)
    for _ in range(STEPS):
        lanes.step(quoted)
    fills = lanes.state.tally.fills.reshape(-1, 3).sum(axis=0)
    assert fills[1] > 0.0
    assert fills[0] == fills[2] == 0.0


def test_who_is_at_the_limit_leaves_the_order_to_the_next():
    busy = Dealer(flow=Poisson(1e4), fill=Exponential(1.0))
    lanes = Simulation(Competition(**parts(venue=busy, quote=Depths(40.0), max_inventory=1.0), makers=2), 2)
    lanes.start(0)
    held = []
    for _ in range(3):  # both bid, the first at the better price, and nobody reaches their asks
        lanes.step(np.array([-1.0, 1.0, -0.99, 1.0]))
        held.append(lanes.state.account.inventory.tolist())
    assert held == [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("routing", [BestQuote(), LogitRouting(0.5)])
def test_makers_who_quote_alike_share_the_orders_evenly(routing):
    makers, worlds = 4, 4000
    lanes = Simulation(Competition(**parts(max_inventory=100.0), makers=makers, routing=routing), makers * worlds)
    lanes.start(3)
    for _ in range(STEPS):
        lanes.step(np.full(lanes.num_lanes * 2, -0.2))
    fills = lanes.state.tally.fills.reshape(-1, makers)
    error = fills.std(axis=0) / np.sqrt(worlds)
    assert (np.abs(fills.mean(axis=0) - fills.mean()) < 4.0 * error).all()
    one = Simulation(Market(**parts(max_inventory=100.0)), worlds)
    one.start(3)
    for _ in range(STEPS):
        one.step(np.full(worlds * 2, -0.2))
    assert np.array_equal(fills.sum(axis=1), one.state.tally.fills)  # together they trade what one would


def test_a_logit_of_depths_is_how_often_each_is_chosen():
    depths, scale, worlds = np.array([0.5, 0.8, 1.1]), 0.4, 6000
    market = Competition(**parts(max_inventory=100.0, quote=Depths(2.0)), makers=3, routing=LogitRouting(scale))
    lanes = Simulation(market, 3 * worlds)
    lanes.start(0)
    for _ in range(STEPS):
        lanes.step(np.tile(np.repeat(depths - 1.0, 2), worlds))
    chosen = np.exp(-depths / scale) / np.exp(-depths / scale).sum()
    likely = chosen * -np.expm1(-60.0 * np.exp(-depths) / STEPS)  # chosen, and filled within the step
    found = lanes.state.tally.fills.reshape(-1, 3).mean(axis=0) / (2 * STEPS)
    error = np.sqrt(likely * (1.0 - likely) / (2 * STEPS * worlds))
    assert (np.abs(found - likely) < 4.0 * error).all()


@given(order=st.permutations(range(3)), seed=st.integers(0, 20))
def test_makers_who_change_seats_change_what_they_get(order, seed):
    worlds = 8
    lanes, moved = (Simulation(Competition(**parts(), makers=3), 3 * worlds) for _ in range(2))
    lanes.start(seed), moved.start(seed)
    for step in range(STEPS):
        acted = actions(lanes, seed + step).reshape(worlds, 3, 2)
        lanes.step(acted.reshape(-1)), moved.step(acted[:, order].reshape(-1))
    was, now = (simulation.numbers.reshape(-1, worlds, 3) for simulation in (lanes, moved))
    assert np.array_equal(was[:, :, order], now)


def test_a_world_is_the_same_for_any_number_of_makers_and_lanes():
    def mids(makers, worlds):
        lanes = Simulation(Competition(**parts(), makers=makers), makers * worlds)
        lanes.start(5)
        for step in range(STEPS):
            lanes.step(actions(lanes, step))
        return lanes.state.mid[::makers]

    assert np.array_equal(mids(2, 100)[:30], mids(7, 30))


def test_threads_change_nothing():
    market = Competition(**parts(), makers=3, routing=LogitRouting(0.4))
    one, two = Simulation(market, 3 * 4096, threads=1), Simulation(market, 3 * 4096, threads=2)
    alike(one, two, 3, lambda step: actions(one, step))


def test_a_maker_may_have_parameters_of_its_own():
    market = Competition(**parts(reward=InventoryPenalty(phi=np.array([0.0, 5.0]))), makers=2)
    lanes = Simulation(market, 200)
    lanes.start(0)
    for step in range(STEPS):
        lanes.step(actions(lanes, step))
    objective, profit = lanes.state.tally.objective.reshape(-1, 2), lanes.state.tally.profit.reshape(-1, 2)
    assert np.allclose(objective[:, 0], profit[:, 0])
    assert (objective[:, 1] < profit[:, 1]).mean() > 0.9


def test_a_closed_account_waits_for_the_end_of_its_world():
    market = Competition(**parts(price=Brownian(sigma=20.0), margin=LossLimit(loss=5.0)), makers=2)
    lanes = Simulation(market, 2 * 300)
    lanes.start(2)
    ended, waited = np.zeros(600, bool), False
    for step in range(STEPS):
        closed = lanes.closed
        before = lanes.numbers
        _, rewards, over, endings = lanes.step(actions(lanes, step))
        assert endings == over.sum()
        assert np.array_equal(over[::2], over[1::2])
        assert (rewards[closed] == 0.0).all()
        assert np.array_equal(lanes.numbers[:, closed], before[:, closed])
        ended |= over
        both = lanes.closed.reshape(-1, 2).all(axis=1)
        done = lanes.state.step.reshape(-1, 2).max(axis=1) >= STEPS
        assert np.array_equal(over[::2], both | done)
        waited |= bool((lanes.closed.reshape(-1, 2).sum(axis=1) == 1).any())
        if over.any():
            lanes.restart(over)
    assert waited
    assert ended.all()


def test_a_mid_that_is_drawn_is_drawn_for_a_world():
    lanes = Simulation(Competition(**parts(initial_mid=Uniform(50.0, 150.0)), makers=3), 3 * 8)
    lanes.start(0)
    mids = lanes.state.mid.reshape(-1, 3)
    assert (np.ptp(mids, axis=1) == 0.0).all()
    assert len(np.unique(mids)) == 8


def test_worlds_begin_whole():
    market = Competition(**parts(), makers=3)
    with pytest.raises(ValueError, match="num_envs must be whole worlds of 3 makers, got 4"):
        Simulation(market, 4)
    lanes = Simulation(market, 6)
    lanes.start(0)
    with pytest.raises(ValueError, match="the 3 makers of a world begin together"):
        lanes.restart(np.array([True, False, False, False, False, False]))


def test_seeds_of_lanes_are_those_of_worlds():
    market = Competition(**parts(price=Brownian(sigma=Uniform(0.5, 2.0))), makers=2)
    many, alone = Simulation(market, 4), Simulation(market, 2)
    many.start_each([11, 11, 22, 22]), alone.start(22)
    for step in range(STEPS):
        acted = actions(many, step)
        many.step(acted), alone.step(acted[4:])
    assert np.array_equal(many.numbers[:, 2:], alone.numbers)


@pytest.mark.parametrize(("other", "said"), [
    ({"venue": MARKETS["pool"]().venue, "quote": MARKETS["pool"]().quote}, "venue must be a dealer market or a simulated"),
    ({"price": Brownian(sigma=np.array([1.0, 2.0]))}, "Competition.price.sigma must be the same for all makers"),
    ({"hedges": mm_env.CorrelatedAsset(correlation=0.5)}, "Competition.hedges must be NoHedges"),
    ({"makers": 0}, "Competition.makers"),
    ({"makers": 1.5}, "Competition.makers"),
    ({"routing": lambda: LogitRouting(0.0)}, "LogitRouting.scale"),
])  # fmt: skip
def test_what_cannot_be_shared_is_refused(other, said):
    with pytest.raises((ValueError, TypeError), match=said):
        Competition(**parts(**{name: value() if callable(value) else value for name, value in other.items()}))


def test_several_makers_have_no_optimum_of_one_and_say_so():
    market = Competition(**parts(), makers=2)
    with pytest.raises(Unsolvable, match="venue: several makers quote its clients"):
        optimum(market)
    one = optimum(Competition(**parts(), makers=1))
    assert one.objective == pytest.approx(optimum(Market(**parts())).objective, rel=1e-12)
    assert replace(market, makers=1).venue.loops == "lanes"
