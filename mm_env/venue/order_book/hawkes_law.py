"""Moments of a stationary Hawkes process with exponential kernels, exactly (Hawkes 1971; Bacry, Mastromatteo & Muzy 2015).

    lambda_m(t) = base_m + sum_n branching_mn decay_m int_{-inf}^t exp(-decay_m (t - s)) dN_n(s)

An event of kind n brings branching_mn events of kind m on average; the decay is that of the kind that is excited. The
intensities are then a Markov process, d lambda = B (base - lambda) dt + B K dN with B = diag(decay) and K = branching, whose
moments solve linear equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mm_env.core.extras import require
from mm_env.core.parameters import Interval, check

Floats = NDArray[np.float64]


def spectral_radius(branching: ArrayLike) -> float:
    """The largest modulus among the eigenvalues of K (d, d); the process is stationary if it is below 1."""
    return float(np.abs(np.linalg.eigvals(np.asarray(branching, np.float64))).max())


@dataclass(frozen=True, eq=False)
class HawkesLaw:
    """`base` (d,) events / time >= 0, `branching` (d, d) >= 0, `decay` (d,) or one for all kinds, 1 / time, > 0.

    Raises: ValueError if shapes or numbers are not so, or if the spectral radius of `branching` is 1 or more.
    """

    base: Floats
    branching: Floats
    decay: Floats

    def __post_init__(self) -> None:
        base = np.atleast_1d(np.asarray(self.base, np.float64))
        branching = np.atleast_2d(np.asarray(self.branching, np.float64))
        decay = np.asarray(self.decay, np.float64) * np.ones_like(base)
        if branching.shape != (len(base), len(base)):
            raise ValueError(f"HawkesLaw.branching must be ({len(base)}, {len(base)}), got {branching.shape}")
        check("HawkesLaw.base", base, Interval(0.0))
        check("HawkesLaw.branching", branching.ravel(), Interval(0.0))
        check("HawkesLaw.decay", decay, Interval(0.0, low_open=True))
        if (radius := spectral_radius(branching)) >= 1.0:
            raise ValueError(f"HawkesLaw.branching must have a spectral radius < 1, got {radius:.6g}")
        for name, value in (("base", base), ("branching", branching), ("decay", decay)):
            object.__setattr__(self, name, value)

    @property
    def rate(self) -> Floats:
        """(I - K)^-1 base: events of each kind per unit of time, (d,)."""
        return np.asarray(np.linalg.solve(np.eye(len(self.base)) - self.branching, self.base), np.float64)

    @property
    def intensity_covariance(self) -> Floats:
        """Cov[lambda], (d, d), per time squared: S with A S + S A' + B K diag(rate) K' B = 0, A = B (K - I)."""
        require("HawkesLaw", "experiments", "scipy")
        from scipy.linalg import solve_continuous_lyapunov

        kicks = self._kicks
        return solve_continuous_lyapunov(self._drift, -kicks * self.rate @ kicks.T)

    def count_covariance(self, window: float) -> Floats:
        """Cov[N(window)], (d, d): of how many events of each kind come within a window of time.

        V' = C + C' + diag(rate), C' = A C + S + B K diag(rate), from V = C = 0, where C = Cov[lambda(t), N(t)]. The integral
        of C is a block of one matrix exponential (Van Loan 1978), which does not cancel in a short window.
        """
        require("HawkesLaw", "experiments", "scipy")
        from scipy.linalg import expm

        check("window", window, Interval(0.0))
        kinds = len(self.base)
        eye, zero = np.eye(kinds), np.zeros((kinds, kinds))
        blocks = np.block([[self._drift, eye, zero], [zero, zero, eye], [zero, zero, zero]])
        twice = expm(blocks * window)[:kinds, 2 * kinds :]  # int_0^T int_0^t exp(A s) ds dt
        shared = twice @ (self.intensity_covariance + self._kicks * self.rate)
        return shared + shared.T + np.diag(self.rate * window)

    def brought_within(self, window: float) -> Floats:
        """(d, d): how many events of kind m one more of kind n brings within a window, by itself and by those it brings.

        int_0^T exp(A t) dt B K; from no window at all 0, in the long run (I - K)^-1 K.
        """
        require("HawkesLaw", "experiments", "scipy")
        from scipy.linalg import expm

        check("window", window, Interval(0.0))
        kinds = len(self.base)
        eye, zero = np.eye(kinds), np.zeros((kinds, kinds))
        once = expm(np.block([[self._drift, eye], [zero, zero]]) * window)[:kinds, kinds:]  # int_0^T exp(A t) dt
        return once @ self._kicks

    @property
    def _kicks(self) -> Floats:
        """B K: by how much an event of kind n raises the intensity of kind m."""
        return self.decay[:, None] * self.branching

    @property
    def _drift(self) -> Floats:
        return self._kicks - np.diag(self.decay)
