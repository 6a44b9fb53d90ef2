"""Mids with a stochastic variance: the moments of a step and of a day, the law that they state, and a published call."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.nodes import interpolation
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from mm_env import (
    FiniteHorizon,
    FullTruncation,
    GeometricHeston,
    Heston,
    InventoryPenalty,
    QuadraticExponential,
    VariancePenalty,
)
from mm_env.core.component import record
from mm_env.markets import heston
from mm_env.price.heston import Variance
from mm_env.price.trial import States, tried
from mm_env.rollout import inventory_levels, run_depths
from mm_env.simulation import Simulation
from mm_env.world import alone
from tests.worlds import random_actions, same_bits, story, within, world

KAPPA, THETA, VOL, RHO = 5.0, 1.0, 1.5, -0.5
MODEL, DT = Heston(KAPPA, THETA, VOL, RHO, v0=1.0, drift=0.3), 0.02
RELATIVE = GeometricHeston(kappa=2.0, theta=0.04, vol=0.4, rho=0.6, v0=0.09, drift=0.1)
SCHEMES = [QuadraticExponential(), FullTruncation()]
MODELS = [replace(model, scheme=scheme) for model in (MODEL, RELATIVE) for scheme in SCHEMES]
VARIANCES = [0.0, 0.01, 0.3, 1.0, 3.0]  # on both sides of where the step changes from one law to the other
LANES = 200_000


def stepped(model, v, dt=DT, groups=2**14):
    """Moves of the mid from 100, and the variances after them; groups of four mirrored steps, (groups, 4)."""
    steps = tried(model, dt, States.of([(100.0, Variance(v))]), groups)
    return steps.move[0], steps.after.latent.reshape(steps.move[0].shape)


def of_groups(sample, expected):
    """Whether the mean over groups of mirrored steps lies within 4 standard errors of `expected`, or is it but for rounding."""
    groups = sample.mean(axis=1)
    return within(groups, expected) or abs(groups.mean() - expected) < 1e-12


def expected_variance(v, time):
    return THETA + (v - THETA) * math.exp(-KAPPA * time)


def spread_of_variance(v, time):
    """Var[v_t | v_0 = v], Cox, Ingersoll & Ross 1985, eq. (19)."""
    gone = 1.0 - math.exp(-KAPPA * time)
    return VOL**2 / KAPPA * gone * (v * (1.0 - gone) + 0.5 * THETA * gone)


def total_variance(v, time):
    """E[integral of v]: the variance of the mid's move."""
    return THETA * time + (v - THETA) * (1.0 - math.exp(-KAPPA * time)) / KAPPA


# a step


@pytest.mark.parametrize("v", VARIANCES)
@pytest.mark.parametrize("dt", [DT, 0.5])
def test_a_step_has_the_mean_and_the_variance_of_a_square_root_process(v, dt):
    _, after = stepped(MODEL, v, dt)
    assert (after >= 0.0).all()
    assert of_groups(after, expected_variance(v, dt))
    assert of_groups((after - expected_variance(v, dt)) ** 2, spread_of_variance(v, dt))


@pytest.mark.parametrize("v", VARIANCES)
def test_the_mid_moves_by_its_drift_and_with_its_variance(v):
    moves, after = stepped(MODEL, v)
    assert of_groups(moves, MODEL.drift * DT)
    away = moves - MODEL.drift * DT
    assert of_groups(away**2, total_variance(v, DT))
    assert of_groups(away * (after - expected_variance(v, DT)), RHO * VOL * total_covariance(v, DT))


def total_covariance(v, dt):
    """Cov(move, v') / (rho vol): the integral of E[v_s] e^(-kappa (dt - s))."""
    e = math.exp(-KAPPA * dt)
    return THETA * (1.0 - e) / KAPPA + (v - THETA) * dt * e


@pytest.mark.parametrize("v", [0.3, 3.0])
def test_the_variance_of_a_step_is_of_second_order(v):
    def missed(dt):
        law, grid = MODEL.law(dt, 161), np.array([math.sqrt(v / THETA)])
        squares = (law.probability * ((law.mean - law.drift[:, None]) ** 2 + law.variance)).sum(axis=1)
        return abs(float((interpolation(law.nodes, grid) @ squares)[0]) - total_variance(v, dt)) / dt

    assert missed(0.005) / missed(0.0025) == pytest.approx(4.0, rel=0.05)
    assert missed(DT) < 2e-3 * v


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: type(scheme).__name__)
def test_full_truncation_moves_by_euler_and_both_by_their_drift(scheme):
    model = replace(MODEL, scheme=scheme)
    moves, after = stepped(model, 0.3)
    assert of_groups(moves, model.drift * DT)
    if isinstance(scheme, FullTruncation):
        assert of_groups(after, 0.3 + KAPPA * (THETA - 0.3) * DT)
        assert of_groups((after - after.mean()) ** 2, VOL**2 * 0.3 * DT)
        assert stepped(model, -0.1)[1] == pytest.approx(-0.1 + KAPPA * THETA * DT, abs=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: type(scheme).__name__)
@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.9])
@pytest.mark.parametrize("v", [0.001, 0.04, 0.5])
def test_a_relative_price_grows_by_its_drift_whatever_the_correlation(scheme, rho, v):
    model = replace(RELATIVE, scheme=scheme, rho=rho)
    moves, _ = stepped(model, v, 0.05)
    assert of_groups(moves, 100.0 * math.expm1(0.1 * 0.05))
    rules, latent = record(model), Variance(v)
    assert rules.expected(100.0, latent, 0.05, alone(latent, 100.0)) == pytest.approx(100.0 * math.exp(0.005))
    assert rules.variance(latent, 0.05, alone(latent, 100.0)) == pytest.approx(1e4 * v * 0.05, rel=0.03)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_compiled_steps_are_those_of_the_rules_to_the_bit(model):
    market = world(price=model, reward=VariancePenalty(0.5, 0.1))
    actions = random_actions(market, 67)
    compiled, plain = (story(Simulation(market, 67, interpreted=plain), 3, actions, 7) for plain in (False, True))
    assert all(same_bits(one, other) for one, other in zip(compiled, plain, strict=True))


# a day


def test_a_day_has_the_moments_of_the_continuous_model():
    """E[M^3] = 3 E[M <M>] for the martingale M = S - drift t; from v0 = theta, E[M_t v_t] = rho vol theta (1 - e^-kt) / k."""
    market = world(price=replace(MODEL, drift=0.0), clock=FiniteHorizon(1.0, 100), max_inventory=1.0)
    simulation = Simulation(market, LANES)
    simulation.start(5)
    for _ in range(100):
        simulation.step(np.zeros(2 * LANES))
    moves, v = simulation.state.mid - 100.0, simulation.state.world.price.v
    assert within(moves, 0.0)
    assert within(moves**2, THETA)
    assert within(moves**3, 3.0 * RHO * VOL * THETA / KAPPA * (1.0 - (1.0 - math.exp(-KAPPA)) / KAPPA))
    assert within(v, THETA)
    assert within((v - THETA) ** 2, spread_of_variance(THETA, 1.0))


def call(steps, lanes):
    """The payoffs of the call of the published example."""
    price = GeometricHeston(kappa=1.5768, theta=0.0398, vol=0.5751, rho=-0.5711, v0=0.0175)
    market = world(price=price, clock=FiniteHorizon(1.0, steps), initial_inventory=1.0, max_inventory=1.0,
                   reward=InventoryPenalty())  # fmt: skip
    depths = np.full((1, len(inventory_levels(market)), 2), 1e6)
    return np.maximum(run_depths(market, depths, lanes, seed=11).profit, 0.0)


@pytest.mark.parametrize("steps", [50, 200])
def test_a_call_costs_what_it_does_by_heston(steps):
    assert within(call(steps, LANES), 5.78515543)


# the law


@pytest.mark.parametrize("node", [0, 3, 8, 20])
def test_the_law_is_that_of_the_steps(node):
    law = MODEL.law(DT, 41)
    v = float(law.states[node, 1])
    assert v == pytest.approx(THETA * law.nodes[node] ** 2)
    moves, after = stepped(MODEL, v, groups=2**16)
    p, mean, variance, following = (x[node] for x in (law.probability, law.mean, law.variance, law.following))
    assert of_groups(moves, p @ mean)
    assert of_groups(moves**2, p @ (mean**2 + variance))
    assert of_groups(np.exp(-2.0 * moves), p @ np.exp(-2.0 * mean + 2.0 * variance))
    assert of_groups(after, p @ (THETA * following**2))
    assert of_groups(moves * after, p @ (mean * THETA * following**2))


@pytest.mark.parametrize(("theta", "vol", "v0"), [(1.0, 1.5, 1.0), (0.07, 1.53, 0.14), (1.0, 0.3, 4.0)])
def test_the_grid_spans_where_the_variance_goes(theta, vol, v0):
    model = Heston(KAPPA, theta, vol, -0.5, v0)
    simulation, reached = Simulation(world(price=model, clock=FiniteHorizon(1.0, 50)), 20_000), v0
    simulation.start(1)
    for _ in range(50):
        simulation.step(np.zeros(40_000))
        reached = max(reached, simulation.state.world.price.v.max())
    assert 0.4 * theta * model.law(0.02, 41).nodes[-1] ** 2 < reached < theta * model.law(0.02, 41).nodes[-1] ** 2


def test_the_error_of_the_grid_is_small_and_told():
    market = replace(heston(), max_inventory=5.0, clock=FiniteHorizon(1.0, 50))
    coarse, fine = optimum(market, 21), optimum(market, 41)
    assert abs(coarse.objective - fine.objective) < coarse.error < 1e-3
    assert fine.error < 1e-4


def test_without_risk_aversion_the_variance_is_worth_nothing():
    market = replace(heston(), max_inventory=4.0, clock=FiniteHorizon(1.0, 20), reward=VariancePenalty(0.0, 0.001))
    value = optimum(market, 11).value[0]
    assert np.ptp(value, axis=0) == pytest.approx(np.zeros(9), abs=1e-9)


def test_full_truncation_and_relative_prices_are_refused_by_exact_solvers():
    for price, why in [(replace(MODEL, scheme=FullTruncation()), "the steps of FullTruncation have no law"),
                       (RELATIVE, "GeometricHeston has no law of its moves that is the same at every mid")]:  # fmt: skip
        with pytest.raises(Unsolvable, match=why):
            optimum(replace(heston(), price=price))


# bad parameters


@pytest.mark.parametrize(("change", "rule"), [
    ({"rho": 1.2}, r"Heston.rho must be in \[-1, 1\], got 1.2"),
    ({"theta": -1.0}, "Heston.theta must be > 0, got -1.0"),
    ({"v0": -0.1}, "Heston.v0 must be >= 0, got -0.1"),
    ({"vol": 0.0}, "Heston.vol must be > 0, got 0.0"),
    ({"kappa": 0.0}, "Heston.kappa must be > 0, got 0.0"),
])  # fmt: skip
def test_parameters_are_refused_by_name_and_rule(change, rule):
    with pytest.raises(ValueError, match=rule):
        replace(MODEL, **change)


def test_steps_that_are_too_long_for_a_mean_are_refused():
    with pytest.raises(
        ValueError, match=r"GeometricHeston needs steps shorter than about 1 / \(rho vol\) = 0.05, got 0.1"
    ):
        world(price=replace(RELATIVE, kappa=1.0, vol=20.0, rho=1.0))
    assert world(price=replace(RELATIVE, kappa=1.0, vol=20.0, rho=-1.0))
