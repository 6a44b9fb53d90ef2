"""A square-root variance, dv = kappa (theta - v) dt + vol sqrt(v) dZ (Cox, Ingersoll & Ross 1985), and its steps."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, rule
from mm_env.core.maths import cos_turn, exp, log, normal, one_minus_exp, scalar
from mm_env.core.noise import Noise

Floats = NDArray[np.float64]
POINTS = 11  # branches of a step in its law
_SWITCH = 1.5  # of spread / mean^2, from which on the step is exponential


class SquareRoot(NamedTuple):
    """The parameters of the variance."""

    kappa: float  # 1 / time
    theta: float  # what it reverts to
    vol: float


class Fitted(NamedTuple):
    """The two laws that Andersen fits to mean and variance of v': a (b + Z)^2, and one with an atom at 0."""

    quadratic: bool  # which of them is taken
    a: float
    square: float  # b^2
    alive: float  # P(v' > 0) of the second
    scale: float  # mean of v' there


@scalar
def mean_after(v: float, root: SquareRoot, dt: float) -> float:
    """E[v' | v]."""
    return root.theta * one_minus_exp(root.kappa * dt) + v * exp(-root.kappa * dt)


@scalar
def spread_after(v: float, root: SquareRoot, dt: float) -> float:
    """Var[v' | v]."""
    gone = one_minus_exp(root.kappa * dt)
    return root.vol * root.vol * gone / root.kappa * (v * exp(-root.kappa * dt) + 0.5 * root.theta * gone)


@scalar
def fitted(v: float, root: SquareRoot, dt: float) -> Fitted:
    """Andersen 2008, eqs. (27), (28) and (29) with (25): both laws have the mean and the variance of v'."""
    mean = mean_after(v, root, dt)
    ratio = spread_after(v, root, dt) / (mean * mean)
    inverse = 2.0 / min(ratio, _SWITCH)
    square = inverse - 1.0 + math.sqrt(inverse * (inverse - 1.0))
    alive = 2.0 / (1.0 + ratio)
    return Fitted(ratio <= _SWITCH, mean / (1.0 + square), square, alive, mean / alive)


class VarianceStep(Component):
    """How the variance is moved over a step, and what that makes of a price driven by it. Override all rules."""

    @rule
    def following(self, v: float, root: SquareRoot, noise: Noise, dt: float) -> float:
        """v at t + dt, from that at t."""
        raise NotImplementedError

    @rule
    def shared(self, v: float, after: float, root: SquareRoot, dt: float) -> float:
        """The integral of sqrt(v) dZ over the step, from the variance at its ends."""
        raise NotImplementedError

    @rule
    def total(self, v: float, after: float, dt: float) -> float:
        """The integral of v over the step, from the variance at its ends."""
        raise NotImplementedError

    @rule
    def growth(self, v: float, after: float, root: SquareRoot, rho: float, dt: float) -> float:
        """rho (integral of sqrt(v) dZ) - rho^2 (integral of v) / 2, so that the mean of its exponential is 1."""
        raise NotImplementedError

    def branches(self, v: float, root: SquareRoot, dt: float) -> tuple[Floats, Floats]:
        """Probabilities and values of v' whose sums are the step's expectations; (branches,) each."""
        raise NotImplementedError(f"the steps of {type(self).__name__} have no law that is stated")


class QuadraticExponential(VarianceStep):
    """Andersen 2008, "Simple and efficient simulation of the Heston model", QE: v' is never negative.

    Mean and variance of v' are exact whatever the step. The integrals are by the trapezium rule, so that the variance of a
    price's move is off by O(dt^3) a step: second order in dt.
    """

    @rule
    def following(self, v: float, root: SquareRoot, noise: Noise, dt: float) -> float:
        law, level = fitted(v, root, dt), log(noise.latent[0])
        away = math.sqrt(law.square) + math.sqrt(-2.0 * level) * cos_turn(noise.latent[1])
        return law.a * away * away if law.quadratic else max(law.scale * (log(law.alive) - level), 0.0)

    @rule
    def shared(self, v: float, after: float, root: SquareRoot, dt: float) -> float:
        return (after - mean_after(v, root, dt)) * (1.0 + 0.5 * root.kappa * dt) / root.vol

    @rule
    def total(self, v: float, after: float, dt: float) -> float:
        return 0.5 * (v + after) * dt

    @rule
    def growth(self, v: float, after: float, root: SquareRoot, rho: float, dt: float) -> float:
        """Andersen's martingale correction: slope v' - ln E[e^(slope v')]."""
        law, slope = fitted(v, root, dt), tilt(root, rho, dt)
        width = 1.0 - 2.0 * slope * law.a
        tail = 1.0 - law.alive + law.alive / (1.0 - slope * law.scale)
        raised = slope * law.a * law.square / width - 0.5 * log(width) if law.quadratic else log(tail)
        return slope * after - raised

    def branches(self, v: float, root: SquareRoot, dt: float) -> tuple[Floats, Floats]:
        law = fitted(v, root, dt)
        if law.quadratic:
            z, weights = np.polynomial.hermite_e.hermegauss(POINTS)
            return weights / weights.sum(), law.a * (math.sqrt(law.square) + z) ** 2
        y, weights = np.polynomial.laguerre.laggauss(POINTS - 1)
        alive = law.alive * weights / weights.sum()
        return np.append(1.0 - alive.sum(), alive), law.scale * np.append(0.0, y)


@scalar
def tilt(root: SquareRoot, rho: float, dt: float) -> float:
    """What e^(slope v') a relative move holds: rho (1 + kappa dt / 2) / vol - rho^2 dt / 4."""
    return rho * (1.0 + 0.5 * root.kappa * dt) / root.vol - 0.25 * rho * rho * dt


class FullTruncation(VarianceStep):
    """Euler's step by the positive part of v, which itself may fall below 0 (Lord, Koekkoek & van Dijk 2010): first order."""

    @rule
    def following(self, v: float, root: SquareRoot, noise: Noise, dt: float) -> float:
        held = max(v, 0.0)
        return v + root.kappa * (root.theta - held) * dt + root.vol * math.sqrt(held * dt) * normal(noise.latent)

    @rule
    def shared(self, v: float, after: float, root: SquareRoot, dt: float) -> float:
        return (after - v - root.kappa * (root.theta - max(v, 0.0)) * dt) / root.vol

    @rule
    def total(self, v: float, after: float, dt: float) -> float:
        return max(v, 0.0) * dt

    @rule
    def growth(self, v: float, after: float, root: SquareRoot, rho: float, dt: float) -> float:
        return rho * self.shared(v, after, root, dt) - 0.5 * rho * rho * self.total(v, after, dt)
