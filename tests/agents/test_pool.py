"""A pool's provider: the exact optimum and rules beside the simulation, closed forms, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents import DeltaHedged, FeeRule, FixedSymmetric, Hold, PoolTheory, Provider
from agents.exact.optimum import optimum
from agents.exact.pool.moves import steps
from agents.exact.pool.optimum import PoolOptimum, solved, worth_of_provider
from agents.exact.pool.problem import Grid, check_pool
from agents.exact.pool.recursion import Recursion
from agents.exact.price_grid import Unsolvable
from agents.policy import play, policy_of
from mm_env import (
    Fees,
    FiniteHorizon,
    Geometric,
    InventoryPenalty,
    MaintenanceMargin,
    Perpetual,
    PoissonBlocks,
    PoissonExploits,
    ProportionalFees,
    RandomTraders,
    Range,
    RangeGrid,
    SteadyTraders,
)
from mm_env.markets import pool, pool_fee
from mm_env.metrics import mean, paired_difference
from mm_env.venue.pool.closed_forms import (
    exit_time,
    growth,
    narrow_half_width,
    optimal_half_width,
    patient_exit,
    patient_growth,
)

EPISODES = 20_000


def short(**parts):
    """An hour and a half of a pool, with fees of what is traded outside, and no more of the mid's noise in rewards than
    need be."""
    venue = {
        name: parts.pop(name)
        for name in tuple(parts)
        if name in ("traders", "blocks", "fee", "gas", "exploits", "oracle_lag")
    }
    parts = {"reward": InventoryPenalty(noise=0.0)} | parts
    market = replace(pool(), clock=FiniteHorizon(1.0 / 16.0, 18))
    return replace(market, venue=replace(market.venue, **{"gas": 0.05} | venue), **parts)


WORLDS = {
    "steady": short(fees=ProportionalFees(taker=0.001)),
    "orders at Poisson blocks": short(
        traders=RandomTraders(rate=150.0, impact=0.004), blocks=PoissonBlocks(), fee=0.003, gas=0.02
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_the_optimum_earns_in_simulation_what_it_is_worth_and_no_rule_more(name):
    market = WORLDS[name]
    best = optimum(market, kept_from=math.inf)
    told = play(market, best, EPISODES, 3)
    found = mean(told.objective)
    assert abs(found.value - best.worth) < 2.1 * found.half_width + best.error
    for rule in (Provider.patient(market), Provider.optimal(market), Provider.full_range(market), Hold(market)):
        ahead = paired_difference(told, play(market, rule, EPISODES, 3))
        assert ahead.value > -2.1 * ahead.half_width - best.error


def test_rules_earn_in_simulation_what_they_are_worth():
    market = WORLDS["steady"]
    best = optimum(market, kept_from=math.inf)
    fixed = Provider.fixed(market, 0.01)
    for rule, worth in (
        (Provider(market, 0.02, 0.02), worth_of_provider(market, 0.02, 0.02)),
        (fixed, best.constant),
        (Provider.fixed(market, 0.04), worth_of_provider(market, 0.04, math.inf)),
    ):
        found = mean(play(market, rule, EPISODES, 4).objective)
        assert abs(found.value - worth) < 2.1 * found.half_width + best.error
    assert best.fixed == 0
    assert worth_of_provider(market, 0.01, math.inf) == pytest.approx(best.constant, abs=1e-9)


def test_a_finer_grid_changes_the_optimum_by_less_than_its_error_says():
    market = WORLDS["steady"]
    best, finer = optimum(market, kept_from=math.inf), solved(Grid(market, 10.0, 17))
    assert abs(best.worth - finer.worth) < best.error
    assert 0.0 < best.error < 0.05 * (best.worth - best.constant)


def test_an_optimum_is_kept_to_the_bit(tmp_path):
    market = WORLDS["steady"]
    best = optimum(market, kept_from=math.inf)
    assert best.save(tmp_path / "one.npz")
    again = PoolOptimum.load(tmp_path / "one.npz", market)
    assert (again.actions == best.actions).all()
    assert (again.worth, again.constant, again.fixed, again.error) == (
        best.worth,
        best.constant,
        best.fixed,
        best.error,
    )
    with pytest.raises(ValueError, match="must hold the optimum of this market"):
        PoolOptimum.load(tmp_path / "one.npz", WORLDS["orders at Poisson blocks"])


@pytest.mark.parametrize("blocks", [None, PoissonBlocks()])
def test_a_blocks_law_is_that_of_the_mid(blocks):
    """Probabilities sum to one; without a fee the pool's price is the mid's: mean and variance of its log, and no drift."""
    market = short(fee=0.0, **({"blocks": blocks} if blocks else {}))
    found, dt = steps(Grid(market), 0.0), market.clock.step_length
    assert found.gap == pytest.approx(0.0, abs=1e-15)
    first = (found.probability * found.shift).sum()
    assert first == pytest.approx(-0.00125 * dt, rel=1e-3)
    assert (found.probability * found.shift**2).sum() == pytest.approx(0.0025 * dt, rel=1e-3)
    assert (found.probability * np.exp(found.shift)).sum() == pytest.approx(1.0, abs=1e-8)


def test_without_traders_and_fees_a_range_loses_what_it_loses_versus_rebalancing():
    market = short(fee=0.0, gas=0.0, traders=SteadyTraders(0.0), quote=RangeGrid([0.5]))
    recursion = Recursion(Grid(market))
    lost = -recursion.arbitraged[0, recursion.middle, 0] / 100.0 / market.clock.step_length
    assert lost == pytest.approx(0.125 * 0.0025 / -math.expm1(-0.25), rel=1e-3)


# closed forms


def test_the_best_width_is_the_best_and_nearly_that_of_cartea_drissi_and_monga():
    best = optimal_half_width(0.0012, 0.05, 0.002)
    assert best == pytest.approx(0.0173913, abs=1e-7)
    assert narrow_half_width(0.0012, 0.05, 0.002) == pytest.approx(best, rel=1e-5)
    assert growth(best, 0.0012, 0.05, 0.002) == pytest.approx(0.0166746, abs=5e-8)
    assert exit_time(best, 0.05) == pytest.approx(0.12098, abs=5e-6)
    assert all(growth(best, 0.0012, 0.05, 0.002) > growth(best * f, 0.0012, 0.05, 0.002) for f in (0.98, 1.02))


def test_patience_grows_faster_and_nearly_four_times_as_fast_for_a_narrow_range():
    width = optimal_half_width(0.0012, 0.05, 0.002)
    on_exit = growth(width, 0.0012, 0.05, 0.002)
    leaves_at = patient_exit(1e-5, 0.0012, 0.05, 0.002)
    assert patient_growth(1e-5, leaves_at, 0.0012, 0.05, 0.002) == pytest.approx(4.0 * on_exit, rel=0.02)
    best = patient_growth(0.005, patient_exit(0.005, 0.0012, 0.05, 0.002), 0.0012, 0.05, 0.002)
    assert all(
        best > patient_growth(0.005, patient_exit(0.005, 0.0012, 0.05, 0.002) * f, 0.0012, 0.05, 0.002)
        for f in (0.9, 1.1)
    )


def test_what_does_not_pay_is_refused():
    for ask in (lambda: optimal_half_width(0.0005, 0.05, 0.002), lambda: patient_exit(0.01, 0.0005, 0.05, 0.002)):
        with pytest.raises(
            ValueError, match=r"income must be > sigma\^2 / 4 = 0.000625 for a range to pay, got 0.0005"
        ):
            ask()
    with pytest.raises(ValueError, match="cost must be > 0"):
        optimal_half_width(0.0012, 0.05, 0.0)


def test_theory_takes_income_and_cost_from_the_market():
    told = PoolTheory.of(pool())
    block = 0.05 / math.sqrt(288)
    paid = 0.25 * 0.0025 * (1.0 - 1.0 / (1.0 + 1.7164 * -math.log(0.9995) / block))
    assert told == pytest.approx((2 * 1.6 * 0.0005 / 0.9995 + paid, 0.05, 0.0045))


# other agents


def test_a_hedge_takes_the_risk_of_a_provider_away():
    hedge = Perpetual(kappa=5.0, half_spread=0.001, max_position=2.0)
    market = replace(pool(), quote=Range(0.5, 0.01), hedges=hedge, clock=FiniteHorizon(0.1, 29))
    plain, hedged = (
        play(market, of, 2_000, 5) for of in (Provider(market, 0.04), DeltaHedged.of(market, Provider.full_range))
    )
    assert hedged.profit.std() < 0.3 * plain.profit.std()


def test_a_designer_charges_what_the_rule_says():
    market = pool_fee()
    seen = np.zeros((3, len(market.observation_names)), np.float32)
    seen[:, market.observation_names.index("mispricing")] = (-2.0, 0.0, 4.0)
    acts = FeeRule(market, 0.001, 0.5).act(seen)
    fees = market.quote.min_fee + 0.5 * (acts[:, 0] + 1.0) * (market.quote.max_fee - market.quote.min_fee)
    np.testing.assert_allclose(fees, [0.002, 0.001, 0.003])


# refusals


@pytest.mark.parametrize(("parts", "why"), [
    ({"quote": Range(0.5, 0.01)}, r"quote: a pool's recursion is over a list of ranges \(RangeGrid\)"),
    ({"quote": RangeGrid([0.01], [0.01, 1000.0])}, "quote: a pool's recursion is where any state may be kept, and left"),
    ({"price": Geometric(0.05, drift=0.1)}, "price: a pool's recursion is of a mid without drift"),
    ({"reward": InventoryPenalty(phi=0.1)}, "reward: a pool's recursion is of the profit, without penalties"),
    ({"fees": Fees(taker=0.1)}, "fees: what a unit costs must be a share of its price"),
    ({"margin": MaintenanceMargin(50.0, 1.0)}, "margin: a pool's recursion is without margin"),
    ({"exploits": PoissonExploits(1.0, 0.1)}, "venue: a pool's recursion is without exploits"),
    ({"oracle_lag": 0.1}, "venue: a pool's recursion is with oracle_lag 0, got 0.1"),
])  # fmt: skip
def test_a_pool_that_is_not_solved_says_why(parts, why):
    with pytest.raises(Unsolvable, match=why):
        optimum(short(**parts))


def test_who_quotes_depths_is_refused_in_a_pool_and_who_provides_elsewhere():
    with pytest.raises(ValueError, match="FixedSymmetric quotes depths, and RangeGrid places ranges in a pool"):
        policy_of(FixedSymmetric(1.0), pool())
    with pytest.raises(
        ValueError, match="a provider's rule needs a Pool, and a Range, RangeGrid or Ranges in it, got DynamicFee"
    ):
        Provider(pool_fee(), 0.1)
    with pytest.raises(ValueError, match="FeeRule needs a market whose quoting is a DynamicFee, got RangeGrid"):
        FeeRule(pool(), 0.1)
    with pytest.raises(ValueError, match=r"Provider.half_width must be > 0, got 0.0"):
        Provider(pool(), 0.0)
    with pytest.raises(ValueError, match="DeltaHedged needs a market with one hedge"):
        DeltaHedged.of(pool(), Provider.full_range)
    check_pool(pool())
