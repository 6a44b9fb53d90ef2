"""The recursion of a pool's provider: a block's law as matrices over its states, what it brings, and the best moves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from agents.exact.pool.flows import swap, turned_over
from agents.exact.pool.interpolation import Places, cubic
from agents.exact.pool.moves import steps
from agents.exact.pool.problem import Grid
from mm_env.portfolio import ProportionalFees

Floats = NDArray[np.float64]


class Recursion:
    """Values are (ranges + 1, offsets, gaps): price units still to be gained, once arbitrageurs have traded and before a
    move."""

    def __init__(self, grid: Grid) -> None:
        self.grid, venue = grid, grid.market.venue
        fee, dt = float(venue.fee), grid.dt  # pyright: ignore[reportAttributeAccessIssue]
        self.markup = fee / (1.0 - fee)
        self.outcomes = venue.traders.outcomes(fee, dt, None)  # pyright: ignore[reportAttributeAccessIssue]
        self.shape = (len(grid.half_widths) + 1, len(grid.offsets), len(grid.gaps))
        self.traded = self._of_traders()
        self.arbitraged, self.matrix = self._of_a_block()
        self.middle = len(grid.offsets) // 2

    def kept(self, following: Floats | None) -> Floats:
        """What each state is worth that is kept for a step, from what those one step later are; None after the last."""
        if following is None:
            return self.traded
        rows = following.reshape(self.shape[0], -1).T
        return self.traded + self.arbitraged + (self.matrix @ rows).T.reshape(self.shape)

    def best(self, kept: Floats) -> tuple[Floats, NDArray[np.int8]]:
        """The best of keeping a state and of moving to another range or none, and the actions: 0, or the range's place + 1."""
        value, chosen = kept.copy(), np.zeros(self.shape, np.int8)
        for place in range(self.shape[0]):
            moved = kept[place, self.middle] - self.costs(place)
            better = moved > value
            value[better], chosen[better] = moved[better], place + 1
        return value, chosen

    def costs(self, place: int) -> Floats:
        """What it costs to move from each state to a range, or to none: gas, and fees of what is traded outside."""
        grid, venue = self.grid, self.grid.market.venue
        fees: Any = grid.market.fees
        share = float(fees.taker) if isinstance(fees, ProportionalFees) else 0.0
        offset, gap = grid.offsets[:, None], grid.gaps
        held = np.stack([self._worth_of_tokens(j, offset, gap) for j in range(self.shape[0])])
        wanted = np.broadcast_to(self._worth_of_tokens(place, np.zeros((1, 1)), gap), (1, 1, len(gap)))
        gas = np.full((self.shape[0], 1, 1), float(venue.gas))  # pyright: ignore[reportAttributeAccessIssue]
        if place == self.shape[0] - 1:
            gas[-1] = 0.0  # nothing is taken out
        return gas + share * np.abs(wanted - held)

    def _worth_of_tokens(self, place: int, offset: Floats, gap: Floats) -> Floats:
        """What the quoted token of a position is worth at the mid."""
        width = self.grid.range_of(place)
        at = np.clip(offset, -width, width)
        return self.grid.scale[place] * np.exp(offset - gap) * (np.exp(-0.5 * at) - math.exp(-0.5 * width))

    def _of_traders(self) -> Floats:
        """What uninformed traders bring within a step, (ranges + 1, offsets, gaps)."""
        offset, found = self.grid.offsets[:, None], np.zeros(self.shape)
        log_mid = offset - self.grid.gaps
        for place in range(self.shape[0] - 1):
            width = self.grid.range_of(place)
            for chance, orders in self.outcomes:
                bought, sold = offset + orders.up, offset + orders.up - orders.down
                found[place] += chance * (
                    turned_over(width, offset, log_mid, self.markup, orders.turnover, self.grid.spacing)
                    + swap(width, offset, bought, log_mid, self.markup)
                    + swap(width, bought, sold, log_mid, self.markup)
                )
        return self.grid.scale[:, None, None] * found

    def _of_a_block(self) -> tuple[Floats, csr_matrix]:
        """What the next block's arbitrageurs bring, (ranges + 1, offsets, gaps), and the matrix to the states after them."""
        grid, brought, entries = self.grid, np.zeros(self.shape), []
        for k, gap in enumerate(grid.gaps):
            for chance, orders in self.outcomes:
                moved = orders.up - orders.down
                found, offset = steps(grid, gap + moved), grid.offsets + moved
                for p, shift, after in zip(*found, strict=True):
                    log_mid = offset + shift - after
                    for j in range(self.shape[0] - 1):
                        brought[j, :, k] += (
                            chance * p * swap(grid.range_of(j), offset, offset + shift, log_mid, self.markup)
                        )
                    entries.append(self._entries(k, chance * p, offset + shift, after))
        rows, columns, weights = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        size = self.shape[1] * self.shape[2]
        return grid.scale[:, None, None] * brought, csr_matrix((weights, (rows, columns)), shape=(size, size))

    def _entries(self, k: int, chance: float, offset: Floats, gap: float) -> tuple[Places, Places, Floats]:
        """Rows, columns and weights of the matrix of one move: by cubics between offsets and between gaps."""
        first, weights = cubic((offset - self.grid.offsets[0]) / self.grid.spacing, self.shape[1])
        gaps = self.shape[2]
        place = np.zeros(1) if gaps == 1 else (gap - self.grid.gaps[:1]) / (self.grid.gaps[1] - self.grid.gaps[0])
        low, shares = cubic(place, gaps) if gaps > 3 else (np.zeros(1, np.int64), np.ones((1, 1)))
        columns = (first[:, None] + np.arange(4))[:, :, None] * gaps + low[0] + np.arange(shares.shape[1])
        given = chance * weights[:, :, None] * shares[0]
        rows = np.broadcast_to((np.arange(len(offset)) * gaps + k)[:, None, None], columns.shape)
        told = given.ravel() != 0.0
        return rows.ravel()[told], columns.ravel()[told], given.ravel()[told]
