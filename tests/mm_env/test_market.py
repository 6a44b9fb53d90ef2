"""The order of events in a step, the books, and the rules of a market."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Bernoulli,
    Binomial,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    Integers,
    InventoryPenalty,
    LogUniform,
    Market,
    MarketOrders,
    OrnsteinUhlenbeck,
    Price,
    ProportionalFees,
    Sides,
    Uniform,
    rule,
)
from mm_env.noise import draw
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from tests.worlds import COVERING, random_actions, sure, wealth, world


class Unforeseen(Price):
    """A price that does not say what it expects."""

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + noise.price[0] - 0.5


def stepped(market: Market, actions, lanes: int = 1, seed: int = 0):
    """The simulation and the rewards after one step."""
    simulation = Simulation(market, lanes, interpreted=True)
    simulation.start(seed)
    return simulation, simulation.step(np.asarray(actions, np.float64).reshape(-1))[1]


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


@pytest.mark.parametrize("name", COVERING)
def test_rewards_and_what_they_leave_out_add_up_to_the_change_in_wealth(name):
    market = replace(COVERING[name], reward=InventoryPenalty(phi=0.5, alpha=0.2))
    simulation = Simulation(market, 9, interpreted=True)
    simulation.start(3)
    start, rewards, penalties = simulation.state, 0.0, 0.0
    for step in range(market.clock.steps):
        rewards = rewards + simulation.step(random_actions(market, 9, step).reshape(-1))[1]
        penalties = penalties + 0.5 * simulation.state.account.inventory**2 * market.clock.step_length
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


@pytest.mark.parametrize(("size", "limit"), [(1.0, 3.0), (0.1, 0.3), (0.1, 0.7), (0.7, 2.1), (100.0, 300.0), (3e-7, 9e-7)])
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


@pytest.mark.parametrize(("fee", "bid_cash", "ask_cash"), [(0.2, -99.5 - 0.2, 100.25 - 0.2), (-0.2, -99.5 + 0.2, 100.25 + 0.2)])
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
    market = world(venue=sure(0, 0), quote=quote, initial_inventory=held, max_inventory=10.0, fees=fees, order_size=size)
    return stepped(market, [0.0, 0.0, cut])[0].state


@pytest.mark.parametrize(
    ("held", "cut", "left"),
    [(4, 1.0, 0), (-4, 1.0, 0), (4, 0.5, 2), (-4, 0.5, -2), (5, 0.5, 2), (5, 0.09, 5), (5, 0.1, 4), (3, -0.5, 3), (0, 1.0, 0), (4, 7.0, 0)],
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


def test_the_initial_inventory_is_no_profit():
    for start in (-3.0, 0.0, 2.0):
        simulation = Simulation(world(initial_inventory=start), 2, interpreted=True)
        simulation.start(0)
        assert (simulation.state.account.inventory == start).all()
        assert not simulation.state.tally.profit.any()
        assert not simulation.state.account.cash.any()


def test_a_random_initial_inventory_has_its_law_and_differs_between_episodes():
    simulation = Simulation(world(initial_inventory=Integers(-3, 3)), 7_000)
    simulation.start(0)
    counts = np.unique(simulation.state.account.inventory, return_counts=True)
    assert counts[0].tolist() == [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    assert ((counts[1] - 1_000) ** 2 / 1_000).sum() < 6 + 4 * math.sqrt(12)
    before = simulation.state.account.inventory
    simulation.restart(np.ones(7_000, np.bool_))
    assert abs(np.corrcoef(before, simulation.state.account.inventory)[0, 1]) < 4 / math.sqrt(7_000)


def test_the_agent_sees_inventory_and_the_time_left():
    market = world(initial_inventory=-1.0)
    assert market.observation_names == ("inventory", "time_left")
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)
    assert simulation.observations.tolist() == [[-0.5, 1.0]]
    for step in range(1, 6):
        simulation.step(np.ones(2))
        inventory = simulation.state.account.inventory[0]
        assert simulation.observations.tolist() == [[inventory / 2, float(np.float32(1 - step / 5))]]


def test_an_ergodic_market_shows_no_time_and_charges_no_end():
    market = world(clock=Ergodic(2.0, 2), reward=InventoryPenalty(alpha=1e9), initial_inventory=3.0)
    assert market.observation_names == ("inventory",)
    assert all(np.abs(rewards).max() < 1e3 for _, _, rewards in replay(market))
    finite = replace(market, clock=FiniteHorizon(2.0, 2))
    assert [rewards.max() < -1e8 for _, _, rewards in replay(finite)] == [False, True]


def test_the_agent_sees_the_signals_of_the_price():
    market = world(price=OrnsteinUhlenbeck(sigma=2.0, speed=0.5, mean=97.0))
    assert market.observation_names == ("inventory", "time_left", "mid_deviation")
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)
    assert simulation.observations[0, 2] == np.float32(3.0 / 2.0)  # the stationary deviation is 2 / sqrt(2 * 0.5)


def test_the_observation_space_holds_the_limit():
    space = world().observation_space
    assert space.low.tolist() == [-1.5, 0.0]
    assert space.high.tolist() == [1.5, 1.0]
    assert space.dtype == np.float32


def test_rewards_are_finite_for_a_price_that_says_nothing_of_what_it_expects():
    for reward in (InventoryPenalty(phi=0.1), CARA(0.1), AsymmetricDamping(0.5)):
        _, rewards = stepped(world(price=Unforeseen(), reward=reward), [0.0, 0.0])
        assert np.isfinite(rewards).all()


@pytest.mark.parametrize("noise", [0.5, Uniform(0.0, 1.0), np.array([1.0, 0.0])])
def test_noise_can_be_taken_out_only_of_a_price_that_knows_what_it_expects(noise):
    with pytest.raises(ValueError, match=r"noise must be 1 unless the price gives its `expected` move"):
        world(price=Unforeseen(), reward=InventoryPenalty(noise=noise))
    world(price=Brownian(1.0), reward=InventoryPenalty(noise=noise))


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"max_inventory": 0.0}, ValueError, "Market.max_inventory must be > 0, got 0.0"),
        ({"max_inventory": 2.5}, ValueError, "Market.max_inventory must be whole order sizes of 1, got 2.5"),
        ({"max_inventory": np.ones(3)}, TypeError, "Market.max_inventory must be the same in all lanes"),
        ({"order_size": Uniform(1.0, 2.0)}, TypeError, "Market.order_size must be the same in all lanes"),
        ({"order_size": 2.0}, ValueError, "Market.max_inventory must be whole order sizes of 2, got 3.0"),
        ({"inventory_scale": np.ones(3)}, TypeError, "Market.inventory_scale must be the same in all lanes"),
        ({"clock": FiniteHorizon(np.ones(3), 5)}, TypeError, "FiniteHorizon.horizon must be the same in all lanes"),
        ({"clock": FiniteHorizon(1.0, Integers(3, 5))}, TypeError, "FiniteHorizon.steps must be the same in all lanes"),
        ({"initial_inventory": 4.0}, ValueError, "Market.initial_inventory must lie in [-max_inventory, max_inventory], got 4.0"),
        ({"initial_inventory": Integers(-4, 0)}, ValueError, "Market.initial_inventory must lie in [-max_inventory"),
        ({"initial_inventory": np.array([0.0, -5.0])}, ValueError, "Market.initial_inventory must lie in [-max_inventory"),
        ({"initial_inventory": 0.5}, ValueError, "Market.initial_inventory must be whole order sizes of 1, got 0.5"),
        ({"initial_inventory": np.array([0.0, 1.5])}, ValueError, "Market.initial_inventory must be whole order sizes"),
        ({"initial_inventory": Uniform(-2.0, 2.0)}, ValueError, "Market.initial_inventory must be whole order sizes"),
        ({"initial_inventory": LogUniform(1.0, 2.0)}, ValueError, "Market.initial_inventory must be whole order sizes"),
        (
            {"initial_inventory": Integers(-2, 2), "order_size": 2.0, "max_inventory": 4.0},
            ValueError,
            "Market.initial_inventory must be whole order sizes",
        ),
        ({"initial_mid": math.inf}, ValueError, "Market.initial_mid must be a finite number, got inf"),
    ],
)  # fmt: skip
def test_a_market_is_checked_where_it_is_made(parts, error, message):
    with pytest.raises(error) as raised:
        world(**parts)
    assert str(raised.value).startswith(message)


def test_impact_on_arrival_moves_the_mid_though_we_are_not_filled():
    market = world(
        price=Binomial(0.0),
        venue=Dealer(Bernoulli(1.0), Exponential(1e3), Sides(ArrivalImpact(0.5), FillImpact(0.5))),
        clock=FiniteHorizon(1.0, 1),
    )
    simulation, _ = stepped(market, [1.0, 0.0])
    assert simulation.state.tally.fills[0] == 0.0
    assert simulation.state.tally.arrivals[0] == 2.0
    assert simulation.state.mid[0] == pytest.approx(100 + 0.5 * math.log(draw(0, 0, 0, 0).bid_jump), rel=1e-15)
