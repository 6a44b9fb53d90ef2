"""The desk's figures: each value by its formula, each interval against the bootstrap."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from mm_env import metrics
from mm_env.metrics import Z95, cvar, deviation, figures, mean, paired_difference, ratio, sharpe
from mm_env.rollout import Episodes

RANDOM = np.random.default_rng(6)
SKEWED = RANDOM.gamma(2.0, 1.5, 4_000) - 1.0
BELOW = SKEWED + RANDOM.exponential(1.0, 4_000) + 2.0
NORMAL = np.array([NormalDist(3.0, 2.0).inv_cdf((i + 0.5) / 20_000) for i in range(20_000)])


def episodes(n=500, seed=0) -> Episodes:
    columns = np.random.default_rng(seed).gamma(2.0, 1.0, (8, n))
    return Episodes(*columns)


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        (mean, SKEWED.mean()),
        (deviation, SKEWED.std()),
        (sharpe, SKEWED.mean() / SKEWED.std()),
        (cvar, np.sort(SKEWED)[:200].mean()),
    ],
)
def test_a_figure_is_its_formula(figure, value):
    assert figure(SKEWED).value == pytest.approx(value, rel=1e-3 if figure is cvar else 1e-12)


def test_a_ratio_is_of_the_means():
    assert ratio(SKEWED, BELOW).value == pytest.approx(SKEWED.sum() / BELOW.sum(), rel=1e-12)


def test_the_figures_of_a_normal_are_known():
    assert mean(NORMAL).value == pytest.approx(3.0, abs=1e-12)
    assert deviation(NORMAL).value == pytest.approx(2.0, rel=1e-3)
    assert sharpe(NORMAL).value == pytest.approx(1.5, rel=1e-3)
    assert cvar(NORMAL).value == pytest.approx(3.0 - 2.0 * NormalDist().pdf(1.6448536) / 0.05, rel=1e-3)
    assert cvar(NORMAL, 0.5).value == pytest.approx(3.0 - 2.0 * NormalDist().pdf(0.0) / 0.5, rel=1e-3)


def test_the_figures_of_a_normal_have_known_errors():
    root = math.sqrt(len(NORMAL))
    assert mean(NORMAL).half_width == pytest.approx(Z95 * 2.0 / root, rel=1e-3)
    assert deviation(NORMAL).half_width == pytest.approx(Z95 * 2.0 / math.sqrt(2) / root, rel=1e-3)
    assert sharpe(NORMAL).half_width == pytest.approx(Z95 * math.sqrt(1 + 1.5**2 / 2) / root, rel=1e-3)  # Lo 2002


@pytest.mark.parametrize("figure", [mean, deviation, sharpe, cvar])
def test_an_interval_is_the_bootstraps(figure):
    samples = np.random.default_rng(7).integers(0, len(SKEWED), (1_500, len(SKEWED)))
    bootstrap = np.std([figure(SKEWED[sample]).value for sample in samples])
    assert figure(SKEWED).half_width == pytest.approx(Z95 * bootstrap, rel=0.08)  # 4 errors of 1,500 resamples


def test_the_interval_of_a_ratio_is_the_bootstraps():
    samples = np.random.default_rng(8).integers(0, len(SKEWED), (1_500, len(SKEWED)))
    bootstrap = np.std([ratio(SKEWED[sample], BELOW[sample]).value for sample in samples])
    assert ratio(SKEWED, BELOW).half_width == pytest.approx(Z95 * bootstrap, rel=0.08)


def test_an_interval_covers_95_times_in_100():
    samples = np.random.default_rng(9).normal(1.0, 2.0, (2_000, 200))
    covered = np.mean([abs(estimate.value - 1.0) <= estimate.half_width for estimate in map(mean, samples)])
    assert abs(covered - 0.95) < 0.02


def test_what_never_varies_has_no_sharpe_ratio():
    assert all(math.isnan(number) for number in sharpe(np.full(5, 3.0)))
    assert all(math.isnan(number) for number in ratio(np.ones(5), np.zeros(5)))
    assert deviation(np.full(5, 3.0)) == (0.0, 0.0)
    assert mean(np.full(5, 3.0)) == (3.0, 0.0)
    assert cvar(np.full(5, 3.0)) == pytest.approx((3.0, 0.0))


def test_what_varies_by_rounding_alone_has_no_sharpe_ratio_either():
    assert math.isnan(sharpe(np.full(7, 0.1)).value)  # whose deviation is 1e-17


def test_figures_scale_with_the_unit_of_money():
    for figure in (mean, deviation, cvar):
        assert figure(100 * SKEWED) == pytest.approx(tuple(100 * x for x in figure(SKEWED)), rel=1e-12)
    assert sharpe(100 * SKEWED) == pytest.approx(sharpe(SKEWED), rel=1e-12)


def test_the_table_holds_every_figure_of_the_desk():
    e = episodes()
    table = figures(e)
    assert table["objective"] == mean(e.objective)
    assert table["profit"] == mean(e.profit)
    assert table["profit_std"] == deviation(e.profit)
    assert table["sharpe"] == sharpe(e.profit)
    assert table["cvar_95"] == cvar(e.profit, 0.95)
    assert table["mean_absolute_position"] == mean(e.mean_absolute_inventory)
    assert table["terminal_inventory"] == mean(e.terminal_inventory)
    assert table["terminal_inventory_std"] == deviation(e.terminal_inventory)
    assert table["spread_captured"] == mean(e.spread_captured)
    assert table["fill_ratio"] == ratio(e.fills, e.arrivals)
    assert table["max_drawdown"] == mean(e.drawdown)


def test_a_paired_difference_cancels_what_both_met_alike():
    one = episodes()
    other = replace(one, objective=one.objective + 0.5)
    assert paired_difference(other, one).value == pytest.approx(0.5)
    assert paired_difference(other, one).half_width < 1e-12
    independent = episodes(seed=1)
    gap = paired_difference(one, independent)
    assert gap.value == pytest.approx(mean(one.objective).value - mean(independent.objective).value)
    assert gap.half_width == pytest.approx(metrics.mean(one.objective - independent.objective).half_width)
