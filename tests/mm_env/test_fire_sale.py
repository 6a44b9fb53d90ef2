"""Laws of fire sales: who is called sells, the mid moves, the others are judged again, until nobody more is called."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env import (
    Brownian,
    Competition,
    FiniteHorizon,
    LinearFireSale,
    LogitRouting,
    LossLimit,
    NoFireSale,
    SquareRootFireSale,
)
from mm_env.simulation import Simulation
from tests.mm_env.test_competition import STEPS, actions, alike, parts

FAR = 1e6


def holders(held, losses, fall, sale=None, **other):
    """Makers who hold and never trade, while the mid falls by `fall` in one step."""
    dealer = parts()["venue"]
    quiet = type(dealer)(flow=type(dealer.flow.bid)(1e-12), fill=dealer.fill.bid)
    still = {
        "venue": quiet,
        "price": Brownian(sigma=0.0, drift=-fall),
        "clock": FiniteHorizon(1.0, 1),
        "max_inventory": 64.0,
    }
    own = {
        "initial_inventory": np.array(held, np.float64),
        "margin": LossLimit(loss=np.array(losses, np.float64), **other),
    }
    return Competition(**parts(**still, **own), makers=len(held), fire_sale=sale or NoFireSale())


def after(market):
    lanes = Simulation(market, int(market.makers))
    lanes.start(0)
    lanes.step(np.zeros(lanes.num_lanes * 2))
    return lanes


def by_hand(held, losses, fall, move):
    """Closed makers and the mid's fall, round by round, as the docstring says."""
    called, sold, mid = set(), 0.0, -fall
    while True:
        new = {i for i, (q, loss) in enumerate(zip(held, losses)) if i not in called and q * mid < -loss}
        if not new:
            return called, mid
        called |= new
        sold += sum(held[i] for i in new)
        mid = -fall + move(sold)


def test_a_cascade_settles_where_nobody_more_is_called():
    """50 units that may be sold evenly over prices 50 to 100, impact 0.5 a unit, a fall of 5 from 100: it settles at 90."""
    losses = np.arange(50) + 0.49  # one unit each, called below 99.51, 98.51, ..., 50.51
    lanes = after(holders(np.ones(50), losses, 5.0, LinearFireSale(impact=0.5)))
    assert lanes.closed.sum() == 10
    assert np.unique(lanes.state.mid[~lanes.closed]) == 90.0
    assert after(holders(np.ones(50), losses, 5.0)).closed.sum() == 5


@given(
    held=st.lists(st.integers(-5, 5), min_size=2, max_size=6), fall=st.floats(-2.0, 2.0), impact=st.floats(0.05, 1.0),
    losses=st.lists(st.sampled_from([0.5, 1.0, 2.0, 4.0, 8.0]), min_size=6, max_size=6), root=st.booleans(),
)  # fmt: skip
def test_who_is_called_and_where_the_mid_goes_is_found_by_hand(held, fall, impact, losses, root):
    sale = SquareRootFireSale(coefficient=impact) if root else LinearFireSale(impact=impact)

    def move(sold):
        return -impact * np.sign(sold) * np.sqrt(abs(sold)) if root else -impact * sold

    called, mid = by_hand(held, losses, fall, move)
    lanes = after(holders(held, losses[: len(held)], fall, sale))
    assert set(np.flatnonzero(lanes.closed)) == called
    left = lanes.state.mid[~lanes.closed]
    assert np.allclose(left, 100.0 + mid, rtol=0.0, atol=1e-9)
    state = lanes.state
    assert np.allclose(
        state.account.cash + state.account.inventory * state.mid - 100.0 * np.array(held), state.tally.profit
    )


@given(impact=st.floats(0.01, 2.0), more=st.floats(0.01, 2.0), fall=st.floats(0.0, 3.0))
def test_more_impact_calls_no_fewer_and_leaves_no_higher_a_price(impact, more, fall):
    held, losses = [1, 2, 3, 1, 2, 0], [1.0, 2.0, 9.0, 4.0, 5.0, FAR]
    less, most = (after(holders(held, losses, fall, LinearFireSale(impact=i))) for i in (impact, impact + more))
    assert (most.closed >= less.closed).all()
    assert most.state.mid[-1] <= less.state.mid[-1] + 1e-12


def test_without_leverage_nobody_is_sold_out_and_the_market_is_as_without():
    market = parts(margin=LossLimit(loss=FAR))
    with_sales = Simulation(Competition(**market, makers=3, fire_sale=LinearFireSale(impact=0.5)), 3 * 30)
    alike(
        with_sales, Simulation(Competition(**market, makers=3), 3 * 30), STEPS, lambda step: actions(with_sales, step)
    )


@pytest.mark.parametrize("sale", [LinearFireSale(impact=0.3), SquareRootFireSale(coefficient=0.3)])
def test_machine_code_of_fire_sales_is_python_to_the_bit(sale):
    market = Competition(**parts(price=Brownian(sigma=8.0), margin=LossLimit(loss=2.0)), makers=4,
                         routing=LogitRouting(0.5), fire_sale=sale)  # fmt: skip
    compiled = Simulation(market, 4 * 20)
    alike(compiled, Simulation(market, 4 * 20, interpreted=True), 12, lambda step: actions(compiled, step))
    assert compiled.closed.any()


def test_who_is_left_open_holds_at_the_mid_that_is_left():
    market = Competition(**parts(price=Brownian(sigma=8.0), margin=LossLimit(loss=2.0)), makers=4,
                         fire_sale=LinearFireSale(impact=0.5))  # fmt: skip
    lanes = Simulation(market, 4 * 300)
    lanes.start(1)
    together = 0
    for step in range(STEPS):
        before = lanes.closed
        _, _, over, _ = lanes.step(actions(lanes, step))
        state, left = lanes.state, ~lanes.closed
        assert (state.tally.profit[left] >= -2.0).all()
        highest, lowest = (np.where(left, state.mid, end).reshape(-1, 4) for end in (-np.inf, np.inf))
        assert (highest.max(axis=1) <= lowest.min(axis=1)).all()
        together += int(((lanes.closed & ~before).reshape(-1, 4).sum(axis=1) > 1).sum())
        lanes.restart(over)
    assert together > 0


def test_a_fire_sale_needs_a_margin():
    with pytest.raises(ValueError, match="fire_sale needs a margin by which accounts are closed"):
        Competition(**parts(), makers=2, fire_sale=LinearFireSale(impact=0.1))
