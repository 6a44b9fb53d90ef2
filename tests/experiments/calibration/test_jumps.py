"""Realised against bipower variance on days of known law: a diffusion has no jumps, and jumps are told with their share."""

import numpy as np
import pytest
from scipy.stats import kstest

from experiments.calibration.daytime import by_time_of_day
from experiments.calibration.jumps import detected, jumps, multipower, of_returns
from mm_env.data.lobster import read
from tests.recordings import dealer_tape

N, STEP = 780, 30.0


def diffused(seed, n=N, sigma=0.02):
    return sigma * STEP**0.5 * np.random.default_rng(seed).normal(size=n)


def jumping(seed, count, size, n=N):
    """A diffusion and `count` jumps of `size`, up or down, apart from each other."""
    random, returns = np.random.default_rng(seed), diffused(seed, n)
    places = random.permutation(n // 10)[:count] * 10 + 5
    returns[places] += size * random.choice([-1.0, 1.0], count)
    return returns


def test_multipower_is_the_sum_of_products_of_neighbours():
    sizes = np.abs(diffused(0, 7))
    products = sum(sizes[i] * sizes[i + 1] for i in range(6))
    assert multipower(sizes, 2, 1.0) == pytest.approx(np.pi / 2.0 * 7.0 / 6.0 * products, rel=1e-14)
    assert multipower(sizes, 1, 2.0) == pytest.approx((sizes**2).sum(), rel=1e-14)


def test_of_a_diffusion_both_variances_are_its_own_and_the_statistic_is_standard_normal():
    found = [of_returns(diffused(seed, 4000), STEP) for seed in range(300)]
    truth = 4000 * STEP * 0.02**2
    for name in ("realised", "bipower"):
        off = np.array([(getattr(one, name).value - truth) / getattr(one, name).error for one in found])
        assert abs(off.mean()) < 4.0 / 300**0.5
        assert abs(off.std() - 1.0) < 4.0 / 600**0.5
    assert kstest([one.statistic for one in found], "norm").pvalue > 1e-3


def test_of_a_volatility_that_changes_it_is_so_too():
    wave = 1.0 + 0.8 * np.sin(np.linspace(0.0, 6.0 * np.pi, 4000))
    off = np.array([of_returns(wave * diffused(seed, 4000), STEP).statistic for seed in range(300)])
    assert abs(off.mean()) < 4.0 / 300**0.5 + 0.05
    assert abs(off.std() - 1.0) < 4.0 / 600**0.5


def test_the_share_of_jumps_is_recovered():
    size, count = 8.0 * 0.02 * STEP**0.5, 12
    found = [of_returns(jumping(seed, count, size, 4000), STEP) for seed in range(50)]
    truth = count * size**2 / (count * size**2 + 4000 * STEP * 0.02**2)
    mean = np.mean([one.share.value for one in found])
    error = np.mean([one.share.error for one in found]) / 50**0.5
    bias = (
        2.0 * count * np.pi / 2.0 * (2.0 / np.pi) ** 0.5 * size * 0.02 * STEP**0.5
    )  # of bipower: jumps times neighbours
    whole = count * size**2 + 4000 * STEP * 0.02**2
    assert truth - 1.2 * bias / whole - 4.0 * error < mean < truth + 4.0 * error
    assert all(one.p_value < 1e-3 for one in found)


def test_jumps_are_told_one_by_one_with_their_size_and_what_is_left_is_the_diffusion():
    size = 10.0 * 0.02 * STEP**0.5
    found = [of_returns(jumping(seed, 6, size), STEP) for seed in range(50)]
    counts = np.array([len(one.found) for one in found])
    assert 5.9 < counts.mean() < 6.1
    assert np.mean([one.size for one in found]) == pytest.approx(size, rel=0.03)
    sigmas = np.array([one.sigma.value for one in found])
    assert abs(sigmas.mean() - 0.02) < 4.0 * sigmas.std() / 50**0.5 + 2e-4
    assert found[0].rate.value == pytest.approx(counts[0] / (N * STEP))


def test_of_days_without_jumps_one_in_a_hundred_has_one():
    days = sum(len(detected(diffused(seed))) > 0 for seed in range(1000))
    assert days < 10 + 40  # the local volatility is an estimate: up to five times as many


def test_the_unit_of_the_price_does_not_matter():
    ours, theirs = of_returns(jumping(3, 5, 0.8), STEP), of_returns(100.0 * jumping(3, 5, 0.8), STEP)
    assert theirs.share == pytest.approx(ours.share)
    assert theirs.sigma == pytest.approx(tuple(100.0 * x for x in ours.sigma))
    assert len(theirs.found) == len(ours.found)


def test_a_coarse_tick_is_said():
    returns = np.round(diffused(0) / 0.2) * 0.2
    assert "takes from bipower variance; a longer settings.sampling tells jumps" in of_returns(returns, STEP).remark
    assert of_returns(diffused(0), STEP).remark == ""


@pytest.mark.parametrize(("returns", "message"), [
    (np.ones(39), "40 returns of 30 s and 20 other than 0 are needed, got 39 and 39"),
    (np.zeros(100), "40 returns of 30 s and 20 other than 0 are needed, got 100 and 0"),
    (np.tile([1.0, 0.0], 50), "no two returns of 30 s in a row differ from 0"),
])  # fmt: skip
def test_too_few_returns_are_refused(returns, message):
    with pytest.raises(ValueError, match=message):
        of_returns(returns, STEP)


def test_the_dealers_mid_has_no_jumps_and_one_volatility_all_day(tmp_path):
    day = read(dealer_tape(0, 5000, 0.2, 20.0, 0.02).save(tmp_path))
    found, parts = jumps(day, 5.0), by_time_of_day(day, 5.0, 1000.0)
    assert abs(found.statistic) < 4.0
    assert [(part.start, part.end) for part in parts] == [(1000.0 * i, 1000.0 * (i + 1)) for i in range(5)]
    assert parts[1].label == "16.6667 to 33.3333 min"
    assert all(abs(part.sigma.value - 0.02) < 4.0 * part.sigma.error for part in parts)
    assert len(by_time_of_day(day, 5.0, 1800.0)) == 3
    assert by_time_of_day(day, 5.0, 1800.0)[-1].end == pytest.approx(5000.0, abs=2.0)
