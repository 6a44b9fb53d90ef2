"""The order of events in a step, and the books, which balance to the last bits."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    Bernoulli,
    Binomial,
    Dealer,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    InventoryPenalty,
    Market,
    Sides,
)
from mm_env.core.noise import draw
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from tests.worlds import COVERING, random_actions, stepped, sure, wealth, world


def test_a_step_by_hand():
    market = world(
        price=Binomial(sigma=2.0),
        venue=Dealer(Sides(Bernoulli(1e6), Bernoulli(0.0)), Exponential(1.0), FillImpact(0.5)),
        clock=FiniteHorizon(horizon=0.25, steps=1),
        quote=Unbounded(),
        reward=InventoryPenalty(phi=3.0, alpha=0.7),
        fees=Fees(maker=0.1),
        initial_inventory=4.0,
        order_size=2.0,
        max_inventory=10.0,
    )
    simulation, rewards = stepped(market, [0.75, 0.5])
    noise, state = draw(0, 0, 0, 0), simulation.state
    cash = -2 * (100 - 0.75) - 2 * 0.1  # we buy two units at the bid and pay the fee on each
    mid = 100 + (1 if noise.price[0] < 0.5 else -1) * 2.0 * 0.5 + 0.5 * math.log(noise.bid_jump)
    assert state.account.cash[0] == pytest.approx(cash, rel=1e-15)
    assert state.account.inventory[0] == 6.0
    assert state.mid[0] == pytest.approx(mid, rel=1e-15)
    change = cash + 6 * mid - 4 * 100
    assert rewards[0] == pytest.approx(change - 3.0 * 36 * 0.25 - 0.7 * 36, rel=1e-13)
    tally = state.tally
    assert tally.profit[0] == pytest.approx(change, rel=1e-13)
    assert (tally.fills[0], tally.arrivals[0], tally.absolute_inventory[0]) == (1.0, 1.0, 6.0)
    assert tally.spread_captured[0] == 2 * 0.75
    assert (tally.peak[0], tally.drawdown[0]) == (max(0.0, tally.profit[0]), max(0.0, -tally.profit[0]))


def test_quotes_are_set_before_the_mid_moves():
    market = world(price=Binomial(8.0), venue=sure(1, 0), clock=FiniteHorizon(1.0, 1), quote=Unbounded())
    simulation, _ = stepped(market, np.full((8, 2), 0.5), lanes=8)
    assert set(simulation.state.mid.tolist()) == {92.0, 108.0}
    assert (simulation.state.account.cash == -99.5).all()


def replay(market: Market, lanes: int = 9, seed: int = 3):
    """(state before, state after, reward) of each step of an episode."""
    simulation = Simulation(market, lanes)
    simulation.start(seed)
    for step in range(market.clock.steps):
        before = simulation.state
        rewards = simulation.step(random_actions(market, lanes, step).reshape(-1))[1]
        yield before, simulation.state, rewards


@pytest.mark.parametrize("name", COVERING)
def test_the_profit_is_the_change_in_wealth_in_every_market(name):
    first, scale, profit = None, 0.0, 0.0
    for before, after, _ in replay(COVERING[name]):
        first = wealth(before) if first is None else first
        scale = np.maximum(scale, np.abs(after.account.cash) + np.abs(after.account.inventory * after.mid))
        profit = after.tally.profit
        assert np.abs(profit - (wealth(after) - first)).max() <= 1e-12 * (1 + scale.max())
    assert np.abs(profit).max() > 0


def elapsed(simulation, step):
    """The time since the start of the episode."""
    books = simulation.books
    return step * simulation.market.clock.step_length if books is None else books.time


@pytest.mark.parametrize("name", COVERING)
def test_rewards_and_what_they_leave_out_add_up_to_the_change_in_wealth(name):
    market = replace(COVERING[name], reward=InventoryPenalty(phi=0.5, alpha=0.2))
    simulation = Simulation(market, 9, interpreted=True)
    simulation.start(3)
    start, rewards, penalties = simulation.state, 0.0, 0.0
    for step in range(market.clock.steps):
        began = elapsed(simulation, step)
        rewards = rewards + simulation.step(random_actions(market, 9, step).reshape(-1))[1]
        lasted = elapsed(simulation, step + 1) - began
        penalties = penalties + 0.5 * simulation.state.account.inventory**2 * lasted
    end = simulation.state
    if isinstance(market.clock, FiniteHorizon):
        penalties = penalties + 0.2 * end.account.inventory**2
    scale = 1 + np.abs(end.account.cash).max() + np.abs(end.account.inventory * end.mid).max()
    assert np.abs(rewards + penalties - (wealth(end) - wealth(start))).max() <= 1e-12 * scale
    assert np.abs(end.tally.objective - rewards).max() <= 1e-12 * scale


@pytest.mark.parametrize("name", COVERING)
def test_the_tally_is_the_sum_of_the_steps(name):
    objective, absolute, peak, drawdown = 0.0, 0.0, 0.0, 0.0
    for _, after, reward in replay(COVERING[name]):
        objective, absolute = objective + reward, absolute + np.abs(after.account.inventory)
        peak = np.maximum(peak, after.tally.profit)
        drawdown = np.maximum(drawdown, peak - after.tally.profit)
        assert np.array_equal(after.tally.objective, objective)
        assert np.array_equal(after.tally.absolute_inventory, absolute)
        assert np.array_equal(after.tally.peak, peak)
        assert np.array_equal(after.tally.drawdown, drawdown)


@pytest.mark.parametrize("name", ["brownian", "mean_reverting", "unbounded"])
def test_cash_is_what_was_captured_less_what_the_mid_cost(name):
    market = replace(COVERING[name], fees=Fees())
    simulation = Simulation(market, 9)
    simulation.start(3)
    worth = 0.0  # of the trades at the mid they were quoted around
    for step in range(market.clock.steps):
        before = simulation.state
        simulation.step(random_actions(market, 9, step).reshape(-1))
        worth = worth - (simulation.state.account.inventory - before.account.inventory) * before.mid
    captured = simulation.state.tally.spread_captured
    assert np.abs(simulation.state.account.cash - worth - captured).max() < 1e-9
