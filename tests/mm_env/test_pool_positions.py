"""Several positions at once in a pool: by hand, by Uniswap's arithmetic, and as one; nothing lost or made; refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import (
    FiniteHorizon,
    FixedBlocks,
    NoExploits,
    PoissonExploits,
    ProportionalFees,
    Range,
    Ranges,
    SteadyTraders,
)
from mm_env.metrics import figures
from mm_env.rollout import run_policy
from mm_env.simulation import Simulation
from mm_env.venue.pool.liquidity import Pair, Position, placed, shifted
from mm_env.venue.pool.positions import active, tokens_in
from mm_env.venue.pool.swaps import Core, pushed, swapped
from tests.mm_env.test_pool import LANES, MARKUP, busy, held, level
from tests.mm_env.uniswap import Uniswap
from tests.worlds import same_bits, story

SEVERAL = Ranges(max_half_width=0.1, min_half_width=0.001, max_centres=(0.01, 0.02, 0.0))
FIRST = Position(level(9.0), level(11.0), math.log(11.0 / 9.0), 100.0, Pair(100.0 / 110.0, 100.0), 200.0)
INSIDE = Position(level(9.5), level(10.5), math.log(10.5 / 9.5), 200.0, Pair(20.0 - 200.0 / 10.5, 100.0), 200.0)
ABOVE = Position(level(11.5), level(12.0), math.log(12.0 / 11.5), 300.0, Pair(300.0 / 11.5 - 25.0, 0.0), 100.0)


# by hand


def test_nested_ranges_take_in_by_hand_what_each_takes_in_by_itself():
    """Liquidity 100 over roots 9 to 11 and 200 over 9.5 to 10.5: from 10 to 10.75 the wide one takes in 75 of y and the
    narrow one 100, which it stops to at 10.5; from there to 9.25, x likewise."""
    core = Core(level(10.0), (FIRST, INSIDE))
    assert tokens_in(core.positions, core.price) == pytest.approx(
        (100 / 10 - 100 / 11 + 200 / 10 - 200 / 10.5, 200.0), abs=1e-12
    )
    up, gained = swapped(core, level(10.75), MARKUP)
    assert gained.tokens.y == pytest.approx(75.0 + 100.0, abs=1e-12)
    assert gained.fees == pytest.approx((0.0, MARKUP * 175.0), abs=1e-12)
    _, gained = swapped(up, level(9.25), MARKUP)
    x = 100 * (1 / 9.25 - 1 / 10.75) + 200 * (1 / 9.5 - 1 / 10.5)
    assert gained.tokens.x == pytest.approx(x, abs=1e-12)
    assert gained.fees == pytest.approx((MARKUP * x, 0.0), abs=1e-12)
    assert [active(core.positions, level(root)) for root in (8.0, 9.2, 10.0, 10.5, 11.0)] == [
        0.0,
        100.0,
        300.0,
        100.0,
        0.0,
    ]


def test_disjoint_ranges_are_passed_one_after_the_other_and_earn_nothing_between():
    """Liquidity 100 over roots 9 to 11, 300 over 11.5 to 12: from 10 to 11.25 the first takes in 100 of y; up to 11.75 the
    second takes in 75 more."""
    core = Core(level(10.0), (FIRST, ABOVE))
    middle, gained = swapped(core, level(11.25), MARKUP)
    assert gained.fees == pytest.approx((0.0, MARKUP * 100.0), abs=1e-12)
    assert active(core.positions, middle.price) == 0.0
    assert tokens_in(core.positions, middle.price) == pytest.approx((300 / 11.5 - 300 / 12, 200.0), abs=1e-12)
    last, gained = swapped(middle, level(11.75), MARKUP)
    assert gained.tokens == pytest.approx((300 * (1 / 11.75 - 1 / 11.5), 75.0), abs=1e-12)
    assert swapped(core, level(11.75), MARKUP)[1].fees.y == pytest.approx(MARKUP * 175.0, abs=1e-12)
    _, both = pushed(last, 2.0 * math.log(13.0 / 11.75), 2.0 * math.log(13.0 / 10.0), MARKUP)
    assert both.fees.y == pytest.approx(MARKUP * 75.0, abs=1e-9)  # from 11.75 to 12, and nothing up to 13
    assert both.fees.x == pytest.approx(MARKUP * (300 * (1 / 11.5 - 1 / 12) + 100 * (1 / 10 - 1 / 11)), abs=1e-9)


# by Uniswap's arithmetic

PLACES = st.tuples(
    st.just("place"), st.integers(0, 2), st.floats(0.001, 0.3), st.floats(-0.1, 0.1), st.floats(0.0, 100.0)
)
MOVES = st.tuples(st.just("swap"), st.floats(-0.3, 0.3))
TURNOVERS = st.tuples(st.just("turn"), st.floats(0.0, 2.0))
EXPLOITS = st.tuples(st.just("rob"), st.floats(0.0, 0.9))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(MOVES, PLACES, TURNOVERS, EXPLOITS), min_size=1, max_size=14),
    st.sampled_from([0.0, 0.0005, 0.003, 0.1]),
)
def test_several_ranges_hold_and_earn_what_uniswap_says_and_no_token_is_lost_or_made(events, fee):
    """Over us, others who provide, traders and robbers: whatever is traded, placed and robbed, in any order."""
    markup, slow = fee / (1.0 - fee), Uniswap(10.0, fee)
    others, ours = slow.provide(1e-6, 1e6, 7.0), [None, None, None]
    nowhere = Position(level(10.0), level(10.0), 0.0, 0.0, Pair(0.0, 0.0), 0.0)
    core, before = Core(level(10.0), (nowhere,) * 3), np.array(slow.tokens(others))
    paid, fees, put_in, theirs, robbed, by_others = np.zeros((6, 2))
    for event in events:
        if event[0] == "place":
            _, i, *wanted = event
            if ours[i] is not None:
                theirs += slow.collect(ours[i])
                put_in -= slow.tokens(ours[i])
                slow.withdraw(ours[i])
            at = placed(core.price, *wanted)
            core = Core(core.price, (*core.positions[:i], at, *core.positions[i + 1 :]))
            ours[i] = slow.provide(at.lower.root, at.upper.root, at.liquidity) if at.liquidity else None
            put_in += held(slow, ours[i])
        elif event[0] == "turn":
            paid += slow.trade_both_ways(event[1])
            earned = markup * event[1] * active(core.positions, core.price)
            fees += (earned * core.price.inverse, earned * core.price.root)
        elif event[0] == "rob":
            theirs += sum((np.array(slow.collect(one)) for one in ours if one), np.zeros(2))
            by_others += slow.collect(others)
            for one in slow.provisions:
                robbed += event[1] * held(slow, one)
                one.liquidity *= 1.0 - event[1]
            kept = [one._replace(liquidity=one.liquidity * (1.0 - event[1])) for one in core.positions]
            core = Core(core.price, tuple(kept))
        else:
            target = shifted(core.price, event[1])
            core, gained = swapped(core, target, markup)
            fees += gained.fees
            paid += slow.swap_to(target.root)
    theirs += sum((np.array(slow.collect(one)) for one in ours if one), np.zeros(2))
    in_ours = sum((held(slow, one) for one in ours), np.zeros(2))
    np.testing.assert_allclose(tokens_in(core.positions, core.price), in_ours, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fees, theirs, rtol=1e-9, atol=1e-9)
    in_pool = in_ours + slow.tokens(others) + robbed - before - put_in
    np.testing.assert_allclose(paid, in_pool + theirs + by_others + slow.collect(others), rtol=1e-9, atol=1e-8)


# the simulation


def several(**parts):
    return busy(quote=SEVERAL, **parts)


def seldom(market, seed=0):
    """Random actions that seldom move a position."""
    random, slots = np.random.default_rng(seed), len(market.quote.max_centres)

    def act(observations):
        actions = random.uniform(-1.0, 1.0, (len(observations), market.width))
        actions[:, 3 * slots :] = np.where(random.random((len(observations), slots)) < 0.12, 1.0, -1.0)
        return actions

    return act


@pytest.mark.parametrize("slots", [1, 3])
def test_machine_code_gives_the_bits_of_python(slots):
    market = busy(quote=replace(SEVERAL, max_centres=SEVERAL.max_centres[:slots]))
    actions = np.random.default_rng(1).uniform(-1.2, 1.2, (LANES, market.width))
    made, plain = (story(Simulation(market, LANES, interpreted=i), 2**40 + 3, actions, 12) for i in (False, True))
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))
    assert len(market.observation_names) == 3 + 3 * slots


def test_one_position_of_several_is_a_range_to_the_bit():
    """What `Range` places, `Ranges` of one position places too: its four numbers are the same four."""
    alone, listed = busy(quote=Range(0.1, 0.001, 0.01)), busy(quote=replace(SEVERAL, max_centres=(0.01,)))
    actions = np.random.default_rng(2).uniform(-1.2, 1.2, (LANES, 4))
    one, other = (story(Simulation(market, LANES, interpreted=True), 7, actions, 12) for market in (alone, listed))
    assert all(same_bits(a, b) for a, b in zip(one, other, strict=True))


def test_equal_ranges_that_split_the_capital_are_one_range_with_all_of_it():
    """Placed, moved and taken out together, they bring the same but for the gas, of which there is none."""
    one, three = (
        busy(quote=quote, gas=0.0) for quote in (Range(0.1, 0.001, 0.02), replace(SEVERAL, max_centres=(0.02,) * 3))
    )
    random = np.random.default_rng(3)
    rows = random.uniform(-1.0, 1.0, (60, 50, 4))
    rows[..., 3] = np.where(random.random((60, 50)) < 0.2, 1.0, -1.0)
    split = np.concatenate([np.repeat(rows[..., i : i + 1], 3, axis=-1) for i in range(4)], axis=-1)
    split[..., 6:9] = 2.0 * (0.5 * (rows[..., 2:3] + 1.0) / 3.0) - 1.0
    profits = [_played(market, actions) for market, actions in ((one, rows), (three, split))]
    assert np.abs(profits[0]).max() > 0.1
    np.testing.assert_allclose(profits[1], profits[0], rtol=1e-9, atol=1e-9)


def test_several_ranges_earn_what_each_earns_alone_by_its_share():
    """Where neither gas nor fees of swaps are paid, and arbitrageurs pay no gas: what a position earns is in proportion to what
    was put into it, whatever is beside it. So no set of ranges is worth more than the best of them with all of the capital."""
    shares, free = (0.5, 0.3, 0.2), {"gas": 0.0, "arbitrage_gas": 0.0}
    alone, together = (
        replace(busy(quote=quote, **free), fees=ProportionalFees())
        for quote in (Range(0.1, 0.001, 0.02), replace(SEVERAL, max_centres=(0.02,) * 3))
    )
    random = np.random.default_rng(6)
    rows = random.uniform(-1.0, 1.0, (60, 50, 3, 4))
    rows[..., 2], rows[..., 3] = 1.0, np.where(random.random((60, 50, 3)) < 0.2, 1.0, -1.0)
    joint = rows.copy()
    joint[..., 2] = 2.0 * np.array(shares) - 1.0
    singles = [_played(alone, rows[:, :, k]) for k in range(3)]
    expected = sum(share * profit for share, profit in zip(shares, singles, strict=True))
    np.testing.assert_allclose(_played(together, joint.swapaxes(2, 3)), expected, rtol=1e-9, atol=1e-9)


def _played(market, actions):
    """The profits (lanes,) of a table of actions (steps, lanes, ...)."""
    simulation = Simulation(market, actions.shape[1])
    simulation.start(8)
    for row in actions:
        simulation.step(np.ascontiguousarray(row).reshape(-1))
    return simulation.state.tally.profit


def test_profit_is_what_is_captured_and_what_inventories_gain():
    market = several()
    simulation, act = Simulation(market, 300), seldom(several())
    seen = simulation.start(5)
    for _ in range(market.clock.steps):
        before = simulation.state
        seen = simulation.step(np.ascontiguousarray(act(seen)).reshape(-1))[0]
        after = simulation.state
        captured = after.tally.spread_captured - before.tally.spread_captured
        moved = captured + after.account.inventory * (after.mid - before.mid)
        np.testing.assert_allclose(after.tally.profit - before.tally.profit, moved, atol=1e-9)
        worth = after.account.cash + after.account.inventory * after.mid
        np.testing.assert_allclose(after.tally.profit, worth, atol=1e-9)
    assert after.world.venue.told.moves.mean() > 5


def test_the_account_is_that_of_uniswap_played_step_by_step_and_swaps_are_net():
    """Over us, others who provide, whoever trades with the pool, and the outside venue, where only the difference between what
    is taken out of all positions and put into them is traded."""
    market = several(
        traders=SteadyTraders(3.0), blocks=FixedBlocks(), arbitrage_gas=0.0, oracle_lag=0.0, exploits=NoExploits()
    )
    simulation, act = Simulation(market, 4, interpreted=True), seldom(market, 2)
    seen, slow = simulation.start(9), [Uniswap(10.0, 0.001) for _ in range(4)]
    others = [one.provide(1e-6, 1e6, 20.0) for one in slow]
    begun, ours = [one.tokens(other) for one, other in zip(slow, others, strict=True)], [[None] * 3 for _ in range(4)]
    earned, outside, paid = np.zeros((3, 4, 2))
    for _ in range(market.clock.steps):
        before, actions = simulation.state, act(seen)
        seen = simulation.step(np.ascontiguousarray(actions).reshape(-1))[0]
        for i, one in enumerate(slow):
            now, mid, core = simulation.state_of(i), before.mid[i], simulation.state_of(i).world.venue.core
            was = sum(held(one, each) for each in ours[i])
            paid[i] += one.swap_to(core.price.root)  # arbitrage alone moves the price here
            earned[i] += sum(held(one, each) for each in ours[i]) - was
            earned[i] += sum(np.array(one.collect(each)) if each else np.zeros(2) for each in ours[i])
            swap, moves = 0.0, 0
            for k, at in enumerate(core.positions):
                if actions[i, 9 + k] > 0.0 and (ours[i][k] or at.liquidity):
                    left = held(one, ours[i][k])[0]
                    ours[i][k] = one.provide(at.lower.root, at.upper.root, at.liquidity) if at.liquidity else None
                    swap, moves = swap + held(one, ours[i][k])[0] - left, moves + 1
            outside[i] += swap, -swap * mid - abs(swap) * 0.0005 * mid - 0.05 * moves
            one.provisions = [each for each in (others[i], *ours[i]) if each]
            paid[i] += one.trade_both_ways(3.0 * market.clock.step_length)
            earned[i] += sum(np.array(one.collect(each)) if each else np.zeros(2) for each in ours[i])
            account = (now.account.inventory, now.account.cash)
            np.testing.assert_allclose(account, earned[i] + outside[i], rtol=1e-8, atol=1e-8)
    for i, one in enumerate(slow):
        theirs = held(one, others[i]) - begun[i] + one.collect(others[i])
        np.testing.assert_allclose(paid[i], theirs + earned[i], rtol=1e-8, atol=1e-8)


def test_positions_hold_no_more_than_the_capital_and_who_stays_is_served_first():
    market = several(price=busy().price, gas=0.0, exploits=PoissonExploits(0.0, 0.0))
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)

    def values(shares, moves):
        simulation.step(np.array([*([0.0] * 6), *(2.0 * np.array(shares) - 1.0), *moves], np.float64))
        return [position.value for position in simulation.state_of(0).world.venue.core.positions]

    assert values([0.5, 0.2, 0.0], [1.0, 1.0, -1.0]) == pytest.approx([50.0, 20.0, 0.0])
    assert values([1.0, 1.0, 0.6], [-1.0, 1.0, 1.0]) == pytest.approx([50.0, 50.0 / 1.6, 30.0 / 1.6])
    assert values([1.0, 0.0, 0.0], [1.0, 1.0, -1.0]) == pytest.approx([100.0 - 30.0 / 1.6, 0.0, 30.0 / 1.6])


def test_a_pool_tells_the_figures_of_all_positions_together():
    market = replace(several(exploits=NoExploits(), traders=SteadyTraders(3.0)), clock=FiniteHorizon(0.05, 12))
    told = figures(run_policy(market, seldom(market, 4), 500, 1))
    earned = told["pool_fees"].value - told["loss_versus_rebalancing"].value - told["moving_costs"].value
    assert told["spread_captured"].value == pytest.approx(earned, rel=1e-9)
    assert told["moves"].value > 3.0
    assert 0.3 < told["time_in_range"].value < 1.0


@pytest.mark.parametrize(("make", "why"), [
    (lambda: Ranges(0.1, 0.2), r"Ranges.min_half_width must be < max_half_width = 0.1, got 0.2"),
    (lambda: Ranges(2000.0, 0.2), r"Ranges.max_half_width must be at most 1000, .* got 2000"),
    (lambda: Ranges(0.1, 0.01, []), r"Ranges.max_centres must be a list of numbers"),
    (lambda: Ranges(0.1, 0.01, [0.0, -0.1]), r"Ranges.max_centres must be a list of numbers, each >= 0, got -0.1"),
    (lambda: Ranges(0.1, 0.01, capital=0.0), r"Ranges.capital must be > 0, got 0.0"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(make, why):
    with pytest.raises((ValueError, TypeError), match=why) as refused:
        make()
    assert "\n" not in str(refused.value)
