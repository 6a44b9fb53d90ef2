"""Payment channels: what payments do to balances and wealth, what rebalancing does, and what no channel can be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import (
    Brownian,
    Channel,
    Dealer,
    Depths,
    Exponential,
    ExponentialRebalancing,
    Fees,
    FiniteHorizon,
    FixedRebalancing,
    HawkesFlow,
    Integers,
    MarketOrders,
    PaymentSizes,
    Poisson,
    RebalancingQuotes,
    SideLimits,
    Sides,
)
from mm_env.metrics import figures
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels, run_actions, run_depths
from mm_env.simulation import Simulation
from tests.channels import ASKING, CHANNELS, FEES, SEVERAL, channel
from tests.worlds import random_actions, same_bits, story, world

LANES, STEPS = 70, 20
every_channel = pytest.mark.parametrize("name", CHANNELS)


def lived(market, lanes=LANES, steps=STEPS, seed=3):
    """States before and after each step of random actions, with the actions: [(before, actions, after)]."""
    simulation, random = Simulation(market, lanes), np.random.default_rng(1)
    simulation.start(seed)
    for _ in range(steps):
        before, actions = simulation.state, random.uniform(-1.0, 1.0, (lanes, market.width))
        simulation.step(actions.reshape(-1))
        yield before, actions, simulation.state


def balance_of(market, state):
    return market.venue.initial_balance + state.account.inventory


@every_channel
def test_machine_code_gives_the_bits_of_python(name):
    actions = random_actions(CHANNELS[name], LANES)
    made, plain = (
        story(Simulation(CHANNELS[name], LANES, interpreted=i), 2**40 + 3, actions, 8) for i in (False, True)
    )
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))


@every_channel
def test_balances_stay_within_the_channel_and_the_profit_is_the_fees_less_what_rebalancing_cost(name):
    market = CHANNELS[name]
    for _, _, state in lived(market):
        balance = balance_of(market, state)
        assert (balance >= 0.0).all()
        assert (balance <= market.venue.capacity).all()
        np.testing.assert_allclose(state.tally.profit, state.tally.spread_captured, atol=1e-9)
        assert (state.tally.fills <= state.tally.arrivals).all()
    assert state.tally.fills.sum() > 0.0


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(0, 12),
    st.floats(0.0, 20.0),
    st.floats(0.0, 20.0),
    st.floats(0.2, 4.0),
    st.integers(0, 99),
)
def test_whatever_the_rates_what_is_on_one_side_is_not_on_the_other(capacity, balance, come, go, k, seed):
    market = channel((come, go), float(max(capacity, balance, 4)), float(balance), k, SEVERAL)
    for before, _, after in lived(market, 8, 6, seed):
        ours, theirs = balance_of(market, after), market.venue.capacity - balance_of(market, after)
        moved = after.account.inventory - before.account.inventory
        assert np.minimum(ours, theirs).min() >= 0.0
        np.testing.assert_allclose(ours + theirs, market.venue.capacity)
        assert np.isin(moved, [a - b for a in (0, 1, 2, 4) for b in (0, 1, 2, 4)]).all()
        cash = after.account.cash - before.account.cash + moved * 100.0
        assert (cash >= -1e-9).all()  # fees alone


def test_a_channel_of_unit_payments_is_a_dealer_with_as_large_limits():
    flow, fill = Sides(Poisson(6.0), Poisson(3.0)), Exponential(1.0)
    one, other = channel(price=Brownian(2.0)), channel(price=Brownian(2.0), venue=Dealer(flow, fill))
    for (_, _, mine), (_, _, theirs) in zip(lived(one), lived(other), strict=True):
        for name in ("profit", "spread_captured", "fills"):
            assert same_bits(getattr(mine.tally, name), getattr(theirs.tally, name))
        assert same_bits(mine.account.inventory, theirs.account.inventory)


def test_where_nobody_pays_nothing_happens():
    for market in (
        channel((0.0, 0.0)),
        channel((0.0, 0.0), rebalancing=CHANNELS["exponential"].venue.rebalancing, quote=FEES),
    ):
        assert all(
            (state.tally.arrivals == 0.0).all() and (state.account.inventory == 0.0).all()
            for _, _, state in lived(market)
        )


def test_payments_larger_than_the_balance_fail():
    market = channel((50.0, 50.0), 7.0, 3.0, payments=PaymentSizes((4.0,), (1.0,)))
    tries = 0.0
    for before, _, after in lived(market):
        went = before.account.inventory > after.account.inventory
        came = before.account.inventory < after.account.inventory
        assert (balance_of(market, before)[went] >= 4.0).all()
        assert (balance_of(market, before)[came] <= 3.0).all()
        tries = after.tally.arrivals - after.tally.fills
    assert (tries > 0.0).all()


def test_without_an_end_in_reach_none_fails():
    market = channel((6.0, 3.0), 1_000.0, 500.0)
    for _, _, state in lived(market):
        assert same_bits(state.tally.arrivals, state.tally.fills)


def test_a_fixed_rebalancing_takes_its_steps_and_fails_all_payments_meanwhile():
    market = CHANNELS["fixed"]
    for before, actions, after in lived(market):
        left = np.where((before.world.venue.left < 0.5) & (actions[:, 2] > 0.0), 3.0, before.world.venue.left)
        np.testing.assert_array_equal(after.world.venue.left, np.maximum(left - 1.0, 0.0))
        assert (balance_of(market, after)[left == 1.0] == 4.0).all()
        assert same_bits(after.tally.fills[left > 0.5], before.tally.fills[left > 0.5])
        asked = (left == 3.0) & (before.world.venue.left < 0.5)
        cost = np.where(asked, 0.5 + 0.1 * np.abs(balance_of(market, before) - 4.0), 0.0)
        np.testing.assert_allclose(after.world.venue.paid - before.world.venue.paid, cost, atol=1e-12)
        np.testing.assert_array_equal(after.world.venue.rebalances - before.world.venue.rebalances, asked)


def test_an_exponential_rebalancing_has_its_mean_time():
    """From the step in which it is asked for on: dt / (1 - exp(-dt / mean)), as it may end with any step."""
    market = channel((0.0, 0.0), rebalancing=ExponentialRebalancing(7.0, mean_time=0.3), clock=FiniteHorizon(10.0, 100))
    simulation = Simulation(market, 4_000)
    simulation.start(0)
    waited = np.zeros(4_000)
    for _ in range(60):
        waited += balance_of(market, simulation.state) < 6.5
        simulation.step(np.tile([0.0, 0.0, 1.0], 4_000))
    expected = 1.0 / -np.expm1(-0.1 / 0.3)
    assert abs(waited.mean() - expected) < 4.0 * waited.std() / np.sqrt(4_000)
    assert (simulation.state.world.venue.rebalances >= 1.0).all()


def test_an_open_channel_passes_payments_while_it_is_rebalanced_and_a_frozen_one_none():
    passed = {}
    for name in ("exponential", "frozen"):
        passed[name] = sum(
            float((after.tally.fills - before.tally.fills)[before.world.venue.left > 0.5].sum())
            for before, _, after in lived(CHANNELS[name], 500)
        )
    assert passed["frozen"] == 0.0
    assert passed["exponential"] > 0.0


def test_limits_of_each_side_keep_a_reserve():
    market = channel((20.0, 20.0), limits=SideLimits(max_long=3.0, max_short=1.0), payments=SEVERAL)
    held = np.array([state.account.inventory for _, _, state in lived(market)])
    assert (held.min(), held.max()) == (-1.0, 3.0)


def test_fees_of_the_market_are_taken_off_ours():
    taxed = channel(fees=Fees(maker=0.25))
    for (_, _, free), (_, _, taken) in zip(lived(channel()), lived(taxed), strict=True):
        np.testing.assert_allclose(taken.tally.profit, free.tally.profit - 0.25 * free.tally.fills, atol=1e-9)


def test_what_runs_dry_is_counted():
    """At no fee all come to us, at a fee of 3 none go: the channel fills up."""
    market = channel((200.0, 1e-9), 3.0, 1.0, clock=FiniteHorizon(1.0, 10))
    depths = np.broadcast_to([0.0, 3.0], (1, len(inventory_levels(market)), 2))
    told = figures(run_depths(market, depths, 100, 0))
    assert told["full"].value == pytest.approx(0.8)
    assert told["empty"].value == 0.0
    assert told["failed_payments"].value == pytest.approx(8.0)
    assert told["rebalances"].value == told["rebalancing"].value == told["rebalancing_cost"].value == 0.0


def test_what_rebalancing_took_is_counted():
    market = replace(CHANNELS["fixed"], clock=FiniteHorizon(2.0, 20))
    asks = np.full((1, len(inventory_levels(market)), 3), 1.0)
    told = figures(run_actions(market, asks, 200, 0))
    assert told["rebalances"].value == pytest.approx(7.0)  # at steps 0, 3, ..., 18
    assert told["rebalancing"].value == pytest.approx(13.0 / 20.0)  # as steps begin, of 20
    assert told["rebalancing_cost"].value == pytest.approx(
        7.0 * 0.5 + 0.1
    )  # from 5 to 4 once, and where nothing passes


def test_parameters_may_differ_by_lane_and_flows_have_memory():
    rates = np.linspace(1.0, 20.0, LANES)
    excited = HawkesFlow(base=2.0, branching=0.4, cross=0.2, decay=3.0)
    for market in (channel((rates, 3.0)), channel(venue=replace(CHANNELS["unit"].venue, flow=Sides(excited, excited)))):
        actions = random_actions(market, LANES)
        made, plain = (story(Simulation(market, LANES, interpreted=i), 5, actions, 5) for i in (False, True))
        assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))


BACK = ExponentialRebalancing(5.0)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: channel((-1.0, 1.0)), "Poisson.rate must be >= 0, got -1"),
    (lambda: channel(capacity=-3.0, balance=0.0), "Channel.capacity must be > 0, got -3"),
    (lambda: channel(balance=11.0), r"Channel.initial_balance must lie in \[0, 10\], the capacity, got 11"),
    (lambda: channel(balance=-1.0), "Channel.initial_balance must be >= 0, got -1"),
    (lambda: channel(capacity=2.5, balance=1.0, max_inventory=2.0), "Channel.capacity must be whole order sizes of 1, got 2.5"),
    (lambda: channel(capacity=3.0, balance=2.0, payments=SEVERAL), "Channel.capacity must be >= the largest payment, 4, got 3"),
    (lambda: channel(initial_inventory=6.0, max_inventory=8.0), r"initial_inventory must lie in \[-5, 5\], so that"),
    (lambda: channel(balance=2.0, initial_inventory=Integers(-3, 1)), r"initial_inventory must lie in \[-2, 8\]"),
    (lambda: channel(max_inventory=4.0), "Market.max_inventory must be >= 5, so that it holds both ends .*, got 4"),
    (lambda: replace(channel(), venue=replace(CHANNELS["unit"].venue, capacity=np.array([9.0, 10.0]))), "same in all lanes"),
    (lambda: channel(rebalancing=replace(BACK, target_balance=12.0)), r"target_balance must lie within .* \[0, 10\], got 12"),
    (lambda: channel(rebalancing=replace(BACK, target_balance=4.5)), "target_balance must be whole order sizes of 1, got 4.5"),
    (lambda: replace(BACK, cost=-1.0), "ExponentialRebalancing.cost must be >= 0, got -1"),
    (lambda: replace(BACK, mean_time=0.0), "ExponentialRebalancing.mean_time must be > 0, got 0"),
    (lambda: replace(BACK, frozen=0.5), r"frozen must be 1 \(payments fail meanwhile\) or 0, got 0.5"),
    (lambda: FixedRebalancing(5.0, steps=0), "FixedRebalancing.steps must be a whole number in"),
    (lambda: PaymentSizes((1.0, 2.5), (0.5, 0.5)), "sizes must be whole numbers of order sizes, >= 1 and increasing"),
    (lambda: PaymentSizes((2.0, 1.0), (0.5, 0.5)), "sizes must be whole numbers of order sizes, >= 1 and increasing"),
    (lambda: PaymentSizes((1.0, 2.0), (0.5, 0.6)), r"shares must be one for each of sizes \[1.0, 2.0\] and sum to 1"),
    (lambda: channel(quote=ASKING), "RebalancingQuotes asks for rebalancing, so Market.venue must be a Channel that has some"),
    (lambda: world(quote=ASKING), "RebalancingQuotes asks for rebalancing, so Market.venue must be a Channel that has some"),
    (lambda: channel(quote=MarketOrders(Depths(1.0), 0.1)), "Channel has no market orders, which MarketOrders may send"),
    (lambda: channel(rebalancing=BACK, quote=RebalancingQuotes(MarketOrders(Depths(1.0), 0.1))), "Channel has no market"),
    (lambda: RebalancingQuotes(ASKING), "RebalancingQuotes.quoting must have a Box of actions, fees alone"),
    (lambda: channel(rebalancing=BACK, balance=3.0, limits=SideLimits(1.0, 1.0)), r"target_balance must be within .* \[2, 4\]"),
    (lambda: channel(limits=SideLimits(2.5, 1.0)), "SideLimits.max_long must be whole order sizes of 1, the same in all lanes"),
    (lambda: channel(limits=SideLimits(2.0, 9.0)), "SideLimits.max_short must be <= Market.max_inventory = 5, got 9"),
])  # fmt: skip
def test_what_no_channel_can_be_is_refused_in_one_line(make, said):
    with pytest.raises((ValueError, TypeError), match=said) as error:
        make()
    assert "\n" not in str(error.value)


def test_fees_without_a_wish_to_rebalance_go_with_a_channel_that_could_be():
    market = replace(CHANNELS["exponential"], quote=Unbounded())
    assert isinstance(market.venue, Channel)
    assert all((state.world.venue.rebalances == 0.0).all() for _, _, state in lived(market, steps=3))
