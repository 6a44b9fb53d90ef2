"""What a designer's fees bring within a block, and where they leave the pool: matrices over its distance from the mid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.pool.flows import swap, turned_over
from agents.exact.pool.interpolation import cubic
from agents.exact.pool.moves import steps
from mm_env.market import Market
from mm_env.venue.pool.ranges import FULL

Floats = NDArray[np.float64]
NODES = 65  # of the pool's log price less the mid's, and of the fee


class Law(NamedTuple):
    """Of each gap (rows) and fee (columns), by L sqrt(S), L the liquidity and S the mid before the block."""

    traded: Floats  # (gaps, fees): what uninformed traders bring
    arbitraged: Floats  # (gaps, fees): what the next block's arbitrageurs bring
    onward: Floats  # (gaps, fees, gaps): of what each gap is worth after them, by L sqrt(S) then


class _Band(NamedTuple):
    """A block at a fee, as `steps` wants it."""

    market: Market
    sigma: float
    dt: float
    log_fee: float


@dataclass(frozen=True)
class FeeGrid:
    """The states of a designer, once arbitrageurs have traded: the pool's log price less the mid's; and fees to choose from."""

    market: Market
    nodes: int = NODES

    @cached_property
    def fees(self) -> Floats:
        """From the lowest to the highest, even in their square roots, closer to each other where they are low."""
        quote: Any = self.market.quote
        return np.linspace(math.sqrt(quote.min_fee), math.sqrt(quote.max_fee), self.nodes).astype(np.float64) ** 2

    @cached_property
    def gaps(self) -> Floats:
        """From one end of the band of the highest fee to the other; the middle is 0."""
        reach = -math.log1p(-float(self.fees[-1]))
        return np.linspace(-reach, reach, self.nodes).astype(np.float64)

    @property
    def scale(self) -> float:
        """L sqrt(S) at the start, price units: half of what the position is worth."""
        return 0.5 * float(self.market.quote.capital)  # pyright: ignore[reportAttributeAccessIssue]

    def law(self) -> Law:
        """All that a block may bring, whatever the gap and the fee."""
        return Law(*(np.stack(parts, axis=1) for parts in zip(*map(self._at, self.fees), strict=True)))

    def _at(self, fee: float) -> tuple[Floats, Floats, Floats]:
        """One fee, by gap. Tokens and mids are told by those of a mid of 1 before the block."""
        market: Any = self.market
        markup, dt = fee / (1.0 - fee), market.clock.step_length
        band = _Band(market, float(market.price.sigma), dt, -math.log1p(-fee))
        traded, arbitraged, onward = np.zeros(self.nodes), np.zeros(self.nodes), np.zeros((self.nodes, self.nodes))
        for chance, orders in market.venue.traders.outcomes(fee, dt, None):
            bought, sold = self.gaps + orders.up, self.gaps + orders.up - orders.down
            by_orders = swap(FULL, self.gaps, bought, 0.0, markup) + swap(FULL, bought, sold, 0.0, markup)
            traded += chance * (turned_over(FULL, self.gaps, 0.0, markup, orders.turnover, 1.0) + by_orders)
            brought, after = self._of_a_block(band, sold, markup)
            arbitraged, onward = arbitraged + chance * brought, onward + chance * after
        return traded, arbitraged, onward

    def _of_a_block(self, band: _Band, gaps: Floats, markup: float) -> tuple[Floats, Floats]:
        """What the next block's arbitrageurs bring from gaps between pool and mid, and the weights of the gaps they leave."""
        moves = [steps(band, float(gap)) for gap in gaps]
        p, shift, after = (np.concatenate(parts) for parts in zip(*moves, strict=True))
        rows, apart = np.repeat(np.arange(len(gaps)), [len(one.gap) for one in moves]), after - shift
        weight = p * np.exp(0.5 * (gaps[rows] - apart))  # of the root of the mid that it moves to
        brought = np.bincount(rows, weight * swap(FULL, apart, after, 0.0, markup), len(gaps)).astype(np.float64)
        first, shares = cubic((after - self.gaps[0]) / (self.gaps[1] - self.gaps[0]), self.nodes)
        places = rows[:, None] * self.nodes + first[:, None] + np.arange(4)
        given = np.bincount(places.ravel(), (weight[:, None] * shares).ravel(), len(gaps) * self.nodes)
        return brought, given.reshape(len(gaps), self.nodes).astype(np.float64)
