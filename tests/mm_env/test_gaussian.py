"""The standard normal law: errors against extended precision and scipy, and the same bits once compiled."""

import math

import numpy as np
import pytest
from scipy.special import erfcx, ndtr

from mm_env.core import engine
from mm_env.core.gaussian import mills_ratio, normal_cdf, normal_pdf
from tests.worlds import same_bits


def fill_values(inputs, values):
    """Compiled below: every function on each input."""
    for i in range(inputs.shape[0]):
        values[0, i], values[1, i], values[2, i] = (
            normal_pdf(inputs[i]),
            normal_cdf(inputs[i]),
            mills_ratio(abs(inputs[i])),
        )


def inputs(n):
    random = np.random.default_rng(0)
    return np.concatenate(
        [random.uniform(-37.5, 37.5, n), random.normal(0, 1, n), 10.0 ** -random.uniform(0, 20, n), [0.0, -37.5]]
    )


def relative_error(found, exact):
    return float(np.max(np.abs(np.asarray(found, np.longdouble) / exact - 1)))


def test_density_is_within_two_units_in_the_last_place():
    x = inputs(5_000)
    wide = x.astype(np.longdouble)
    exact = np.exp(-wide * wide / 2) / np.sqrt(2 * np.longdouble("3.14159265358979323846264338327950288"))
    assert relative_error([normal_pdf(v) for v in x.tolist()], exact) <= 4.5e-16


def test_mills_ratio_is_that_of_scipys_scaled_error_function():
    x = np.concatenate([np.abs(inputs(3_000)), [1e3, 1e8, 1e14]])
    exact = math.sqrt(math.pi / 2) * erfcx(x / math.sqrt(2))
    assert relative_error([mills_ratio(v) for v in x.tolist()], exact) <= 2e-15  # ours 4e-16, scipy's the rest
    assert mills_ratio(0.0) == pytest.approx(math.sqrt(math.pi / 2), rel=4e-16)


def test_distribution_function_has_every_digit_far_into_the_tail():
    x = inputs(3_000)
    found = np.array([normal_cdf(v) for v in x.tolist()])
    assert np.abs(found - ndtr(x)).max() <= 4.5e-16  # four roundings below 1
    tail = x < 0.0
    assert relative_error(found[tail], ndtr(x[tail])) <= 5e-13  # scipy's: it loses x^2 / 2 roundings of an exponent
    known = {-1.0: 0.15865525393145705, -5.0: 2.866515718791939e-07, -10.0: 7.619853024160527e-24,
             -37.0: 5.725571222524577e-300}  # fmt: skip
    for point, exact in known.items():
        assert normal_cdf(point) == pytest.approx(exact, rel=1e-15)
        assert normal_cdf(-point) == 1.0 - normal_cdf(point)


def test_it_ends_in_0_and_1():
    assert [normal_cdf(x) for x in (-math.inf, -1e300, -37.6, 40.0, math.inf)] == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert [normal_pdf(x) for x in (-math.inf, 37.6, 1e300)] == [0.0, 0.0, 0.0]


def test_machine_code_gives_the_same_bits_as_python():
    x = inputs(2_000)
    plain, fast = np.zeros((2, 3, len(x)))
    fill_values(x, plain)
    engine.run(fill_values, x, fast)
    assert same_bits(fast, plain)
