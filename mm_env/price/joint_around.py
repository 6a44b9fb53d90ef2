"""Joint prices around others: jumps that excite one another, a variance that all share, the impact of trades on all."""

from __future__ import annotations

import numpy as np

from mm_env.core.parameters import NonNegative, Positive
from mm_env.price.joint import (
    Diffusion,
    Excitation,
    Floats,
    JointPrices,
    NonNegativeRow,
    Row,
    Rows,
    VarianceFactor,
)


class AroundJoint(JointPrices):
    """The mids of `prices`, with something on top."""

    prices: JointPrices

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prices.has_marks:
            raise ValueError(
                f"{type(self).__name__}.prices must not be marks of options, got {type(self.prices).__name__}"
            )

    @property
    def size(self) -> int:
        return self.prices.size

    @property
    def diffusion(self) -> Diffusion:
        return self.prices.diffusion

    @property
    def drifts(self) -> Floats:
        return self.prices.drifts

    @property
    def excitation(self) -> Excitation | None:
        return self.prices.excitation

    @property
    def variance_factor(self) -> VarianceFactor | None:
        return self.prices.variance_factor

    @property
    def cross_impact(self) -> Floats | None:
        return self.prices.cross_impact

    def _refuse_two(self, what: str, there: object) -> None:
        if there is not None:
            raise ValueError(f"{type(self).__name__}.prices must have no {what} of their own, got {self.prices}")


class ExcitingJumps(AroundJoint):
    """The mids of `prices`, which jump at rates l that all jumps raise: dl = decay (base - l) dt + excitation dN.

    Within a step instrument i jumps once at most, with probability 1 - exp(-l_i dt), by a normal size; the rates then decay
    exactly, and rise by what jumped: they are those of Hawkes processes to first order in dt. The drift is not corrected for
    the jumps' mean. The agent sees each rate, in units of its mean in the long run.

    Raises: ValueError unless all is of one size and excitation_matrix / decay has a spectral radius below 1: else jumps bring
    ever more.
    """

    base: NonNegativeRow  # jumps / time
    excitation_matrix: Rows  # jumps / time: a jump of the column's instrument raises the rate of the row's
    decay: Positive  # 1 / time
    std: NonNegativeRow  # of a jump, price
    mean: Row = (0.0,)  # of a jump, price

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse_two("jumps", self.prices.excitation)
        self._check_each("base", "std", "mean")
        matrix, name = np.array(self.excitation_matrix), "ExcitingJumps.excitation_matrix"
        if matrix.shape != (self.size, self.size):
            raise ValueError(
                f"{name} must be {self.size} rows of {self.size}, got {matrix.shape[0]} of {matrix.shape[1]}"
            )
        if (matrix < 0.0).any():
            raise ValueError(f"{name} must be >= 0, got {matrix.min():g}")
        if (radius := np.abs(np.linalg.eigvals(matrix / self.decay)).max()) >= 1.0:
            raise ValueError(
                f"{name} / decay must have a spectral radius below 1, or jumps bring ever more, got {radius:.4g}"
            )

    @property
    def excitation(self) -> Excitation:
        base, mean, std = (self._each(name) for name in ("base", "mean", "std"))
        return Excitation(base, np.array(self.excitation_matrix), self.decay, mean, std)


class CommonVariance(AroundJoint):
    """The mids of `prices`, whose covariance a variance v multiplies that all share: dv = kappa (1 - v) dt + vol sqrt(v) dZ
    (Heston 1993, uncorrelated with the mids).

    v is moved by Andersen's quadratic-exponential scheme; over a step the mids move by the v in which it begins. The agent sees
    the volatility, sqrt(v).
    """

    kappa: Positive  # 1 / time
    vol: Positive  # 1 / sqrt(time)
    v0: NonNegative = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse_two("variance", self.prices.variance_factor)

    @property
    def variance_factor(self) -> VarianceFactor:
        return VarianceFactor(self.kappa, self.vol, self.v0)


class CrossImpact(AroundJoint):
    """The mids of `prices`, which trades outside move for good: n_j units bought of j move the mid of i by impact_matrix_ij
    n_j, beside the instruments' own `impact`.

    Raises: ValueError unless the matrix is N x N. Not every matrix is free of profits from trading around alone: a symmetric
    positive semi-definite one is (Huberman & Stanzl 2004; Schneider & Lillo 2019).
    """

    impact_matrix: Rows  # price / unit

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse_two("cross-impact", self.prices.cross_impact)
        shape = np.shape(self.impact_matrix)
        if shape != (self.size, self.size):
            raise ValueError(
                f"CrossImpact.impact_matrix must be {self.size} rows of {self.size}, got {shape[0]} of {shape[1]}"
            )

    @property
    def cross_impact(self) -> Floats:
        return np.array(self.impact_matrix)
