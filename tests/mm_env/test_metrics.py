"""The desk's figures: each value by its formula, each interval against the bootstrap."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from mm_env import metrics
from mm_env.bootstrap import half_width
from mm_env.metrics import Z95, certainty_equivalent, cvar, deviation, figures, mean, paired_difference, ratio, sharpe
from mm_env.rollout import Episodes, RecordedEpisodes

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


# of a recorded day


def recorded(times=1, seed=0) -> RecordedEpisodes:
    """22 windows, each played `times` times."""
    columns = np.random.default_rng(seed).gamma(2.0, 1.0, (8, 22))
    return RecordedEpisodes(*np.tile(columns, times), np.tile(np.arange(22), times))


def test_every_interval_of_a_recorded_day_is_of_its_windows_however_often_they_are_played():
    once, often = figures(recorded()), figures(recorded(900))
    for name in set(once) - {"cvar_95"}:  # whose quantile lies between others, of so few
        assert often[name].value == pytest.approx(once[name].value), name
        assert often[name].half_width == pytest.approx(once[name].half_width), name
        assert once[name].half_width > 0.0, name
    assert often["cvar_95"].half_width > 0.3 * once["cvar_95"].half_width


def test_the_interval_of_a_mean_and_of_a_lead_is_the_block_bootstraps():
    one, other = recorded(3), recorded(3, seed=1)
    gap = one.objective - other.objective
    assert figures(one)["profit"].half_width == pytest.approx(half_width(one.profit - one.profit.mean(), one.window))
    assert paired_difference(one, other) == pytest.approx((gap.mean(), half_width(gap - gap.mean(), one.window)))


def test_a_single_episode_has_figures_and_no_intervals():
    alone = figures(Episodes(*np.ones((8, 1))))
    assert alone["objective"].value == 1.0
    assert all(math.isnan(estimate.half_width) for estimate in alone.values())


# under CARA


def utilities(profit, gamma) -> Episodes:
    others = {name: np.zeros_like(profit) for name in Episodes.__match_args__}
    return Episodes(**{**others, "objective": -np.expm1(-gamma * profit) / gamma, "profit": profit})


def test_the_certainty_equivalent_of_a_normal_is_its_mean_less_the_half_of_gamma_times_its_variance():
    profit = np.array([NormalDist(3.0, 2.0).inv_cdf((i + 0.5) / 200_000) for i in range(200_000)])
    assert certainty_equivalent(utilities(profit, 0.5), 0.5).value == pytest.approx(3.0 - 0.5 * 0.5 * 4.0, rel=2e-3)


def test_the_interval_of_a_certainty_equivalent_is_the_bootstraps():
    samples = np.random.default_rng(7).integers(0, len(SKEWED), (1_500, len(SKEWED)))
    bootstrap = np.std([certainty_equivalent(utilities(SKEWED[sample], 0.3), 0.3).value for sample in samples])
    assert certainty_equivalent(utilities(SKEWED, 0.3), 0.3).half_width == pytest.approx(Z95 * bootstrap, rel=0.08)


def test_where_utility_saturates_its_certainty_equivalent_does_not():
    rich = utilities(np.array([5_000.0, 5_001.0]), 1.0)
    assert rich.objective.std() == 0.0
    assert certainty_equivalent(rich, 1.0).value == pytest.approx(5_000.0 - math.log(0.5 * (1.0 + math.exp(-1.0))))
