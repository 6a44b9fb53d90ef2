"""Fill probabilities other than the exponential, each a fill of the market's, and which of them fits best.

lambda(d) = A take(d), fitted as in `fills`. Laws are told apart by the composite likelihood's information criterion, the
deviance plus twice the trace of (sensitivity^-1 variability) (Varin & Vidoni 2005): Akaike's where depths are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.linalg import LinAlgError
from scipy.optimize import minimize

from experiments.calibration.blocks import Floats, Measured, ratio, sums
from experiments.calibration.fills import Decay, chances, composite, deviance, sandwich
from experiments.calibration.reach import Reach

GAP = 0.05  # of a chance of a fill: a market that is further off is said to be
CERTAIN = 3.0  # standard errors
NAMES = ("exponential", "power_law", "logistic", "linear", "hyperexponential")
Rates = Callable[[Floats, Floats], Floats]  # (theta, depths) -> ln lambda


@dataclass(frozen=True)
class Law:
    """A fitted lambda(depth) = rate take(depth)."""

    name: str  # in conf/fill
    rate: Measured  # A, per second
    parameters: dict[str, Measured]  # of the fill
    criterion: float  # lower is better
    largest_gap: float  # between observed and fitted P[filled within a lifetime]
    fitted: Floats  # (d,) that chance at each depth

    @property
    def overrides(self) -> str:
        """What turns a market with an exponential fill into one with this law."""
        numbers = {f"fill.{name}": one.value for name, one in self.parameters.items()}
        numbers = {"flow.rate": self.rate.value, **numbers}
        swap = [] if self.name == "exponential" else [f"fill@market.venue.fill={self.name}", "~market.venue.fill.k"]
        swap = swap[:1] if "fill.k" in numbers else swap
        return " ".join([*swap, *(f"market.venue.{name}={value:.4g}" for name, value in numbers.items())])


@dataclass(frozen=True)
class _Shape:
    """How a law is searched: ln lambda of theta and depths in units of 1/k, its natural numbers, where to start."""

    log_rate: Rates
    names: tuple[str, ...]
    natural: Callable[[Floats], list[float]]  # A and the fill's parameters, at 1/k = 1
    powers: tuple[float, ...]  # of 1/k by which each of them scales
    starts: list[list[float]]
    bounds: list[tuple[float, float]]


def laws(reach: Reach, exponential: Decay) -> list[Law]:
    """Every law that has a maximum of the likelihood on these quotes, best first; the exponential is always among them."""
    scale = 1.0 / exponential.k.value
    shapes = _shapes(reach, exponential)
    found = [_fitted(reach, name, shape, start, scale) for name, shape in shapes.items() for start in shape.starts]
    return sorted((law for law in found if law), key=lambda law: law.criterion)


def best(found: list[Law]) -> Law:
    """The law of the lowest criterion among those that are off by no more than `GAP`; without one the law that is off least.

    The criterion alone would not do: it sums over all depths alike, and a fine grid has few of them at the touch.
    """
    near = [law for law in found if law.largest_gap <= GAP]
    return near[0] if near else min(found, key=lambda law: law.largest_gap)


def named(found: list[Law], name: str) -> Law:
    """The law called `name`, or the `best`. Raises: ValueError where it has no maximum on these quotes."""
    if name == "best":
        return best(found)
    several = [law for law in found if law.name == name]
    if not several:
        raise ValueError(
            f"settings.fill={name}: its likelihood has no maximum on these quotes, best is {best(found).name}"
        )
    return best(several)


def misfit(reach: Reach, law: Law) -> str:
    """Where a law is off by more than `GAP` and by more than three standard errors, in words; empty where it nowhere is."""
    share = reach.fills / len(reach.reached)
    for place in np.argsort(-np.abs(share - law.fitted))[:1].tolist():
        filled = reach.reached > place
        error = ratio(sums(reach.block[filled]), sums(reach.block)).error
        gap = abs(share[place] - law.fitted[place])
        if gap > GAP and gap > CERTAIN * error:
            return (
                f"off by {gap:.2f} in the chance of a fill at depth {reach.depths[place]:.4g} (observed {share[place]:.3f}, "
                f"fitted {law.fitted[place]:.3f})"
            )
    return ""


def _shapes(reach: Reach, exponential: Decay) -> dict[str, _Shape]:
    start, first = np.log(exponential.rate.value), float(reach.depths[0] * exponential.k.value)
    deepest = float(reach.depths[reach.fills > 0][-1] * exponential.k.value)
    free, wide = (start - 20.0, start + 20.0), (-7.0, 7.0)
    touch = np.log(2.0 / first)  # the decay of orders that stop before the second depth
    return {
        "exponential": _Shape(
            lambda t, d: t[0] - np.exp(t[1]) * d, ("k",), lambda t: [np.exp(t[0]), np.exp(t[1])], (0.0, -1.0),
            [[start, 0.0]], [free, wide],
        ),
        "power_law": _Shape(
            lambda t, d: t[0] - np.exp(t[2]) * np.log1p(d * np.exp(-t[1])), ("scale", "exponent"),
            lambda t: np.exp(t).tolist(), (0.0, 1.0, 0.0), [[start, 0.7, 1.0], [start, -2.0, 0.0]], [free, wide, (-3.0, 4.0)],
        ),
        "logistic": _Shape(
            lambda t, d: t[0] - np.logaddexp(0.0, (d - t[1]) * np.exp(-t[2])), ("middle", "width"),
            lambda t: [np.exp(t[0]), t[1], np.exp(t[2])], (0.0, 1.0, 1.0), [[start, 1.0, -0.7]],
            [free, (-3.0, 10.0), (-5.0, 3.0)],
        ),
        "linear": _Shape(
            partial(_log_linear, deepest), ("reach",), lambda t: [np.exp(t[0]), deepest * (1.0 + np.exp(t[1]))], (0.0, 1.0),
            [[start, -3.0]], [free, wide],
        ),
        "hyperexponential": _Shape(
            lambda t, d: np.logaddexp(t[0] - np.exp(t[1]) * d, t[2] - np.exp(t[3]) * d), ("k", "deep_k", "share"), _mixed,
            (0.0, -1.0, -1.0, 0.0), [[start, 1.0, start, -1.0], [start + 2.0, touch, start, 0.0]],
            [free, (-7.0, touch + 7.0), free, wide],
        ),
    }  # fmt: skip


def _mixed(theta: Floats) -> list[float]:
    """(A, k, deep_k, share) of two exponentials; `k` is the faster decay."""
    one, other = np.exp(theta[0]), np.exp(theta[2])
    k, deep_k = np.exp(theta[1]), np.exp(theta[3])
    share = one / (one + other)
    return [one + other, k, deep_k, share] if k >= deep_k else [one + other, deep_k, k, 1.0 - share]


def _log_linear(deepest: float, theta: Floats, depths: Floats) -> Floats:
    """ln A + ln(1 - depth / reach), the reach beyond the deepest fill."""
    left = 1.0 - depths / (deepest * (1.0 + np.exp(theta[1])))
    return theta[0] + np.log(np.maximum(left, 1e-12))


def _fitted(reach: Reach, name: str, shape: _Shape, start: list[float], scale: float) -> Law | None:
    """The law at the maximum up from `start`; None where that is not inside the bounds, or without standard errors."""
    depths = reach.depths / scale
    loss = composite(reach, lambda t: (shape.log_rate(t, depths), _slopes(shape.log_rate, t, depths)))
    theta = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=shape.bounds, options=_STOP).x
    if any(min(t - low, high - t) < 1e-3 for t, (low, high) in zip(theta, shape.bounds, strict=True)):
        return None
    log_rate = shape.log_rate(theta, depths)
    try:
        covariance, penalty = sandwich(reach, log_rate, _slopes(shape.log_rate, theta, depths))
    except LinAlgError:
        return None
    units = scale ** np.array(shape.powers)
    bends = _slopes(lambda t, _: np.array(shape.natural(t)), theta, depths) * units[:, None]
    errors = np.sqrt(np.maximum(np.diag(bends @ covariance @ bends.T), 0.0))
    if not np.isfinite(errors).all() or not np.isfinite(penalty):
        return None
    numbers = [Measured(float(x), float(e)) for x, e in zip(shape.natural(theta) * units, errors, strict=True)]
    fitted = chances(log_rate, reach.lifetime)
    return Law(
        name,
        numbers[0],
        dict(zip(shape.names, numbers[1:], strict=True)),
        deviance(reach, fitted) + 2.0 * penalty,
        float(np.abs(reach.fills / len(reach.reached) - fitted).max()),
        fitted,
    )


_STOP = {"ftol": 1e-12, "gtol": 1e-8, "maxiter": 300}


def _slopes(function: Rates, theta: Floats, depths: Floats, step: float = 1e-5) -> Floats:
    """(n, p) derivatives of `function` (n,) by theta (p,), central differences."""
    units = step * np.eye(len(theta))
    return np.column_stack([(function(theta + u, depths) - function(theta - u, depths)) / (2.0 * step) for u in units])
