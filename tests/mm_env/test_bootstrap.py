"""The block bootstrap against its exact law: the variance of the mean over blocks of a circle."""

import numpy as np
import pytest

from mm_env.bootstrap import block_means, interval


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
