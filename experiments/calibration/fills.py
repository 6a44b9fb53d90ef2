"""lambda(depth): the rate at which a quote is filled, as an exponential and as a power law of its depth.

P[a quote at depth d is filled within its lifetime h] = 1 - exp(-lambda(d) h), with

    lambda(d) = A exp(-k d)                    (Avellaneda & Stoikov 2008)
    lambda(d) = A (1 + d / scale)^-exponent    (its limit for a large exponent is the exponential)

fitted by maximum likelihood over all depths at once: the likelihoods of the depths are multiplied as if they were apart
(composite likelihood, Varin, Reid & Firth 2011). As one lifetime is seen at all of them, the standard errors are those of
the sandwich formula, over blocks of the day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from experiments.calibration.blocks import BLOCKS, Floats, Measured
from experiments.calibration.reach import Reach

FEW = 5  # fills: fewer say too little to be an observation
_HELD = (-600.0, 6.0)  # ln(fills expected in a lifetime), where logarithms and exponentials are finite


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
    if seen.sum() < 2:
        return LogLine(np.nan, np.nan, np.nan, int(seen.sum()))
    slope, level = np.polyfit(reach.depths[seen], log_rate, 1)
    fitted = level + slope * reach.depths[seen]
    spread = ((log_rate - log_rate.mean()) ** 2).sum()
    r_squared = 1.0 - ((log_rate - fitted) ** 2).sum() / spread if spread > 0.0 else np.nan
    return LogLine(float(np.exp(level)), float(-slope), float(r_squared), int(seen.sum()))


def _fit(reach: Reach, free: int) -> Decay:
    check_told(reach)
    depths = reach.depths

    def curve(free_parameters: Floats) -> tuple[Floats, Floats]:
        theta = np.r_[free_parameters, np.zeros(3 - free)]
        return _log_rate(theta, depths), _jacobian(theta, depths)[:, :free]

    line = log_line(reach)
    rate, k = (line.rate, line.k) if line.depths > 1 else (1.0 / reach.lifetime, 1.0 / depths[-1])
    near, far = np.log(1e-3 / depths[-1]), np.log(1e3 / depths[0])
    start = np.r_[np.log(rate), np.clip(np.log(max(k, 1e-300)), near, far), 0.1][:free]
    bounds = [(start[0] - 20.0, start[0] + 20.0), (near, far), (0.0, 10.0)][:free]
    options = {"ftol": 1e-15, "gtol": 1e-10}
    found = minimize(composite(reach, curve), start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    theta = np.r_[found.x, np.zeros(3 - free)]
    errors = _errors(reach, theta, free)
    fitted = chances(_log_rate(theta, depths), reach.lifetime)
    rate, k = np.exp(theta[:2])
    return Decay(
        Measured(float(rate), float(rate * errors[0])),
        Measured(float(k), float(k * errors[1])),
        Measured(float(theta[2]), float(errors[2])),
        deviance(reach, fitted),
        float(np.abs(reach.fills / len(reach.reached) - fitted).max()),
    )


def check_told(reach: Reach) -> None:
    """Refuse quotes that do not tell how fast fills become rare with depth. Raises: ValueError that says what is missing."""
    counts, n = np.bincount(reach.reached, minlength=len(reach.depths) + 1)[1:], len(reach.reached)
    filled, common = int(counts.sum()), int(counts.argmax())
    if filled < 2 * FEW:
        raise ValueError(
            f"lambda(depth) needs fills at two depths or more, {2 * FEW} at least, got {filled} in {n} lifetimes of "
            f"{reach.lifetime:g} s"
        )
    if filled - counts[common] < FEW:
        where = f"{reach.depths[common]:g}" if common + 1 < len(reach.depths) else f"{reach.depths[-1]:g} or more"
        raise ValueError(
            f"lambda(depth) needs fills at two depths or more, got {filled} of which {counts[common]} come to {where} and no "
            f"further: how they decay with depth is not told"
        )


def composite(
    reach: Reach, curve: Callable[[Floats], tuple[Floats, Floats]]
) -> Callable[[Floats], tuple[float, Floats]]:
    """theta -> (loss, its gradient (p,)): minus the composite log likelihood a lifetime, for `curve`(theta) = (ln lambda (d,)
    and its derivatives (d, p))."""
    fills, n = reach.fills, len(reach.reached)

    def loss(theta: Floats) -> tuple[float, Floats]:
        log_rate, jacobian = curve(theta)
        mean = _expected(log_rate, reach.lifetime)
        likelihood = fills * np.log(-np.expm1(-mean)) - (n - fills) * mean
        slope = fills * mean / np.expm1(mean) - (n - fills) * mean
        return -likelihood.sum() / n, -(slope @ jacobian) / n

    return loss


def deviance(reach: Reach, fitted: Floats) -> float:
    """2 (composite log likelihood of the observed shares less that of the fitted ones)."""
    share = reach.fills / len(reach.reached)
    return float(2.0 * len(reach.reached) * (_entropy(share, fitted) - _entropy(share, share)).sum())


def sandwich(reach: Reach, log_rate: Floats, jacobian: Floats) -> tuple[Floats, float]:
    """The covariance (p, p) of theta by the sandwich formula over blocks, and the trace of sensitivity^-1 variability.

    Raises: numpy.linalg.LinAlgError where the likelihood does not tell all of theta.
    """
    mean = _expected(log_rate, reach.lifetime)
    information = len(reach.reached) * (jacobian * (mean**2 / np.expm1(mean))[:, None]).T @ jacobian
    scores = reach.scores(jacobian * (mean / np.expm1(mean))[:, None], -jacobian * mean[:, None])
    bread, meat = np.linalg.inv(information), BLOCKS / (BLOCKS - 1) * scores.T @ scores
    return bread @ meat @ bread, float(np.trace(bread @ meat))


def chances(log_rate: Floats, lifetime: float) -> Floats:
    """P[filled within a lifetime], (d,)."""
    return -np.expm1(-_expected(log_rate, lifetime))


def _errors(reach: Reach, theta: Floats, free: int) -> Floats:
    """Standard errors of (ln A, ln k, curvature) by the sandwich formula; 0 for what is held fixed."""
    if free == 3 and theta[2] < 1e-6:  # at the bound: the exponential
        return np.r_[_errors(reach, theta, 2)[:2], np.nan]
    try:
        covariance, _ = sandwich(reach, _log_rate(theta, reach.depths), _jacobian(theta, reach.depths)[:, :free])
    except np.linalg.LinAlgError:  # the likelihood is flat in some direction
        return np.full(3, np.nan)
    return np.r_[np.sqrt(np.diag(covariance)), np.zeros(3 - free)]


def _expected(log_rate: Floats, lifetime: float) -> Floats:
    """Fills expected in a lifetime, held where logarithms and exponentials are finite."""
    return np.exp(np.clip(log_rate + np.log(lifetime), *_HELD))


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
