"""Inventory limits, order sizes, fees and market orders."""

import math

import numpy as np
import pytest

from mm_env import Depths, Fees, FiniteHorizon, MarketOrders, ProportionalFees
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from tests.worlds import stepped, sure, world


@pytest.mark.parametrize(("bid", "ask", "limit"), [(1, 0, 3.0), (0, 1, -3.0)])
def test_at_the_limit_that_side_is_off(bid, ask, limit):
    market = world(venue=sure(bid, ask), clock=FiniteHorizon(8.0, 8))
    simulation, held = Simulation(market, 2, interpreted=True), []
    simulation.start(0)
    for _ in range(8):
        simulation.step(np.tile([-1.0, 0.0], 2))
        held.append(simulation.state.account.inventory[0])
    assert held == [math.copysign(min(i, 3), limit) for i in range(1, 9)]
    assert (simulation.state.tally.fills == 3).all()
    assert (simulation.state.tally.arrivals == 8).all()


@pytest.mark.parametrize(
    ("size", "limit"), [(1.0, 3.0), (0.1, 0.3), (0.1, 0.7), (0.7, 2.1), (100.0, 300.0), (3e-7, 9e-7)]
)
@pytest.mark.parametrize("side", [1, -1])
def test_the_limit_can_be_reached_for_any_order_size(size, limit, side):
    market = world(venue=sure(side > 0, side < 0), clock=FiniteHorizon(8.0, 8), order_size=size, max_inventory=limit)
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)
    for _ in range(8):
        simulation.step(np.array([-1.0, 0.0]))
    assert simulation.state.account.inventory[0] == pytest.approx(side * limit, rel=1e-12)


def test_order_size_scales_cash_inventory_and_spread():
    small, large = (
        stepped(world(venue=sure(), clock=FiniteHorizon(5.0, 5), quote=Unbounded(), **sizes), [0.2, 0.3])[0].state
        for sizes in ({"order_size": 1.0}, {"order_size": 4.0, "max_inventory": 12.0})
    )
    assert large.account.cash[0] == pytest.approx(4 * small.account.cash[0], rel=1e-12)
    assert large.tally.spread_captured[0] == pytest.approx(4 * small.tally.spread_captured[0], rel=1e-12)
    assert large.tally.fills[0] == small.tally.fills[0] == 2.0


@pytest.mark.parametrize(
    ("fee", "bid_cash", "ask_cash"), [(0.2, -99.5 - 0.2, 100.25 - 0.2), (-0.2, -99.5 + 0.2, 100.25 + 0.2)]
)
def test_a_fee_is_paid_and_a_rebate_earned_for_each_unit(fee, bid_cash, ask_cash):
    for (bid, ask), cash in (((1, 0), bid_cash), ((0, 1), ask_cash), ((1, 1), bid_cash + ask_cash)):
        market = world(venue=sure(bid, ask), clock=FiniteHorizon(1.0, 1), quote=Unbounded(), fees=Fees(maker=fee))
        assert stepped(market, [0.5, 0.25])[0].state.account.cash[0] == pytest.approx(cash, rel=1e-14)


def test_a_proportional_fee_is_a_share_of_the_price_traded_at():
    market = world(venue=sure(1, 1), clock=FiniteHorizon(1.0, 1), quote=Unbounded(), fees=ProportionalFees(maker=0.01))
    cash = stepped(market, [0.5, 0.25])[0].state.account.cash[0]
    assert cash == pytest.approx(-99.5 * 1.01 + 100.25 * 0.99, rel=1e-13)


def crossing(held: float, cut: float, fees: Fees = Fees(), size: float = 1.0):  # noqa: B008
    """The account after a market order for the share `cut` of the inventory, at a cost of 0.25, and no fills."""
    quote = MarketOrders(Depths(max_depth=1.0), half_spread=0.25)
    market = world(
        venue=sure(0, 0), quote=quote, initial_inventory=held, max_inventory=10.0, fees=fees, order_size=size
    )
    return stepped(market, [0.0, 0.0, cut])[0].state


@pytest.mark.parametrize(
    ("held", "cut", "left"),
    [
        (4, 1.0, 0),
        (-4, 1.0, 0),
        (4, 0.5, 2),
        (-4, 0.5, -2),
        (5, 0.5, 2),
        (5, 0.09, 5),
        (5, 0.1, 4),
        (3, -0.5, 3),
        (0, 1.0, 0),
        (4, 7.0, 0),
    ],
)
def test_a_market_order_closes_whole_orders_at_a_cost(held, cut, left):
    state, closed = crossing(float(held), cut), held - left
    assert state.account.inventory[0] == left
    price = 100 - math.copysign(0.25, held)
    assert state.account.cash[0] == pytest.approx(closed * price, rel=1e-14)
    assert state.tally.spread_captured[0] == pytest.approx(-0.25 * abs(closed), abs=1e-12)


def test_a_market_order_pays_the_taker_fee():
    state = crossing(-4.0, 0.5, Fees(taker=0.5))
    assert state.account.cash[0] == pytest.approx(-2 * 100.25 - 2 * 0.5, rel=1e-14)
    state = crossing(4.0, 1.0, ProportionalFees(taker=0.01))
    assert state.account.cash[0] == pytest.approx(4 * 99.75 * 0.99, rel=1e-14)


def test_a_market_order_trades_in_units_of_the_order_size():
    assert crossing(6.0, 0.5, size=2.0).account.inventory[0] == 2.0


def test_a_market_order_at_the_limit_opens_the_side_again():
    quote = MarketOrders(Depths(max_depth=1.0), half_spread=0.0)
    market = world(venue=sure(1, 0), clock=FiniteHorizon(1.0, 1), quote=quote, initial_inventory=3.0)
    assert stepped(market, [-1.0, -1.0, 0.0])[0].state.account.inventory[0] == 3.0
    assert stepped(market, [-1.0, -1.0, 0.4])[0].state.account.inventory[0] == 3.0  # one sold, one bought
    assert stepped(market, [-1.0, -1.0, 0.4])[0].state.tally.fills[0] == 1.0
