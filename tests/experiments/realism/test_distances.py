"""Distances against scipy's, against bins counted by hand, and of a sample from itself."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from experiments.evaluation.realism.distances import BINS, Distance, edges, score


def stretches(seed, number, shift=0.0, whole=False):
    random = np.random.default_rng(seed)
    made = [random.normal(shift, 2.0, random.integers(5, 60)) for _ in range(number)]
    return [np.rint(x) for x in made] if whole else made


@pytest.mark.parametrize("whole", [True, False])
def test_wasserstein_is_scipys_of_both_samples_brought_to_one_scale(whole):
    real, made = stretches(1, 6, whole=whole), stretches(2, 9, 0.7, whole)
    p, q = np.concatenate(real), np.concatenate(made)
    scale = np.r_[p, q].std()
    assert score(real, made, whole, 3).wasserstein.value == pytest.approx(wasserstein_distance(p / scale, q / scale))


def test_total_variation_of_a_discrete_figure_is_half_the_sum_over_its_values():
    real, made = stretches(1, 6, whole=True), stretches(2, 9, 0.7, True)
    p, q = np.concatenate(real), np.concatenate(made)
    by_hand = 0.5 * sum(abs((p == x).mean() - (q == x).mean()) for x in set(p) | set(q))
    assert score(real, made, True, 3).l1.value == pytest.approx(by_hand)


def test_bins_are_numpys_of_freedman_and_diaconis():
    pooled = np.concatenate(stretches(3, 20))
    np.testing.assert_allclose(edges(pooled), np.histogram_bin_edges(pooled, "fd")[1:-1])
    real, made = stretches(4, 8), stretches(5, 8, 1.0)
    both = np.histogram_bin_edges(np.concatenate([*real, *made]), "fd")
    p, q = (np.histogram(np.concatenate(x), both)[0] / sum(map(len, x)) for x in (real, made))
    assert score(real, made, False, 3).l1.value == pytest.approx(0.5 * np.abs(p - q).sum())


def test_bins_are_bounded_and_one_where_half_of_all_values_are_the_same():
    assert len(edges(np.r_[np.linspace(0.0, 1.0, 1_000), 1e9])) == BINS - 1
    assert len(edges(np.r_[np.zeros(90), 1.0, 2.0])) == 0


@pytest.mark.parametrize("discrete", [True, False])
def test_a_sample_is_at_no_distance_from_itself(discrete):
    real = stretches(1, 6, whole=discrete)
    found = score(real, real, discrete, 3)
    assert found.l1.value == 0.0
    assert found.wasserstein.value < 1e-12


def test_samples_that_share_no_value_are_as_far_as_can_be_and_wasserstein_grows_with_the_shift():
    real = [np.zeros(10), np.ones(10)]
    found = score(real, [x + 5.0 for x in real], True, 20)
    assert found.l1.value == 1.0
    assert found.wasserstein.value == pytest.approx(5.0 / np.sqrt(0.25 + 2.5**2))


def test_the_interval_of_stretches_is_wider_than_that_of_single_values_that_depend_on_their_stretch():
    """Each stretch has a level of its own: two samples of one law differ by what their few stretches are."""
    random = np.random.default_rng(0)
    levels = random.normal(size=(2, 12))
    real, made = ([np.full(500, x) for x in row] for row in levels)
    by_stretch = score(real, made, False, 200).wasserstein
    single = score(
        [np.array([x]) for x in np.concatenate(real)], [np.array([x]) for x in np.concatenate(made)], False, 50
    )
    width = [high - low for low, high in (by_stretch.interval, single.wasserstein.interval)]
    assert width[0] > 5.0 * width[1]


def test_a_figure_without_a_value_is_at_distance_one():
    found = score([np.zeros(3)], [np.zeros(0)], True, 4)
    assert found.l1.value == 1.0
    assert np.isnan(found.wasserstein.value)


def test_the_mean_of_distances_leaves_out_those_that_are_no_numbers():
    one, other = Distance(1.0, np.array([1.0, 3.0])), Distance(np.nan, np.array([np.nan, np.nan]))
    mean = Distance.mean([one, other, Distance(3.0, np.array([3.0, 3.0]))])
    assert mean.value == 2.0
    assert mean.drawn.tolist() == [2.0, 3.0]


def test_a_book_of_one_size_is_not_near_a_day_of_many():
    """The pooled quartiles are one value, whose single bin would hold both."""
    random = np.random.default_rng(0)
    real, made = [random.normal(size=200)], [np.zeros(2_000)]
    assert score(real, made, False, 2).l1.value > 0.8
    assert score([np.r_[np.zeros(90), 1.0]], [np.zeros(90)], False, 2).l1.value == pytest.approx(1.0 / 91.0)
