"""How a pool's log price goes from block to block: by the mid's law, and arbitrage to the band of the fee."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mm_env.market import Market

Floats = NDArray[np.float64]
_NODES, _TAIL = (
    24,
    7.0,
)  # of Gauss-Legendre in each of three stretches; standard deviations (rates, of exponentials 5 times that)


class Block(Protocol):
    """What a block's law depends on."""

    @property
    def market(self) -> Market: ...

    @property
    def sigma(self) -> float: ...

    @property
    def dt(self) -> float: ...

    @property
    def log_fee(self) -> float:
        """How far the pool's log price may be from the mid's before it is arbitraged."""
        ...


class Steps(NamedTuple):
    """The moves that a block may bring from one gap between pool and mid: each with its probability."""

    probability: Floats
    shift: Floats  # of the pool's log price
    gap: Floats  # of pool and mid after it


def steps(grid: Block, gap: float) -> Steps:
    """All that a block may bring where the pool's log price is `gap` above the mid's: three stretches of the mid's move,
    between which arbitrage begins."""
    reach, gamma = _reach(grid), grid.log_fee
    edges = [-reach, max(gap - gamma, -reach), min(gap + gamma, reach), reach]
    found = [_stretch(grid, low, high) for low, high in pairwise(edges) if high > low]
    move, weight = (np.concatenate(parts) for parts in zip(*found, strict=True))
    apart = gap - move
    after = np.clip(apart, -gamma, gamma)
    return Steps(weight / weight.sum(), after - apart, after)


def _stretch(grid: Block, low: float, high: float) -> tuple[Floats, Floats]:
    """Nodes of the mid's log move between two ends and their weights; cut at the middle, where densities may have an edge."""
    x, w = _nodes()
    cuts = [low, *([0.0] if low < 0.0 < high else []), high]
    moves = [0.5 * ((b - a) * x + a + b) for a, b in pairwise(cuts)]
    weights = [0.5 * (b - a) * w for a, b in pairwise(cuts)]
    move = np.concatenate(moves)
    return move, np.concatenate(weights) * _density(grid, move)


@cache
def _nodes() -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(_NODES)


def _density(grid: Block, move: Floats) -> Floats:
    """Of the mid's log move within a block: normal; where blocks come at Poisson times, what an exponential time makes of
    it."""
    drift, variance = -0.5 * grid.sigma**2, grid.sigma**2 * grid.dt
    if not grid.market.venue.blocks.random:  # pyright: ignore[reportAttributeAccessIssue]
        z = (move - drift * grid.dt) / math.sqrt(variance)
        return np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi * variance)
    rate = math.sqrt(drift**2 + 2.0 * grid.sigma**2 / grid.dt)
    return np.exp((drift * move - rate * np.abs(move)) / grid.sigma**2) / (grid.dt * rate)


def _reach(grid: Block) -> float:
    spread = grid.sigma * math.sqrt(grid.dt)
    return (5.0 * _TAIL if grid.market.venue.blocks.random else _TAIL) * spread  # pyright: ignore[reportAttributeAccessIssue]
