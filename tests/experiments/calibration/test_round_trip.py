"""A market with known parameters, written as LOBSTER writes a day, gives them back within four of their errors."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.optimum import optimum
from experiments.calibration.calibration import Settings, calibrate
from experiments.calibration.market import market_yaml
from mm_env import DepthImpact, FiniteHorizon, NoImpact
from mm_env.core.component import record
from mm_env.data.lobster import read
from tests.experiments.calibration.informed import Informed
from tests.experiments.calibration.recordings import build_yaml
from tests.recordings import ASK, BID, OPEN, Tape, dealer_tape, hawkes_events

RATE, K, SIGMA = 0.2, 20.0, 0.02


@pytest.fixture(scope="module", params=range(2))
def found(request, tmp_path_factory):
    day = read(dealer_tape(request.param, 5000, RATE, K, SIGMA).save(tmp_path_factory.mktemp("dealer")))
    assert day.checks["visible messages whose row differs"] == 0
    return calibrate(day, Settings(max_depth=0.4, horizons=[1.0, 10.0, 50.0]))


def near(measured, truth):
    return abs(measured.value - truth) < 4.0 * measured.error


@pytest.mark.parametrize("side", ["bid", "ask", "pooled"])
def test_the_dealers_rate_and_decay_come_back(found, side):
    fit = found.fits[side]
    assert near(fit.exponential.rate, RATE)
    assert near(fit.exponential.k, K)
    assert fit.exponential.rate.error < 0.06 * RATE
    assert fit.exponential.largest_gap < 4.0 * np.sqrt(0.25 / len(fit.reach.reached))
    assert fit.power_law.curvature.value < 0.2


def test_the_dealers_volatility_comes_back_over_every_horizon(found):
    assert near(found.sigma.sigma, SIGMA)
    assert all(near(one.sigma, SIGMA) for one in found.signature)
    assert abs(found.sigma.kurtosis) < 4.0 * np.sqrt(24.0 / found.sigma.moves)


def test_the_dealers_orders_are_a_poisson_flow_that_moves_nothing(found):
    assert near(found.orders.rate, 2.0 * RATE)
    assert near(found.orders.buys, RATE)
    assert found.orders.walking.value == 0.0
    assert found.orders.dispersion < 1.0 + 4.0 * np.sqrt(2.0 / 59.0)
    assert found.hawkes["all orders, 1 exponential"].spectral_radius < 0.1
    assert near(found.impacts[1].mean, 0.0)  # a second later
    assert near(found.fits["pooled"].reach.adverse(0.05), 0.0)
    assert not found.adverse.found
    assert "/impact@venue.impact: none" in market_yaml(found, "")


def test_the_dealers_spread_is_that_of_its_resting_quotes(found):
    assert found.spread.mean.value == pytest.approx(4.0, rel=1e-9)


@pytest.mark.parametrize(("seed", "law"), [(0, (0.04, 0.0, 0.0)), (1, (0.05, 0.6, 0.0)), (2, (0.06, -0.2, 6.0))])
def test_what_orders_tell_by_depth_comes_back_through_the_files(tmp_path, seed, law):
    truth = Informed(*law, RATE, K)
    tape = dealer_tape(seed, 8000, RATE, K, SIGMA, jump=lambda reach: float(truth.jump(reach)))
    found = calibrate(
        read(tape.save(tmp_path)), Settings(max_depth=0.4, horizons=[], hawkes_terms=[], impact_horizons=[])
    )
    one = found.adverse
    assert near(found.fits["pooled"].exponential.rate, RATE)
    assert near(found.fits["pooled"].exponential.k, K)
    assert all(near(one.at(depth), truth.mean(depth)) for depth in (0.01, 0.03, 0.05, 0.1, 0.15))
    market = build_yaml(market_yaml(found, ""))
    impact = market.venue.impact.bid
    assert isinstance(impact, DepthImpact)
    assert record(impact).mean_at(0.05, 0.1) == pytest.approx(one.at(0.05).value, rel=1e-3)
    best = optimum(replace(market, clock=FiniteHorizon(10.0, 10), max_inventory=2.0))
    without = replace(best.market, venue=replace(market.venue, impact=NoImpact()))
    assert best.objective < 0.6 * optimum(without).objective


def test_a_hawkes_flow_comes_back_through_the_files(tmp_path):
    base, branching, decay, end = [0.1, 0.08], [[0.4, 0.1], [0.15, 0.35]], 1.5, 8000.0
    time, kind = hawkes_events(3, end - 1.0, base, branching, decay)
    tape = Tape(2, close=OPEN + end)
    tape.preload(BID, 999_000, 100)
    tape.new(OPEN, ASK, 1_001_000, 100)
    for t, k in zip(time, kind, strict=True):
        side = ASK if k == 0 else BID  # buys take asks
        tape.hit(OPEN + t, side, 1_000_000 - side * 100)
    day = read(tape.save(tmp_path))
    process = calibrate(day, Settings(max_depth=0.05)).hawkes["buys and sells, 1 exponential"]
    assert process.events == len(time)
    for m in range(2):
        assert near(process.base[m], base[m])
        assert all(near(process.branching[m][n][0], branching[m][n]) for n in range(2))
    assert near(process.decay[0], decay)
    assert process.p_value > 1e-4
