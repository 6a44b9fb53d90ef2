"""What is kept of an episode is what happened in it."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env import Book, Fees
from mm_env.core.component import record
from mm_env.envs.recorder import Recorder, quotes_at
from mm_env.markets import market_named
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from mm_env.venue.order_book.ladder import lots
from tests.worlds import BOOKS, COVERING, DEALERS, random_actions, world


def recorded(market, lanes=1, lane=0, seed=3):
    """The moments of a lane of random actions, and the simulation's state and books at each."""
    simulation = Simulation(market, lanes)
    simulation.start(seed)
    recorder, seen = Recorder(simulation, lane), [(simulation.state, simulation.books)]
    recorder.start()
    for step in range(market.clock.steps):
        actions = random_actions(market, lanes, seed=step).reshape(-1)
        simulation.step(actions)
        recorder.add(actions)
        seen.append((simulation.state, simulation.books))
    return recorder.moments, seen


def column(moments, name):
    return np.array([getattr(moment, name) for moment in moments])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", COVERING)
def test_inventory_is_all_that_was_traded(name, seed):
    moments, _ = recorded(COVERING[name], seed=seed)
    filled, inventory = column(moments, "filled"), column(moments, "inventory")
    traded = filled[:, 0] - filled[:, 1] + column(moments, "crossed")
    assert inventory == pytest.approx(inventory[0] + traded.cumsum(), abs=1e-12)
    assert (filled >= 0.0).all()
    assert not np.isnan(column(moments, "quoted"))[filled > 0.0].any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", COVERING)
def test_profit_is_the_moves_of_the_mid_on_what_was_held_and_the_edge_of_what_was_filled(name, seed):
    """Where our market order traded too, its price is not kept."""
    market = replace(COVERING[name], fees=Fees())
    tick = market.venue.tick if isinstance(market.venue, Book) else 1.0
    moments, _ = recorded(market, seed=seed)
    mid, quoted, filled = (column(moments, name) for name in ("mid", "quoted", "filled"))
    edge = np.where(filled > 0.0, (mid[:, None] - quoted) * [1.0, -1.0], 0.0)
    change = column(moments, "inventory")[:-1] * np.diff(mid) + (filled * edge).sum(axis=1)[1:]
    plain = column(moments, "crossed")[1:] == 0.0
    assert np.diff(column(moments, "profit"))[plain] == pytest.approx(tick * change[plain], abs=1e-9)


@pytest.mark.parametrize("name", BOOKS)
def test_the_volumes_are_all_that_stands_in_the_book(name):
    moments, seen = recorded(BOOKS[name], lanes=3, lane=2)
    for moment, (_, books) in zip(moments, seen, strict=True):
        book = books[2]
        assert moment.volumes.tolist() == [lots(book, moment.low + i) for i in range(len(moment.volumes))]
        assert moment.volumes.sum() == book.volume.sum() > 0
        assert moment.best.tolist() == book.best.tolist()
        assert moment.time == book.time
        assert moment.mid == book.best.mean()


@pytest.mark.parametrize("name", BOOKS)
def test_an_order_that_stands_is_shown_where_it_stands(name):
    moments, seen = recorded(BOOKS[name])
    for moment, (_, books) in zip(moments[1:], seen[1:], strict=True):
        book = books[0]
        assert moment.quoted[book.left > 0].tolist() == book.price[book.left > 0].tolist()
        assert np.isnan(moment.quoted[(book.left == 0) & (book.filled == 0)]).all()


@pytest.mark.parametrize("name", DEALERS)
def test_a_dealers_quotes_stand_around_the_mid_they_were_set_at(name):
    market = replace(DEALERS[name], quote=Unbounded(), max_inventory=1e3 * DEALERS[name].order_size)
    simulation = Simulation(market, 1)
    simulation.start(0)
    recorder = Recorder(simulation)
    recorder.start()
    for _ in range(market.clock.steps):
        simulation.step(np.array([0.3, 0.7]))
        recorder.add(np.array([0.3, 0.7]))
    mid, quoted = column(recorder.moments, "mid"), column(recorder.moments, "quoted")
    np.testing.assert_allclose(quoted[1:], mid[:-1, None] + [-0.3, 0.7], rtol=1e-15)
    assert np.isnan(column(recorder.moments, "best")).all()


def test_a_side_at_the_limit_shows_no_quote():
    simulation = Simulation(world(initial_inventory=3.0), 1)  # all that may be held
    simulation.start(0)
    recorder = Recorder(simulation)
    recorder.start()
    simulation.step(np.zeros(2))
    recorder.add(np.zeros(2))
    assert np.isnan(recorder.moments[1].quoted).tolist() == [True, False]


def test_state_and_moments_are_of_the_lane_asked_for():
    for market in (world(), BOOKS["hawkes"]):
        moments, seen = recorded(market, lanes=5, lane=4)
        assert column(moments, "inventory").tolist() == [state.account.inventory[4] for state, _ in seen]
        assert column(moments, "profit").tolist() == [state.tally.profit[4] for state, _ in seen]


def test_a_new_episode_starts_anew():
    simulation = Simulation(BOOKS["hawkes"], 1)
    simulation.start(0)
    recorder = Recorder(simulation)
    recorder.start()
    simulation.step(np.zeros(1))
    recorder.add(np.zeros(1))
    simulation.restart(np.ones(1, np.bool_))
    recorder.start()
    (only,) = recorder.moments
    assert (only.time, only.profit) == (0.0, 0.0)


def test_asking_for_rebalancing_is_no_market_order():
    market = market_named("rebalanced_channel")
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)
    state = simulation.state_of(0)
    held = state._replace(account=state.account._replace(inventory=2.0))
    quoted, left = quotes_at(record(market), held, (0.0, 0.0, 1.0), crosses=not market.quote.rebalances)
    assert left == 2.0
    assert quoted.tolist() == quotes_at(record(market), held, (0.0, 0.0, -1.0))[0].tolist()
