"""Cont, Stoikov & Talreja 2010, A stochastic model for order book dynamics, Operations Research 58(3), sec. 4.

Orders are of unit size. With i the distance in ticks from the opposite best quote, on each side limit orders arrive at rate
lambda(i), every resting order is cancelled at rate theta(i), and market orders arrive at rate mu. Until the mid moves, the
best bid and the best ask are then two independent birth-death chains, and each chance is a race between two independent
chains that end:

    P[chain F ends before chain G | f, g] = X_fg,   F X + X G' = -(rates at which F ends) 1'

for generators F and G among the states that are not ends: a Sylvester equation, in the place of the paper's inverse Laplace
transforms. Queues are cut at a length they get to with a probability below 1e-12, which bounds what the cut changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mm_env.venue.order_book.birth_death import reaching

Floats = NDArray[np.float64]
NEGLIGIBLE = 1e-12  # the chance of the paths that are cut off
LONGEST = 1000  # orders in a queue that is followed


@dataclass(frozen=True)
class PoissonBook:
    """One side of the book: `limit` lambda(1..n) and `market` mu, orders / time; `cancel` theta(1..n), 1 / time.

    Raises: ValueError if a rate is no finite number >= 0, or mu is 0.
    """

    limit: Sequence[float]
    cancel: Sequence[float]
    market: float

    def __post_init__(self) -> None:
        for name in ("limit", "cancel", "market"):
            rates = np.asarray(getattr(self, name), np.float64)
            if not rates.size or not np.isfinite(rates).all() or (rates < 0.0).any():
                raise ValueError(f"PoissonBook.{name} must be finite numbers >= 0, got {getattr(self, name)}")
        if self.market == 0.0:
            raise ValueError(f"PoissonBook.market must be > 0, got {self.market}")

    def next_move_up(self, longest: int = 5, spread: int = 1) -> Floats:
        """P[the mid's next move is up | b, a], (longest, longest), [b - 1, a - 1]; sec. 4.1, Table 3.

        b and a orders are at the best bid and ask, `spread` ticks apart. It goes up if the ask queue empties or a bid comes
        inside the spread before the bid queue empties or an ask comes inside.
        """
        queue = self._queue(longest, spread)
        queue = queue - self._inside(spread) * np.eye(len(queue))
        return _ends_before(queue, queue)[:longest, :longest].T

    def bid_executed(self, longest: int = 5, spread: int = 1) -> Floats:
        """P[our bid is executed before the mid moves | b, a], (longest, longest), [b - 1, a - 1]; sec. 4.2.

        Ours is the last of the b orders at the best bid when it is placed, it is one of the b, and it is never cancelled.
        Table 4 has this caption, but prints the complement of the transpose, 1 - P[our bid is executed | a, b].
        """
        asks = self._queue(longest, spread)
        asks = asks - 2.0 * self._inside(spread) * np.eye(len(asks))
        return _ends_before(self._wait(longest, spread), asks)[:, :longest]

    def both_executed(self, longest: int = 5) -> Floats:
        """P[our bid and our ask are executed before the mid moves | b, a], spread of one tick; sec. 4.3, Table 5.

        (longest, longest), [b - 1, a - 1], with ours the last of the b and of the a orders, one of them, never cancelled.
        It fails if one side is emptied, our order there having been executed, before our order on the other side is
        executed. That cannot befall both sides, so P = 1 - P[the bids are emptied so] - P[the asks are emptied so].
        """
        side, last = self._joined_queue(longest)
        emptied = _ends_before(side, self._wait(longest, 1))[last]
        return 1.0 - emptied - emptied.T

    def _at(self, spread: int) -> tuple[float, float]:
        known = min(len(self.limit), len(self.cancel))
        if not 1 <= spread <= known:
            raise ValueError(f"spread must lie in 1..{known}, where rates are known, got {spread}")
        return float(self.limit[spread - 1]), float(self.cancel[spread - 1])

    def _inside(self, spread: int) -> float:
        """The rate at which orders of one side come inside the spread."""
        return float(sum(self.limit[: spread - 1]))

    def _cut(self, longest: int, spread: int) -> int:
        """The length to which queues are followed: as many orders as one of `longest` gets to only with a negligible chance.

        One of the orders may be ours, which is not cancelled.
        """
        limit, cancel = self._at(spread)
        if not 1 <= longest <= LONGEST:
            raise ValueError(f"longest must lie in 1..{LONGEST}, got {longest}")
        if limit == 0.0:
            return longest
        lengths = np.arange(LONGEST + 1.0)
        chance = reaching(np.full_like(lengths, limit), self.market + cancel * np.maximum(lengths - 1.0, 0.0), longest)
        if chance[-1] > NEGLIGIBLE:
            raise ValueError(f"queues must empty before they hold {LONGEST} orders, got limit {limit}, cancel {cancel}")
        return longest + int(np.argmax(chance <= NEGLIGIBLE))

    def _queue(self, longest: int, spread: int) -> Floats:
        """The generator of a queue of others' orders, among its lengths 1, 2, ...; it ends when it is empty."""
        limit, cancel = self._at(spread)
        lengths = np.arange(1.0, self._cut(longest, spread) + 1.0)
        return _generator(np.full_like(lengths, limit), self.market + cancel * lengths)

    def _wait(self, longest: int, spread: int) -> Floats:
        """The generator of our order's place, among the places 1, 2, ..., longest; it ends when ours is executed."""
        ahead = np.arange(float(longest))
        return _generator(np.zeros(longest), self.market + self._at(spread)[1] * ahead)

    def _joined_queue(self, longest: int) -> tuple[Floats, NDArray[np.int64]]:
        """The generator of a queue that our order is or was in, until it is empty, and its states where ours is the last.

        State place * width + behind - 1: our place, 0 once executed, and how many orders stand behind us.
        """
        (limit, cancel), width = self._at(1), self._cut(longest, 1) + 1
        place, behind = (part.ravel() for part in np.indices((longest + 1, width)))
        here, generator = np.arange(len(place)), np.zeros((len(place), len(place)))
        moves = {
            +1: np.where(behind < width - 1, limit, 0.0),
            -1: np.where(behind > 0, np.where(place > 0, 0.0, self.market) + cancel * behind, 0.0),
            -width: np.where(place > 0, self.market + cancel * (place - 1.0), 0.0),
        }
        for step, rate in moves.items():
            goes = rate > 0.0
            generator[here[goes], here[goes] + step] = rate[goes]
        generator -= np.diag(generator.sum(axis=1))
        return generator[1:, 1:], np.arange(1, longest + 1) * width - 1


def _generator(up: Floats, down: Floats) -> Floats:
    """Of lengths 1, 2, ..., n, the end below 1 left out; from n nothing goes up."""
    up = np.append(up[:-1], 0.0)
    return np.diag(up[:-1], 1) - np.diag(up + down) + np.diag(down[1:], -1)


def _ends_before(first: Floats, second: Floats) -> Floats:
    """P[the first chain ends before the second | where they are], (states of the first, states of the second)."""
    from scipy.linalg import solve_sylvester

    ends = -first.sum(axis=1, keepdims=True)
    return solve_sylvester(first, second.T, -np.broadcast_to(ends, (len(first), len(second))))
