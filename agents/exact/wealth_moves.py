"""What the mid's move makes of values on a grid of wealth, and where an account is closed on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.outcomes import Problem
from agents.exact.price_line import Line
from agents.exact.wealth_grid import WealthGrid, is_terminal, outcome_of, standing_at
from mm_env.core.component import record
from mm_env.margin import Standing

Floats = NDArray[np.float64]
_POINTS, _FAR = 32, 7.5  # of a quadrature on either side of a margin call, and deviations of a move that it reaches
_TIGHT = 1e-9  # of the spacing: an account so little short of its margin holds


@dataclass(frozen=True)
class Barrier:
    """The wealth below which an account with an inventory is closed, and what closing it is worth at each wealth."""

    wealth: float  # -inf if never
    closed: Floats  # (nodes,): of an account that is closed there


@dataclass
class Moves:
    """The moves of one market's mid on one grid of wealth: a pair of sparse matrices for each inventory, node and branch, what
    is made of the values of an account that goes on, and of one that is closed."""

    problem: Problem
    grid: WealthGrid
    known: dict[Any, Any] = field(default_factory=dict)

    def count(self) -> int:
        """How many moves differ: matrices that are made and kept."""
        laws = [line.law for lines in (self.problem.axis.kinds or (self.problem.axis.lines,)) for line in lines]
        held = np.unique(self.problem.axis.held)
        each = [np.stack([law.mean[law.probability > 0.0], law.variance[law.probability > 0.0]]) for law in laws]
        moves = np.unique(np.round(np.concatenate(each, axis=1), 12), axis=1)
        return moves.shape[1] * len(held)

    def look_ahead(self, line: Line, following: Floats) -> Floats:
        """What each (node, cell, wealth) is worth before the mid moves, from what it is worth after it, penalties taken off."""
        nodes = len(following)
        later = np.stack([(where @ following.reshape(nodes, -1)).reshape(following.shape) for where in line.branches])
        found = np.zeros_like(following)
        for cell, held in enumerate(self.problem.axis.held):
            barrier = self.barriers[float(held)]
            for node in range(nodes):
                for branch in range(len(line.branches)):
                    p, mean, variance = (float(part[node, 0]) for part in line.branch(branch))
                    if p > 0.0:
                        goes_on, ends = self._matrices(float(held) * mean, float(held) ** 2 * variance, barrier.wealth)
                        found[node, cell] += p * (goes_on @ later[branch, node, cell] + ends @ barrier.closed)
        return found

    @cached_property
    def barriers(self) -> dict[float, Barrier]:
        """The barrier of each inventory."""
        return {q: self._barrier(q) for q in self.problem.axis.held.tolist()}

    def _barrier(self, held: float) -> Barrier:
        market, grid = self.problem.market, self.grid
        if not market.may_close:
            return Barrier(-np.inf, np.zeros(grid.nodes))
        model = record(market)
        now, margin = model.opening(), model.margin

        def standing(wealth: float) -> Standing:
            return standing_at(grid.of, wealth, held, model.initial_mid)

        holds = [bool(margin.holds(standing(x), now)) for x in grid.values]
        first = holds.index(True) if True in holds else grid.nodes
        if not all(holds[first:]):
            raise Unsolvable(f"margin: it must hold at any wealth above one at which it holds, got {market.margin}")
        closed = np.array([self._closed(x, float(margin.closing_cost(standing(x), held, now))) for x in grid.values])
        if first == 0:
            return Barrier(-np.inf, closed)
        low = grid.values[first - 1]
        high = low + grid.spacing if first < grid.nodes else np.inf
        for _ in range(60 if first < grid.nodes else 0):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if margin.holds(standing(middle), now) else (middle, high)
        return Barrier(float(high), closed)

    def _closed(self, wealth: float, cost: float) -> float:
        """What closing an account is worth: less its cost and the terminal penalty of nothing held; or the utility."""
        model = record(self.problem.market)
        if is_terminal(self.problem.market):
            return float(model.reward.reward(outcome_of(wealth - cost, 0.0, 1.0)))
        return -cost - float(model.reward.penalty(0.0, model.clock.dt(), 1.0, model.opening(), 0.0, 0.0))

    def _matrices(self, shift: float, variance: float, barrier: float) -> Any:
        key = (round(shift / self.grid.spacing, 9), round(variance / self.grid.spacing**2, 12), barrier)
        if key not in self.known:
            self.known[key] = self._made(shift, float(np.sqrt(variance)), barrier)
        return self.known[key]

    def _made(self, shift: float, deviation: float, barrier: float) -> Any:
        """The two matrices (nodes, nodes) of a normal move, its quadrature cut in two at the barrier."""
        values, slack = self.grid.values, _TIGHT * self.grid.spacing
        if deviation == 0.0:
            reached, weights = (values + shift)[:, None], np.ones((len(values), 1))
        else:
            cut = np.clip((barrier - values - shift) / deviation, -_FAR, _FAR)[:, None]
            if self.grid.of == "drawdown":  # the values have a kink where the peak is
                kink = np.clip(-(values + shift) / deviation, -_FAR, _FAR)[:, None]
                ends = [np.full_like(cut, -_FAR), np.minimum(cut, kink), np.maximum(cut, kink), np.full_like(cut, _FAR)]
            else:
                ends = [np.full_like(cut, -_FAR), cut, np.full_like(cut, _FAR)]
            z, weights = _panels(ends)
            reached = values[:, None] + shift + deviation * z
        if self.grid.of == "drawdown":
            reached = np.minimum(reached, 0.0)
        holds = reached >= barrier - slack
        return self.reading(reached, weights * holds), self.reading(reached, weights * ~holds)

    def reading(self, reached: Floats, weights: Floats) -> Any:
        """The matrix that reads values at `reached` (rows, points), as `at_wealth` does, by weights; (rows, nodes)."""
        from scipy.sparse import csr_array

        n, grid = self.grid.nodes, self.grid
        place = (reached - grid.lowest) / grid.spacing
        near = np.rint(place)
        place = np.where(np.abs(place - near) < 1e-7, near, place)
        node = np.clip(np.floor(place), 1, n - 3)
        t, below, above = np.clip(place, 0, n - 1) - node, np.minimum(place, 0.0), np.maximum(place - (n - 1), 0.0)
        shares = [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
        columns = [node - 1, node, node + 1, node + 2, 0 * node, 0 * node + 1, 0 * node + n - 2, 0 * node + n - 1]
        data = np.stack([*shares, -below, below, -above, above]) * weights
        kept = data != 0.0
        rows = np.broadcast_to(np.arange(len(reached))[None, :, None], data.shape)[kept]
        return csr_array((data[kept], (rows, np.stack(columns)[kept].astype(int))), shape=(len(reached), n))


def _panels(ends: list[Floats]) -> tuple[Floats, Floats]:
    """Standard normals and their weights, which sum to 1, by Gauss and Legendre between each two of `ends`, (nodes, points)."""
    x, w = np.polynomial.legendre.leggauss(_POINTS)
    z, weights = [], []
    for left, right in pairwise(ends):
        half = 0.5 * (right - left)
        z.append(0.5 * (left + right) + half * x)
        weights.append(half * w * np.exp(-0.5 * z[-1] ** 2))
    total = np.concatenate(weights, axis=1)
    return np.concatenate(z, axis=1), total / total.sum(axis=1, keepdims=True)
