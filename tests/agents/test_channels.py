"""Channels solved: closed forms beside the optimum, laws of the optimum, thresholds, and limits of each side."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import ChannelFees, ThresholdRebalancing, best_thresholds
from agents.exact.evaluation import average_reward, best_fixed, evaluate, worth, worth_fixed
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.price_grid import axis_of
from agents.exact.quote_optimum import Solver
from agents.exact.stated_venue import _places, _try
from agents.policy import play, policy_of, quoted_depths
from agents.strategies.fixed import FixedSymmetric
from mm_env import (
    CARA,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    ExponentialRebalancing,
    FiniteHorizon,
    HawkesFlow,
    InventoryPenalty,
    Poisson,
    RegimeLimits,
    RegimeSwitching,
    SideLimits,
    Sides,
    Tightest,
)
from mm_env.rollout import inventory_levels, run_actions
from mm_env.state import held_at
from tests.channels import ASKING, CHANNELS, SEVERAL, TWO, channel
from tests.worlds import thinned, within, world

FINE = Ergodic(1.0, 200)
DAY = FiniteHorizon(2.0, 20)
BACK = ExponentialRebalancing(5.0, cost=0.3, mean_time=0.3)
every_channel = pytest.mark.parametrize("name", CHANNELS)
solved_channel = pytest.mark.parametrize(  # the search over many outcomes takes long to compile
    "name", thinned(CHANNELS, {"sizes", "fixed"})
)


@every_channel
def test_what_may_come_of_fees_is_what_comes(name):
    market, random = CHANNELS[name], np.random.default_rng(0)
    low, high = market.venue.ends
    for i, state in enumerate(_places(market)):
        for held in (low, low + 1.0, 0.0, high - 3.0, high):
            _try(market, held_at(state, 0.0, held), tuple(random.uniform(-1.0, 0.5, market.width)), i)


@solved_channel
def test_the_simulator_earns_the_optimum(name):
    market = replace(CHANNELS[name], clock=DAY)
    best = optimum(market)
    episodes, found = play(market, best, 40_000, 1), evaluate(market, best.actions, 1)
    assert within(episodes.objective, best.objective)
    assert within((episodes.objective - best.objective) ** 2, found.variance)
    np.testing.assert_allclose(found.value, best.value, rtol=1e-10, atol=1e-12)


@solved_channel
def test_the_average_reward_solves_its_bellman_equation(name):
    """max over actions of E[reward + h'] = h + rate dt, over balances and how much of a rebalancing is left."""
    market = CHANNELS[name]
    best = optimum(market)
    value, _ = Solver(market, axis_of(market)).best(best.value[0], best.actions[0], 0)
    np.testing.assert_allclose(value - best.value[0], best.rate * market.clock.step_length, rtol=1e-7)
    assert average_reward(market, best.actions) == pytest.approx(best.rate, rel=1e-12)
    assert worth(market, best.actions[:, 0]) <= best.rate + 1e-12  # whether a rebalancing is under way is worth knowing


def test_the_average_reward_is_what_more_time_brings():
    market, times = channel(capacity=4.0, balance=2.0, rebalancing=replace(BACK, target_balance=2.0)), (10.0, 8.0)
    long, short = (optimum(replace(market, clock=FiniteHorizon(t, round(10 * t)))).objective for t in times)
    assert optimum(market).rate == pytest.approx((long - short) / 2.0, rel=1e-4)


def test_a_large_channel_earns_what_one_without_ends_would():
    forms = [ChannelFees(2.0, 1.0, 1.5, c, c // 2).revenue for c in (1, 2, 5, 20, 200)]
    assert forms == sorted(forms)
    assert forms[-1] == pytest.approx(2.0 * math.sqrt(2.0) / (1.5 * math.e), rel=2e-4)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.5, 8.0), st.floats(0.5, 8.0), st.integers(2, 8), st.integers(0, 8))
def test_more_room_is_worth_more_and_sides_that_trade_places_trade_fees(come, go, capacity, start):
    balance = float(min(start, capacity))
    ours, theirs = (
        channel(rates, float(capacity), b) for rates, b in (((come, go), balance), ((go, come), capacity - balance))
    )
    roomier = channel((come, go), capacity + 1.0, balance)
    best, mirrored, more = optimum(ours), optimum(theirs), optimum(roomier)
    assert more.rate > best.rate
    assert mirrored.rate == pytest.approx(best.rate, rel=1e-9)
    first, second = (quoted_depths(one.market, one.actions[0, 0]) for one in (best, mirrored))
    inner = np.abs(inventory_levels(ours)) < min(balance, capacity - balance)
    np.testing.assert_allclose(first[inner], second[::-1][inner, ::-1], atol=2e-5)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.5, 8.0), st.floats(0.5, 8.0), st.integers(1, 8), st.integers(0, 8), st.floats(0.5, 3.0))
def test_the_closed_form_is_the_limit_of_the_optimum(come, go, capacity, start, k):
    market = channel(
        (come, go), float(capacity), float(min(start, capacity)), k, clock=FINE, quote=Depths(9.0 / k, -3.0 / k)
    )
    coarse = replace(market, clock=Ergodic(1.0, 100))
    form, rates = ChannelFees.of(market), [optimum(one).rate for one in (coarse, market)]
    assert form.revenue == pytest.approx(2.0 * rates[1] - rates[0], rel=2e-3)
    assert form.revenue > rates[1] > rates[0]
    table = policy_of(form, market).table()
    assert average_reward(table.market, table.actions) == pytest.approx(rates[1], rel=2e-3)


def test_fees_until_an_end_are_the_limit_too_and_those_without_one_far_from_it():
    form = ChannelFees(2.0, 1.0, 1.0, 5, 2, horizon=100.0)
    market = channel((2.0, 1.0), 5.0, 2.0)
    found = [optimum(replace(market, clock=FiniteHorizon(4.0, n))).objective for n in (100, 200)]
    assert form.value(0.0, 4.0) == pytest.approx(2.0 * found[1] - found[0], rel=1e-4)
    inventory = np.arange(-2.0, 4.0)
    without = replace(form, horizon=None)
    np.testing.assert_allclose(form.depths(inventory, 100.0), without.depths(inventory, 0.0), atol=1e-9)
    gained = form.value(inventory, 100.0) - form.value(inventory, 99.0)
    np.testing.assert_allclose(gained, without.revenue, rtol=1e-8)
    np.testing.assert_allclose(form.depths(inventory, 0.0), 1.0)
    assert form.depths(inventory[:, None], np.array([0.0, 1.0])).shape == (6, 2, 2)


def test_the_published_channel():
    form = ChannelFees(1.0, 1.0, 1.0, 4, 2)
    assert form.revenue == pytest.approx(0.63718588, abs=1e-8)
    np.testing.assert_allclose(
        form.depths(np.arange(-2.0, 2.0), 0.0)[:, 0], [0.450694, 0.856159, 1.143841, 1.549306], atol=1e-6
    )


@pytest.mark.parametrize(("market", "said"), [
    (channel(payments=SEVERAL), r"payments of one order size, market.venue.payments.sizes, got \[1.0, 2.0, 4.0\]"),
    (channel(reward=InventoryPenalty(phi=0.1)), "market.reward.phi = 0, so that inventory brings and costs nothing, got 0.1"),
    (channel(reward=CARA(0.1)), "market.reward.phi, and CARA has none"),
    (channel(price=Brownian(1.0, 0.5)), "market.price.drift = 0"),
    (channel(venue=replace(CHANNELS["unit"].venue, fill=Sides(Exponential(1.0), Exponential(2.0)))), "one decay of payments"),
])  # fmt: skip
def test_a_market_that_the_closed_form_does_not_cover_is_refused_by_name(market, said):
    with pytest.raises(ValueError, match=f"^the theory wants .*{said}"):
        ChannelFees.of(market)


@pytest.mark.parametrize(("parts", "said"), [
    ({"capacity": 0}, "ChannelFees.capacity must be a whole number"),
    ({"balance": 5}, r"ChannelFees.balance must be a whole number in \[0, 4\], got 5"),
    ({"bid_rate": 0.0}, "ChannelFees.bid_rate must be > 0, got 0"),
    ({"horizon": -1.0}, "ChannelFees.horizon must be > 0, got -1"),
    ({"capacity": 600}, "ChannelFees.capacity must be <= 500"),
])  # fmt: skip
def test_parameters_that_make_no_closed_form_are_refused(parts, said):
    with pytest.raises(ValueError, match=said):
        replace(ChannelFees(1.0, 1.0, 1.0, 4, 2), **parts)


def test_thresholds_earn_more_than_a_constant_fee_and_less_than_the_optimum():
    market = channel(rebalancing=BACK, payments=TWO)
    rule, best = best_thresholds(market), optimum(market)
    earned = worth(market, rule.tabulated(market).actions)
    assert worth_fixed(market, best_fixed(market).half_spread) < earned < best.rate
    fee = rule.quoting.strategy
    for low, high in ((rule.low - 1.0, rule.high), (rule.low, rule.high - 1.0), (rule.low, rule.high + 1.0)):
        other = ThresholdRebalancing.of(market, fee, low, high).tabulated(market)
        assert worth(market, other.actions) <= earned + 1e-12


def test_a_rule_acts_as_its_table_does():
    market = replace(CHANNELS["exponential"], clock=DAY)
    rule = ThresholdRebalancing.of(market, FixedSymmetric(0.8), 1.0, 8.0)
    table = rule.tabulated(market)
    assert (table.actions[0, :, 2] > 0.0).tolist() == [True, True, *[False] * 6, *[True] * 3]
    assert np.allclose(quoted_depths(market, table.actions), 0.8)
    one, other = play(market, table, 300, 4), run_actions(market, table.actions, 300, 4)
    np.testing.assert_array_equal(one.objective, other.objective)
    seen = np.zeros((1, len(market.observation_names)), np.float32)
    np.testing.assert_allclose(rule.act(seen), table.actions[:1, 5])


@pytest.mark.parametrize(("make", "said"), [
    (lambda: best_thresholds(channel()), "a rule that rebalances needs a channel that can be"),
    (lambda: ThresholdRebalancing.of(CHANNELS["fixed"], FixedSymmetric(1.0), 5.0, 5.0), "low must be < high = 5, got 5"),
    (lambda: ThresholdRebalancing.of(CHANNELS["fixed"], FixedSymmetric(1.0), math.nan, 5.0), "low must be a finite number"),
])  # fmt: skip
def test_what_is_no_rule_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_rebalancing_that_is_free_and_at_once_is_worth_most_and_dear_as_much_as_none():
    plain = optimum(channel(payments=TWO)).rate
    free, dear = (optimum(channel(payments=TWO, rebalancing=replace(BACK, cost=c))).rate for c in (0.0, 1e6))
    assert dear == pytest.approx(plain, rel=1e-9)
    assert free > optimum(channel(payments=TWO, rebalancing=BACK)).rate > plain


def test_a_flow_with_memory_has_no_recursion():
    excited = HawkesFlow(base=2.0, branching=0.4, cross=0.2, decay=3.0)
    with pytest.raises(Unsolvable, match="venue: its flow has a state"):
        optimum(channel(venue=replace(CHANNELS["unit"].venue, flow=Sides(excited, excited))))


# limits of each side

BUSY = world(
    price=Brownian(1.0), quote=Depths(3.0, -0.5), clock=DAY, reward=InventoryPenalty(phi=0.1), max_inventory=5.0,
    venue=Dealer(Poisson(20.0), Exponential(1.0)),
)  # fmt: skip


def test_limits_of_each_side_bind_the_simulation_and_the_optimum():
    market = replace(BUSY, limits=SideLimits(max_long=4.0, max_short=1.0))
    best = optimum(market)
    episodes = play(market, best, 40_000, 2)
    assert within(episodes.objective, best.objective)
    held = np.unique(episodes.terminal_inventory)
    assert (held.min(), held.max()) == (-1.0, 4.0)
    assert best.objective < optimum(BUSY).objective


def test_equal_limits_of_each_side_are_a_smaller_limit_of_both():
    ours, theirs = optimum(replace(BUSY, limits=SideLimits(3.0, 3.0))), optimum(replace(BUSY, max_inventory=3.0))
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-12)
    np.testing.assert_allclose(ours.value[:, 0, 2:-2], theirs.value[:, 0], rtol=1e-10)


def test_a_side_that_is_shut_is_never_quoted_to_any_effect():
    episodes = play(one := replace(BUSY, limits=SideLimits(4.0, 0.0)), optimum(one), 500, 3)
    assert (episodes.terminal_inventory >= 0.0).all()


@pytest.mark.slow
def test_limits_of_each_side_are_among_the_tightest():
    price = RegimeSwitching(Brownian(1.0), rates=((-2.0, 2.0), (4.0, -4.0)), volatility=(1.0, 2.0))
    limits = Tightest((SideLimits(4.0, 2.0), RegimeLimits((3.0, 1.0))))
    market = replace(BUSY, price=price, limits=limits)
    best = optimum(market)
    assert within(play(market, best, 20_000, 4).objective, best.objective)
    held = play(market, best, 20_000, 4).terminal_inventory
    assert (held.min(), held.max()) == (-2.0, 3.0)


def test_a_dealer_without_penalty_has_the_fees_of_a_channel():
    dealer = replace(
        BUSY, reward=InventoryPenalty(), limits=SideLimits(3.0, 1.0), venue=Dealer(Poisson(2.0), Exponential(1.0)),
        clock=Ergodic(1.0, 200),
    )  # fmt: skip
    form = ChannelFees.of(dealer)
    assert (form.capacity, form.balance, form.horizon) == (4, 1, None)
    assert form.revenue == pytest.approx(optimum(dealer).rate, rel=2e-3)


def test_an_average_reward_over_states_of_a_venue_refuses_a_price_with_states():
    price = RegimeSwitching(Brownian(1.0), rates=((-2.0, 2.0), (4.0, -4.0)), volatility=(1.0, 2.0))
    assert axis_of(channel(rebalancing=BACK)).size == 2
    with pytest.raises(Unsolvable, match="a price without a state that matters"):
        optimum(channel(price=price, rebalancing=BACK))


def test_quotes_that_ask_encode_fees_and_no_rebalancing():
    fees = np.array([[0.5, 2.0], [3.0, 0.0]])
    actions = ASKING.encode(fees)
    assert (actions[:, 2] == -1.0).all()
    np.testing.assert_allclose(quoted_depths(CHANNELS["fixed"], actions), fees)
