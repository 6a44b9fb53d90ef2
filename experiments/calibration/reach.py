"""Fills of hypothetical quotes: what a quote of a given lifetime would have got, at every depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.blocks import BLOCKS, Floats, Measured, block_of, ratio, sums
from mm_env.data.recording import SECOND, Ints, Recording

MAX_DEPTHS = 4000
NOTHING = -(2**62)  # the reach of a lifetime without a market order


@dataclass(frozen=True)
class Reach:
    """One observation a lifetime: how far the market orders of one side came.

    A quote at `depth` from the mid at the lifetime's start gets at least one fill if an order pays its price or a worse
    one, which is reach >= depth. Queues are left out: the quote is taken to be first at its price, and to move nothing.
    """

    lifetime: float  # seconds
    depths: Floats  # (d,) price units, rising
    reached: Ints  # (n,) how many of the depths were reached in each lifetime
    against: Floats  # (n,) the mid's move over the lifetime, against who was filled, price units
    block: Ints  # (n,)

    @property
    def fills(self) -> Floats:
        """(d,) in how many of the n lifetimes a quote at each depth was filled."""
        counts = np.bincount(self.reached, minlength=len(self.depths) + 1)
        return np.cumsum(counts[::-1])[::-1][1:].astype(np.float64)

    def adverse(self, depth: float) -> Measured:
        """E[the mid's move against us by the end of the lifetime | a fill at `depth`], price units."""
        filled = self.reached > np.searchsorted(self.depths, depth * (1.0 - 1e-12))
        return ratio(sums(self.block[filled], self.against[filled]), sums(self.block[filled]))

    def scores(self, hit: Floats, miss: Floats) -> Floats:
        """(BLOCKS, p) sums over lifetimes of `hit` (d, p) at the depths that were reached and `miss` at those that were not."""
        up_to = np.vstack([np.zeros(hit.shape[1]), np.cumsum(hit - miss, axis=0)]) + miss.sum(axis=0)
        total = np.zeros((BLOCKS, hit.shape[1]))
        np.add.at(total, self.block, up_to[self.reached])
        return total


def pooled(sides: list[Reach]) -> Reach:
    """Both sides as one sample."""
    parts = {name: np.concatenate([getattr(side, name) for side in sides]) for name in ("reached", "against", "block")}
    return Reach(sides[0].lifetime, sides[0].depths, **parts)


def default_max_depth(recording: Recording, spread: float, sigma: float, lifetime: float) -> float:
    """Four mean spreads, or ten standard deviations of the mid's move in a lifetime where that is more; whole ticks."""
    depth = max(4.0 * spread, 10.0 * sigma * lifetime**0.5)
    return max(np.ceil(depth / recording.tick), 10.0) * recording.tick


def reaches(recording: Recording, lifetime: float, max_depth: float) -> tuple[Reach, Reach]:
    """(of bid quotes, of ask quotes), renewed at the first line and every `lifetime` seconds from then on.

    Depths are counted from the mid at the renewal, in half ticks (as the mid may lie between two prices) up to `max_depth`;
    where that is more than 4,000 depths, in the smallest multiple of a half tick that is not.
    """
    length = round(lifetime * SECOND)
    starts, quotes = recording.starts(length), recording.quotes
    first, last = quotes.at(starts), quotes.at(starts + length)
    change = np.asarray(0.5 * recording.tick * (quotes.twice_mid[last] - quotes.twice_mid[first]), np.float64)
    most = max(1, round(2.0 * max_depth / recording.tick))
    stride = -(-most // MAX_DEPTHS)
    half_ticks = np.arange(stride, most + 1, stride)
    made = []
    for side in (-1, 1):  # sells take bids, buys take asks
        reach = _reach(recording, starts, length, quotes.twice_mid[first], side)
        made.append(
            Reach(
                lifetime,
                np.asarray(half_ticks * (0.5 * recording.tick), np.float64),
                np.searchsorted(half_ticks, reach, side="right"),
                side * change,
                block_of(recording, starts),
            )
        )
    return made[0], made[1]


def _reach(recording: Recording, starts: Ints, length: int, twice_mid: Ints, side: int) -> Ints:
    """(n,) the furthest price that orders of `side` paid in each lifetime, in half ticks beyond the mid at its start."""
    orders, furthest = recording.orders, np.full(len(starts), NOTHING, np.int64)
    place = np.searchsorted(starts, orders.time, side="left") - 1  # an order at the very start came before the quote
    inside: NDArray[np.bool_] = (place >= 0) & (orders.side == side)
    inside[inside] = orders.time[inside] <= starts[place[inside]] + length
    place = place[inside]
    np.maximum.at(furthest, place, side * (2 * orders.worst[inside] - twice_mid[place]))
    return furthest
