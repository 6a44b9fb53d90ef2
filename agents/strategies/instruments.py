"""The parameters of a desk of several instruments, as closed forms and exact solvers take them.

In a step of dt each side of each instrument has at most one request: one of stream s with probability rate_s dt. It trades
with probability take_s(depth), independently of the other sides; what would break a limit is off. Positions q (units) are
whole lots. Then prices move by N(drift dt, covariance dt), and the reward is the change in wealth less gamma/2 q' covariance
q dt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.strategies.hamiltonian import ANYWHERE
from mm_env.core.parameters import Interval, NonNegative, Positive, check, check_fields
from mm_env.venue.dealer.fill import Fill

Floats, Ints = NDArray[np.float64], NDArray[np.int64]
SUMMED = 1.0 + 1e-12  # what probabilities may sum to
_WHOLE = 1e-9  # of a lot


@dataclass(frozen=True)
class Stream:
    """Requests of one kind at one side: `rate` a unit of time, each of `size` units, won with probability fill.take(depth)."""

    fill: Fill
    rate: NonNegative  # 1 / time
    size: Positive  # units

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)


@dataclass(frozen=True)
class Outside:
    """Trading elsewhere at v units / time, |v| <= most, for half_spread |v| + quadratic v^2; the price moves by impact v.

    It is done in lots: in a step one lot is traded with probability |v| dt / lot, before clients come, within the limit. It
    then costs half_spread + quadratic |v| a unit, and the price moves by impact x lot with the step's other moves.
    """

    half_spread: NonNegative  # price
    most: Positive  # units / time
    quadratic: NonNegative = 0.0  # price time / unit
    impact: NonNegative = 0.0  # price / unit

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)


@dataclass(frozen=True)
class Instrument:
    """Requests to sell to the maker (`bids`) and to buy from it (`asks`), the units of a `lot`, and |q| <= limit units.

    Raises: ValueError unless sizes and the limit are whole lots.
    """

    bids: tuple[Stream, ...]
    asks: tuple[Stream, ...]
    lot: Positive
    limit: Positive
    outside: Outside | None = None

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        for name, units in [("limit", self.limit), *(("size", s.size) for s in (*self.bids, *self.asks))]:
            if abs(units / self.lot - round(units / self.lot)) > _WHOLE or round(units / self.lot) < 1:
                raise ValueError(f"Instrument.{name} must be whole lots of {self.lot:g}, at least one, got {units:g}")

    @classmethod
    def symmetric(cls, streams: Any, lot: float, limit: float, outside: Outside | None = None) -> Self:
        """The same streams at both sides."""
        return cls(tuple(streams), tuple(streams), lot, limit, outside)

    @property
    def positions(self) -> Floats:
        """The positions within the limit, (levels,), units."""
        lots = round(self.limit / self.lot)
        return np.asarray(np.arange(-lots, lots + 1) * self.lot, np.float64)


@dataclass(frozen=True, eq=False)
class DeskProblem:
    """Instruments, moves of their prices, and what is paid for risk; `terminal` is taken as q' terminal q at the end.

    covariance (d, d) price^2 / time, drift (d,) price / time, terminal (d, d) price / unit, gamma 1 / money; 0 by default.

    Raises: ValueError if shapes do not fit, or a matrix is not symmetric and positive semidefinite.
    """

    instruments: tuple[Instrument, ...]
    covariance: Any
    gamma: NonNegative = 0.0
    drift: Any = None
    terminal: Any = None
    bounds: tuple[float, float] = ANYWHERE  # of depths, price units

    def __post_init__(self) -> None:
        object.__setattr__(self, "instruments", tuple(self.instruments))
        d = len(self.instruments)
        if d == 0 or not all(isinstance(one, Instrument) for one in self.instruments):
            raise TypeError(
                f"DeskProblem.instruments must be a list of Instrument, at least one, got {self.instruments!r}"
            )
        check("DeskProblem.gamma", self.gamma, Interval(0.0))
        zeros = {"covariance": np.zeros((d, d)), "drift": np.zeros(d), "terminal": np.zeros((d, d))}
        for name, otherwise in zeros.items():
            object.__setattr__(self, name, _array(name, getattr(self, name), otherwise))

    @property
    def positions(self) -> Floats:
        """All positions, (states, d), units; those of the last instrument vary first."""
        grids = np.meshgrid(*(one.positions for one in self.instruments), indexing="ij")
        return np.stack([grid.ravel() for grid in grids], axis=-1)

    @cached_property
    def legs(self) -> tuple[tuple[Stream, ...], ...]:
        """The streams of each side, (2 d): bid and ask of the first instrument, of the second, ..."""
        return tuple(side for one in self.instruments for side in (one.bids, one.asks))

    @property
    def streams(self) -> tuple[Ints, Ints, Floats]:
        """The side of each stream of all, its number there, and the size of its requests."""
        told = [(i, k, stream.size) for i, leg in enumerate(self.legs) for k, stream in enumerate(leg)]
        leg, kind, size = zip(*told)
        return np.array(leg), np.array(kind), np.array(size)

    @property
    def levels(self) -> tuple[int, ...]:
        """How many positions each instrument has."""
        return tuple(len(one.positions) for one in self.instruments)

    def variance(self, dt: float) -> Floats:
        """Of what the positions earn by the prices' moves within dt, (states,), money^2."""
        q = self.positions
        return np.einsum("si,ij,sj->s", q, self.covariance, q) * dt

    def earned(self, dt: float) -> Floats:
        """What the positions are expected to earn within dt, (states,), money."""
        return self.positions @ self.drift * dt

    def at_the_end(self) -> Floats:
        """What is paid for the positions that are left at the end, (states,), money."""
        q = self.positions
        return np.einsum("si,ij,sj->s", q, self.terminal, q)

    def state_of(self, positions: Any) -> int:
        """The number of the state with these positions (d,), units. Raises: ValueError if there is none."""
        lots = np.array([one.lot for one in self.instruments])
        away = np.abs((self.positions - np.asarray(positions, np.float64)) / lots).max(axis=1)
        if not away.min() <= _WHOLE:
            raise ValueError(f"positions must be whole lots of {lots.tolist()} within the limits, got {positions}")
        return int(away.argmin())


def _array(name: str, value: Any, otherwise: Floats) -> Floats:
    given = otherwise if value is None else np.array(value, np.float64)
    if given.shape != otherwise.shape or not np.isfinite(given).all():
        raise ValueError(f"DeskProblem.{name} must be finite numbers {otherwise.shape}, got {value!r}")
    if given.ndim == 2:
        lowest = np.linalg.eigvalsh(given).min() if np.allclose(given, given.T) else -np.inf
        if lowest < -1e-9 * (np.abs(given).max() + 1e-300):
            raise ValueError(f"DeskProblem.{name} must be symmetric and positive semidefinite, got {given.tolist()}")
    return given
