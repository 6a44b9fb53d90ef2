"""Baldacci, Bergault & Gueant 2021, Algorithmic market making for options, Quantitative Finance 21(1): constant vegas.

Deltas are hedged, so that what a book of options risks is its vega V, the sum of contracts times each one's derivative by the
volatility (the square root of the instantaneous variance). Over a short horizon each option's vega stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.fixed import finite, time_left
from agents.strategies.hamiltonian import Quoter
from agents.strategies.instruments import Stream
from mm_env.core.parameters import Interval, check

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VegaDesk:
    """Quotes of options by the vega of the book, V in [-limit, limit]; what would carry it further is off.

    With z the contracts of an option's requests, nu its vega a contract, `premium` what a unit of vega earns a unit of time and
    `variance` that of the volatility / time (under Heston (a_P(v) - a_Q(v)) / (2 sqrt(v)) and vol^2 / 4),

        0 = dvalue/dt + premium V - gamma/2 variance V^2 + sum of rate z H((value(V) - value(V +- z nu)) / z),  value(T) = 0

    on an even grid of `nodes` vegas, between which it is a line, by `steps` Runge-Kutta steps.
    """

    requests: tuple[Stream, ...]  # of each option, at either side; size in contracts
    vegas: Floats  # (options,) money sqrt(time) a contract
    premium: float
    variance: float
    gamma: float  # 1 / money
    horizon: float  # time
    limit: float  # of the book's vega
    nodes: int = 321
    steps: int = 50

    def __post_init__(self) -> None:
        object.__setattr__(self, "vegas", finite("VegaDesk.vegas", self.vegas))
        if len(self.requests) == 0 or self.vegas.shape != (len(self.requests),):
            raise ValueError(f"VegaDesk.vegas must be ({len(self.requests)},), one an option, got {self.vegas.shape}")
        for name, low in (("premium", -np.inf), ("variance", 0.0), ("gamma", 0.0)):
            check(f"VegaDesk.{name}", getattr(self, name), Interval(low))
        for name in ("horizon", "limit"):
            check(f"VegaDesk.{name}", getattr(self, name), Interval(0.0, low_open=True))
        check("VegaDesk.nodes", self.nodes, Interval(3, whole=True))
        check("VegaDesk.steps", self.steps, Interval(1, whole=True))

    def depths(self, vega: ArrayLike, seconds_left: float) -> Floats:
        """Bid and ask depths (n, 2, options), price units, at books of these vegas (n,).

        Raises: ValueError if `seconds_left` lies outside [0, horizon].
        """
        book, left = finite("vega", vega), float(time_left(seconds_left, self.horizon))
        return self._quoter.best(self._costs(self.at(left), book))[0].reshape(len(book), 2, -1)

    def value(self, vega: float, seconds_left: float) -> float:
        """What quoting from here on is worth, money."""
        return float(np.interp(vega, self.grid, self.at(float(time_left(seconds_left, self.horizon)))))

    def at(self, left: float) -> Floats:
        """The values on the grid with so much time left."""
        place = left / self.horizon * self.steps
        i = min(int(place), self.steps - 1)
        return self._values[i] + (place - i) * (self._values[i + 1] - self._values[i])

    @cached_property
    def grid(self) -> Floats:
        """The vegas, (nodes,)."""
        return np.linspace(-self.limit, self.limit, self.nodes)

    @cached_property
    def _values(self) -> Floats:
        """(steps + 1, nodes) by the time left."""
        values, dt = np.zeros((self.steps + 1, self.nodes)), self.horizon / self.steps
        for i in range(self.steps):
            here = values[i]
            one = self._slope(here)
            two = self._slope(here + 0.5 * dt * one)
            three = self._slope(here + 0.5 * dt * two)
            values[i + 1] = here + dt / 6.0 * (one + 2.0 * two + 2.0 * three + self._slope(here + dt * three))
        return values

    def _slope(self, value: Floats) -> Floats:
        """What quoting earns a unit of time at each vega of the grid, risk taken off."""
        costs, (size, rate, moved) = self._costs(value, self.grid), self._sides
        depths, takes = self._quoter.best(costs)
        allowed = np.abs(self.grid[:, None] + moved) <= self.limit * (1.0 + 1e-12)
        earned = (allowed * rate * size * takes * (depths - costs)).sum(axis=1)
        return earned + self.premium * self.grid - 0.5 * self.gamma * self.variance * self.grid**2

    def _costs(self, value: Floats, book: Floats) -> Floats:
        """What a contract costs of each option bought, and of each sold, (n, 2 options)."""
        size, _, moved = self._sides
        return (np.interp(book, self.grid, value)[:, None] - np.interp(book[:, None] + moved, self.grid, value)) / size

    @cached_property
    def _sides(self) -> tuple[Floats, Floats, Floats]:
        """Contracts, rate and what the book's vega moves by, (2 options,) each: bids, then asks."""
        size, rate = np.array([[one.size, one.rate] for one in self.requests]).T
        return np.tile(size, 2), np.tile(rate, 2), np.concatenate([size * self.vegas, -size * self.vegas])

    @cached_property
    def _quoter(self) -> Quoter:
        return Quoter([one.fill for one in self.requests] * 2)
