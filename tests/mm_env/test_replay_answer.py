"""A replay that answers our trades: what they cost is a quadratic form that never pays, whatever we do."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env import Fees, FiniteHorizon, InTurn, MarketOrders, SpreadAndSkew, Touch, TransientImpact
from mm_env.simulation import Simulation
from mm_env.venue.replay import messages, replay
from tests.mm_env.recorded_days import random_day
from tests.mm_env.test_replay_markets import market_of
from tests.worlds import random_actions, same_bits, story

TRADES = st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(-9, 9)), min_size=1, max_size=30)
IMPACT = TransientImpact(strength=0.02, decay=40.0)


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=1, levels=25, events=3000)


def answering(market, impact=IMPACT):
    return replace(market, venue=replace(market.venue, answer=impact))


def quadratic(times, units, impact):
    """sum_ij v_i v_j strength exp(-decay |t_i - t_j|) / 2."""
    apart = np.abs(np.subtract.outer(times, times))
    return 0.5 * impact.strength * float(units @ np.exp(-impact.decay * apart) @ units)


@given(TRADES, st.floats(0.0, 3.0), st.floats(0.0, 20.0))
def test_all_that_trades_cost_is_a_quadratic_form_and_never_negative(trades, strength, decay):
    impact = TransientImpact(strength=strength, decay=decay)
    venue = SimpleNamespace(answer=impact, lot=0.5)
    book = SimpleNamespace(time=0.0, displaced=0.0, displacement=0.0, cost=0.0)
    times, lots = np.cumsum([wait for wait, _ in trades]), np.array([size for _, size in trades])
    for book.time, size in zip(times, lots):
        messages.push(venue, book, int(size))
    expected = quadratic(times, 0.5 * lots, impact)
    assert book.cost == pytest.approx(expected, rel=1e-9, abs=1e-9 * strength)
    assert expected >= -1e-12
    total = strength * np.exp(-decay * (times[-1] - times)) @ (0.5 * lots)
    assert messages.displacement(venue, book) == pytest.approx(total, rel=1e-9, abs=1e-9 * strength)


def test_an_episode_costs_more_by_the_quadratic_form_of_its_trades(day, monkeypatch):
    long = FiniteHorizon(horizon=0.5, steps=100)
    still = market_of(
        day, quote=MarketOrders(SpreadAndSkew(0.04, 0.04), half_spread=0.0), fees=Fees(maker=-0.01, taker=0.02)
    )
    still = replace(still, venue=replace(still.venue, span=0.5), clock=long)
    made, push = [], messages.push

    def noted(venue, book, lots):
        made.append((book.time, venue.lot * lots))
        push(venue, book, lots)

    monkeypatch.setattr(messages, "push", noted)
    monkeypatch.setattr(replay, "push", noted)
    plain, moved = (Simulation(market, 1, interpreted=True) for market in (still, answering(still)))
    for simulation in (plain, moved):
        made.clear()
        simulation.start(3)
        random = np.random.default_rng(4)
        for _ in range(still.clock.steps):
            simulation.step(random.uniform(-1.0, 1.0, 3))
    times, units = np.array(made).T
    assert (units > 0.0).sum() > 10
    assert (units < 0.0).sum() > 10
    one, other = plain.state.account, moved.state.account
    assert one.inventory[0] == other.inventory[0]
    assert plain.state.mid[0] == moved.state.mid[0]
    assert one.cash[0] - other.cash[0] == pytest.approx(quadratic(times, units, IMPACT), abs=1e-12)
    assert plain.state.tally.profit[0] - moved.state.tally.profit[0] == pytest.approx(quadratic(times, units, IMPACT))


@pytest.mark.parametrize(
    "quote", [Touch(behind=2, hedging=True), MarketOrders(SpreadAndSkew(0.04, 0.02), half_spread=0.0)]
)
def test_machine_code_and_plain_python_agree_to_the_bit(day, quote):
    market = answering(market_of(day, quote=quote, latency=0.003))
    actions = random_actions(market, 5)
    slow, fast = (story(Simulation(market, 5, interpreted=slow), 3, actions, 12) for slow in (True, False))
    assert all(same_bits(one, other) for one, other in zip(slow, fast, strict=True))


def test_no_strength_is_no_answer_and_the_displacement_is_shown_in_ticks(day):
    still = market_of(day, window=InTurn(0.0, 1.0), quote=Touch(behind=1, hedging=True))
    none, some = (answering(still, TransientImpact(strength=strength, decay=1.0)) for strength in (0.0, 0.02))
    assert some.observation_names == (*still.observation_names, "displacement")
    shown = []
    for market in (still, none, some):
        simulation = Simulation(market, 20)
        simulation.start(0)
        random = np.random.default_rng(0)
        for _ in range(5):
            observations, *_ = simulation.step(random.integers(0, 17, 20).astype(np.float64))
        shown.append((observations, simulation.state.account.cash, simulation.books))
    assert same_bits(shown[0][1], shown[1][1])
    assert (shown[1][0][:, -1] == 0.0).all()
    books = shown[2][2]
    left = books.displacement * np.exp(-(books.time - books.displaced)) / still.venue.tick
    np.testing.assert_allclose(shown[2][0][:, -1], left, rtol=1e-6)
    assert np.ptp(left) > 0.5
