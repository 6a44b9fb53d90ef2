"""Figures over seeds, against cases computed by hand and against all resamples that there are."""

from itertools import product

import numpy as np
import pytest

from experiments.reporting.statistics import (
    curve_iqm,
    improvement,
    interquartile_mean,
    interval,
    pooled_iqm,
    profile,
    resampled,
)

MEAN = lambda strata: np.concatenate(strata, axis=1).mean(axis=1)  # noqa: E731


@pytest.mark.parametrize(("scores", "expected"), [
    ([8, 1, 7, 2, 6, 3, 5, 4], 4.5),  # (3 + 4 + 5 + 6) / 4
    ([1, 2, 3, 5], 2.5),
    ([0, 1, 2, 6, 100], 3.0),  # one of five at each end
    ([0, 1, 5], 2.0),  # nothing to cut
    ([7], 7.0),
    ([-1000, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1000], 0.5),
])  # fmt: skip
def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end(scores, expected):
    assert interquartile_mean(np.array(scores, float)) == pytest.approx(expected, abs=1e-12)


def test_pooled_scores_are_cut_together_not_market_by_market():
    strata = [np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[10.0, 11.0, 12.0, 13.0]])]
    assert pooled_iqm(strata) == pytest.approx([(2 + 3 + 10 + 11) / 4])


def test_the_interval_is_that_of_all_resamples_that_there_are():
    scores = np.array([0.0, 1.0, 5.0])
    every = np.sort([np.mean(draw) for draw in product(scores, repeat=3)])  # 27, equally likely
    found = interval(MEAN, [scores], resamples=40_000)
    assert found.value == pytest.approx(2.0)
    assert found.low == pytest.approx(every[0])  # (0, 0, 0) has 1/27 = 3.7 %
    assert found.high == pytest.approx(every[-1])


def test_resampled_means_have_the_moments_that_the_bootstrap_says():
    scores = np.array([0.0, 1.0, 5.0, -2.0])
    (draws,) = resampled([scores], 20_000, np.random.default_rng(3))
    means, variance = draws.mean(axis=1), scores.var() / len(scores)
    assert abs(means.mean() - scores.mean()) < 4 * np.sqrt(variance / len(means))
    squares = (means - scores.mean()) ** 2
    assert abs(squares.mean() - variance) < 4 * squares.std() / np.sqrt(len(means))


def test_seeds_are_resampled_within_their_market_alone():
    still = [np.zeros(3), np.ones(3)]  # all the difference is between the markets, so no resample moves the mean
    assert interval(MEAN, still) == (0.5, 0.5, 0.5)
    first, second = resampled([np.arange(3.0), 10 + np.arange(5.0)], 100, np.random.default_rng(0))
    assert (first.shape, second.shape) == ((100, 3), (100, 5))
    assert first.max() < 10 <= second.min()


def test_one_seed_has_an_interval_of_no_width():
    assert interval(pooled_iqm, [np.array([0.7])]) == (0.7, 0.7, 0.7)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    scores = [np.random.default_rng(0).normal(size=10)]
    assert interval(pooled_iqm, scores, seed=1) == interval(pooled_iqm, scores, seed=1)
    assert interval(pooled_iqm, scores, seed=1) != interval(pooled_iqm, scores, seed=2)


def test_a_curve_has_a_figure_and_an_interval_at_every_place():
    curves = np.array([[0.0, 1.0, 2.0], [0.0, 3.0, 2.0], [0.0, 5.0, 2.0]])
    found = interval(curve_iqm, [curves])
    np.testing.assert_allclose(found.value, [0.0, 3.0, 2.0])
    np.testing.assert_allclose(found.low[[0, 2]], [0.0, 2.0])
    assert found.low[1] < 3.0 < found.high[1]


def test_a_profile_is_the_share_of_runs_above_each_level_every_market_alike():
    levels = np.array([-1.0, 0.0, 0.4, 0.5, 2.0])
    scores = [np.array([0.0, 1.0]), np.array([0.5, 0.5, 0.5, 1.0])]
    # market one: 1, 1/2, 1/2, 1/2, 0 (0 is not above 0); market two: 1, 1, 1, 1/4, 0
    expected = [1.0, 0.75, 0.75, 0.375, 0.0]
    np.testing.assert_allclose(interval(profile(levels), scores).value, expected)
    assert np.all(np.diff(interval(profile(levels), scores).low) <= 0)


def test_the_probability_of_improvement_counts_ties_half():
    # pairs (x, y) of {1, 2} and {1, 3}: a tie, a loss, a win, a loss
    assert improvement([np.array([1.0, 2.0])], [np.array([1.0, 3.0])]).value == pytest.approx(1.5 / 4)
    assert improvement([np.ones(3)], [np.ones(2)]) == (0.5, 0.5, 0.5)
    assert improvement([np.ones(2)], [np.zeros(2)]) == (1.0, 1.0, 1.0)


def test_the_probability_of_improvement_is_the_mean_over_markets_and_the_rest_of_the_other_way():
    random = np.random.default_rng(5)
    x, y = [random.normal(size=3), random.normal(size=4)], [random.normal(size=6), random.normal(size=2)]
    there, back = improvement(x, y), improvement(y, x)
    by_hand = np.mean([np.mean([a > b for a in xs for b in ys]) for xs, ys in zip(x, y, strict=True)])
    assert there.value == pytest.approx(by_hand)
    assert there.value + back.value == pytest.approx(1.0)


@pytest.mark.parametrize("scores", [[], [np.ones(2), np.array([])]])
def test_a_market_without_a_score_is_refused(scores):
    with pytest.raises(ValueError, match="at least one seed of each market"):
        interval(pooled_iqm, scores)


def test_other_markets_are_refused():
    with pytest.raises(ValueError, match="the same markets, got 1 and 2"):
        improvement([np.ones(2)], [np.ones(2), np.ones(2)])
