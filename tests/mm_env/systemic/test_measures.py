"""CoVaR, MES, LRMES and SRISK: closed forms, estimators that come to them, intervals that cover; cascades; who infects whom."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import multivariate_normal, norm

from mm_env import LinearSaleImpact, MarginCalls
from mm_env.bootstrap import block_means, interval, interval_of
from mm_env.systemic import gaussian_covar as exact
from mm_env.systemic import tail_estimates as sampled
from mm_env.systemic.cascades import cascades
from mm_env.systemic.clearing import clear
from mm_env.systemic.debt_rank import debt_rank
from mm_env.systemic.fire_sale import Holders
from mm_env.systemic.infection import by_claims, by_distress, by_sales

FEW = settings(max_examples=60, deadline=None)
RHO = st.floats(-0.99, 0.99)


def pair(n, rho, seed, std=(1.0, 1.0)):
    """Returns of a system and of an institution, jointly normal."""
    z = np.random.default_rng(seed).standard_normal((2, n))
    return std[0] * (rho * z[1] + math.sqrt(1.0 - rho**2) * z[0]), std[1] * z[1]


# closed forms


@FEW
@given(st.floats(-6.0, 6.0), st.floats(-6.0, 6.0), RHO)
def test_the_bivariate_normal_law(x, y, rho):
    known = multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]]).cdf([x, y])
    assert exact.bivariate_normal(x, y, rho) == pytest.approx(known, abs=1e-9)
    assert exact.bivariate_normal(x, y, rho) == pytest.approx(exact.bivariate_normal(y, x, rho), abs=1e-14)
    both = exact.bivariate_normal(x, y, rho) + exact.bivariate_normal(x, -y, -rho)
    assert both == pytest.approx(norm.cdf(x), abs=1e-14)


def test_the_bivariate_normal_law_at_its_ends():
    assert exact.bivariate_normal(0.0, 0.0, 0.5) == pytest.approx(1.0 / 3.0, abs=1e-15)
    for rho in (-0.3, 0.0, 0.9):
        assert exact.bivariate_normal(0.0, 0.0, rho) == pytest.approx(
            0.25 + math.asin(rho) / (2.0 * math.pi), abs=1e-15
        )
    assert exact.bivariate_normal(1.0, -0.5, 1.0) == norm.cdf(-0.5)
    assert exact.bivariate_normal(1.0, -0.5, -1.0) == pytest.approx(norm.cdf(1.0) + norm.cdf(-0.5) - 1.0)
    assert exact.bivariate_normal(1.0, -0.5, -1.0 + 1e-12) == pytest.approx(
        norm.cdf(1.0) + norm.cdf(-0.5) - 1.0, abs=1e-6
    )


def test_covar_given_equality_is_not_monotone_in_the_correlation_and_given_at_most_it_is():
    rhos = np.linspace(-0.98, 0.999, 150)
    at, most = (np.array([f(0.05, rho) for rho in rhos]) for f in (exact.covar, exact.covar_at_most))
    assert (np.diff(most) < 0.0).all()
    assert rhos[at.argmin()] == pytest.approx(1.0 / math.sqrt(2.0), abs=0.02)
    assert at[-1] > at.min() + 0.5


@FEW
@given(st.floats(0.001, 0.3), RHO, st.floats(0.1, 5.0))
def test_the_condition_that_says_nothing_gives_the_value_at_risk(level, rho, std):
    assert exact.covar_at_most(level, rho, std, 1.0 - 1e-12) == pytest.approx(std * norm.ppf(level), abs=1e-6)
    assert exact.covar_at_most(level, 0.0, std) == pytest.approx(std * norm.ppf(level), abs=1e-9)
    assert exact.delta_covar(level, rho, std) == pytest.approx(std * rho * norm.ppf(level))
    assert exact.marginal_expected_shortfall(level, rho, std) == pytest.approx(
        rho * exact.marginal_expected_shortfall(level, 1.0, std), abs=1e-12
    )


def test_the_shortfall_in_the_long_run():
    """No correlation: what is lost on average; without risk the institution loses its drift, and all is as it is integrated."""
    assert exact.long_run_shortfall(0.0, 0.3, 0.2, mean=-0.045) == pytest.approx(0.0, abs=1e-14)
    assert exact.long_run_shortfall(0.7, 0.0, 0.2, mean=-0.1) == pytest.approx(1.0 - math.exp(-0.1))
    rho, std, market = 0.6, 0.35, 0.25
    c = math.log(0.6) / market
    z = np.linspace(-12.0, c, 400_001)
    inner = np.exp(rho * std * z + 0.5 * std**2 * (1.0 - rho**2)) * norm.pdf(z)
    known = 1.0 - np.trapezoid(inner, z) / norm.cdf(c)
    assert exact.long_run_shortfall(rho, std, market) == pytest.approx(known, abs=1e-8)


def test_srisk_of_a_balance_sheet():
    assert sampled.srisk(920.0, 80.0, 0.5) == pytest.approx(0.08 * 920.0 - 0.92 * 80.0 * 0.5)
    assert sampled.srisk([920.0, 100.0], [80.0, 100.0], [0.5, 0.2]).tolist() == pytest.approx([36.8, -65.6])
    with pytest.raises(ValueError, match="requirement must lie in"):
        sampled.srisk(1.0, 1.0, 0.5, 1.2)


# estimators

ESTIMATORS = {
    "covar": (lambda y, x: sampled.covar_estimate(y, x, 0.05, resamples=80), exact.covar(0.05, 0.6)),
    "covar, median": (lambda y, x: sampled.covar_estimate(y, x, 0.05, 0.5, resamples=80), exact.covar(0.05, 0.6, 1.0, 0.5)),
    "delta covar": (lambda y, x: sampled.delta_covar_estimate(y, x, 0.05, resamples=80), exact.delta_covar(0.05, 0.6)),
    "covar, at most": (lambda y, x: sampled.covar_at_most_estimate(y, x, 0.05), exact.covar_at_most(0.05, 0.6)),
    "shortfall": (lambda y, x: sampled.shortfall_estimate(y, x, 0.05), exact.marginal_expected_shortfall(0.05, 0.6)),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimates_come_to_the_closed_forms_and_their_intervals_cover_them(name):
    estimate, known = ESTIMATORS[name]
    found = [estimate(*pair(2500, 0.6, seed)) for seed in range(8)]
    assert sum(one.low <= known <= one.high for one in found) >= 6  # of 8 at 95 %
    assert np.mean([one.value for one in found]) == pytest.approx(known, abs=0.07)
    assert all(one.low < one.value < one.high for one in found)


def test_the_shortfall_in_the_long_run_from_samples():
    y, x = pair(40_000, 0.5, 1, (0.25, 0.3))
    found = sampled.long_run_shortfall_estimate(y, x, 0.3)
    known = exact.long_run_shortfall(0.5, 0.3, 0.25, 0.3)
    assert found.low < known < found.high
    with pytest.raises(ValueError, match=r"market must fall by 0.9 in some sample, and falls by 0\.\d+ at most"):
        sampled.long_run_shortfall_estimate(y, x, 0.9)


@FEW
@given(st.integers(5, 60), st.floats(0.02, 0.98), st.integers(0, 10_000))
def test_quantile_regression_has_the_least_check_loss(n, level, seed):
    """Its loss is that of the linear programme of Koenker & Bassett 1978."""
    random = np.random.default_rng(seed)
    x = random.standard_normal(n)
    y = 0.5 * x + random.standard_t(3, n) * (1.0 + 0.5 * np.abs(x))
    weights = np.r_[0.0, 0.0, np.full(n, level), np.full(n, 1.0 - level)]
    lines = np.c_[np.ones(n), x, np.eye(n), -np.eye(n)]
    solved = linprog(weights, A_eq=lines, b_eq=y, bounds=[(None, None)] * 2 + [(0.0, None)] * (2 * n))
    constant, slope = sampled.quantile_regression(y, x, level)
    rest = y - constant - slope * x
    assert np.where(rest > 0.0, level * rest, (level - 1.0) * rest).sum() == pytest.approx(solved.fun, rel=1e-7)


def test_shifts_and_scales_of_returns_are_those_of_the_estimates():
    y, x = pair(2000, 0.4, 5)
    one, two = sampled.covar_estimate(y, x, 0.1), sampled.covar_estimate(3.0 * y - 1.0, 0.5 * x + 2.0, 0.1)
    assert np.array(two) == pytest.approx(3.0 * np.array(one) - 1.0, abs=1e-6)


@pytest.mark.parametrize(("change", "said"), [
    ({"system": [1.0, 2.0, 3.0]}, "returns must be two or more finite numbers of each, got shapes"),
    ({"system": [1.0, math.inf]}, "returns must be two or more finite numbers"),
    ({"level": 1.0}, "level and condition must lie in .0, 1., got 1.0"),
    ({"block": 3}, "block must hold from 1 to all 2 rows, got 3"),
])  # fmt: skip
def test_returns_that_tell_nothing_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        sampled.covar_at_most_estimate(**({"system": [1.0, 2.0], "institution": [1.0, 0.0], "level": 0.5} | change))


def test_the_bootstrap_of_a_mean_is_that_of_windows():
    values = np.random.default_rng(7).standard_normal(60)
    for block in (1, 4):
        ours = interval_of(lambda rows: float(values[rows].mean()), 60, block, 4000, 3)
        assert ours == pytest.approx(interval(values, block, 4000, 3), abs=0.02)
    assert block_means(values, 2, 5, 1).shape == (5,)
    assert all(map(math.isnan, interval_of(lambda rows: math.nan, 5, 1, 10, 1)))


# cascades


def test_a_cascade_is_who_fails_in_the_end_and_not_by_the_shock():
    first = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]], bool)
    final = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]], bool)
    found = cascades(first, final, [2.0, 2.0, 0.0, 4.0], [6.0, 2.0, 0.0, 5.0])
    assert found.probability.value == 0.5
    assert found.size.value == pytest.approx((0.5 + 0.25) / 2.0)
    assert found.largest == 0.5
    assert found.loss_share.value == pytest.approx(5.0 / 13.0)
    assert cascades(first, final, [2.0] * 4, [2.0] * 4, at_least=2).probability.value == 0.25
    assert math.isnan(cascades(first, first, [2.0] * 4, [2.0] * 4).size.value)
    with pytest.raises(ValueError, match="must have failed in the end, and somebody has not"):
        cascades(final, first, [1.0] * 4, [1.0] * 4)
    with pytest.raises(ValueError, match="failures must be"):
        cascades(first, final, [1.0] * 3, [1.0] * 4)


# who infects whom


def test_who_infects_whom_by_claims():
    owed, outside = np.array([[0.0, 8.0, 0.0], [0.0, 0.0, 6.0], [0.0, 0.0, 0.0]]), np.array([10.0, 3.0, 2.0])
    found = by_claims(owed, outside)
    assert found.shape == (3, 3)
    assert found[0] == pytest.approx([1.0, 1.0, 3.0 / 8.0])  # 0 pays nothing, so that 1 pays the 3 it has of 6
    assert found[2] == pytest.approx([0.0, 0.0, 0.25])  # its own loss alone: it owes nothing
    for i in range(3):
        alone = clear(owed, np.where(np.arange(3) == i, 0.0, outside)).equity
        assert found[i] == pytest.approx(1.0 - alone / clear(owed, outside).equity)


def test_who_infects_whom_by_distress_and_by_sales():
    impact = np.array([[0.0, 0.4, 0.2], [0.1, 0.0, 0.5], [0.3, 0.1, 0.0]])
    for i, row in enumerate(by_distress(impact)):
        assert row == pytest.approx(debt_rank(impact, np.eye(3)[i], [0.5, 0.3, 0.2]).distress)
    assert (by_distress(impact, differential=True) >= by_distress(impact) - 1e-12).all()
    holders = Holders.of([[10.0, 0.0], [5.0, 5.0], [0.0, 10.0]], [800.0, 850.0, 700.0], [100.0, 100.0])
    rule, slope = MarginCalls(0.14), LinearSaleImpact([0.5])
    found = by_sales(holders, rule, slope)
    assert (found >= 0.0).all()
    calm = by_sales(holders, MarginCalls(0.001), slope)  # nobody is called: only who holds the same loses
    assert calm[0] == pytest.approx([10.0 * 5.0 / 200.0, 5.0 * 5.0 / 150.0, 0.0])
    assert (found >= calm - 1e-12).all()
    assert found[0, 2] > 0.0  # through holder 1, who holds both
