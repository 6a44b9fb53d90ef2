"""One law of a price's state: what its branches make of the values that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import interpolation
from mm_env.price.law import Law

Floats = NDArray[np.float64]
_DENSE = 64  # nodes up to which a full matrix is no slower than one of what is not zero


@dataclass(frozen=True)
class Line:
    """A law's nodes, and what is worth what on them; values are (nodes, cells), q the inventories (cells,)."""

    law: Law
    signals: tuple[int, ...] = ()  # where the state of each dimension stands in the observation
    starts: tuple[float, ...] = (0.0,)  # the state at the start of an episode, in the units of the nodes
    branches: list[Any] = field(init=False)  # (nodes, nodes) each: interpolation at where the branch leads
    moves: Any = field(init=False)  # their mean, P(node -> node)

    def __post_init__(self) -> None:
        weights = self.law.probability.T
        branches = [self._leading(branch) for branch in range(len(weights))]
        object.__setattr__(self, "branches", branches)
        if isinstance(branches[0], np.ndarray):
            object.__setattr__(self, "moves", np.einsum("ib,bij->ij", self.law.probability, np.stack(branches)))
        else:
            object.__setattr__(
                self, "moves", sum(branch.multiply(p[:, None]).tocsr() for branch, p in zip(branches, weights))
            )

    @property
    def nodes(self) -> Floats:
        """The grid, (nodes,), in the units observed; the numbers of the nodes of a joint law."""
        return self.law.nodes

    @property
    def at_start(self) -> Floats:
        """The weights (nodes,) of the nodes where an episode starts."""
        found = np.ones(1)
        for (grid, _), start in zip(self.law.dimensions, self.starts, strict=True):
            found = np.multiply.outer(found, interpolation(grid.nodes, np.array([start]))[0]).reshape(-1)
        return found

    def look_ahead(self, following: Floats, q: Floats, gamma: float) -> Floats:
        """What each (node, cell) is worth before a step: the mid's move and what follows; under a utility of this gamma its
        certainty equivalent."""
        if gamma > 0.0:
            return self._certainty(gamma, following, q)
        return self.moves @ following + self.law.drift[:, None] * q

    def _certainty(self, gamma: float, following: Floats, q: Floats) -> Floats:
        """c with exp(-gamma c) = E[exp(-gamma (q dS + c'))], in logarithms."""
        total = np.full_like(following, -np.inf)
        for branch, where in enumerate(self.branches):
            p, mean, variance = self.branch(branch)
            with np.errstate(divide="ignore"):  # the log of a branch that is never taken
                risk = np.log(p) - gamma * (q * mean + where @ following) + 0.5 * gamma**2 * q**2 * variance
            total = np.logaddexp(total, risk)
        return -total / gamma

    def spread_ahead(self, values: list[Floats], q: Floats, share: float) -> Floats:
        """The variance of what `look_ahead` is the mean of, from means and variances after it."""
        (following, spread), drift = values, self.law.drift[:, None]
        later, total = self.moves @ following, np.zeros_like(following)
        for branch, where in enumerate(self.branches):
            p, mean, variance = self.branch(branch)
            surprise = share * q * (mean - drift) + where @ following - later
            total += p * (surprise**2 + share**2 * q**2 * variance + where @ spread)
        return total

    def branch(self, number: int) -> tuple[Floats, ...]:
        """Probability, mean and variance of a branch at each node, (nodes, 1)."""
        return tuple(part[:, number, None] for part in (self.law.probability, self.law.mean, self.law.variance))

    def around(self, observations: NDArray[np.float32], whole: bool) -> list[tuple[Any, Any]]:
        """The nodes next to what is observed, and their shares: the nearer alone of labels, or if `whole`."""
        if not self.signals:
            return [(np.zeros(len(observations), np.int64), np.ones(len(observations)))]
        grids = [grid for grid, _ in self.law.dimensions]
        sides = [_around(grid, observations[:, s], whole) for grid, s in zip(grids, self.signals, strict=True)]
        found = []
        for corner in product(*sides):
            index, share = np.zeros(len(observations), np.int64), np.ones(len(observations))
            for grid, (at, weight) in zip(grids, corner, strict=True):
                index, share = index * len(grid.nodes) + at, share * weight
            found.append((index, share))
        return found

    def _leading(self, branch: int) -> Any:
        """The matrix (nodes, nodes) that interpolates at where a branch leads from each node."""
        found: Any = None
        for grid, target in self.law.dimensions:
            near = interpolation(grid.nodes, target[:, branch])
            found = near if found is None else (found[:, :, None] * near[:, None, :]).reshape(len(near), -1)
        if len(self.law.nodes) <= _DENSE:
            return found
        from scipy.sparse import csr_array

        return csr_array(found)


def _around(grid: Law, shown: NDArray[np.float32], whole: bool) -> list[tuple[Any, Any]]:
    x = np.clip(shown.astype(np.float64), grid.nodes[0], grid.nodes[-1])
    left = np.clip(np.searchsorted(grid.nodes, x, side="right") - 1, 0, len(grid.nodes) - 2)
    share = (x - grid.nodes[left]) / (grid.nodes[left + 1] - grid.nodes[left])
    share = np.rint(share) if whole or grid.kind == "labels" else share
    return [(left, 1.0 - share), (left + 1, share)]
