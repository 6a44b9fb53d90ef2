"""Adverse selection: how far the mid jumps against a quote that is filled, by the depth at which it stood.

As the market simulates it, the mid's move over a lifetime is that of an unfilled quote, plus the jump where the ask alone is
filled and less it where the bid alone is. So the mean jump at a depth is that of the moves against quotes filled on one side
only. By depth d it is

    base + slope d + bend d^2

by least squares over the depths that are quoted and all their fills at once; as one lifetime is seen at many depths, the
standard errors are those of the sandwich formula, over blocks of the day. The bend is left out where it is not told from 0,
and so is the slope: a constant then does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import BLOCKS, Floats, Measured
from experiments.calibration.reach import Reach
from mm_env.data.recording import Ints

FEW = 10  # fills
CERTAIN = 2.66  # standard errors: p < 0.01 of Student's t with 59 degrees


@dataclass(frozen=True)
class Adverse:
    """The mean jump against a fill; `bend`, and `slope` too, are exactly 0 where they are not told from it."""

    base: Measured  # price units
    slope: Measured  # price a price
    bend: Measured  # 1 / price
    covariance: Floats  # (3, 3) of these
    mean: Measured  # over all fills and depths, price units
    fills: int  # lifetimes with a fill on one side only
    depths: Floats  # (d,) over which it was fitted
    moves: list[Measured]  # (d,) the mean move against a quote at each of them that was filled alone

    @property
    def by_depth(self) -> bool:
        """Whether it depends on the depth."""
        return self.slope.value != 0.0

    @property
    def found(self) -> bool:
        """Whether fills move the mid against the maker at all, beyond the error."""
        return self.by_depth or self.base.value > CERTAIN * self.base.error

    @property
    def reach(self) -> float:
        """The deepest depth it was fitted to, price units."""
        return float(self.depths[-1])

    def at(self, depth: float) -> Measured:
        """The fitted mean jump given a fill at `depth` within `reach`, held at 0 from below as the market holds it."""
        powers = np.array([1.0, depth, depth**2])
        value = powers @ [self.base.value, self.slope.value, self.bend.value]
        return Measured(max(float(value), 0.0), float(np.sqrt(powers @ self.covariance @ powers)))


@dataclass(frozen=True)
class Lone:
    """The lifetimes, and where in them a quote is filled on one side only: at the depths `first` <= i < `last`."""

    depths: Floats  # (d,)
    first: Ints  # (n,)
    last: Ints  # (n,)
    against: Floats  # (n,) the mid's move against the side that is filled
    block: Ints  # (n,)

    def sums(self, values: Floats) -> Floats:
        """(n, p) the sums of `values` (d, p) over the depths at which each lifetime fills one side only."""
        up_to = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
        return up_to[self.last] - up_to[self.first]

    def totals(self, weights: Floats) -> Floats:
        """(d,) the sums of `weights` (n,) over the lifetimes that fill one side only at each depth."""
        size = len(self.depths) + 1
        began = np.bincount(self.first, weights, minlength=size) - np.bincount(self.last, weights, minlength=size)
        return np.cumsum(began)[:-1]


def adverse(bid: Reach, ask: Reach, deepest: float) -> Adverse:
    """The mean jump by depth up to `deepest`, both sides together.

    Raises: ValueError where fewer than ten lifetimes filled one side only.
    """
    lone = lone_fills(bid, ask, deepest)
    fills = int((lone.last > lone.first).sum())
    if fills < FEW:
        raise ValueError(f"it needs {FEW} lifetimes with a fill on one side only, got {fills}")
    fits = [_fitted(lone, powers) for powers in (0, 1, 2)]
    degree = max((d for d in (1, 2) if _told(lone, *fits[d])), default=0)
    theta, covariance = fits[degree]
    parts = [Measured(float(x), float(v**0.5)) for x, v in zip(theta, np.diag(covariance), strict=True)]
    mean = Measured(float(fits[0][0][0]), float(fits[0][1][0, 0] ** 0.5))
    return Adverse(*parts, covariance, mean, fills, lone.depths, _moves(lone))


def lone_fills(bid: Reach, ask: Reach, deepest: float) -> Lone:
    """Where each lifetime fills one side only, over the depths up to `deepest`."""
    depths = bid.depths[: max(int(np.searchsorted(bid.depths, deepest, side="right")), 1)]
    both = np.minimum(np.stack([bid.reached, ask.reached]), len(depths))
    against = np.where(ask.reached > bid.reached, ask.against, bid.against)
    return Lone(depths, both.min(axis=0), both.max(axis=0), against, bid.block)


def _told(lone: Lone, theta: Floats, covariance: Floats) -> bool:
    """Whether the highest power is told from 0, by fills enough at more depths than there are powers."""
    highest = int(np.flatnonzero(theta)[-1])
    told = int((lone.totals(np.ones(len(lone.first))) >= FEW).sum())
    return told > highest + 1 and abs(theta[highest]) > CERTAIN * covariance[highest, highest] ** 0.5


def _fitted(lone: Lone, degree: int) -> tuple[Floats, Floats]:
    """(base, slope, bend) by least squares, powers above `degree` left at 0, and their covariance (3, 3)."""
    design = lone.depths[:, None] ** np.arange(degree + 1)
    counts, moves = lone.totals(np.ones(len(lone.first))), lone.totals(lone.against)
    bread = np.linalg.pinv((design * counts[:, None]).T @ design)
    theta = bread @ (design.T @ moves)
    scores = lone.against[:, None] * lone.sums(design) - lone.sums(design * (design @ theta)[:, None])
    by_block = np.zeros((BLOCKS, degree + 1))
    np.add.at(by_block, lone.block, scores)
    covariance = np.zeros((3, 3))
    covariance[: degree + 1, : degree + 1] = bread @ (BLOCKS / (BLOCKS - 1) * by_block.T @ by_block) @ bread
    return np.r_[theta, np.zeros(2 - degree)], covariance


def _moves(lone: Lone) -> list[Measured]:
    """The mean move at each depth, (d,)."""
    found = []
    for i in range(len(lone.depths)):
        alone = (lone.first <= i) & (i < lone.last)
        found.append(_mean(lone.against[alone], lone.block[alone]))
    return found


def _mean(values: Floats, block: Ints) -> Measured:
    if not len(values):
        return Measured(np.nan, np.nan)
    residuals = np.bincount(block, values - values.mean(), minlength=BLOCKS)
    error = np.sqrt(BLOCKS / (BLOCKS - 1) * (residuals**2).sum()) / len(values)
    return Measured(float(values.mean()), float(error))
