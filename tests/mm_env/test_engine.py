"""The engine: machine code gives the bits of plain Python, for every model of the package."""

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import mm_env
from mm_env import Book, Brownian, Dealer, Depths, Exponential, Integers, Poisson, Uniform
from mm_env.core import engine, engine_numba, kernel
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.rollout import inventory_levels
from mm_env.simulation import Simulation
from tests.mm_env.reactive_flow import SIZE, reactive_flow
from tests.worlds import COVERING, numbers, random_actions, same_bits, story, thinned, world

LANES = 70  # more than the 64 of a tile


def of_book(flow: mm_env.OrderFlow, **parts: Any) -> Market:
    """A small book with a flow."""
    venue = Book(flow, **{"levels": 3, "observed": 2, "warm_up": 0.5, **parts})
    return world(
        price=mm_env.FromBook(), venue=venue, clock=mm_env.EveryEvent(horizon=2.0, steps=5), quote=mm_env.Touch()
    )


WORLDS = COVERING | {
    "tail": world(
        quote=mm_env.DepthGrid(depths=[0.2, 0.7, 1.5, 1e9]),
        reward=mm_env.CVaR(level=0.9, threshold=0.2, weight=0.6, closing_cost=0.1),
        margin=mm_env.MaintenanceMargin(capital=2.0, per_unit=0.7, liquidation_cost=0.3),
    ),
    "by_queue": of_book(
        mm_env.QueueDependent(
            arrival=[[6.0, 5.0, 0.0], [4.0, 4.0, 0.0]],
            cancellation=[[0.0, 1.0, 2.0], [0.0, 2.0, 3.0]],
            taking=[[1.0, 4.0, 3.0], [0.5, 2.0, 2.0]],
        )
    ),
    "ephemeral": of_book(
        mm_env.EphemerallySelfExciting(
            [4.0, 3.0], [1.0, 2.0], 2.0, capacity=3.0, excitation=2.0, expiry_rate=3.0, most=2.0
        ),
        flow_seen=1,
    ),
    "reactive_hawkes": of_book(reactive_flow(), size=SIZE, levels=12),
}
ELSEWHERE = {  # whose machine code is held to Python in a file of their own
    mm_env.Bates, mm_env.FixedJumps, mm_env.FullTruncation, mm_env.GeometricBates, mm_env.GeometricHeston,
    mm_env.GeometricMerton, mm_env.Kou, mm_env.Merton, mm_env.NormalJumps, mm_env.RegimeJumps, mm_env.WithRelativeJumps,
    mm_env.RegimeSwitching, mm_env.HiddenRegimes, mm_env.RegimeFill, mm_env.RegimeFlow, mm_env.RegimeImpact,
    mm_env.ScheduledGap, mm_env.FromPath, mm_env.SeasonalFlow, mm_env.VolatilityFlow, mm_env.HawkesFlow,
    mm_env.DrawdownStop, mm_env.LeverageLimit, mm_env.LossLimit, mm_env.Margins, mm_env.DrawdownLimits, mm_env.GapLimits,
    mm_env.ReduceOnly, mm_env.RegimeLimits, mm_env.Tightest, mm_env.CorrelatedAsset, mm_env.Perpetual,
    mm_env.HedgePortfolio, mm_env.CorrelatedHedges,
    mm_env.EuropeanOption, mm_env.FloatingLookback, mm_env.FixedLookback, mm_env.Bachelier, mm_env.BlackScholes,
    mm_env.Desk, mm_env.CompetingDesks, mm_env.Instrument, mm_env.Tier, mm_env.NoOutside, mm_env.OutsideRate,
    mm_env.OutsideTarget,
    mm_env.CovariancePrices, mm_env.FactorPrices, mm_env.CommonVariance, mm_env.CrossImpact, mm_env.ExcitingJumps,
    mm_env.JohnsonSU, mm_env.Competition, mm_env.BestQuote, mm_env.LogitRouting,
    mm_env.NoFireSale, mm_env.LinearFireSale, mm_env.SquareRootFireSale,
    mm_env.JohnsonSU, mm_env.Channel, mm_env.PaymentSizes, mm_env.NoRebalancing, mm_env.ExponentialRebalancing,
    mm_env.FixedRebalancing, mm_env.RebalancingQuotes, mm_env.SideLimits,
    mm_env.Collateral, mm_env.Token, mm_env.InstantOracle, mm_env.BlockOracle, mm_env.LiquidationStop,
    mm_env.Pool, mm_env.Range, mm_env.RangeGrid, mm_env.Ranges, mm_env.DynamicFee, mm_env.FixedBlocks, mm_env.PoissonBlocks,
    mm_env.NoExploits, mm_env.PoissonExploits, mm_env.NoTraders, mm_env.SteadyTraders, mm_env.RandomTraders,
    mm_env.OptionsDesk, mm_env.OptionContract, mm_env.OptionPrices, mm_env.HestonMarks, mm_env.BlackScholesMarks,
    mm_env.OutsideDelta,
}  # fmt: skip


def spread_out(market: Market) -> Market:
    """The market with parameters that differ by lane and by episode."""
    spread = np.linspace(0.5, 1.5, LANES)
    if isinstance(market.venue, Book):
        parts = {"venue": replace(market.venue, tick=market.venue.tick * spread, flow_memory=Uniform(0.5, 2.0))}
    else:
        model = getattr(market.price, "price", market.price)  # within jumps
        name = "sigma" if "sigma" in vars(model) else "vol"
        spreading = replace(model, **{name: getattr(model, name) * spread})
        parts = {"price": spreading if model is market.price else replace(market.price, price=spreading)}
    return replace(
        market,
        **parts,
        initial_mid=Uniform(80.0, 120.0),
        initial_inventory=market.order_size * 1.0 * (np.arange(LANES) % 3 - 1.0),
    )


def stories_agree(market: Market) -> None:
    actions = random_actions(market, LANES)
    made, plain = (story(Simulation(market, LANES, interpreted=i), 2**40 + 3, actions, 6) for i in (False, True))
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))
    assert all(np.isfinite(seen).all() for seen in made)


@pytest.mark.parametrize("name", WORLDS)
def test_machine_code_gives_the_bits_of_python_step_by_step(name):
    stories_agree(WORLDS[name])


@pytest.mark.parametrize(
    "name",
    thinned(WORLDS, set(WORLDS) - {"brownian", "market_orders", "short_term_alpha", "unbounded", "queue_reactive"}),
)
def test_machine_code_gives_the_bits_of_python_when_parameters_differ_by_lane(name):
    stories_agree(spread_out(WORLDS[name]))


@pytest.mark.parametrize("name", ["brownian", "mean_reverting"])
def test_a_table_runs_to_the_same_bits_as_in_python(name):
    market = COVERING[name]
    levels = len(inventory_levels(market))
    table = random_actions(market, market.clock.steps * levels).reshape(market.clock.steps, levels, -1)
    ends = []
    for interpreted in (False, True):
        simulation = Simulation(market, LANES, interpreted=interpreted)
        simulation.start(1)
        simulation.run(table)
        ends.append(numbers(simulation))
    assert same_bits(*ends)


def test_the_covering_markets_hold_every_model_of_the_package():
    seen = set()

    def walk(component):
        seen.add(type(component))
        for field in vars(component).values():
            if isinstance(field, mm_env.Component):
                walk(field)

    for market in WORLDS.values():
        walk(market)
    public = {thing for name in mm_env.__all__ if isinstance(thing := getattr(mm_env, name), type)}
    models = {m for m in public if issubclass(m, mm_env.Component)}
    abstract = {mm_env.Component, mm_env.Clock, mm_env.Fill, mm_env.FireSale, mm_env.Flow, mm_env.Hedges, mm_env.Impact,
                mm_env.JumpProcess,
                mm_env.Jumps, mm_env.Limits, mm_env.Margin, mm_env.OrderFlow, mm_env.OrderSize, mm_env.JointPrices,
                mm_env.Lookback, mm_env.Option, mm_env.OptionModel, mm_env.OrderBook, mm_env.Outside, mm_env.Price,
                mm_env.QueuePosition, mm_env.Quoting, mm_env.Reward, mm_env.Routing, mm_env.Traded, mm_env.VarianceStep,
                mm_env.Venue, mm_env.Window, mm_env.Financing, mm_env.Oracle, mm_env.Blocks, mm_env.Exploits,
                mm_env.Traders, mm_env.PoolQuoting, mm_env.OptionMarks, mm_env.Rebalancing, mm_env.Idiosyncratic,
                mm_env.Answer}  # fmt: skip
    elsewhere = (mm_env.Network, mm_env.Deleveraging, mm_env.SaleImpact, mm_env.Stress)
    without_rules = {m for m in models if issubclass(m, elsewhere)}
    recorded = {mm_env.Drawn, mm_env.Exact, mm_env.InTurn, mm_env.Pessimistic, mm_env.Proportional, mm_env.Replay,
                mm_env.NoAnswer, mm_env.TransientImpact}  # fmt: skip
    assert models - abstract - recorded - without_rules - ELSEWHERE <= seen  # a recorded day's are in test_replay.py


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_actions_are_taken_and_unusable_ones_counted_alike(kind):
    given, plain, made = np.array([0.1, np.nan, 3.0, np.inf, -np.inf, -1.0], kind), np.zeros(6), np.zeros(6)
    assert kernel.take_actions(given, plain, -1.0, 3.0) == 3
    assert engine.run(kernel.take_actions, given, made, -1.0, 3.0) == 3
    np.testing.assert_array_equal(made, given.astype(np.float64))
    np.testing.assert_array_equal(made, plain)


def test_machine_code_is_kept_for_types_not_for_values():
    one, other = (
        engine.fingerprint(kernel.step_lanes, record(world(price=Brownian(sigma), **parts)))
        for sigma, parts in (
            (1.0, {}),
            (2.0, {"venue": Dealer(Poisson(3.0), Exponential(9.0)), "initial_inventory": Integers(0, 1)}),
        )
    )
    assert one == other


def test_another_type_another_kernel_another_machine_code():
    fingerprints = {engine.fingerprint(kernel.step_lanes, record(market)) for market in COVERING.values()}
    assert len(fingerprints) == len(COVERING)
    assert engine.fingerprint(kernel.begin_lanes, record(world())) != engine.fingerprint(
        kernel.step_lanes, record(world())
    )


def test_the_same_types_do_not_compile_again(monkeypatch, tmp_path):
    monkeypatch.setenv("MM_ENV_CACHE", str(tmp_path))
    monkeypatch.setattr(engine, "_made", {})
    market = world(quote=Depths(1.0))
    for _ in range(2):
        Simulation(market, 1).start(0)
    assert len(list(tmp_path.rglob("*.code"))) == 1


def shifted(values, by):
    """A kernel."""
    return values[0] + by


def test_where_nobody_edits_machine_code_is_found_without_a_fingerprint(monkeypatch):
    arguments, other = (np.zeros(1), 0.0), (np.zeros(1), 0)
    with engine.settled():
        first = engine.compiled(shifted, *arguments)
        monkeypatch.setattr(engine, "_fingerprint", lambda *_: 1 / 0)
        assert engine.compiled(shifted, *arguments) is first
        with pytest.raises(ZeroDivisionError):  # of other types
            engine.compiled(shifted, *other)
    with pytest.raises(ZeroDivisionError):
        engine.compiled(shifted, *arguments)


def test_kernels_in_memory_are_those_used_last(monkeypatch):
    monkeypatch.setattr(engine, "HELD", 2)
    monkeypatch.setattr(engine, "_made", {})
    of_types = [(np.ones(1), 1.0), (np.ones(1), 1), (np.ones(1, np.int64), 1)]
    first, second, third = (engine.compiled(shifted, *arguments) for arguments in of_types)
    assert list(engine._made.values()) == [second, third]
    assert engine.compiled(shifted, *of_types[1]) is second
    assert list(engine._made.values()) == [third, second]
    assert first(np.ones(1), 2.0) == 3.0  # who still holds it, runs it


def test_a_rule_that_was_forgotten_is_lowered_as_it_is_made_anew():
    """A process that has compiled very many rules forgets the oldest: numba holds what it calls by a weak reference only."""
    asked = Brownian.move, "a version of no market"
    for _ in range(2):
        engine_numba._method(*asked)
        assert engine_numba._CALLEES[asked].dispatcher.py_func is Brownian.move
        engine_numba._method.cache_clear()
        gc.collect()
        with pytest.raises(ReferenceError):
            _ = engine_numba._CALLEES[asked].dispatcher
