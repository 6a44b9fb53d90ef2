"""Two regimes of volatility: the likelihood by enumeration, EM that never falls, parameters that come back."""

from itertools import pairwise, product

import numpy as np
import pytest

from experiments.calibration.em import STARTS, expected, maximised
from experiments.calibration.regime_likelihood import smooth
from experiments.calibration.regimes import of_returns, regimes
from mm_env.core import engine
from mm_env.data.lobster import read
from tests.recordings import dealer_tape

STEP, SIGMA, RATES = 30.0, (0.015, 0.045), (0.001, 0.004)


def switching(seed, n=3000):
    """Returns of a chain in continuous time that is looked at every STEP."""
    random = np.random.default_rng(seed)
    total = sum(RATES)
    moved = -np.expm1(-total * STEP) * np.array(RATES) / total
    regime, path = 0, []
    for _ in range(n):
        path.append(regime)
        regime ^= int(random.random() < moved[regime])
    return np.array(SIGMA)[path] * STEP**0.5 * random.normal(size=n), np.array(path)


def arrays(n, regimes=2):
    return np.empty((n, regimes)), np.empty((n, regimes)), np.empty((regimes, regimes))


def test_the_likelihood_and_the_weights_are_the_sums_over_all_paths():
    random = np.random.default_rng(0)
    density, chain, first = random.uniform(0.1, 1.0, (6, 2)), np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0.4, 0.6])
    forward, weight, moved = arrays(6)
    found = smooth(density, chain, first, forward, weight, moved)
    total, weights, moves = 0.0, np.zeros((6, 2)), np.zeros((2, 2))
    for path in product(range(2), repeat=6):
        p = first[path[0]] * np.prod([chain[a, b] for a, b in pairwise(path)])
        p *= np.prod([density[i, r] for i, r in enumerate(path)])
        total += p
        for i, r in enumerate(path):
            weights[i, r] += p
        for a, b in pairwise(path):
            moves[a, b] += p
    assert found == pytest.approx(np.log(total), rel=1e-12)
    assert weight == pytest.approx(weights / total, rel=1e-12)
    assert moved == pytest.approx(moves / total, rel=1e-12)


def test_machine_code_does_what_the_rule_does():
    random = np.random.default_rng(1)
    density, chain, first = random.uniform(0.1, 1.0, (50, 2)), np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0.5, 0.5])
    ours, theirs = arrays(50), arrays(50)
    assert engine.run(smooth, density, chain, first, *theirs) == pytest.approx(
        smooth(density, chain, first, *ours), rel=1e-14
    )
    for mine, other in zip(ours, theirs, strict=True):
        assert other == pytest.approx(mine, rel=1e-12)


@pytest.mark.parametrize("start", STARTS)
def test_the_likelihood_never_falls_in_em(start):
    returns, _ = switching(0, 800)
    found = np.array(maximised(returns, *start, 0.0)[1])
    assert (np.diff(found) > -1e-9).all()
    assert len(found) > 5


def test_at_its_end_no_small_move_of_a_parameter_is_better():
    returns, _ = switching(1, 2000)
    best, _ = maximised(returns, *STARTS[0], 0.0)
    for factor in (0.97, 1.03):
        for i in range(2):
            variance, chain = best.variance.copy(), best.chain.copy()
            variance[i] *= factor
            assert expected(returns, variance, best.chain).log_likelihood < best.log_likelihood
            chain[i, 1 - i] *= factor
            chain[i, i] = 1.0 - chain[i, 1 - i]
            assert expected(returns, best.variance, chain).log_likelihood < best.log_likelihood


def test_the_parameters_come_back_within_their_errors():
    found = [of_returns(switching(seed)[0], STEP) for seed in range(20)]
    for one in found:
        assert all(abs(s.value - truth) < 4.0 * s.error for s, truth in zip(one.sigma, SIGMA))
        assert all(abs(np.log(r.value / truth)) < 4.0 * r.error / r.value for r, truth in zip(one.rate, RATES))
        assert one.criterion > 0.0
        assert one.at_best >= 1
        assert one.remarks == []
    off = np.array([[(s.value - truth) / s.error for s, truth in zip(one.sigma, SIGMA)] for one in found])
    assert (np.abs(off.mean(axis=0)) < 4.0 / 20**0.5).all()
    assert ((off.std(axis=0) > 0.4) & (off.std(axis=0) < 1.7)).all()


def test_the_turbulent_returns_are_told():
    returns, path = switching(0)
    found = of_returns(returns, STEP)
    assert ((found.turbulent > 0.5) == (path == 1)).mean() > 0.93
    assert found.turbulent.mean() == pytest.approx(path.mean(), abs=0.05)
    assert found.share == pytest.approx(RATES[0] / sum(RATES), abs=0.1)


def test_one_regime_is_not_taken_for_two():
    random = np.random.default_rng(0)
    found = [of_returns(0.1 * random.normal(size=400), STEP) for _ in range(10)]
    assert all(one.likelihood_ratio > -1e-6 for one in found)
    assert sum(one.criterion > 0.0 for one in found) <= 1
    assert "two regimes are not told from one by Schwarz's criterion" in found[0].remarks


def test_the_likelihood_of_one_regime_is_the_normals():
    returns = switching(0)[0]
    variance = (returns**2).mean()
    normal = -0.5 * len(returns) * (np.log(2.0 * np.pi * variance) + 1.0)
    assert of_returns(returns, STEP).one_regime == pytest.approx(normal, rel=1e-12)


def test_a_mid_that_stands_still_is_no_regime_of_no_variance():
    random = np.random.default_rng(0)
    returns = np.where(random.random(1000) < 0.6, 0.0, 0.05 * random.normal(size=1000))
    found = of_returns(returns, STEP, 1e-6)
    assert found.still
    assert found.sigma[0].value == pytest.approx((1e-6 / STEP) ** 0.5, rel=1e-9)
    assert "stands still" in found.remarks[0] + found.remarks[-1]


def test_too_few_returns_are_refused():
    with pytest.raises(ValueError, match="100 returns of 30 s and 50 other than 0 are needed, got 99 and 99"):
        of_returns(np.ones(99), STEP)


def test_orders_are_counted_by_regime(tmp_path):
    day = read(dealer_tape(0, 3000, 0.3, 20.0, 0.02).save(tmp_path))
    found = regimes(day, 5.0)
    assert found.returns == len(found.start) == 600
    for one in found.orders:
        assert abs(one.value - 0.6) < 4.0 * one.error
