"""Adverse selection: how far the mid moves against a quote that is filled, by the depth at which it stood.

E[the mid's move against us by the end of the lifetime | a fill at depth d] = base + slope d + bend d^2, by least squares over
the depths that are quoted and all their fills at once. As one lifetime is seen at many depths, the standard errors are those
of the sandwich formula, over blocks of the day. The bend is left out where it is not told from 0, and so is the slope: a
constant then does. In the market it is the mean of `mm_env.DepthImpact`, to whom each other move of the mid is noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from experiments.calibration.blocks import BLOCKS, Floats, Measured
from experiments.calibration.reach import Reach

FEW, MOVED = 10, 5  # fills, and moves of the mid
CERTAIN = 2.66  # standard errors: p < 0.01 of Student's t with 59 degrees


@dataclass(frozen=True)
class Adverse:
    """The mean move against a fill; `bend`, and `slope` too, are exactly 0 where they are not told from it."""

    base: Measured  # price units
    slope: Measured  # price a price
    bend: Measured  # 1 / price
    covariance: Floats  # (3, 3) of these
    mean: Measured  # over all fills and depths, price units
    fills: int  # quotes that were filled at some depth
    depths: Floats  # (d,) over which it was fitted

    @property
    def by_depth(self) -> bool:
        """Whether it depends on the depth."""
        return self.slope.value != 0.0

    @property
    def found(self) -> bool:
        """Whether fills move the mid against the maker at all, beyond the error."""
        return self.by_depth or self.base.value > CERTAIN * self.base.error

    @property
    def with_the_maker(self) -> bool:
        """Whether fills move the mid with the maker, beyond the error, which no impact of the package does."""
        return not self.by_depth and self.base.value < -CERTAIN * self.base.error

    @property
    def reach(self) -> float:
        """The deepest depth it was fitted to, price units."""
        return float(self.depths[-1])

    def at(self, depth: float) -> Measured:
        """The fitted mean move given a fill at `depth` within `reach`."""
        powers = np.array([1.0, depth, depth**2])
        value = powers @ [self.base.value, self.slope.value, self.bend.value]
        return Measured(float(value), float(np.sqrt(powers @ self.covariance @ powers)))


def adverse(reach: Reach, deepest: float) -> Adverse:
    """The mean move against a fill by depth, up to `deepest`.

    Raises: ValueError where fewer than ten quotes were filled, or the mid hardly moved in their lifetimes.
    """
    depths = reach.depths[: max(int(np.searchsorted(reach.depths, deepest, side="right")), 1)]
    near = replace(reach, depths=depths, reached=np.minimum(reach.reached, len(depths)))
    filled = near.reached > 0
    fills, moved = int(filled.sum()), int(np.count_nonzero(near.against[filled]))
    if fills < FEW or moved < MOVED:
        raise ValueError(
            f"it needs {FEW} fills and a mid that moves in the lifetimes of {MOVED}, got {fills} and {moved}"
        )
    fits = [_fitted(near, degree) for degree in (0, 1, 2)]
    degree = max((d for d in (1, 2) if _told(near, d, *fits[d])), default=0)
    theta, covariance = fits[degree]
    base, slope, bend = (Measured(float(x), float(v**0.5)) for x, v in zip(theta, np.diag(covariance), strict=True))
    mean = Measured(float(fits[0][0][0]), float(fits[0][1][0, 0] ** 0.5))
    return Adverse(base, slope, bend, covariance, mean, fills, depths)


def _told(reach: Reach, degree: int, theta: Floats, covariance: Floats) -> bool:
    """Whether the highest power is told from 0, by fills enough that came to more depths than there are powers."""
    told = len(np.unique(reach.fills[reach.fills >= FEW]))
    return told > degree + 1 and abs(theta[degree]) > CERTAIN * covariance[degree, degree] ** 0.5


def _fitted(reach: Reach, degree: int) -> tuple[Floats, Floats]:
    """(base, slope, bend) by least squares, powers above `degree` left at 0, and their covariance (3, 3)."""
    powers = reach.depths[:, None] ** np.arange(degree + 1)
    sums = _up_to(reach, powers)
    bread = np.linalg.pinv((powers * reach.fills[:, None]).T @ powers)
    theta = bread @ (sums.T @ reach.against)
    scores = reach.against[:, None] * sums - _up_to(reach, powers * (powers @ theta)[:, None])
    by_block = np.zeros((BLOCKS, degree + 1))
    np.add.at(by_block, reach.block, scores)
    covariance = np.zeros((3, 3))
    covariance[: degree + 1, : degree + 1] = bread @ (BLOCKS / (BLOCKS - 1) * by_block.T @ by_block) @ bread
    return np.r_[theta, np.zeros(2 - degree)], covariance


def _up_to(reach: Reach, values: Floats) -> Floats:
    """(n, p) the sums of `values` (d, p) over the depths at which each lifetime was filled."""
    return np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])[reach.reached]
