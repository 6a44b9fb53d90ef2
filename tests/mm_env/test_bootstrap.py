"""The block bootstrap against its exact law: the variance of the mean over blocks of a circle; and what windows it is of."""

import numpy as np
import pytest

from mm_env.bootstrap import BLOCK, RESAMPLES, SEED, block_means, half_width, interval


def ranks(n):
    return np.sort(np.random.default_rng(0).normal(size=n))  # each much like its neighbours


@pytest.mark.parametrize("block", [1, 3, 6, 24])
def test_the_variance_is_that_of_the_mean_of_independent_blocks(block):
    values, resamples = ranks(24), 40_000
    circle = np.array([np.roll(values, -start)[:block].mean() for start in range(24)])
    exact = circle.var() * block / 24
    means = block_means(values, block, resamples, seed=1)
    squares = (means - values.mean()) ** 2
    assert abs(squares.mean() - exact) <= 4 * squares.std() / np.sqrt(resamples) + 1e-15


def test_what_is_over_is_cut_off():
    means = block_means(np.arange(5.0), 3, 2_000, seed=0)
    blocks = [np.roll(np.arange(5.0), -start)[:3] for start in range(5)]
    possible = {float(np.r_[one, other][:5].mean()) for one in blocks for other in blocks}
    assert {float(mean) for mean in means} == possible


def test_neighbours_that_are_alike_widen_the_interval():
    low, high = interval(ranks(40), 8, 4_000, seed=0)
    narrow_low, narrow_high = interval(ranks(40), 1, 4_000, seed=0)
    assert low < narrow_low < ranks(40).mean() < narrow_high < high


@pytest.mark.parametrize("block", [0, 6])
def test_a_block_must_fit(block):
    with pytest.raises(ValueError, match=rf"block must hold from 1 to all 5 windows, got {block}"):
        block_means(np.zeros(5), block, 10, seed=0)


# over recorded windows

WINDOWS = np.arange(22)


def test_windows_played_once_have_the_interval_of_their_means():
    values = np.random.default_rng(1).normal(size=22)
    low, high = interval(values, BLOCK, RESAMPLES, SEED)
    assert half_width(values, WINDOWS) == 0.5 * (high - low)


@pytest.mark.parametrize("times", [2, 900])
def test_a_window_played_again_tells_nothing_new(times):
    values = np.random.default_rng(1).normal(size=22)
    again, order = np.tile(values, times), np.random.default_rng(2).permutation(22 * times)
    assert half_width(again[order], np.tile(WINDOWS, times)[order]) == pytest.approx(half_width(values, WINDOWS))


def test_the_numbers_of_the_windows_order_them_whatever_they_are():
    values = ranks(22)
    assert half_width(values[::-1], 7 * WINDOWS[::-1] + 3) == half_width(values, WINDOWS)


def test_a_single_window_has_no_interval_and_few_have_one():
    assert np.isnan(half_width(np.arange(5.0), np.zeros(5, np.int64)))
    assert half_width(np.array([1.0, 2.0]), np.arange(2)) > 0.0


def test_the_interval_covers_the_mean_of_what_windows_are_drawn_from():
    """Of 40 windows each like its neighbour (a moving average of two), played three times each."""
    random, covered = np.random.default_rng(3), []
    for _ in range(200):
        noise = random.normal(size=41)
        values = np.repeat(noise[:-1] + noise[1:], 3)
        covered.append(abs(values.mean()) <= half_width(values - values.mean(), np.repeat(np.arange(40), 3)))
    assert 0.85 < np.mean(covered) < 0.97  # blocks of two see half of what neighbours share
