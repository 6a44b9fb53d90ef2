"""How the mids of several instruments move together: by a covariance matrix, or by factors."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component
from mm_env.core.parameters import Interval, Several

Floats = NDArray[np.float64]
Row = Annotated[tuple[float, ...], Several(Interval())]
Rows = Annotated[tuple[tuple[float, ...], ...], Several(Interval(), depth=2)]
NonNegativeRow = Annotated[tuple[float, ...], Several(Interval(0.0))]
_ROUNDING = 1e-9  # of the largest number of a matrix


class Diffusion(NamedTuple):
    """dS_i = own_i dW_i + sum_m shared_im dV_m, independent Brownian motions; V are the W themselves where `by_own`."""

    own: Floats  # (N,), price / sqrt(time)
    shared: Floats  # (N, M)
    by_own: bool

    @property
    def covariance(self) -> Floats:
        """Of dS a unit of time, (N, N): price^2 / time."""
        return self.shared @ self.shared.T + np.diag(self.own**2)


class JointPrices(Component):
    """The mids of N instruments, S + drift dt + their `diffusion`. Override `diffusion` and `size`."""

    @property
    def size(self) -> int:
        """How many instruments, N."""
        raise NotImplementedError

    @property
    def diffusion(self) -> Diffusion:
        """What the mids move by, beside their drift."""
        raise NotImplementedError

    @property
    def covariance_matrix(self) -> Floats:
        """Of the mids' moves a unit of time, (N, N): price^2 / time."""
        return self.diffusion.covariance

    @property
    def drifts(self) -> Floats:
        """(N,), price / time."""
        return np.broadcast_to(np.array(self.drift), self.size).astype(np.float64)  # pyright: ignore

    def _check_drift(self) -> None:
        drift: Any = self.drift  # pyright: ignore[reportAttributeAccessIssue]
        if len(drift) not in (1, self.size):
            raise ValueError(
                f"{type(self).__name__}.drift must have one number for each of {self.size} instruments, or one for all, "
                f"got {len(drift)}"
            )


class CovariancePrices(JointPrices):
    """dS = drift dt + Sigma^(1/2) dW with Cov[dS] = `covariance` dt (Bachelier).

    The root is the symmetric one, which is that of every order of the instruments: with their noise, they may be permuted.

    Raises: ValueError unless the matrix is square, symmetric and positive semi-definite, with a drift for each, or one for all.
    """

    covariance: Rows  # price^2 / time
    drift: Row = (0.0,)  # price / time

    def __post_init__(self) -> None:
        super().__post_init__()
        matrix, name = np.array(self.covariance), "CovariancePrices.covariance"
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"{name} must be square, got {matrix.shape[0]} rows of {matrix.shape[1]}")
        slack = _ROUNDING * np.abs(matrix).max()
        if (np.abs(matrix - matrix.T) > slack).any():
            i, j = np.argwhere(np.abs(matrix - matrix.T) > slack)[0]
            raise ValueError(
                f"{name} must be symmetric, got {matrix[i, j]:g} at ({i}, {j}) and {matrix[j, i]:g} across"
            )
        if (least := np.linalg.eigvalsh(matrix)[0]) < -slack:
            raise ValueError(f"{name} must be positive semi-definite, got an eigenvalue of {least:.6g}")
        self._check_drift()

    @property
    def size(self) -> int:
        return len(self.covariance)

    @property
    def diffusion(self) -> Diffusion:
        matrix = np.array(self.covariance)
        if not (matrix - np.diag(matrix.diagonal())).any():  # independent: to the bit
            return Diffusion(np.sqrt(matrix.diagonal()), np.zeros((self.size, 0)), by_own=True)
        values, vectors = np.linalg.eigh(matrix)
        return Diffusion(np.zeros(self.size), vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T, by_own=True)


class FactorPrices(JointPrices):
    """dS_i = drift_i dt + sum_k loadings_ik dF_k + idiosyncratic_i dW_i, F and W independent Brownian motions.

    Raises: ValueError unless each instrument has its loadings, with an idiosyncratic volatility and a drift for each, or one
    for all.
    """

    loadings: Rows  # (N, K), price / sqrt(time)
    idiosyncratic: NonNegativeRow = (0.0,)  # price / sqrt(time)
    drift: Row = (0.0,)  # price / time

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.idiosyncratic) not in (1, self.size):
            raise ValueError(
                f"FactorPrices.idiosyncratic must have one number for each of {self.size} instruments, or one for all, "
                f"got {len(self.idiosyncratic)}"
            )
        self._check_drift()

    @property
    def size(self) -> int:
        return len(self.loadings)

    @property
    def diffusion(self) -> Diffusion:
        own = np.broadcast_to(np.array(self.idiosyncratic), self.size).astype(np.float64)
        return Diffusion(own, np.array(self.loadings), by_own=False)
