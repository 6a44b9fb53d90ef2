"""Scalar functions: errors in units of the last place against extended precision, and the same bits once compiled."""

import math

import numpy as np
import pytest

from mm_env import scalar
from mm_env.core import engine
from mm_env.core.maths import SCALARS, clip, cos_turn, exp, exponential, log, normal, power_of_two, split
from mm_env.core.noise import uniforms
from tests.worlds import same_bits, within

PI = np.longdouble("3.14159265358979323846264338327950288")


def fill_values(inputs, turns, values):
    """Compiled below: every function of `maths` on each input."""
    for i in range(inputs.shape[0]):
        x, turn = inputs[i], turns[i]
        mantissa, exponent = split(abs(x))
        values[0, i], values[1, i], values[2, i], values[3, i] = exp(x), log(abs(x)), cos_turn(turn), mantissa
        values[4, i], values[5, i] = normal((turn, 1.0 - turn)), exponential(turn)
        values[6, i], values[7, i] = clip(x, -2.0, 5.0), exponent


def compiled_values(inputs, turns):
    values = np.zeros((8, len(inputs)))
    engine.compiled(fill_values, inputs, turns, values)(inputs, turns, values)
    return values


def ulps(found, exact):
    """The error in units of the last place of `exact` (extended precision)."""
    return np.abs(np.asarray(found, np.longdouble) - exact) / np.spacing(np.abs(exact.astype(np.float64)))


def test_exp_is_within_one_unit_in_the_last_place():
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(-708, 709, 20_000), random.uniform(-1, 1, 20_000), [0.0, 1e-300, -708, 709]])
    assert ulps([exp(v) for v in x.tolist()], np.exp(x.astype(np.longdouble))).max() <= 1.0


def test_exp_saturates_instead_of_running_to_0_and_infinity():
    assert exp(1e4) == exp(math.inf) == exp(709.0) < math.inf
    assert exp(-1e4) == exp(-math.inf) == exp(-708.0) > 0.0
    assert exp(0.0) == 1.0


def test_log_is_within_one_unit_in_the_last_place():
    random = np.random.default_rng(1)
    x = np.concatenate([
        10.0 ** random.uniform(-307, 308, 20_000), random.uniform(0.5, 2.0, 20_000),
        1.0 + random.uniform(-1e-6, 1e-6, 1_000), [2.0**-33, 1.0 - 2.0**-33, math.sqrt(2.0), 2.0**-1022],
    ])  # fmt: skip
    assert ulps([log(v) for v in x.tolist()], np.log(x.astype(np.longdouble))).max() <= 1.0
    assert log(1.0) == 0.0


def test_cos_turn_is_within_three_roundings_of_a_number_near_one():
    turns = np.append(np.random.default_rng(2).uniform(0, 1, 40_000), [0.0, 0.25, 0.5, 0.75, 1.0])
    exact = np.cos(2 * PI * turns.astype(np.longdouble))
    assert np.abs(np.array([cos_turn(v) for v in turns.tolist()]) - exact).max() <= 3 * 2.0**-53


@pytest.mark.parametrize("exponent", [-1022, -1, 0, 1, 52, 1023])
def test_power_of_two_and_split_are_exact(exponent):
    assert power_of_two(exponent) == 2.0**exponent
    assert split(1.7 * 2.0**exponent) == (1.7, float(exponent))


def test_clip_holds_inside_the_interval():
    assert [clip(x, -1.0, 2.0) for x in (-3.0, -1.0, 0.5, 2.0, math.inf)] == [-1.0, -1.0, 0.5, 2.0, 2.0]


def test_machine_code_gives_the_same_bits_as_python():
    random = np.random.default_rng(3)
    inputs = np.concatenate(
        [random.uniform(-800, 800, 5_000), random.normal(0, 1, 5_000), 10.0 ** -random.uniform(0, 300, 500)]
    )
    turns = random.uniform(0, 1, len(inputs))
    plain = np.zeros((8, len(inputs)))
    fill_values(inputs, turns, plain)
    assert same_bits(compiled_values(inputs, turns), plain)


def test_normal_is_box_and_mullers():
    for u, v in np.random.default_rng(4).uniform(0, 1, (1_000, 2)).tolist():
        assert normal((u, v)) == pytest.approx(math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v), abs=1e-14)


def test_normals_of_the_generator_have_the_moments_of_a_standard_normal():
    first, second = uniforms(1, np.arange(100_000), 0, 0, 0)[:2]
    z = np.array([normal(pair) for pair in zip(first.tolist(), second.tolist())])
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0)):
        assert within(z**power, moment)
    for level in (-2.0, -0.5, 1.0, 3.0):
        assert within((z < level).astype(float), 0.5 * math.erfc(-level / math.sqrt(2)))


def test_exponential_has_mean_and_variance_one():
    x = np.array([exponential(u) for u in uniforms(2, np.arange(50_000), 0, 0, 0)[0].tolist()])
    assert within(x, 1.0)
    assert within((x - 1.0) ** 2, 1.0)
    assert within((x > 2.0).astype(float), math.exp(-2.0))


def test_scalar_gives_the_function_back_for_python_and_notes_it_for_the_compiler():
    def twice(x):
        return 2.0 * x

    assert scalar(twice) is twice
    assert SCALARS.pop() is twice
