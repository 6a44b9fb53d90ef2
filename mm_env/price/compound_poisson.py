"""The sum of the jumps within a step, a compound Poisson process, from the noise of the step."""

from __future__ import annotations

import math
from typing import NamedTuple

from mm_env.core.maths import cos_turn, exp, log, scalar
from mm_env.core.noise import FACTORS, Noise, more

JUMPS = FACTORS + 4  # the block of noise that jumps are drawn by
_LEAST = 1e-300  # for 1 / p of what has no probability
MOST, OFTEN = (
    3,
    0.05,
)  # jumps a step, and expected ones: more than three have a probability of 2.5e-7, and count as three


class Counts(NamedTuple):
    """Probabilities of no jump, one, two, and three within a step, which stands for all beyond it."""

    none: float
    one: float
    two: float
    three: float


@scalar
def counts(expected: float) -> Counts:
    """Those of Poisson's law of this mean."""
    none = exp(-expected)
    one, two = expected * none, 0.5 * expected * expected * none
    return Counts(none, one, two, max(1.0 - (none + one + two), 0.0))


@scalar
def drawn(law: Counts, noise: Noise) -> float:
    """The number of jumps within the step: 0.0, 1.0, 2.0 or 3.0."""
    return count_of(law, more(noise, JUMPS)[0])


@scalar
def count_of(law: Counts, uniform: float) -> float:
    """The number of jumps that a uniform in (0, 1) draws: 0.0, 1.0, 2.0 or 3.0."""
    first, second = 1.0 if uniform > law.none else 0.0, 1.0 if uniform > law.none + law.one else 0.0
    return first + second + (1.0 if uniform > law.none + law.one + law.two else 0.0)


@scalar
def mean_count(law: Counts) -> float:
    """The mean number of jumps within the step."""
    return law.one + 2.0 * law.two + 3.0 * law.three


@scalar
def log_growth(law: Counts, growth: float) -> float:
    """ln E[e^(sum of jumps)], from the growth E[e^J] by one."""
    return log(law.none + growth * (law.one + growth * (law.two + growth * law.three)))


@scalar
def sum_of_normals(count: float, mean: float, std: float, noise: Noise) -> float:
    """The sum of normal jumps: a normal of `count` times their mean and variance, Box & Muller 1958."""
    draws = more(noise, JUMPS)
    return count * mean + std * (math.sqrt(-2.0 * count * log(draws[1])) * cos_turn(draws[2]))


@scalar
def sum_of_exponentials(count: float, up: float, up_mean: float, down_mean: float, noise: Noise) -> float:
    """The sum of jumps up with probability `up`, else down, each exponential: by the products of their uniforms."""
    draws, to_up, to_down = more(noise, JUMPS), 1.0 / max(up, _LEAST), 1.0 / max(1.0 - up, _LEAST)
    first = one_way(draws[1], up, to_up, to_down, count > 0.5)
    second = one_way(draws[2], up, to_up, to_down, count > 1.5)
    third = one_way(draws[3], up, to_up, to_down, count > 2.5)
    return down_mean * log(first[1] * second[1] * third[1]) - up_mean * log(first[0] * second[0] * third[0])


@scalar
def one_way(uniform: float, up: float, to_up: float, to_down: float, comes: bool) -> tuple[float, float]:
    """The uniforms of a jump up and of one down, made of one that says which it is; 1 where there is none."""
    rises = uniform < up
    part = uniform * to_up if rises else (1.0 - uniform) * to_down
    part = part if comes else 1.0
    return part if rises else 1.0, 1.0 if rises else part


@scalar
def sum_of_coins(count: float, size: float, noise: Noise) -> float:
    """The sum of jumps by `size`, each up or down with probability 1/2."""
    draws = more(noise, JUMPS)
    first = 1.0 if draws[1] < 0.5 else -1.0
    second, third = 1.0 if draws[2] < 0.5 else -1.0, 1.0 if draws[3] < 0.5 else -1.0
    known = (first if count > 0.5 else 0.0) + (second if count > 1.5 else 0.0)
    return size * (known + (third if count > 2.5 else 0.0))


@scalar
def normal_jumps(law: Counts, mean: float, std: float, noise: Noise) -> float:
    """The sum of a step's normal jumps, less its mean."""
    return sum_of_normals(drawn(law, noise), mean, std, noise) - mean_count(law) * mean


@scalar
def log_normal_jumps(law: Counts, mean: float, std: float, noise: Noise) -> float:
    """The sum of a step's normal jumps of a logarithm, less that of its growth."""
    return sum_of_normals(drawn(law, noise), mean, std, noise) - log_growth(law, exp(mean + 0.5 * std * std))


@scalar
def relative_square(mean: float, std: float) -> float:
    """E[(e^J - 1)^2] of a normal J."""
    return exp(2.0 * mean + 2.0 * std * std) - 2.0 * exp(mean + 0.5 * std * std) + 1.0
