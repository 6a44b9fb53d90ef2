"""Moments of Hawkes processes: closed forms in one dimension, laws in several, and Ogata's thinning in plain Python."""

import math
import random
import re

import numpy as np
import pytest

from mm_env.venue.order_book.hawkes_law import HawkesLaw, spectral_radius
from tests.worlds import within

CROSS = HawkesLaw([0.7, 0.4], [[0.3, 0.5], [0.2, 0.1]], [2.0, 0.8])
THREE = HawkesLaw([0.5, 0.0, 0.2], [[0.2, 0.6, 0.0], [0.7, 0.0, 0.1], [0.0, 0.3, 0.4]], 1.5)


def variance_of_counts(base, n, decay, window):
    """Var N(T) = rate T / (1 - n)^2 + rate n (n - 2) (1 - exp(-c T)) / (c (1 - n)^2), c = decay (1 - n); Hawkes 1971."""
    rate, gap, fades = base / (1.0 - n), (1.0 - n) ** 2, decay * (1.0 - n)
    return rate * (window + n * (2.0 - n) * math.expm1(-fades * window) / fades) / gap


@pytest.mark.parametrize("n", [0.0, 0.4, 0.95])
def test_one_kind(n):
    law, rate = HawkesLaw(1.2, n, 3.0), 1.2 / (1.0 - n)
    assert law.rate == pytest.approx(rate)
    assert law.intensity_covariance[0, 0] == pytest.approx(rate * (3.0 * n) ** 2 / (6.0 * (1.0 - n)))
    for window in (0.01, 1.0, 50.0):
        found = law.count_covariance(window)[0, 0]
        assert found == pytest.approx(variance_of_counts(1.2, n, 3.0, window), rel=1e-10)


def test_kinds_that_are_alike_are_one():
    """Two kinds that excite both alike add up to one with twice the base, all events of which excite all."""
    twins = HawkesLaw([0.6, 0.6], [[0.2, 0.2], [0.2, 0.2]], 3.0)
    one = HawkesLaw(1.2, 0.4, 3.0)
    assert twins.count_covariance(2.0).sum() == pytest.approx(one.count_covariance(2.0)[0, 0])
    assert twins.intensity_covariance.sum() == pytest.approx(one.intensity_covariance[0, 0])


@pytest.mark.parametrize("law", [CROSS, THREE])
def test_a_long_window(law):
    """Cov[N(T)] / T tends to (I - K)^-1 diag(rate) (I - K')^-1, whatever the decays."""
    reach = np.linalg.inv(np.eye(len(law.base)) - law.branching)
    step = law.count_covariance(501.0) - law.count_covariance(500.0)  # what is constant falls out
    np.testing.assert_allclose(step, reach * law.rate @ reach.T, rtol=1e-7)


def test_what_an_event_brings():
    """Of one kind n (1 - exp(-decay (1 - n) T)) / (1 - n); in the long run all descendants, (I - K)^-1 - I."""
    expected = 0.4 * (1.0 - math.exp(-3.0 * 0.6 * 0.7)) / 0.6
    assert HawkesLaw(1.2, 0.4, 3.0).brought_within(0.7)[0, 0] == pytest.approx(expected)
    for law in (CROSS, THREE):
        descendants = np.linalg.inv(np.eye(len(law.base)) - law.branching) - np.eye(len(law.base))
        np.testing.assert_allclose(law.brought_within(1e3), descendants, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            law.brought_within(1e-6), law.decay[:, None] * law.branching * 1e-6, rtol=1e-5, atol=1e-11
        )
        assert (law.brought_within(0.0) == 0.0).all()


def test_a_short_window():
    """Cov[N(T)] = diag(rate) T + (S + (B K diag(rate) + its transpose) / 2) T^2 + O(T^3)."""
    kicks = CROSS.decay[:, None] * CROSS.branching * CROSS.rate
    second = CROSS.intensity_covariance + 0.5 * (kicks + kicks.T)
    for window in (1e-4, 1e-5):
        found = (CROSS.count_covariance(window) - np.diag(CROSS.rate * window)) / window**2
        np.testing.assert_allclose(found, second, rtol=5.0 * window)


def test_by_small_steps():
    """Euler's scheme for the moments of (lambda, N), started without an event: rate, Cov[lambda] and Cov[N]."""
    drift = CROSS.decay[:, None] * (CROSS.branching - np.eye(2))
    kicks, dt = CROSS.decay[:, None] * CROSS.branching, 1e-3
    mean, spread = CROSS.base.copy(), np.zeros((2, 2))
    for _ in range(50_000):  # what is left of the start fades as exp(-0.55 t)
        spread = spread + dt * (drift @ spread + spread @ drift.T + kicks * mean @ kicks.T)
        mean = mean + dt * (CROSS.decay * CROSS.base + drift @ mean)
    np.testing.assert_allclose(mean, CROSS.rate, rtol=1e-6)
    np.testing.assert_allclose(spread, CROSS.intensity_covariance, rtol=1e-6)
    joint, counts = np.zeros((2, 2)), np.zeros((2, 2))
    for _ in range(1_000):
        counts = counts + dt * (joint + joint.T + np.diag(mean))
        joint = joint + dt * (drift @ joint + spread + kicks * mean)
    np.testing.assert_allclose(counts, CROSS.count_covariance(1.0), rtol=2e-3)


def thinned(law, burn, window, rng):
    """One path by Ogata's thinning, event by event: the intensities at the end of the burn-in, and the counts after it."""
    base, jump = law.base.tolist(), (law.decay[:, None] * law.branching).tolist()
    decay, kinds = law.decay.tolist(), range(len(law.base))
    excited, now, counts, before = [0.0 for _ in kinds], 0.0, [0 for _ in kinds], None
    while True:
        most = sum(base) + sum(excited)  # intensities only fall until the next event
        wait = rng.expovariate(most)
        if before is None and now + wait > burn:
            before = [base[m] + excited[m] * math.exp(-decay[m] * (burn - now)) for m in kinds]
        if now + wait > burn + window:
            return before, counts
        now += wait
        excited = [excited[m] * math.exp(-decay[m] * wait) for m in kinds]
        intensity = [base[m] + excited[m] for m in kinds]
        if rng.random() * most < sum(intensity):
            (kind,) = rng.choices(kinds, intensity)
            excited = [excited[m] + jump[m][kind] for m in kinds]
            counts[kind] += now > burn


def test_against_thinning():
    """Independent paths: means, and products of what is over or under the mean."""
    rng = random.Random(0)
    paths = [thinned(CROSS, 20.0, 2.0, rng) for _ in range(4_000)]
    intensity, counts = np.array([p[0] for p in paths]), np.array([p[1] for p in paths])
    for sample, mean, covariance in (
        (intensity, CROSS.rate, CROSS.intensity_covariance),
        (counts, 2.0 * CROSS.rate, CROSS.count_covariance(2.0)),
    ):
        over = sample - mean
        for m, n in ((0, 0), (0, 1), (1, 1)):
            assert within(sample[:, m], mean[m])
            assert within(over[:, m] * over[:, n], covariance[m, n])


def test_spectral_radius():
    assert spectral_radius([[0.2, 0.2], [0.2, 0.2]]) == pytest.approx(0.4)
    assert spectral_radius([[0.0, 2.0], [0.02, 0.0]]) == pytest.approx(0.2)  # a pair of opposite signs


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (([1.0, 1.0], [[0.5, 0.6], [0.6, 0.5]], 1.0), "HawkesLaw.branching must have a spectral radius < 1, got 1.1"),
        ((1.0, 1.0, 1.0), "HawkesLaw.branching must have a spectral radius < 1, got 1"),
        (([1.0, 1.0], 0.5, 1.0), "HawkesLaw.branching must be (2, 2), got (1, 1)"),
        ((-1.0, 0.5, 1.0), "HawkesLaw.base must be >= 0, got -1.0"),
        ((1.0, -0.5, 1.0), "HawkesLaw.branching must be >= 0, got -0.5"),
        ((1.0, 0.5, 0.0), "HawkesLaw.decay must be > 0, got 0.0"),
    ],
)
def test_mistakes(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        HawkesLaw(*parameters)
