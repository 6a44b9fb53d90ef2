"""The latent state that an optimum depends on beside time and inventory, on the grid of its price's own law."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable, interpolation
from agents.exact.stated import check_law
from mm_env.core.component import flat, record
from mm_env.market import Market
from mm_env.price.law import Law
from mm_env.rollout import inventory_levels
from mm_env.state import State

Floats = NDArray[np.float64]
_EDGE = 1e-9  # of a grid's width: what rounding may leave a start outside of it


@dataclass(frozen=True)
class Axis:
    """A law's grid, and what is worth what on it; values are (nodes, levels)."""

    law: Law
    held: Floats  # the inventory of each cell
    template: State  # what a state looks like
    places: Floats  # the state of the market at each node, its numbers one after the other
    signal: int | None = None  # where the state stands in the observation
    start: float = 0.0  # the state at the start of an episode, in the units of the nodes
    venues: int = 1  # states of the venue: a cell is one of them and a level of inventory
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
    def size(self) -> int:
        """How many nodes a table has: of the grid, each with every state of the venue."""
        return len(self.nodes) * self.venues

    def look_ahead(self, following: Floats, penalty: Floats, gamma: float = 0.0) -> Floats:
        """What each (node, cell after the fills) is worth: the mid's move, the penalty (nodes or 1, cells) after it, and all
        that follows; under a utility of this gamma its certainty equivalent."""
        if gamma > 0.0:
            return self._certainty(gamma, following)
        due = penalty if len(penalty) == 1 else self.moves @ penalty
        return self.moves @ following + self.law.drift[:, None] * self.held - due

    def _certainty(self, gamma: float, following: Floats) -> Floats:
        """c with exp(-gamma c) = E[exp(-gamma (q dS + c'))], in logarithms."""
        q, total = self.held, np.full_like(following, -np.inf)
        for branch, where in enumerate(self.branches):
            p, mean, variance = (
                part[:, branch, None] for part in (self.law.probability, self.law.mean, self.law.variance)
            )
            with np.errstate(divide="ignore"):  # the log of a branch that is never taken
                risk = np.log(p) - gamma * (q * mean + where @ following) + 0.5 * gamma**2 * q**2 * variance
            total = np.logaddexp(total, risk)
        return -total / gamma

    def spread_ahead(self, following: Floats, spread: Floats, share: float) -> Floats:
        """The variance of what `look_ahead` is the mean of, from the means (penalties taken off) and the variances one step
        later; `share` is that of the noise left in the rewards."""
        q, drift, later = self.held, self.law.drift[:, None], self.moves @ following
        total = np.zeros_like(following)
        for branch, where in enumerate(self.branches):
            p, mean, variance = (
                part[:, branch, None] for part in (self.law.probability, self.law.mean, self.law.variance)
            )
            surprise = share * q * (mean - drift) + where @ following - later
            total += p * (surprise**2 + share**2 * q**2 * variance + where @ spread)
        return total

    def at_start(self, values: Floats) -> Floats:
        """`values` (nodes, levels) where an episode starts, (levels,)."""
        return interpolation(self.nodes, np.array([self.start]))[0] @ values

    def between(
        self,
        table: Floats,
        step: NDArray[np.int64],
        level: NDArray[np.int64],
        observations: NDArray[np.float32],
        whole: bool,
    ) -> Floats:
        """table (steps, nodes, levels, width) at steps and levels (n,), linear between the nodes; (n, width).

        Between the nodes of a table of choices, `whole`, the nearer node's is taken.
        """
        if self.signal is None:
            return table[step, 0, level]
        x = np.clip(observations[:, self.signal].astype(np.float64), self.nodes[0], self.nodes[-1])
        left = np.clip(np.searchsorted(self.nodes, x, side="right") - 1, 0, len(self.nodes) - 2)
        share = ((x - self.nodes[left]) / (self.nodes[left + 1] - self.nodes[left]))[:, None]
        share = np.rint(share) if whole else share
        return (1.0 - share) * table[step, left, level] + share * table[step, left + 1, level]


def axis_of(market: Market, nodes: int = 1) -> Axis:
    """The axis that the market's optimum needs: a single node where the mid's moves depend on nothing.

    Raises: Unsolvable if the price has no law that an axis can hold, or one that its steps do not keep.
    """
    try:
        law = market.price.law(market.clock.step_length, nodes)
    except NotImplementedError as error:
        raise Unsolvable(f"price: {error}") from None
    check_law(market, law)
    start = record(market).begin(0.0, float(record(market).initial_mid))
    places, held = np.tile(np.array(list(flat(start)), np.float64), len(law.nodes)), inventory_levels(market)
    if len(law.nodes) == 1:
        return Axis(law, held, start, places)
    return Axis(law, held, start, places, market.observation_names.index(law.signal), _started(market, law))


def _started(market: Market, law: Law) -> float:
    """What the law's signal shows at the start of an episode."""
    price = record(market.price)
    shown = price.observe(float(market.initial_mid), price.start(), record(market).opening())
    start = float(shown[type(market.price).signals.index(law.signal)])
    slack = _EDGE * (law.nodes[-1] - law.nodes[0])
    if not law.nodes[0] - slack <= start <= law.nodes[-1] + slack:
        reach = f"[{law.nodes[0]:g}, {law.nodes[-1]:g}]"
        raise Unsolvable(f"price: its {law.signal} starts at {start:.4g}, off the grid {reach} on which it is solved")
    return start
