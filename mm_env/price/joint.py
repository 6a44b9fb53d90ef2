"""How the mids of several instruments move together: by a covariance matrix, or by factors."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

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


class Excitation(NamedTuple):
    """Jumps of each instrument at rates l that jumps of all raise: dl = decay (base - l) dt + matrix dN."""

    base: Floats  # (N,), jumps / time
    matrix: Floats  # (N, N), jumps / time: a jump of the column's raises the rate of the row's
    decay: float  # 1 / time
    mean: Floats  # (N,), of a jump, price
    std: Floats  # (N,)

    @property
    def rates(self) -> Floats:
        """The mean rates in the long run, (N,): (1 - matrix / decay)^-1 base."""
        lasting = np.eye(len(self.base)) - self.matrix / self.decay
        return np.linalg.solve(lasting, self.base).astype(np.float64)


class VarianceFactor(NamedTuple):
    """What the covariance of all moves is multiplied by: dv = kappa (1 - v) dt + vol sqrt(v) dZ."""

    kappa: float  # 1 / time
    vol: float  # 1 / sqrt(time)
    v0: float


class JointPrices(Component):
    """The mids of N instruments, S + drift dt + their `diffusion`. Override `diffusion` and `size`."""

    has_marks: ClassVar[bool] = False  # all but the first are marks of a model of it

    @property
    def size(self) -> int:
        """How many instruments, N."""
        raise NotImplementedError

    @property
    def diffusion(self) -> Diffusion:
        """What the mids move by, beside their drift."""
        raise NotImplementedError

    @property
    def excitation(self) -> Excitation | None:
        """Their jumps, if they have any."""
        return None

    @property
    def variance_factor(self) -> VarianceFactor | None:
        """What their covariance is multiplied by, if it moves."""
        return None

    @property
    def cross_impact(self) -> Floats | None:
        """How far a unit of the column's instrument that is bought outside moves the mid of the row's for good, (N, N), price /
        unit, beside what `Outside.push` says; None if it moves no other."""
        return None

    @property
    def covariance_matrix(self) -> Floats:
        """Of the mids' moves a unit of time, (N, N), price^2 / time: with jumps as often as in the long run."""
        found, jumps = self.diffusion.covariance, self.excitation
        return found if jumps is None else found + np.diag(jumps.rates * (jumps.mean**2 + jumps.std**2))

    @property
    def drifts(self) -> Floats:
        """(N,), price / time."""
        return self._each("drift")

    def _each(self, name: str) -> Floats:
        """A number for each instrument, (N,), of those or the one that a parameter has."""
        return np.broadcast_to(np.array(getattr(self, name)), self.size).astype(np.float64)

    def _check_each(self, *names: str) -> None:
        for name in names:
            if len(getattr(self, name)) not in (1, self.size):
                raise ValueError(
                    f"{type(self).__name__}.{name} must have one number for each of {self.size} instruments, or one for all, "
                    f"got {len(getattr(self, name))}"
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
        self._check_each("drift")

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
        self._check_each("idiosyncratic", "drift")

    @property
    def size(self) -> int:
        return len(self.loadings)

    @property
    def diffusion(self) -> Diffusion:
        return Diffusion(self._each("idiosyncratic"), np.array(self.loadings), by_own=False)
