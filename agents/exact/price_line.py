"""One axis of a price's law: what its branches make of the values that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import interpolation
from mm_env.price.law import Law

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A law's grid or labels, and what is worth what on it; values are (nodes, cells), q the inventories (cells,)."""

    law: Law
    signal: int | None = None  # where the state stands in the observation
    start: float = 0.0  # the state at the start of an episode, in the units of the nodes
    branches: Floats = field(init=False)  # (branches, nodes, nodes): interpolation at where each branch leads
    moves: Floats = field(init=False)  # their mean, P(node -> node)

    def __post_init__(self) -> None:
        branches = np.stack([interpolation(self.nodes, following) for following in self.law.following.T])
        object.__setattr__(self, "branches", branches)
        object.__setattr__(self, "moves", np.einsum("ib,bij->ij", self.law.probability, branches))

    @property
    def nodes(self) -> Floats:
        """The grid, (nodes,), in the units observed."""
        return self.law.nodes

    @property
    def at_start(self) -> Floats:
        """The weights (nodes,) of the nodes where an episode starts."""
        return interpolation(self.nodes, np.array([self.start]))[0]

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
            p, mean, variance = self._branch(branch)
            with np.errstate(divide="ignore"):  # the log of a branch that is never taken
                risk = np.log(p) - gamma * (q * mean + where @ following) + 0.5 * gamma**2 * q**2 * variance
            total = np.logaddexp(total, risk)
        return -total / gamma

    def spread_ahead(self, values: list[Floats], q: Floats, share: float) -> Floats:
        """The variance of what `look_ahead` is the mean of, from means and variances after it."""
        (following, spread), drift = values, self.law.drift[:, None]
        later, total = self.moves @ following, np.zeros_like(following)
        for branch, where in enumerate(self.branches):
            p, mean, variance = self._branch(branch)
            surprise = share * q * (mean - drift) + where @ following - later
            total += p * (surprise**2 + share**2 * q**2 * variance + where @ spread)
        return total

    def _branch(self, branch: int) -> tuple[Floats, ...]:
        return tuple(part[:, branch, None] for part in (self.law.probability, self.law.mean, self.law.variance))

    def around(self, observations: NDArray[np.float32], whole: bool) -> list[tuple[Any, Any]]:
        """The nodes next to what is observed, and their shares: the nearer alone of labels, or if `whole`."""
        if self.signal is None:
            return [(np.zeros(len(observations), np.int64), np.ones(len(observations)))]
        x = np.clip(observations[:, self.signal].astype(np.float64), self.nodes[0], self.nodes[-1])
        left = np.clip(np.searchsorted(self.nodes, x, side="right") - 1, 0, len(self.nodes) - 2)
        share = (x - self.nodes[left]) / (self.nodes[left + 1] - self.nodes[left])
        share = np.rint(share) if whole or self.law.kind == "labels" else share
        return [(left, 1.0 - share), (left + 1, share)]
