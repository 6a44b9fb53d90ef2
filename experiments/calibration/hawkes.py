"""Hawkes processes of the trade flow: market orders that bring market orders (Hawkes 1971; Bacry, Mastromatteo & Muzy 2015).

lambda_m(t) = base_m + sum_n integral phi_mn(t - s) dN_n(s), phi_mn(t) = sum_p branching_mnp decay_p exp(-decay_p t), fitted by
maximum likelihood. Whether it fits is told by the time change: the integrals of lambda between the events of each kind are
independent exponentials of mean 1 if the model is true (Papangelou 1972; Ogata 1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.stats import kstest

from experiments.calibration.blocks import Floats, Measured
from experiments.calibration.hawkes_likelihood import likelihood
from mm_env.core import engine
from mm_env.data.recording import Ints, Orders

STARTS = (0.03, 0.3, 3.0, 30.0, 300.0)  # decays in multiples of the events' rate
NEGLIGIBLE = 1e-4  # a branching ratio below it is at its bound, 0
FLAT = 1e-3  # the slope of ln L an event, by the logarithm of a parameter, that passes for 0
LOWEST, MOST, FASTEST = 1e-8, 10.0, 1e9  # branching ratios and, per second, decays that are searched: stamps are in ns


@dataclass(frozen=True)
class Hawkes:
    """A fitted process of `kinds` kinds of events and `terms` exponentials."""

    base: list[Measured]  # (kinds,) per second
    branching: list[list[list[Measured]]]  # (kinds, kinds, terms): children of kind m that an event of kind n brings
    decay: list[Measured]  # (terms,) per second
    log_likelihood: float
    poisson_log_likelihood: float  # of constant rates
    events: int
    residuals: Floats  # (events - kinds,), each an exponential of mean 1 if the model is true
    distance: float  # Kolmogorov & Smirnov's, of the residuals from that law
    p_value: float  # of that distance; as the parameters were fitted it is too high rather than too low
    autocorrelation: Measured  # of successive residuals; 0 if the model is true

    @property
    def spectral_radius(self) -> float:
        """Of the matrix of branching ratios: the share of events that others brought; below 1 in a stationary flow."""
        matrix = [[sum(term.value for term in pair) for pair in row] for row in self.branching]
        return float(np.abs(np.linalg.eigvals(np.array(matrix))).max())

    @property
    def remarks(self) -> list[str]:
        """What a reader should know before using it, a line each."""
        found, pairs = [], [ratio for row in self.branching for pair in row for ratio in pair]
        if self.spectral_radius >= 1.0:
            found.append(f"spectral radius {self.spectral_radius:.3g}: not stationary, its rate would grow for ever")
        if max(decay.value for decay in self.decay) > 0.99 * FASTEST:
            found.append("a decay at its bound: events of one stamp or next to it, no kernel in time")
        told = [*self.base, *self.decay, *(ratio for ratio in pairs if ratio.value > NEGLIGIBLE)]
        if any(not np.isfinite(one.error) for one in told):
            found.append("the likelihood is flat in some direction: parameters without an error are not told apart")
        return found

    @property
    def criterion(self) -> float:
        """Akaike's: 2 (number of parameters - ln L); lower is better."""
        kinds, terms = len(self.base), len(self.decay)
        return 2.0 * (kinds + kinds * kinds * terms + terms - self.log_likelihood)


def sided(orders: Orders, bivariate: bool) -> tuple[Floats, Ints]:
    """(seconds, kinds) of market orders: 0 for buys and 1 for sells, or all 0."""
    return orders.time / 1e9, np.where(orders.side > 0, 0, 1) if bivariate else np.zeros(len(orders.time), np.int64)


def hawkes(time: Floats, mark: Ints, end: float, terms: int = 1) -> Hawkes:
    """Fit by maximum likelihood from several starts; errors from the observed information.

    Args: times (n,) in seconds, rising, within [0, end]; kinds (n,), 0, 1, ...; how many exponentials.
    Raises: ValueError where a kind has fewer than 20 events, or no maximum is found.
    """
    counts = np.bincount(mark) if len(mark) else np.zeros(1, np.int64)
    if counts.min() < 20:
        raise ValueError(f"a Hawkes process needs 20 events of each kind or more, got {counts.min()}")
    kinds, passed = len(counts), np.empty(len(time))
    gradient = np.empty(kinds + kinds * kinds * terms + terms)
    start = np.zeros(len(gradient))
    value_of = engine.compiled(likelihood, time, mark, float(end), *_shaped(start, kinds, terms), gradient, passed)

    def loss(theta: Floats) -> tuple[float, Floats]:
        value = value_of(time, mark, float(end), *_shaped(np.exp(theta), kinds, terms), gradient, passed)
        return -value / len(time), -gradient * np.exp(theta) / len(time)

    decays = [np.array(STARTS[i : i + terms]) * len(time) / end for i in range(len(STARTS) + 1 - terms)]
    bounds = np.log(_limits(counts / end, terms))
    fits = [
        minimize(loss, _start(counts / end, decay), jac=True, method="L-BFGS-B", bounds=bounds, options=_STOP)
        for decay in decays
    ]
    best = min(fits, key=lambda fit: fit.fun)
    _check_maximum(best, bounds)
    theta = _by_decay(best.x, kinds, terms)
    loss(theta)
    residuals = np.concatenate([np.diff(passed[mark == kind]) for kind in range(kinds)])
    return _described(theta, _log_errors(loss, theta, len(time)), counts, end, -loss(theta)[0] * len(time), residuals)


def _check_maximum(fit: OptimizeResult, bounds: Floats) -> None:
    """Refuse where the search stopped on a slope that does not lead out of the bounds."""
    low, high = bounds.T
    slope = np.where((fit.x - low < 1e-6) & (fit.jac > 0.0) | (high - fit.x < 1e-6) & (fit.jac < 0.0), 0.0, fit.jac)
    if not np.isfinite(fit.fun) or np.abs(slope).max() > FLAT:
        raise ValueError(f"no maximum of the likelihood was found: {fit.message}")


_STOP = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 1000}


def _described(theta: Floats, errors: Floats, counts: Ints, end: float, value: float, residuals: Floats) -> Hawkes:
    kinds, n = len(counts), int(counts.sum())
    terms = (len(theta) - kinds) // (kinds * kinds + 1)
    made = [Measured(float(x), float(x * e)) for x, e in zip(np.exp(theta), errors, strict=True)]
    pairs = made[kinds : len(made) - terms]
    branching = [
        [pairs[(m * kinds + k) * terms : (m * kinds + k + 1) * terms] for k in range(kinds)] for m in range(kinds)
    ]
    test = kstest(residuals, "expon")
    centred = residuals - residuals.mean()
    return Hawkes(
        made[:kinds],
        branching,
        made[len(made) - terms :],
        float(value),
        float((counts * np.log(counts / end) - counts).sum()),
        n,
        residuals,
        float(test.statistic),  # pyright: ignore[reportAttributeAccessIssue]
        float(test.pvalue),  # pyright: ignore[reportAttributeAccessIssue]
        Measured(float((centred[1:] * centred[:-1]).sum() / (centred**2).sum()), len(residuals) ** -0.5),
    )


def _start(rates: Floats, decay: Floats) -> Floats:
    kinds, terms = len(rates), len(decay)
    ratios = np.full(kinds * kinds * terms, 0.4 / (kinds * terms))
    return np.log(np.r_[0.6 * rates, ratios, decay])


def _limits(rates: Floats, terms: int) -> Floats:
    """(parameters, 2) the lowest and highest values that are searched."""
    base = np.column_stack([LOWEST * rates, MOST * rates])
    ratios, decays = [[LOWEST, MOST]] * (len(rates) ** 2 * terms), [[LOWEST, FASTEST]] * terms
    return np.vstack([base, ratios, decays])


def _shaped(flat: Floats, kinds: int, terms: int) -> tuple[Floats, Floats, Floats]:
    return flat[:kinds], flat[kinds : len(flat) - terms].reshape(kinds, kinds, terms), flat[len(flat) - terms :]


def _by_decay(theta: Floats, kinds: int, terms: int) -> Floats:
    base, branching, decay = _shaped(theta, kinds, terms)
    order = np.argsort(decay)
    return np.r_[base, branching[:, :, order].ravel(), decay[order]]


def _log_errors(loss: object, theta: Floats, events: int) -> Floats:
    """Standard errors of the logarithms, NaN for branching ratios at their bound."""
    step, free = 1e-4, np.flatnonzero(theta > np.log(NEGLIGIBLE))
    slopes = [
        (loss(theta + step * unit)[1] - loss(theta - step * unit)[1])[free] / (2.0 * step)  # pyright: ignore[reportCallIssue]
        for unit in np.eye(len(theta))[free]
    ]
    information = events * 0.5 * (np.array(slopes) + np.array(slopes).T)
    errors = np.full(len(theta), np.nan)
    with np.errstate(invalid="ignore"):  # not at a maximum in some direction: no error can be given
        errors[free] = np.sqrt(np.diag(np.linalg.pinv(information)))
    return errors
