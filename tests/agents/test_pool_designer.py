"""A pool's designer: exact optimum and constant fees beside the simulation, order of convergence, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents import FeeRule
from agents.exact.pool.fee_law import FeeGrid
from agents.exact.pool.fee_optimum import FeeOptimum, check_designer, entry_cost, peaks, solved
from agents.exact.price_grid import Unsolvable
from agents.policy import play
from experiments.evaluation.skill_references import SkillReferences
from experiments.verification.suites.pool_designer import arbitraged_away
from experiments.verification.suites.pools import BLOCK, FEE, SIGMA
from mm_env import (
    Fees,
    FiniteHorizon,
    Geometric,
    InventoryPenalty,
    MaintenanceMargin,
    NoTraders,
    PoissonBlocks,
    PoissonExploits,
    ProportionalFees,
)
from mm_env.markets import pool_fee, pool_fee_orders
from mm_env.metrics import mean, paired_difference
from mm_env.venue.pool.closed_forms import arbitrage_profit

EPISODES, NODES = 40_000, 33


def short(steps=60, **parts):
    """Some of a designer's blocks, no more of the mid's noise in rewards than need be."""
    market = pool_fee_orders()
    venue = {name: parts.pop(name) for name in tuple(parts) if hasattr(market.venue, name)}
    clock = FiniteHorizon(steps * market.clock.step_length, steps)
    parts = {"reward": InventoryPenalty(noise=0.0), "clock": clock} | parts
    return replace(market, venue=replace(market.venue, **venue), **parts)


@pytest.fixture(scope="module")
def best():
    return solved(FeeGrid(short(), NODES))


def test_the_optimum_and_constant_fees_earn_in_simulation_what_they_are_worth(best):
    market = best.market
    told = play(market, best, EPISODES, 3)
    found, finer = mean(told.objective), solved(FeeGrid(market, 2 * NODES - 1))
    off = max(abs(finer.worth - best.worth), abs(finer.constant - best.constant))
    assert abs(found.value - best.worth) < 2.1 * found.half_width + off
    constant = play(market, FeeRule(market, best.fixed), EPISODES, 3)
    found, behind = mean(constant.objective), paired_difference(told, constant)
    assert abs(found.value - best.constant) < 2.1 * found.half_width + off
    assert abs(behind.value - (best.worth - best.constant)) < 2.1 * behind.half_width + off
    for rule in (
        FeeRule(market, 0.5 * best.fixed),
        FeeRule(market, 1.5 * best.fixed),
        FeeRule(market, best.fixed, 0.1),
    ):
        assert paired_difference(told, play(market, rule, EPISODES, 3)).value > 0.0
    assert off < 0.1 * (best.worth - best.constant)


def test_blocks_at_poisson_times_are_solved_too():
    market = short(blocks=PoissonBlocks())
    best = solved(FeeGrid(market, NODES))
    found = mean(play(market, best, EPISODES, 4).objective)
    assert abs(found.value - best.worth) < 2.1 * found.half_width + 0.01 * best.worth


def test_the_worth_converges_in_the_grid_at_second_order_or_better():
    market = short(20)
    worth = np.array([solved(FeeGrid(market, n)).worth for n in (9, 17, 33, 65)])
    off = np.abs(np.diff(worth))
    assert math.log2(off[0] / off[2]) / 2.0 > 2.0
    assert off[2] < 1e-3 * worth[3]


def test_a_constant_fee_loses_to_arbitrageurs_what_milionis_moallemi_and_roughgarden_say():
    """At Poisson times, where their rate is exact but for the drift of ln S."""
    exact = 1e4 * arbitrage_profit(FEE, SIGMA, BLOCK)
    assert arbitraged_away(PoissonBlocks()) == pytest.approx(exact, rel=1e-6)


def test_the_best_fee_rises_with_the_distance_to_the_mid_either_way(best):
    fees = best.fees[0]
    middle = len(fees) // 2
    assert (np.diff(fees[middle:]) >= 0.0).all()
    assert fees[-1] > 1.5 * fees[middle]
    np.testing.assert_allclose(fees, fees[::-1], rtol=0.05)


def test_the_optimum_acts_by_the_fee_that_it_charged_last_and_forgets(best):
    names = best.market.observation_names
    seen = np.zeros((2, len(names)), np.float32)
    seen[:, names.index("time_left")] = 1.0
    first = best.act(seen)
    seen[:, names.index("time_left")] = 1.0 - 1.0 / best.market.clock.steps
    seen[:, names.index("mispricing")] = (-4.0, 0.0)
    second = best.act(seen)
    assert second[0] > second[1]
    with pytest.raises(ValueError, match="FeeOptimum must be shown every step of its lanes"):
        best.act(seen[:1])
    best.forget()
    with pytest.raises(ValueError, match="FeeOptimum must be shown every step of its lanes"):
        best.act(seen)
    seen[:, names.index("time_left")], seen[:, names.index("mispricing")] = 1.0, 0.0
    np.testing.assert_array_equal(best.act(seen), first)


def test_an_optimum_is_kept_to_the_bit(best, tmp_path):
    assert best.save(tmp_path / "one.npz")
    again = FeeOptimum.load(tmp_path / "one.npz", best.market)
    assert (again.fees == best.fees).all()
    assert (again.worth, again.constant, again.fixed, again.grid) == (best.worth, best.constant, best.fixed, best.grid)
    with pytest.raises(ValueError, match="must hold the optimum of this market"):
        FeeOptimum.load(tmp_path / "one.npz", short(61))


def test_the_top_of_a_parabola_is_found_and_that_of_an_edge_is_the_edge():
    fees = np.linspace(0.0, 1.0, 11)
    worth = np.stack([1.0 - (fees - 0.43) ** 2, fees, -fees])
    value, at = peaks(fees, worth)
    np.testing.assert_allclose(value, [1.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(at, [0.43, 1.0, 0.0], atol=1e-12)


def test_placing_the_designers_liquidity_costs_gas_and_the_fees_of_a_swap():
    assert entry_cost(short(gas=0.3)) == pytest.approx(0.3)
    assert entry_cost(short(fees=ProportionalFees(taker=0.001))) == pytest.approx(0.05)
    market = short(gas=0.3, fees=Fees(taker=0.1), steps=1, traders=NoTraders())
    best = solved(FeeGrid(market, 9))
    assert mean(play(market, FeeRule(market, 0.001), 1000, 0).objective).value == pytest.approx(-0.35, abs=1e-9)
    assert best.worth == pytest.approx(-0.35, abs=1e-9)


# skill


def test_rules_of_a_fee_have_a_skill_where_a_fee_that_moves_pays():
    references = SkillReferences.of(pool_fee_orders())
    assert references.missing == ""
    assert references.best.error < 0.02 * (references.optimal - references.fixed)
    assert references.optimal - references.fixed == pytest.approx(1.461e-4, rel=2e-3)
    assert references.exact_skill(FeeRule(pool_fee_orders(), 0.001)) is None  # it goes by what is simulated


def test_where_no_fee_that_moves_pays_it_is_said():
    references = SkillReferences.of(pool_fee())
    assert references.missing.startswith(
        "no fee that moves pays more here than the best constant one, 0.001133, which is worth"
    )


@pytest.mark.parametrize(("parts", "why"), [
    ({"price": Geometric(0.05, drift=0.1)}, "price: a pool's recursion is of a mid without drift"),
    ({"reward": InventoryPenalty(phi=0.1)}, "reward: a pool's recursion is of the profit, without penalties"),
    ({"margin": MaintenanceMargin(50.0, 1.0)}, "margin: a pool's recursion is without margin"),
    ({"exploits": PoissonExploits(1.0, 0.1)}, "venue: a pool's recursion is without exploits"),
    ({"oracle_lag": 0.1}, "venue: a pool's recursion is with oracle_lag 0, got 0.1"),
    ({"arbitrage_gas": 0.1}, "venue: a pool's recursion is with arbitrage_gas 0, got 0.1"),
    ({"initial_mid": np.array([90.0, 100.0])}, "initial_mid differs by lane"),
])  # fmt: skip
def test_a_designer_that_is_not_solved_says_why(parts, why):
    with pytest.raises(Unsolvable, match=why):
        check_designer(short(**parts))
