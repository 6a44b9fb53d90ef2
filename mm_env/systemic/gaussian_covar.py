"""CoVaR, marginal expected shortfall and LRMES of jointly normal returns, in closed form.

Returns are profits: a tail is low. `level` is the probability of the tail, 0.05 say.
"""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri, owens_t

_NEXT_TO_0 = 1e-100  # in the place of a 0 that would be divided by
_HALVINGS = 200  # of a bracket, until its ends are neighbouring floats


def covar(level: float, rho: float, std: float = 1.0, condition: float | None = None) -> float:
    """The quantile of the system's return given that of an institution is equal to its own quantile at `condition`.

    std (rho z_condition + sqrt(1 - rho^2) z_level); the condition is `level`, its value at risk, if it is None, and 1/2 its
    median (Adrian & Brunnermeier 2016). It is not monotone in rho: at the value at risk it is deepest where rho = 1 / sqrt(2).

    Raises: ValueError for a level or condition outside (0, 1), a rho outside [-1, 1] or a std < 0.
    """
    at = level if condition is None else condition
    _check(level, at, rho, std)
    return std * (rho * float(ndtri(at)) + math.sqrt(1.0 - rho**2) * float(ndtri(level)))


def delta_covar(level: float, rho: float, std: float = 1.0) -> float:
    """CoVaR given the institution's value at risk less CoVaR given its median: std rho z_level (Adrian & Brunnermeier 2016)."""
    return covar(level, rho, std) - covar(level, rho, std, 0.5)


def covar_at_most(level: float, rho: float, std: float = 1.0, condition: float | None = None) -> float:
    """The quantile of the system's return given that of an institution is at most its own quantile at `condition`.

    The c with N2(c / std, z_condition; rho) = level x condition (Girardi & Ergun 2013). It falls as rho rises (Mainik &
    Schaanning 2014). Raises: as `covar`.
    """
    at = level if condition is None else condition
    _check(level, at, rho, std)
    z, low, high = float(ndtri(at)), -40.0, 40.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if bivariate_normal(middle, z, rho) < level * at else (low, middle)
    return std * high


def delta_covar_at_most(level: float, rho: float, std: float = 1.0) -> float:
    """CoVaR given that the institution is at most at its value at risk, less CoVaR given that it is at most at its median."""
    return covar_at_most(level, rho, std) - covar_at_most(level, rho, std, 0.5)


def marginal_expected_shortfall(level: float, rho: float, std: float = 1.0) -> float:
    """The mean return of an institution given that the system's is at most its value at risk: -std rho n(z_level) / level.

    Acharya, Pedersen, Philippon & Richardson 2017; `std` is the institution's.
    """
    _check(level, level, rho, std)
    z = float(ndtri(level))
    return -std * rho * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / level


def long_run_shortfall(
    rho: float, std: float, market_std: float, decline: float = 0.4, mean: float = 0.0, market_mean: float = 0.0
) -> float:
    """LRMES: the share of its equity that an institution loses on average, given that the market falls by `decline` or more.

    Log returns to the horizon are jointly normal: 1 - e^(mean + std^2 / 2) N(c - rho std) / N(c), where c =
    (ln(1 - decline) - market_mean) / market_std. What SRISK takes (Brownlees & Engle 2017).

    Raises: ValueError for a rho outside [-1, 1], a std < 0, a market_std that is not > 0 or a decline outside (0, 1).
    """
    _check(0.5, 0.5, rho, std)
    if not (market_std > 0.0 and 0.0 < decline < 1.0):
        raise ValueError(f"market_std must be > 0 and decline lie in (0, 1), got {market_std:g} and {decline:g}")
    c = (math.log1p(-decline) - market_mean) / market_std
    return 1.0 - math.exp(mean + 0.5 * std**2) * float(ndtr(c - rho * std) / ndtr(c))


def bivariate_normal(x: float, y: float, rho: float) -> float:
    """P(X <= x, Y <= y) of two standard normals with correlation rho, within 1e-15, by Owen's T function (Owen 1956)."""
    if abs(rho) == 1.0:
        return float(min(ndtr(x), ndtr(y)) if rho > 0.0 else max(ndtr(x) + ndtr(y) - 1.0, 0.0))
    h, k = (z if abs(z) > _NEXT_TO_0 else _NEXT_TO_0 for z in (x, y))
    root = math.sqrt((1.0 - rho) * (1.0 + rho))
    slopes = (k - rho * h) / (h * root), (h - rho * k) / (k * root)
    apart = 0.5 if (h < 0.0) != (k < 0.0) else 0.0
    found = 0.5 * (ndtr(h) + ndtr(k)) - owens_t(h, slopes[0]) - owens_t(k, slopes[1]) - apart
    return max(float(found), 0.0)


def _check(level: float, condition: float, rho: float, std: float) -> None:
    if not (0.0 < level < 1.0 and 0.0 < condition < 1.0):
        raise ValueError(f"level and condition must lie in (0, 1), got {level:g} and {condition:g}")
    if not (-1.0 <= rho <= 1.0 and std >= 0.0):
        raise ValueError(f"rho must lie in [-1, 1] and std be >= 0, got {rho:g} and {std:g}")
