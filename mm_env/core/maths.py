"""Scalar functions that rules may call: plain Python here, inlined machine code inside the compiled kernel.

Both give the same bits: they are made of IEEE additions, multiplications and square roots in a fixed order, and have no
branches, so that the compiler turns the loop over lanes into SIMD code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
SCALARS: list[Callable[..., Any]] = []
ROUTINES: set[Callable[..., Any]] = set()

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2 to 105 bits
_SQRT2 = 1.4142135623730951


def scalar(function: F) -> F:
    """Let rules call `function`: numbers (or named tuples of numbers) in, the same out, and no other Python object."""
    SCALARS.append(function)
    return function


def routine(function: F) -> F:
    """As `scalar`, for longer functions that may work on arrays: compiled once, and not inlined into their callers."""
    ROUTINES.add(function)
    return scalar(function)


def power_of_two(exponent: int) -> float:
    """2^exponent for -1022 <= exponent <= 1023; bit operations once compiled."""
    return math.ldexp(1.0, exponent)


def split(x: float) -> tuple[float, float]:
    """(m, e) with x = m 2^e and 1 <= m < 2, for a normal x > 0; bit operations once compiled."""
    mantissa, exponent = math.frexp(x)
    return 2.0 * mantissa, exponent - 1.0


@scalar
def clip(x: float, low: float, high: float) -> float:
    """x held inside [low, high]."""
    above = x if x > low else low
    return above if above < high else high


@scalar
def exp(x: float) -> float:
    """e^x within 1 unit in the last place; saturates at e^-708 and e^709 instead of running to 0 and infinity."""
    x = clip(x, -708.0, 709.0)
    k = math.floor(x * _LOG2_E + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW  # |r| <= ln(2) / 2, where the series to r^13 is exact to rounding
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    return (p * r * r + r + 1.0) * power_of_two(int(k))


@scalar
def log(x: float) -> float:
    """ln x within 1 unit in the last place, for a normal x > 0 (the series of FreeBSD's e_log.c)."""
    m, e = split(x)
    halve = m > _SQRT2
    f = (0.5 * m if halve else m) - 1.0
    e = e + 1.0 if halve else e
    s = f / (2.0 + f)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    half_square = 0.5 * f * f
    return e * _LN2_HIGH - ((half_square - (s * (half_square + p * z) + e * _LN2_LOW)) - f)


@scalar
def one_minus_exp(x: float) -> float:
    """1 - e^-x for x >= 0, to full precision for small x too."""
    series = x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0)))))
    return series if x < 0.005 else 1.0 - exp(-x)


@scalar
def cos_turn(turn: float) -> float:
    """cos(2 pi turn) to 3.4e-16, for -1/4 <= turn <= 1."""
    half_turns = math.floor(2.0 * turn + 0.5)
    angle = 6.283185307179586 * (turn - 0.5 * half_turns)  # in [-pi/2, pi/2]
    y = angle * angle
    p = -8.896791392450574e-22
    p = p * y + 4.110317623312165e-19
    p = p * y - 1.5619206968586225e-16
    p = p * y + 4.779477332387385e-14
    p = p * y - 1.1470745597729725e-11
    p = p * y + 2.08767569878681e-09
    p = p * y - 2.755731922398589e-07
    p = p * y + 2.48015873015873e-05
    p = p * y - 0.001388888888888889
    p = p * y + 0.041666666666666664
    p = p * y - 0.5
    odd = half_turns - 2.0 * math.floor(0.5 * half_turns)
    return (1.0 - 2.0 * odd) * (p * y + 1.0)


@scalar
def normal(uniforms: tuple[float, float]) -> float:
    """A standard normal from two uniforms in (0, 1): sqrt(-2 ln u) cos(2 pi v), Box & Muller 1958."""
    return math.sqrt(-2.0 * log(uniforms[0])) * cos_turn(uniforms[1])


@scalar
def second_normal(uniforms: tuple[float, float]) -> float:
    """The other standard normal of two uniforms, independent of `normal`: sqrt(-2 ln u) sin(2 pi v), Box & Muller 1958."""
    return math.sqrt(-2.0 * log(uniforms[0])) * cos_turn(uniforms[1] - 0.25)


@scalar
def exponential(uniform: float) -> float:
    """An exponential of mean 1 from a uniform in (0, 1): -ln u."""
    return -log(uniform)
