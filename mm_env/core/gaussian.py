"""The standard normal law: density, distribution function and Mills ratio, as scalar functions that rules may call."""

from __future__ import annotations

import math

from mm_env.core.maths import clip, exp, scalar

_FARTHEST = 37.5  # where the tail is 1e-307; beyond it is 0
_GRID = 1048576.0  # 2^20: multiples of its inverse up to `_FARTHEST` have squares without rounding
_DENSITY_AT_0 = 0.3989422804014327  # 1 / sqrt(2 pi)


@scalar
def normal_pdf(x: float) -> float:
    """The standard normal density e^(-x^2 / 2) / sqrt(2 pi) within 2 units in the last place; 0 for |x| > 37.5.

    x^2 is the exact square of x rounded to 2^-20, and a rest that is below 1e-4.
    """
    size = clip(abs(x), 0.0, _FARTHEST + 1.0)
    near = math.floor(size * _GRID + 0.5) / _GRID
    rest = 0.5 * (size - near) * (size + near)
    density = _DENSITY_AT_0 * exp(-0.5 * near * near) * (1.0 - rest * (1.0 - 0.5 * rest * (1.0 - rest / 3.0)))
    return density if size <= _FARTHEST else 0.0


@scalar
def mills_ratio(x: float) -> float:
    """(1 - N(x)) / n(x) for x >= 0, within 4e-16 of itself.

    (1 + x) times it varies slowly from 0 to infinity: it is a sum of Chebyshev polynomials in (x - 4) / (x + 4), as
    Shepherd & Laframboise 1981 do it for e^(x^2) erfc(x); their powers are collected here.
    """
    x = clip(x, 0.0, 1e15)
    t = (x - 4.0) / (x + 4.0)
    p = 4.4802335519470717e-10
    p = p * t - 1.6952996736664714e-09
    p = p * t - 6.562440334941655e-09
    p = p * t + 1.3723059407014259e-08
    p = p * t + 5.077844147014293e-08
    p = p * t - 4.494916371142854e-08
    p = p * t - 2.869299968770839e-07
    p = p * t - 3.1010837582753756e-09
    p = p * t + 1.3907627083102484e-06
    p = p * t + 1.01948908722549e-06
    p = p * t - 6.5533544554539e-06
    p = p * t - 8.606187876167252e-06
    p = p * t + 3.415881433191646e-05
    p = p * t + 5.3266970938340844e-05
    p = p * t - 0.00022021557569577212
    p = p * t - 0.0002367017588271285
    p = p * t + 0.0017418487737325885
    p = p * t - 0.0007159509052838113
    p = p * t - 0.01253910362039814
    p = p * t + 0.04495912907706981
    p = p * t - 0.0807080096790523
    p = p * t + 0.07169048120143744
    p = p * t + 0.035091880234748005
    p = p * t - 0.2423996705218081
    p = p * t + 1.1832619145678034
    return p / (1.0 + x)


@scalar
def normal_cdf(x: float) -> float:
    """N(x), the standard normal distribution function, within 1e-15 of itself from -37.5 on; 0 below."""
    tail = normal_pdf(x) * mills_ratio(abs(x))
    return tail if x < 0.0 else 1.0 - tail
