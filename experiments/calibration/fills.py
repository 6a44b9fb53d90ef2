"""lambda(depth): the rate at which a quote is filled, as an exponential and as a power law of its depth.

P[a quote at depth d is filled within its lifetime h] = 1 - exp(-lambda(d) h), with

    lambda(d) = A exp(-k d)                    (Avellaneda & Stoikov 2008)
    lambda(d) = A (1 + d / scale)^-exponent    (its limit for a large exponent is the exponential)

fitted by maximum likelihood over all depths at once: the likelihoods of the depths are multiplied as if they were apart
(composite likelihood, Varin, Reid & Firth 2011). As one lifetime is seen at all of them, the standard errors are those of
the sandwich formula, over blocks of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from experiments.calibration.blocks import BLOCKS, Floats, Measured
from experiments.calibration.reach import Reach

FEW = 5  # fills: fewer say too little to be an observation


@dataclass(frozen=True)
class Decay:
    """A fitted lambda(depth) with 1 / exponent = `curvature`, which is 0 for the exponential."""

    rate: Measured  # A, per second
    k: Measured  # 1 / price: the decay at the mid
    curvature: Measured
    deviance: float  # 2 (log likelihood of the observed shares less that of the fit), of the composite likelihood
    largest_gap: float  # between observed and fitted P[filled within a lifetime]

    @property
    def scale(self) -> float:
        """Of the power law, price units."""
        return 1.0 / (self.curvature.value * self.k.value) if self.curvature.value > 0.0 else np.inf

    @property
    def exponent(self) -> float:
        """Of the power law."""
        return 1.0 / self.curvature.value if self.curvature.value > 0.0 else np.inf

    def rates(self, depths: Floats) -> Floats:
        """lambda at each depth, per second."""
        return np.exp(
            _log_rate(np.array([np.log(self.rate.value), np.log(self.k.value), self.curvature.value]), depths)
        )


@dataclass(frozen=True)
class LogLine:
    """The least-squares line through ln(lambda) over depth: a quick look that weighs rare fills as much as frequent ones."""

    rate: float
    k: float
    r_squared: float
    depths: int  # how many it goes through


def exponential(reach: Reach) -> Decay:
    """A and k by maximum composite likelihood.

    Raises: ValueError where fewer than two depths were filled often enough to tell.
    """
    return _fit(reach, 2)


def power_law(reach: Reach) -> Decay:
    """A, scale and exponent likewise; a curvature of 0 says that no power law beats the exponential."""
    return _fit(reach, 3)


def log_line(reach: Reach) -> LogLine:
    """ln(-ln(1 - share filled) / lifetime) = ln A - k depth by least squares over the depths with any fills."""
    share = reach.fills / len(reach.reached)
    seen = (share > 0.0) & (share < 1.0)
    log_rate = np.log(-np.log1p(-share[seen]) / reach.lifetime)
    slope, level = np.polyfit(reach.depths[seen], log_rate, 1)
    fitted = level + slope * reach.depths[seen]
    spread = ((log_rate - log_rate.mean()) ** 2).sum()
    r_squared = 1.0 - ((log_rate - fitted) ** 2).sum() / spread if spread > 0.0 else np.nan
    return LogLine(float(np.exp(level)), float(-slope), float(r_squared), int(seen.sum()))


def _fit(reach: Reach, free: int) -> Decay:
    depths, fills, n, h = reach.depths, reach.fills, len(reach.reached), reach.lifetime
    if (fills >= FEW).sum() < 2 or fills[0] == fills[-1]:
        raise ValueError(
            f"lambda(depth) needs fills at two depths or more, got {fills.max():g} in {n} lifetimes of {h:g} s"
        )

    def loss(free_parameters: Floats) -> tuple[float, Floats]:
        theta = np.r_[free_parameters, np.zeros(3 - free)]
        mean = _expected(theta, depths, h)
        likelihood = fills * np.log(-np.expm1(-mean)) - (n - fills) * mean
        slope = fills * mean / np.expm1(mean) - (n - fills) * mean
        return -likelihood.sum() / n, -(slope @ _jacobian(theta, depths)[:, :free]) / n

    line = log_line(reach)
    start = np.r_[np.log(line.rate), np.log(max(line.k, 1e-3 / depths[-1])), 0.1][:free]
    near, far = np.log(1e-3 / depths[-1]), np.log(1e3 / depths[0])
    bounds = [(start[0] - 20.0, start[0] + 20.0), (near, far), (0.0, 10.0)][:free]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-10})
    theta = np.r_[found.x, np.zeros(3 - free)]
    errors = _errors(reach, theta, free)
    share, fitted = fills / n, -np.expm1(-_expected(theta, depths, h))
    rate, k = np.exp(theta[:2])
    return Decay(
        Measured(float(rate), float(rate * errors[0])),
        Measured(float(k), float(k * errors[1])),
        Measured(float(theta[2]), float(errors[2])),
        float(2.0 * n * (_entropy(share, fitted) - _entropy(share, share)).sum()),
        float(np.abs(share - fitted).max()),
    )


def _errors(reach: Reach, theta: Floats, free: int) -> Floats:
    """Standard errors of (ln A, ln k, curvature) by the sandwich formula; 0 for what is held fixed."""
    if free == 3 and theta[2] < 1e-6:  # at the bound: the exponential
        return np.r_[_errors(reach, theta, 2)[:2], np.nan]
    mean, jacobian = _expected(theta, reach.depths, reach.lifetime), _jacobian(theta, reach.depths)[:, :free]
    information = len(reach.reached) * (jacobian * (mean**2 / np.expm1(mean))[:, None]).T @ jacobian
    scores = reach.scores(jacobian * (mean / np.expm1(mean))[:, None], -jacobian * mean[:, None])
    bread = np.linalg.inv(information)
    covariance = bread @ (BLOCKS / (BLOCKS - 1) * scores.T @ scores) @ bread
    return np.r_[np.sqrt(np.diag(covariance)), np.zeros(3 - free)]


def _expected(theta: Floats, depths: Floats, lifetime: float) -> Floats:
    """Fills expected in a lifetime, held where logarithms and exponentials are finite."""
    return np.exp(np.clip(_log_rate(theta, depths) + np.log(lifetime), -600.0, 6.0))


def _log_rate(theta: Floats, depths: Floats) -> Floats:
    """ln lambda for theta = (ln A, ln k, curvature c): ln A - ln(1 + c k d) / c."""
    decay = np.exp(theta[1]) * depths
    return theta[0] - (np.log1p(theta[2] * decay) / theta[2] if theta[2] > 1e-7 else decay)


def _jacobian(theta: Floats, depths: Floats) -> Floats:
    """(d, 3) derivatives of ln lambda by theta."""
    decay, c = np.exp(theta[1]) * depths, theta[2]
    slope = decay / (1.0 + c * decay)
    bend = np.log1p(c * decay) / c**2 - slope / c if c > 1e-4 else 0.5 * decay**2 - 2.0 / 3.0 * c * decay**3
    return np.column_stack([np.ones_like(decay), -slope, bend])


def _entropy(share: Floats, fitted: Floats) -> Floats:
    """-(share ln fitted + (1 - share) ln(1 - fitted)), 0 ln 0 = 0."""
    inside = np.where(share > 0.0, share * np.log(np.maximum(fitted, 1e-300)), 0.0)
    return -inside - np.where(share < 1.0, (1.0 - share) * np.log(np.maximum(1.0 - fitted, 1e-300)), 0.0)
