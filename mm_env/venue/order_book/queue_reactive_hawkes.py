"""Flows that look at the book and remember: queue-reactive Hawkes processes (Wu, Rambaldi, Muzy & Bacry 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.maths import exp
from mm_env.core.parameters import Positive, RateRows, Rates
from mm_env.venue.order_book.order_flow import CANCEL, KINDS, MARKET, OrderFlow

HEADER = 4  # numbers of the table before the spreads: terms, inside, behind, queues


class QueueReactiveHawkes(OrderFlow):
    """lambda_m(t) = f_m(book) (base_m + sum_n sum_p branching_mnp decay_p integral exp(-decay_p (t - s)) dN_n(s)).

    Model II of Wu, Rambaldi, Muzy & Bacry 2019 (arXiv:1901.08938), where the state of the book multiplies a Hawkes process,
    with a sum of exponentials for each pair of kinds. The state is the spread, by a row for each range of it, beside

    - for a limit order and for each order that may be cancelled, how far its price is from the best of its side: `inside`
      lists rates by ticks better than it, `joining` and `cancellation` by ticks worse, of classes that begin at the numbers of
      ticks in `better` (from 1) and `worse` (from 0), whose last is where no limit order comes any more;
    - for a market order the queue that it meets, 0, 1, ... orders of the mean size, the last for all longer ones.

    Both sides are alike. A row of `branching` is for limit orders, cancellations and market orders in turn; in it stands for
    each decay what one event brings of six kinds: limit orders of its own side and of the other, cancellations, market orders
    likewise (a market order is of the side it hits). Kinds excite as they come, void or not.
    """

    spreads: Rates  # ticks: where each range of spreads begins, the first at 1
    better: Rates  # (i + 1,) ticks
    worse: Rates  # (j + 1,) ticks
    inside: RateRows  # (spreads, i) limit orders / (time price)
    joining: RateRows  # (spreads, j) limit orders / (time price)
    cancellation: RateRows  # (spreads, j) 1 / time, of each order
    taking: RateRows  # (spreads, queues) market orders / time against one side
    base: Rates  # (3,) of limit orders, cancellations and market orders
    branching: RateRows  # (3, 6 decays), times the mean of f: events that one brings
    decay: Rates  # (p,) 1 / time
    activity: Positive = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = len(self.spreads)
        for name in ("inside", "joining", "cancellation", "taking"):
            if len(getattr(self, name)) != rows:
                raise ValueError(
                    f"QueueReactiveHawkes.{name} must have a row for each of the {rows} ranges of spreads, "
                    f"got {len(getattr(self, name))}"
                )
        for name, classes, first in (("inside", "better", 1), ("joining", "worse", 0), ("cancellation", "worse", 0)):
            begins = getattr(self, classes)
            if np.shape(getattr(self, name))[1] + 1 != len(begins):
                raise ValueError(
                    f"QueueReactiveHawkes.{name} must have a rate for each of the {len(begins) - 1} classes of {classes}, "
                    f"got {np.shape(getattr(self, name))[1]}"
                )
            if begins[0] != first or not (np.diff(begins) >= 1.0).all() or any(x != int(x) for x in begins):
                raise ValueError(
                    f"QueueReactiveHawkes.{classes} must be whole ticks that rise from {first}, got {begins}"
                )
        for name, wanted in (("base", (3,)), ("branching", (3, 6 * len(self.decay)))):
            if np.shape(getattr(self, name)) != wanted:
                raise ValueError(
                    f"QueueReactiveHawkes.{name} must have the shape {wanted}, got {np.shape(getattr(self, name))}"
                )
        if self.spreads[0] != 1.0 or (np.diff(self.spreads) <= 0.0).any():
            raise ValueError(f"QueueReactiveHawkes.spreads must rise from 1, got {self.spreads}")
        if not min(self.decay) > 0.0:
            raise ValueError(f"QueueReactiveHawkes.decay must be > 0, got {self.decay}")

    @property
    def memories(self) -> int:
        return len(KINDS) * len(self.decay)

    def table(self, levels: int) -> NDArray[np.float64]:
        """Header, row of each spread 1, ..., levels, decay, base, branching, then the row of rates of each range."""
        inside, behind = int(self.better[-1]) - 1, int(self.worse[-1])
        shape = [len(self.decay), inside, behind, len(self.taking[0])]
        rows = np.searchsorted(self.spreads, np.arange(1.0, levels + 1.0), side="right") - 1.0
        nearer, further = (np.diff(begins).astype(np.int64) for begins in (self.better, self.worse))
        better = np.repeat(np.array(self.inside), nearer, axis=1)[:, ::-1]
        worse = [np.repeat(np.array(each), further, axis=1) for each in (self.joining, self.cancellation)]
        rates = np.hstack([better, *worse, self.taking])
        whole = [np.array(shape, np.float64), rows, self.decay, self.base, np.ravel(self.branching), np.ravel(rates)]
        return np.concatenate([np.array([float(levels)]), *whole])

    @rule
    def row(self, table: Any, best: int) -> int:
        """Where the rates begin that hold while the best price lies at the distance `best`."""
        levels, terms = int(table[0]), int(table[1])
        width = int(table[2]) + 2 * int(table[3]) + int(table[4])
        which = int(table[HEADER + max(1, min(levels, best))])
        return HEADER + 1 + levels + terms + 3 + 18 * terms + which * width

    @rule
    def sees_best(self) -> bool:
        return True

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        return 0.0

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        return 0.0

    @rule
    def limit_by(self, table: Any, distance: int, queue: float, best: int) -> float:
        place = int(table[2]) + distance - best
        within = place >= 0 and distance - best < int(table[3])
        return self.activity * table[self.row(table, best) + place] if within else 0.0

    @rule
    def cancel_by(self, table: Any, distance: int, queue: float, best: int) -> float:
        behind = max(0, min(distance - best, int(table[3]) - 1))
        return self.activity * queue * table[self.row(table, best) + int(table[2]) + int(table[3]) + behind]

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        first = self.row(table, distance) + int(table[2]) + 2 * int(table[3])
        return self.activity * table[first + min(int(queue + 0.5), int(table[4]) - 1)] if queue > 0.0 else 0.0

    @rule
    def rate(self, table: Any, kind: int, weight: float, excitement: float) -> float:
        return weight * excitement

    @rule
    def remembers(self) -> bool:
        return True

    @rule
    def excited(self, table: Any, memory: Any, kind: int) -> float:
        terms = memory.shape[0] // 6
        total = table[HEADER + 1 + int(table[0]) + terms + kind // 2]
        for term in range(terms):
            total += memory[6 * term + kind]
        return total

    @rule
    def forget(self, table: Any, memory: Any, dt: float) -> None:
        first = HEADER + 1 + int(table[0])
        for term in range(memory.shape[0] // 6):
            left = exp(-table[first + term] * dt)
            for kind in range(6):
                memory[6 * term + kind] *= left

    @rule
    def excite(self, table: Any, memory: Any, cause: int) -> None:
        terms, first = memory.shape[0] // 6, HEADER + 1 + int(table[0])
        for term in range(terms):
            decay = table[first + term]
            for kind in range(6):
                pair = 2 * (cause // 2) + (0 if cause % 2 == kind % 2 else 1)
                place = first + terms + 3 + (kind // 2) * 6 * terms + 6 * term + pair
                memory[6 * term + kind] += decay * table[place]


assert (CANCEL, MARKET) == (2, 4)  # kind // 2 is the row of `branching`
