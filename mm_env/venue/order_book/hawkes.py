"""Flows in which orders bring orders: Hawkes processes over the six kinds of events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.maths import exp
from mm_env.core.parameters import Positive, RateRows, Rates
from mm_env.venue.order_book.order_flow import KINDS, OrderFlow


class Hawkes(OrderFlow):
    """lambda_m(t) = base_m + sum_n branching_mn decay integral exp(-decay (t - s)) dN_n(s) for m, n in `KINDS` (Hawkes 1971).

    A limit order comes at distance i with a probability proportional to `place[i - 1]`, a cancellation takes any of its
    side's orders alike; where there is none the event is void, but excites as any other. Stationary if the spectral radius of
    `branching` is below 1, and the book with it if more orders would leave a side than come to it.
    """

    base: Rates  # (6,) events / time
    branching: RateRows  # (6, 6): events of kind m that one of kind n brings, directly
    decay: Positive  # 1 / time
    place: Rates  # weights of the distances 1, 2, ... from the other side's best price

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = len(KINDS)
        for name, wanted in (("base", (kinds,)), ("branching", (kinds, kinds))):
            if np.shape(getattr(self, name)) != wanted:
                raise ValueError(
                    f"Hawkes.{name} must have the shape {wanted}, for {', '.join(KINDS)}, got {np.shape(getattr(self, name))}"
                )
        if self.spectral_radius >= 1.0:
            raise ValueError(
                f"Hawkes.branching must have a spectral radius < 1 to be stationary, got {self.spectral_radius:.6g}"
            )
        if not sum(self.place) > 0.0:
            raise ValueError(f"Hawkes.place must hold a weight > 0, got {self.place}")
        rates = self.stationary_rates
        if not (rates[:2] < rates[2:4] + rates[4:]).all():
            raise ValueError(f"Hawkes: more orders must leave a side of the book than come to it, got rates {rates}")

    @property
    def spectral_radius(self) -> float:
        """Of `branching`: the share of events that earlier ones brought."""
        return float(np.abs(np.linalg.eigvals(np.array(self.branching))).max())

    @property
    def stationary_rates(self) -> NDArray[np.float64]:
        """(I - branching)^-1 base, events / time of each kind, (6,)."""
        own = np.linalg.inv(np.eye(len(KINDS)) - np.array(self.branching))
        return np.asarray(own @ np.array(self.base), np.float64)

    def table(self, levels: int) -> NDArray[np.float64]:
        """base (6), branching (6 x 6, flat), place (levels)."""
        place = np.zeros(levels)
        known = min(levels, len(self.place))
        place[:known] = self.place[:known]
        return np.concatenate([self.base, np.ravel(self.branching), place])

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        return table[41 + distance]

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        return queue

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        return 1.0

    @rule
    def rate(self, table: Any, kind: int, weight: float, excitement: float) -> float:
        return table[kind] + excitement

    @rule
    def remembers(self) -> bool:
        return True

    @rule
    def fade(self, kind: int, dt: float) -> float:
        return exp(-self.decay * dt)

    @rule
    def kick(self, table: Any, kind: int, cause: int) -> float:
        return self.decay * table[6 + 6 * kind + cause]
