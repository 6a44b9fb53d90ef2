"""Limits that depend on the state: what is quoted and filled within them, and that nothing goes round them."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import evaluate, inventory_law
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.learning.rollout_buffers import check_separable
from agents.policy import play
from mm_env import (
    Bernoulli,
    Brownian,
    Dealer,
    Depths,
    DrawdownLimits,
    Exponential,
    FiniteHorizon,
    GapLimits,
    InventoryPenalty,
    LeverageLimit,
    LossLimit,
    MaintenanceMargin,
    Margins,
    Poisson,
    ReduceOnly,
    RegimeLimits,
    Sides,
    Tightest,
)
from mm_env.envs.recorder import Recorder
from mm_env.markets import MARKETS
from mm_env.price.regimes import RegimeSwitching
from mm_env.rollout import run_actions
from mm_env.simulation import Simulation
from tests.mm_env.test_hedges_and_margin import bits, played
from tests.worlds import same_bits, world

REGIMES = RegimeSwitching(Brownian(3.0), rates=((-2.0, 2.0), (4.0, -4.0)), volatility=(1.0, 2.0))
BUSY = world(
    price=REGIMES, quote=Depths(1.0, -0.5), clock=FiniteHorizon(2.0, 20), reward=InventoryPenalty(phi=0.2, alpha=0.1),
    venue=Dealer(Poisson(20.0), Exponential(1.0)),
)  # fmt: skip
FREE = -1e9
CALLED = ReduceOnly(Margins((MaintenanceMargin(6.0, 3.0), LeverageLimit(6.0, 50.0))))
LIMITS = {  # limits -> (the most that may be held, the least depth) by states before a step
    "regime": (
        RegimeLimits((3.0, 1.0), (FREE, 0.25)),
        lambda state: (np.where(state.world.price.regime > 0, 1.0, 3.0), np.where(state.world.price.regime > 0, 0.25, FREE)),
    ),
    "gap": (
        GapLimits((0.5, 1.5), before=0.2, max_inventory=1.0, min_depth=0.1),
        lambda state: (np.where(near(state), 1.0, 3.0), np.where(near(state), 0.1, FREE)),
    ),
    "drawdown": (
        DrawdownLimits(3.0, max_inventory=1.0, min_depth=0.3),
        lambda state: (np.where(fallen(state), 1.0, 3.0), np.where(fallen(state), 0.3, FREE)),
    ),
    "reduce_only": (CALLED, lambda state: (np.where(called(state), 0.0, 3.0), np.full(len(state.mid), FREE))),
    "tightest": (
        Tightest((RegimeLimits((2.0, 1.0)), DrawdownLimits(3.0, 0.0, 0.3), GapLimits((0.5,), 0.2, 3.0, 0.4))),
        lambda state: (
            np.minimum(np.where(state.world.price.regime > 0, 1.0, 2.0), np.where(fallen(state), 0.0, 3.0)),
            np.maximum(np.where(fallen(state), 0.3, FREE), np.where(np.isin(state.step, (3, 4)), 0.4, FREE)),
        ),
    ),
}  # fmt: skip


def near(state):
    return np.isin(state.step, (3, 4, 13, 14))


def fallen(state):
    return state.tally.peak - state.tally.profit >= 3.0


def called(state):
    held = np.abs(state.account.inventory)
    equity = 6.0 + state.tally.profit
    return (equity < 3.0 * held) | (held * state.mid > 50.0 * equity)


@pytest.mark.parametrize(("limits", "said"), LIMITS.values(), ids=LIMITS)
def test_no_fill_takes_the_position_beyond_its_limit_unless_it_was_there_before(limits, said):
    market, bound, closer = replace(BUSY, limits=limits), 0, 0
    for before, after, actions, _, _ in played(market, 300):
        most, least = said(before)
        held, now = np.abs(before.account.inventory), np.abs(after.account.inventory)
        assert (now <= np.maximum(most, held)).all()
        bound += ((most < 3.0) & (held >= most)).sum()
        captured = after.tally.spread_captured - before.tally.spread_captured
        filled = after.tally.fills - before.tally.fills
        assert (captured >= filled * np.maximum(least, -0.5) - 1e-9).all()
        one = filled == 1.0
        bought = after.account.inventory > before.account.inventory
        asked = np.where(bought, actions[:, 0], actions[:, 1]) * 0.75 + 0.25
        assert captured[one] == pytest.approx(np.maximum(asked, least)[one], abs=1e-9)
        closer += (one & (asked < least)).sum()
    assert bound > 20
    assert closer > 0 or limits is CALLED


@pytest.mark.parametrize(("limits", "said"), LIMITS.values(), ids=LIMITS)
def test_compiled_code_is_plain_python_to_the_bit(limits, said):
    market = replace(BUSY, limits=limits)
    for fast, slow in zip(played(market, 5), played(market, 5, interpreted=True), strict=True):
        assert same_bits(bits(fast[1]), bits(slow[1]))
        assert fast[3].tolist() == slow[3].tolist()


def test_limits_that_never_bind_change_no_bit():
    wide = Tightest(
        (RegimeLimits((3.0, 3.0)), GapLimits((1.0,), 0.5, 3.0), DrawdownLimits(1e6), ReduceOnly(LossLimit(1e6)))
    )
    for bound, free in zip(played(replace(BUSY, limits=wide), 70), played(BUSY, 70), strict=True):
        assert same_bits(bits(bound[1]), bits(free[1]))


def test_reduce_only_from_nothing_is_no_quote_and_from_a_position_the_side_that_closes_it():
    market = replace(BUSY, limits=GapLimits((2.0,), before=2.0), initial_inventory=np.array([-2.0, 0.0, 2.0]))
    simulation = Simulation(market, 3)
    simulation.start(3)
    for _ in range(20):
        simulation.step(np.full(6, -1.0))
    assert simulation.state.account.inventory.tolist() == [0.0, 0.0, 0.0]
    assert simulation.state.tally.fills.tolist() == [2.0, 0.0, 2.0]


def test_a_reduce_only_call_is_cured_by_profit():
    """3 units need 9: at a capital of 8.9 a fourth is bought, by one who always can, once a tenth has been earned."""
    venue = Dealer(Sides(Bernoulli(1.0), Bernoulli(0.0)), Exponential(1e-300))
    market = replace(
        BUSY, price=Brownian(0.1), limits=ReduceOnly(MaintenanceMargin(8.9, 3.0)), initial_inventory=3.0, max_inventory=4.0,
        venue=venue, clock=FiniteHorizon(20.0, 20),
    )  # fmt: skip
    simulation = Simulation(market, 200)
    simulation.start(5)
    for _ in range(20):
        before = simulation.state
        simulation.step(np.zeros(400))
        cured = (before.account.inventory == 3.0) & (8.9 + before.tally.profit >= 9.0)
        assert (simulation.state.account.inventory - before.account.inventory == cured).all()
    assert 20 < (simulation.state.account.inventory == 4.0).sum() < 200


def test_the_recorder_shows_quotes_as_limits_move_them():
    market = replace(BUSY, limits=DrawdownLimits(1e-9, max_inventory=0.0, min_depth=0.75), initial_inventory=1.0)
    simulation = Simulation(market, 1)
    recorder = Recorder(simulation)
    simulation.start(1)
    recorder.start()
    moved = False
    for _ in range(20):
        before = simulation.state_of(0)
        fallen = before.tally.peak - before.tally.profit >= 1e-9
        actions = np.array([-1.0, -1.0])
        simulation.step(actions)
        recorder.add(actions)
        bid, ask = recorder.moments[-1].quoted
        depth = 0.75 if fallen else -0.5
        held = before.account.inventory
        assert np.isnan(bid) == (fallen and held >= 0.0) or held >= 3.0
        assert np.isnan(ask) == (fallen and held <= 0.0) or held <= -3.0
        for quoted, sign in ((bid, -1.0), (ask, 1.0)):
            assert np.isnan(quoted) or quoted == pytest.approx(before.mid + sign * depth)
        moved |= fallen
    assert moved


# what is exact

EXACT = [
    LIMITS["regime"][0],
    LIMITS["gap"][0],
    Tightest((RegimeLimits((2.0, 1.0), (0.0, 0.3)), GapLimits((1.0,), 0.3))),
]


@pytest.mark.parametrize("limits", EXACT, ids=["regime", "gap", "both"])
def test_the_optimum_within_limits_by_regime_and_time_is_worth_what_it_earns(limits):
    market, lanes = replace(BUSY, limits=limits), 20_000
    best = optimum(market)
    episodes = play(market, best, lanes, 7)
    error = episodes.objective.std() / np.sqrt(lanes)
    assert episodes.objective.mean() == pytest.approx(best.objective, abs=4.0 * error)
    assert best.objective < optimum(BUSY).objective


def test_fixed_quotes_within_limits_by_time_are_worth_what_they_earn():
    market, lanes = replace(BUSY, price=Brownian(3.0), limits=EXACT[1]), 20_000
    table = np.full((1, 7, 2), -0.2)
    episodes, found = run_actions(market, table, lanes, 3), evaluate(market, table)
    error = episodes.objective.std() / np.sqrt(lanes)
    assert episodes.objective.mean() == pytest.approx(found.objective, abs=4.0 * error)
    held = np.bincount(np.rint(episodes.terminal_inventory + 3).astype(int), minlength=7) / lanes
    law = inventory_law(market, table)[-1]
    assert (np.abs(held - law) <= 4.0 * np.sqrt(law * (1.0 - law) / lanes) + 1e-12).all()


def test_limits_that_go_by_the_exposure_have_no_optimum():
    with pytest.raises(Unsolvable, match="limits"):
        optimum(replace(BUSY, limits=CALLED))


# what is refused


@pytest.mark.parametrize("limits", [limits for limits, _ in LIMITS.values()], ids=LIMITS)
def test_fills_are_not_expected_as_at_the_start_where_limits_change(limits):
    with pytest.raises(
        ValueError, match=r"expected_fills must be off where (fills depend on .*, got limits|the agent sees the)"
    ):
        check_separable(replace(BUSY, limits=limits))
    check_separable(BUSY)


@pytest.mark.parametrize(
    ("market", "limits", "said"),
    [
        (replace(BUSY, price=Brownian(1.0)), RegimeLimits((1.0,)), "RegimeLimits need a price with regimes.*Brownian"),
        (BUSY, RegimeLimits((1.0, 2.0, 3.0)), r"RegimeLimits.max_inventory must have one number for each of 2 regimes, got 3"),
        (BUSY, RegimeLimits((1.0, 1.0), (0.0, 0.0, 0.0)), r"RegimeLimits.min_depth must have one number"),
        (BUSY, Tightest((RegimeLimits((1.0, 2.0, 3.0)),)), r"RegimeLimits.max_inventory must have one number"),
        (BUSY, GapLimits((0.5, 3.0), 0.1), r"GapLimits.at must lie in \(0, 2\], the market's horizon, got 3"),
        (MARKETS["cont_stoikov_talreja"](), DrawdownLimits(1.0), "Market.limits .*Book"),
    ],
)  # fmt: skip
def test_limits_that_cannot_go_with_a_market_are_refused_in_one_line(market, limits, said):
    with pytest.raises(ValueError, match=said) as error:
        replace(market, limits=limits)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: RegimeLimits((-1.0,)), "RegimeLimits.max_inventory must be a list of numbers, each >= 0, got -1.0"),
        (lambda: GapLimits((0.5,), -0.1), "GapLimits.before must be >= 0, got -0.1"),
        (lambda: DrawdownLimits(0.0), "DrawdownLimits.drawdown must be > 0, got 0.0"),
    ],
)
def test_parameters_out_of_range_are_refused(made, said):
    with pytest.raises(ValueError, match=said):
        made()


def test_several_limits_must_be_limits():
    with pytest.raises(TypeError, match=r"Tightest.limits must be a list of Limits, at least one, got \(\)"):
        Tightest(())
