"""A pool: tokens and fees by hand and by Uniswap's arithmetic, nothing lost or made, arbitrage, blocks, exploits, refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import (
    Brownian,
    Depths,
    DynamicFee,
    FiniteHorizon,
    FixedBlocks,
    Geometric,
    GeometricHeston,
    InventoryPenalty,
    MaintenanceMargin,
    Market,
    NoExploits,
    NoTraders,
    Perpetual,
    Poisson,
    PoissonBlocks,
    PoissonExploits,
    Pool,
    ProportionalFees,
    RandomTraders,
    Range,
    RangeGrid,
    ReduceOnly,
    ScheduledGap,
    SteadyTraders,
)
from mm_env.markets import market_named, pool
from mm_env.metrics import figures
from mm_env.rollout import run_actions, run_policy
from mm_env.simulation import Simulation
from mm_env.venue.pool.closed_forms import impermanent_loss
from mm_env.venue.pool.liquidity import Level, Pair, Position, covers, placed, shifted, tokens
from mm_env.venue.pool.ranges import FULL
from mm_env.venue.pool.swaps import Core, swapped
from tests.mm_env.uniswap import Uniswap
from tests.worlds import same_bits, story, world

LANES, MARKUP = 70, 0.003 / 0.997
RANGE = Range(max_half_width=0.1, min_half_width=0.001, max_centre=0.01)


def level(root):
    return Level(root, 1.0 / root)


BY_HAND = Position(level(9.0), level(11.0), math.log(11.0 / 9.0), 100.0, Pair(100.0 * (1 / 10 - 1 / 11), 100.0))


def busy(**parts):
    """A market in which all of a pool's rules have something to do."""
    venue = {
        "fee": 0.001, "liquidity": 20.0, "traders": RandomTraders(rate=150.0, impact=0.002, elasticity=100.0),
        "blocks": PoissonBlocks(), "gas": 0.05, "arbitrage_gas": 1e-4, "oracle_lag": 0.002,
        "exploits": PoissonExploits(rate=3.0, loss=0.3),
    }  # fmt: skip
    taken = {name: parts.pop(name) for name in tuple(parts) if name in venue}
    base = {"price": Geometric(0.1), "clock": FiniteHorizon(0.25, 60), "quote": RANGE, "inventory_scale": 1.0}
    return Market(venue=Pool(**venue | taken), fees=ProportionalFees(taker=0.0005), **base | parts)


def quiet(**parts):
    """The same parts with nothing to do but for arbitrageurs, so that it is the same machine code."""
    off = {
        "traders": RandomTraders(0.0, 0.0),
        "exploits": PoissonExploits(0.0, 0.0),
        "arbitrage_gas": 0.0,
        "oracle_lag": 0.0,
    }
    return busy(**off | parts)


WORLDS = {
    "range": busy(),
    "grid": busy(
        quote=RangeGrid([0.005, 0.02, FULL], [0.0, 0.01, FULL]), price=GeometricHeston(5.0, 0.01, 0.1, -0.3, 0.01)
    ),
    "designer": busy(quote=DynamicFee(max_fee=0.02), traders=SteadyTraders(2.0, elasticity=50.0), gas=0.0),
    "hedged": busy(
        hedges=Perpetual(kappa=5.0, relative_volatility=0.1, half_spread=0.01, max_position=5.0),
        margin=MaintenanceMargin(capital=20.0, per_unit=5.0, liquidation_cost=0.1),
        reward=InventoryPenalty(phi=0.1, alpha=0.1), traders=NoTraders(),
    ),
}  # fmt: skip


# tokens and fees


def test_tokens_of_a_position_are_those_worked_out_by_hand():
    """Liquidity 100 over prices from 81 to 121."""
    expected = {
        10.0: (10 / 11, 100.0),
        10.5: (100 / 10.5 - 100 / 11, 150.0),
        8.0: (100 / 9 - 100 / 11, 0.0),
        12.0: (0.0, 200.0),
    }
    for root, held in expected.items():
        assert tokens(BY_HAND, level(root)) == pytest.approx(held, abs=1e-12)
    assert [covers(BY_HAND, level(root)) for root in (8.999, 9.0, 10.999, 11.0)] == [False, True, True, False]


def test_fees_are_earned_in_range_alone_in_the_token_that_comes_in():
    core = Core(level(10.0), (BY_HAND,))
    for root, fees in {
        10.5: (0.0, MARKUP * 50.0), 12.0: (0.0, MARKUP * 100.0), 8.0: (MARKUP * 100.0 * (1 / 9 - 1 / 10), 0.0)
    }.items():  # fmt: skip
        assert swapped(core, level(root), MARKUP)[1].fees == pytest.approx(fees, abs=1e-12)
    outside = Core(level(12.0), (BY_HAND,))
    assert swapped(outside, level(13.0), MARKUP)[1] == ((0.0, 0.0), (0.0, 0.0))


def test_a_position_loses_by_hand_what_it_is_worth_less_than_its_deposit():
    x, y = tokens(BY_HAND, level(12.0))
    assert x * 144.0 + y - (BY_HAND.deposit.x * 144.0 + BY_HAND.deposit.y) == pytest.approx(200.0 - (1440 / 11 + 100))


def test_a_placed_position_is_worth_what_was_asked_at_the_pools_price():
    for half_width, centre in ((0.01, 0.0), (0.2, 0.05), (0.05, 0.2), (FULL, 0.0)):
        position = placed(level(7.0), half_width, centre, 50.0)
        x, y = tokens(position, level(7.0))
        assert x * 49.0 + y == pytest.approx(50.0, rel=1e-12)
        assert position.deposit == (x, y)
        if half_width < FULL:
            assert position.upper.root / position.lower.root == pytest.approx(math.exp(half_width), rel=1e-12)
    full = placed(level(7.0), FULL, 0.0, 50.0)
    x, y = tokens(full, level(21.0))
    assert x * y == pytest.approx(full.liquidity**2, rel=1e-12)  # constant product


MOVES = st.tuples(st.just("swap"), st.floats(-0.2, 0.2))
PLACINGS = st.tuples(st.just("place"), st.floats(0.001, 0.3), st.floats(-0.1, 0.1), st.floats(0.0, 100.0))
TURNOVERS = st.tuples(st.just("turn"), st.floats(0.0, 2.0))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(MOVES, PLACINGS, TURNOVERS), min_size=1, max_size=12), st.sampled_from([0.0, 0.0005, 0.003, 0.1])
)
def test_fees_are_those_of_growth_inside_and_outside_and_no_token_is_lost_or_made(events, fee):
    """Whatever is traded and placed: what we hold and earn is what Uniswap's arithmetic says, and what traders paid in is what
    all liquidity holds more, and all fees."""
    markup, slow = fee / (1.0 - fee), Uniswap(10.0, fee)
    others = slow.provide(1e-6, 1e6, 7.0)
    core, ours = Core(level(10.0), (Position(level(10.0), level(10.0), 0.0, 0.0, Pair(0.0, 0.0)),)), None
    paid, before = np.zeros(2), np.array(slow.tokens(others))
    fees, put_in, theirs = np.zeros(2), np.zeros(2), np.zeros(2)
    for event in events:
        if event[0] == "place":
            if ours is not None:
                theirs += slow.collect(ours)
                put_in -= slow.tokens(ours)
                slow.withdraw(ours)
            core = Core(core.price, (placed(core.price, *event[1:]),))
            position = core.position
            ours = (
                slow.provide(position.lower.root, position.upper.root, position.liquidity)
                if position.liquidity
                else None
            )
            put_in += slow.tokens(ours) if ours is not None else 0.0
        elif event[0] == "turn":
            paid += slow.trade_both_ways(event[1])
            held = markup * event[1] * (core.position.liquidity if covers(core.position, core.price) else 0.0)
            fees += (held * core.price.inverse, held * core.price.root)
        else:
            target = shifted(core.price, event[1])
            core, gained = swapped(core, target, markup)
            fees += gained.fees
            paid += slow.swap_to(target.root)
    theirs += slow.collect(ours) if ours is not None else 0.0
    held = np.array(slow.tokens(ours)) if ours is not None else np.zeros(2)
    np.testing.assert_allclose(tokens(core.position, core.price), held, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fees, theirs, rtol=1e-9, atol=1e-9)
    in_pool = held + slow.tokens(others) - before - put_in
    np.testing.assert_allclose(paid, in_pool + theirs + slow.collect(others), rtol=1e-9, atol=1e-8)


# the simulation


@pytest.mark.parametrize("name", WORLDS)
def test_machine_code_gives_the_bits_of_python(name):
    market = WORLDS[name]
    discrete = isinstance(market.quote, RangeGrid)
    random = np.random.default_rng(1)
    actions = (
        random.integers(0, market.action_space.n, (LANES, 1)) * 1.0
        if discrete
        else random.uniform(-1.2, 1.2, (LANES, market.width))
    )
    made, plain = (story(Simulation(market, LANES, interpreted=i), 2**40 + 3, actions, 12) for i in (False, True))
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))
    assert all(np.isfinite(seen).all() for seen in made)


def seldom(market, seed=0):
    """Random actions that seldom move liquidity."""
    random = np.random.default_rng(seed)

    def act(observations):
        n = len(observations)
        if not market.action_space.shape:
            return np.where(random.random(n) < 0.1, random.integers(0, market.action_space.n, n), 2)
        actions = random.uniform(-1.0, 1.0, (n, market.width))
        actions[:, 3:4] = np.where(random.random((n, 1)) < 0.1, 1.0, -1.0)
        return actions

    return act


@pytest.mark.parametrize("name", ["range", "grid"])
def test_profit_is_what_is_captured_and_what_inventories_gain(name):
    market = WORLDS[name]
    simulation, act = Simulation(market, 300), seldom(market)
    seen, moved = simulation.start(5), 0.0
    for _ in range(market.clock.steps):
        before = simulation.state
        seen = simulation.step(np.ascontiguousarray(act(seen), np.float64).reshape(-1))[0]
        after = simulation.state
        captured = after.tally.spread_captured - before.tally.spread_captured
        moved = captured + after.account.inventory * (after.mid - before.mid)
        np.testing.assert_allclose(after.tally.profit - before.tally.profit, moved, atol=1e-9)
        worth = after.account.cash + after.account.inventory * after.mid
        np.testing.assert_allclose(after.tally.profit, worth, atol=1e-9)
    assert after.world.venue.told.moves.mean() > 2


def test_the_account_is_that_of_uniswap_played_step_by_step_and_both_tokens_are_conserved():
    """Over all parties: us, others who provide, whoever trades with the pool, and the outside venue."""
    market = busy(
        traders=SteadyTraders(3.0), blocks=FixedBlocks(), arbitrage_gas=0.0, oracle_lag=0.0, exploits=NoExploits()
    )
    simulation, act = Simulation(market, 4, interpreted=True), seldom(market, 2)
    seen, slow = simulation.start(9), [Uniswap(10.0, 0.001) for _ in range(4)]
    others, ours = [one.provide(1e-6, 1e6, 20.0) for one in slow], [None] * 4
    begun = [one.tokens(other) for one, other in zip(slow, others, strict=True)]
    earned, outside, paid = np.zeros((4, 2)), np.zeros((4, 2)), np.zeros((4, 2))
    for _ in range(market.clock.steps):
        before = simulation.state
        seen = simulation.step(np.ascontiguousarray(act(seen), np.float64).reshape(-1))[0]
        for i, one in enumerate(slow):
            now, mid, core = simulation.state_of(i), before.mid[i], simulation.state_of(i).world.venue.core
            was = held(one, ours[i])
            paid[i] += one.swap_to(core.price.root)  # arbitrage alone moves the price here
            earned[i] += held(one, ours[i]) - was + (one.collect(ours[i]) if ours[i] else 0.0)
            if now.world.venue.told.moves > before.world.venue.told.moves[i]:
                left, at = held(one, ours[i])[0], core.position
                ours[i] = one.provide(at.lower.root, at.upper.root, at.liquidity) if at.liquidity else None
                swap = held(one, ours[i])[0] - left
                outside[i] += swap, -swap * mid - abs(swap) * 0.0005 * mid - 0.05
            one.provisions = [one for one in (others[i], ours[i]) if one]
            paid[i] += one.trade_both_ways(3.0 * market.clock.step_length)
            earned[i] += one.collect(ours[i]) if ours[i] else 0.0
            account = (now.account.inventory, now.account.cash)
            np.testing.assert_allclose(account, earned[i] + outside[i], rtol=1e-8, atol=1e-8)
    for i, one in enumerate(slow):
        theirs = held(one, others[i]) - begun[i] + one.collect(others[i])
        np.testing.assert_allclose(paid[i], theirs + earned[i], rtol=1e-8, atol=1e-8)


def held(pool, provision):
    return np.array(pool.tokens(provision)) if provision else np.zeros(2)


def test_arbitrageurs_leave_the_price_in_the_band_of_the_fee_and_pay_gas_only_where_it_pays():
    idle = np.full(4 * LANES, -1.0)
    for gas in (0.0, 1e9):
        simulation = Simulation(quiet(arbitrage_gas=gas), LANES)
        simulation.start(1)
        for _ in range(20):
            mid = simulation.state.mid
            simulation.step(idle)
            root = simulation.state.world.venue.core.price.root
            apart = np.abs(2.0 * np.log(root) - np.log(mid))
            assert gas or (apart <= -math.log(0.999) + 1e-12).all()
    assert np.ptp(root) == 0.0


def test_an_oracle_that_lags_lets_the_pool_follow_later():
    def apart(lag):
        simulation = Simulation(quiet(oracle_lag=lag), 500)
        simulation.start(1)
        for _ in range(30):
            mid = simulation.state.mid
            simulation.step(np.full(2000, -1.0))
        return np.abs(2.0 * np.log(simulation.state.world.venue.core.price.root) - np.log(mid)).mean()

    assert apart(0.05) > 3.0 * apart(0.0)


def test_blocks_at_poisson_times_make_a_day_last_as_long_on_average():
    """The variance of ln S after n blocks: sigma^2 times the time they took, which is exponential."""
    simulation = Simulation(quiet(clock=FiniteHorizon(1.0, 50)), 20_000)
    simulation.start(3)
    for _ in range(50):
        simulation.step(np.full(80_000, -1.0))
    moved = np.log(simulation.state.mid / 100.0)
    assert abs(moved.var() - 0.01) < 4 * 0.01 * math.sqrt(2.1 / 20_000)
    assert abs(((moved - moved.mean()) ** 4).mean() / moved.var() ** 2 - (3.0 + 3.0 / 50)) < 0.15


def test_an_exploit_takes_its_share_of_all_tokens():
    market = busy(
        exploits=PoissonExploits(rate=1e9, loss=0.25), traders=NoTraders(), gas=0.0, price=Geometric(0.0), fee=0.0
    )
    simulation = Simulation(replace(market, fees=ProportionalFees()), 5)
    simulation.start(0)
    simulation.step(np.tile([0.0, 0.0, 1.0, 1.0], 5))
    assert simulation.profits == pytest.approx(0.0, abs=1e-12)
    simulation.step(np.full(20, -1.0))
    assert simulation.profits == pytest.approx(-25.0, rel=1e-12)
    assert simulation.state.world.venue.others == pytest.approx(20.0 * 0.75**2)


def test_a_pool_tells_its_figures():
    market = replace(pool(), clock=FiniteHorizon(0.2, 60))
    told = figures(run_policy(market, lambda seen: np.full(len(seen), 13), 2000, 1))
    earned = told["pool_fees"].value - told["loss_versus_rebalancing"].value - told["moving_costs"].value
    assert told["spread_captured"].value == pytest.approx(earned, rel=1e-9)
    assert (told["moves"].value, told["moving_costs"].value) == (1.0, pytest.approx(0.45))
    assert 0.5 < told["time_in_range"].value < 1.0
    assert told["impermanent_loss"].value < 0.0


def test_impermanent_loss_of_constant_product_is_that_of_the_price_ratio():
    market = quiet(fee=0.0, gas=0.0, quote=RangeGrid(half_widths=[FULL]), price=Geometric(0.4))
    simulation = Simulation(market, 20, interpreted=True)
    simulation.start(4)
    for _ in range(60):
        mid = simulation.state.mid
        simulation.step(np.full(20, 1.0))
    state = simulation.state
    ratio = mid / 100.0  # to which the pool was traded last
    put_in = 50.0 * (1.0 + ratio)  # half of 100 in either token
    lost = market.venue.figures(market, state._replace(mid=mid))["impermanent_loss"]
    np.testing.assert_allclose(lost / put_in, [impermanent_loss(r) for r in ratio], rtol=1e-9, atol=1e-14)


# refusals


@pytest.mark.parametrize(("make", "why"), [
    (lambda: Pool(fee=1.0), r"Pool.fee must be < 1, got 1.0"),
    (lambda: Pool(fee=-0.1), r"Pool.fee must be in \[0, 1\], got -0.1"),
    (lambda: Pool(fee=0.01, liquidity=-1.0), r"Pool.liquidity must be >= 0, got -1.0"),
    (lambda: Pool(fee=0.01, gas=-1.0), r"Pool.gas must be >= 0, got -1.0"),
    (lambda: PoissonExploits(rate=1.0, loss=1.5), r"PoissonExploits.loss must be in \[0, 1\], got 1.5"),
    (lambda: Range(max_half_width=0.1, min_half_width=0.2), r"Range.min_half_width must be < max_half_width = 0.1, got 0.2"),
    (lambda: Range(max_half_width=2000.0, min_half_width=0.2), r"Range.max_half_width must be at most 1000, .* got 2000"),
    (lambda: RangeGrid(half_widths=[]), r"RangeGrid.half_widths must be a list of numbers"),
    (lambda: RangeGrid(half_widths=[0.2, 0.1]), r"RangeGrid.half_widths must be > 0 and increase, got \[0.2, 0.1\]"),
    (lambda: RangeGrid(half_widths=[0.0, 0.1]), r"RangeGrid.half_widths must be > 0 and increase, got \[0.0, 0.1\]"),
    (lambda: RangeGrid([0.1], tolerances=[0.1, 0.1]), r"RangeGrid.tolerances must be >= 0 and increase, got \[0.1, 0.1\]"),
    (lambda: RangeGrid(half_widths=[0.1], capital=0.0), r"RangeGrid.capital must be > 0, got 0.0"),
    (lambda: DynamicFee(max_fee=1.0), r"DynamicFee needs min_fee < max_fee < 1, got 0.0 and 1.0"),
    (lambda: DynamicFee(max_fee=0.1, min_fee=0.2), r"DynamicFee needs min_fee < max_fee < 1, got 0.2 and 0.1"),
    (lambda: busy(quote=Depths(1.0)), r"Market.quote must place ranges .* at a Pool, got Depths"),
    (lambda: world(quote=RANGE), r"Market.quote must quote depths at a Dealer, got Range"),
    (lambda: replace(market_named("small_book"), quote=RANGE), r"Market.quote must quote depths at a Book, got Range"),
    (lambda: busy(limits=ReduceOnly(MaintenanceMargin(10.0, 2.0))), r"Market.limits must be NoLimits in a Pool"),
    (lambda: busy(initial_mid=0.0), r"Market.initial_mid must be > 0 beside a Pool, got 0.0"),
    (lambda: busy(price=ScheduledGap(Brownian(1.0), at=[0.1], std=[1.0])), r"Pool.blocks must be FixedBlocks beside"),
    (lambda: Pool(fee=0.1, traders=Poisson(1.0)), r"Pool.traders must be a Traders, got Poisson"),
    (lambda: busy(quote=RangeGrid(half_widths=[1]), hedges=Perpetual(1.0, max_position=1.0)), r"Market.hedges need a quoting"),
    (lambda: run_actions(pool(), np.zeros((1, 201, 1)), 5, 0), r"a table of actions by inventory cannot act at a Pool"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(make, why):
    with pytest.raises((ValueError, TypeError), match=why) as refused:
        make()
    assert "\n" not in str(refused.value)
