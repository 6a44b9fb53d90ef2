"""A recorded day as a market: windows of the day, the same bits compiled or not, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    Drawn,
    Fees,
    FiniteHorizon,
    FromBook,
    InTurn,
    InventoryPenalty,
    Market,
    MarketOrders,
    Pessimistic,
    Proportional,
    Replay,
    SpreadAndSkew,
    Touch,
)
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from tests.mm_env.recorded_days import BID, HIDDEN, Exchange, random_day
from tests.worlds import numbers, random_actions, same_bits, story


def market_of(path, window=InTurn(0.0, 1.0), **parts):  # noqa: B008
    venue = {name: parts.pop(name) for name in ("latency", "position", "levels", "tick") if name in parts}
    plain = {
        "price": FromBook(),
        "venue": Replay(path=str(path), window=window, span=0.05, mean_size=3.0, lot=0.5, **venue),
        "clock": FiniteHorizon(horizon=0.05, steps=10),
        "quote": Unbounded(),
        "reward": InventoryPenalty(phi=0.5, alpha=0.1),
        "max_inventory": 3.0,
    }
    return Market(**plain | parts)


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=1, levels=25, events=3000)


@pytest.mark.parametrize("parts", [
    {"quote": MarketOrders(SpreadAndSkew(0.04, 0.02), half_spread=0.0), "fees": Fees(maker=-0.01, taker=0.02)},
    {"quote": Touch(behind=2, hedging=True), "latency": 0.003, "position": Proportional()},
    {"window": Drawn(0.1, 0.7, apart=0.01), "quote": Touch(), "position": Pessimistic()},
])  # fmt: skip
def test_machine_code_and_plain_python_agree_to_the_bit(day, parts):
    market = market_of(day, **parts)
    actions = random_actions(market, 5)
    slow, fast = (story(Simulation(market, 5, interpreted=slow), 3, actions, 12) for slow in (True, False))
    assert all(same_bits(one, other) for one, other in zip(slow, fast, strict=True))


def test_the_wealth_is_cash_and_inventory_and_the_rewards_add_up(day):
    market = market_of(day, quote=Touch(behind=1, hedging=True), fees=Fees(maker=-0.01, taker=0.02))
    simulation = Simulation(market, 20)
    simulation.start(0)
    start, random, rewards, held = simulation.state.mid, np.random.default_rng(0), 0.0, 0.0
    for _ in range(market.clock.steps):
        _, reward, _, _ = simulation.step(random.integers(0, 17, 20).astype(np.float64))
        held = held + simulation.state.account.inventory**2
        rewards = rewards + reward
    state = simulation.state
    profit = state.account.cash + state.account.inventory * state.mid
    penalty = 0.5 * held * market.clock.step_length + 0.1 * state.account.inventory**2
    np.testing.assert_allclose(state.tally.profit, profit, atol=1e-9)
    np.testing.assert_allclose(rewards, profit - penalty, atol=1e-9)
    assert np.unique(state.account.inventory).size > 3
    assert np.ptp(start) > 0.0  # each lane at another time of the day


def test_a_lane_plays_the_same_window_whatever_the_batch_and_the_actions(day):
    market = market_of(day, Drawn(0.0, 0.6, apart=0.001))
    few, many = Simulation(market, 3), Simulation(market, 64)
    for simulation, depth in ((few, 0.01), (many, 0.03)):
        simulation.start(7)
        for _ in range(10):
            simulation.step(np.full(2 * simulation.num_lanes, depth))
    assert np.array_equal(few.books.start, many.books.start[:3])
    assert np.array_equal(few.state.mid, many.state.mid[:3])
    assert np.unique(many.books.start).size > 32
    starts = many.books.start
    many.restart(np.ones(64, np.bool_))
    assert (many.books.start != starts).sum() > 32  # another episode, another window


def test_drawn_windows_are_alike_as_likely(day):
    simulation = Simulation(market_of(day, Drawn(0.1, 0.25, apart=0.01)), 11_000)
    simulation.start(0)
    starts, counts = np.unique(simulation.books.start, return_counts=True)
    assert np.array_equal(starts, np.arange(100, 201, 10) * 1_000_000)
    assert (np.abs(counts - 1_000) < 4 * np.sqrt(1_000 * 10 / 11)).all()


def test_windows_in_turn_see_each_second_once(day):
    market = market_of(day, InTurn(0.1, 0.42))
    simulation = Simulation(market, 7)
    simulation.start(5)
    assert np.array_equal(simulation.books.start, (100 + 50 * np.array([0, 1, 2, 3, 4, 5, 0])) * 1_000_000)
    while simulation.state.step[0] < 10:
        simulation.step(np.full(14, 1e9))
    messages, (first, last) = market.venue.recording.messages, (100_000_000, 400_000_000)
    inside = (messages.time >= first) & (messages.time < last) & (messages.kind < HIDDEN)
    assert simulation.books.counts[:6].sum() == inside.sum()


def test_no_window_leaves_its_part_of_the_day_or_spans_a_halt(tmp_path):
    made = Exchange(levels=3)
    for side in (0, 1):
        made.place(side, 99 + 2 * side, 10)
    made.write(0, HIDDEN, 0, 1, 100, BID)
    made.new(300, BID, 98, 1)
    for stamp, price in ((400, -1), (500, 1)):  # a halt, which is cut out of time
        made.messages.append(f"{34_200 + stamp / 1000:.9f},7,0,0,{price},-1")
        made.rows.append(made.rows[-1])
    made.new(900, BID, 98, 1)
    for window in (Drawn(0.1, 0.7, apart=0.007), InTurn(0.13, 0.66)):
        venue = market_of(made.save(tmp_path / "day.zip", 1), window).venue
        begins, ends, cut = (round(1e9 * time) for time in (window.begins, window.ends, 0.4))
        starts, last = venue.starts, venue.starts + 50_000_000
        assert (starts >= begins).all()
        assert (last <= ends).all()
        assert ((last <= cut) | (starts >= cut)).all()
        assert (starts > cut).any()


def test_save_and_restore_go_on_to_the_same_bits(day):
    market = market_of(day, quote=Touch())
    simulation, actions = Simulation(market, 6), random_actions(market_of(day, quote=Touch()), 6).reshape(-1)
    simulation.start(2)
    simulation.step(actions)
    saved = simulation.save()
    simulation.step(actions)
    other = Simulation(market, 6)
    other.restore(saved)
    other.step(actions)
    assert same_bits(numbers(other), numbers(simulation))


@pytest.mark.parametrize(("parts", "message"), [
    ({"path": "nowhere.zip"}, "Replay.path must name recorded days: path must name recorded days, got nowhere.zip"),
    ({"tick": 0.05}, r"Replay.tick must be the recording's 0.01, got 0.05"),
    ({"window": InTurn(0.5, 0.52)}, r"InTurn must hold a stretch of 0.05 s without a halt, got 0.5 to 0.52 of"),
    ({"clock": FiniteHorizon(horizon=0.06, steps=10)}, r"Replay.span must be >= the clock's horizon of 0.06, got 0.05"),
    ({"latency": 0.006}, r"Replay.latency must be <= the clock's step of 0.005, got 0.006"),
    ({"order_size": 0.7, "max_inventory": 7.0}, r"Market.order_size must be whole lots of 0.5, got 0.7"),
])  # fmt: skip
def test_a_mistake_is_named(day, parts, message):
    with pytest.raises(ValueError, match=message):
        Simulation(market_of(**{"path": day} | parts), 1)


def test_a_window_must_end_after_it_begins():
    with pytest.raises(ValueError, match=r"InTurn.begins must be < ends = 3, got 3"):
        InTurn(3.0, 3.0)


def test_a_path_may_be_one_file_or_several_however_they_are_listed(day, tmp_path):
    made = [market_of(day).venue, *(replace(market_of(day).venue, path=path) for path in ([str(day)], (day,), day))]
    assert [venue.path for venue in made] == [str(day), *[(str(day),)] * 3]
    starts = [venue.starts for venue in made]
    assert all(np.array_equal(starts[0], other) for other in starts[1:])
    with pytest.raises(TypeError, match=r"Replay\.path"):
        replace(made[0], path=3)
