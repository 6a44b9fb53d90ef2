"""Bergault, Evangelista, Gueant & Vieira 2021, Closed-form approximations in multi-asset market making, Applied Math. Finance.

H(p) of each stream is replaced by its parabola a0 + a1 p + a2 p^2 / 2 about p = 0. The value is then -q'A(t) q - q'B(t) - C(t)
for any number of instruments, where A and B solve a Riccati and a linear equation. Quotes are the best ones, by the true H, for
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.desk_problem import problem_of
from agents.strategies.fixed import finite, time_left
from agents.strategies.hamiltonian import Quoter, hamiltonian
from agents.strategies.instruments import DeskProblem, Stream
from mm_env.core.parameters import Interval, check
from mm_env.desk.desk import Desk

Floats = NDArray[np.float64]
_EXACT = 1e-11  # relative, of the equations' solution


@dataclass(frozen=True, eq=False)
class QuadraticDesk:
    """Quotes of the quadratic approximation to a horizon (time), in any number d of instruments; nothing is traded outside.

    With tau the time left, D = diag(sum of rate size a2 over both sides) and V of what differs between bids and asks,

        dA/dtau = gamma/2 covariance - 2 A D A,   A(0) = terminal
        dB/dtau = -drift - 2 A V - 2 A D B,       B(0) = 0,   V_i = sum_bids - sum_asks of rate size (a1 + a2 size A_ii)

    A bid for size z costs p = 2 (A q)_i + B_i + z A_ii a unit, an ask p = -2 (A q)_i - B_i + z A_ii. Without a terminal penalty
    A = D^-1/2 X tanh(X tau) D^-1/2 / 2 with X^2 = gamma D^1/2 covariance D^1/2.
    """

    problem: DeskProblem
    horizon: float

    def __post_init__(self) -> None:
        check("QuadraticDesk.horizon", self.horizon, Interval(0.0, low_open=True))

    @classmethod
    def of(cls, desk: Desk) -> Self:
        """For the instruments of a desk, to its horizon. Raises: NoProblem for one that has no such parameters."""
        return cls(problem_of(desk), float(desk.clock.horizon))

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """`depths`, and no trades outside (n, d)."""
        return self.depths(positions, time_left), np.zeros(np.shape(positions))

    def depths(self, positions: ArrayLike, seconds_left: float) -> Floats:
        """Depths (n, 2 d, K), price units, at positions (n, d), units: of bids and asks of each instrument, by stream.

        Raises: ValueError if `seconds_left` lies outside [0, horizon], or positions are not of d instruments.
        """
        q, d = finite("positions", positions), len(self.problem.instruments)
        if q.ndim != 2 or q.shape[1] != d:
            raise ValueError(f"positions must be (n, {d}), got {q.shape}")
        a, b = self.matrices(float(time_left(seconds_left, self.horizon)))
        leg, kind, size = self.problem.streams
        cost = (1 - 2 * (leg % 2)) * (2.0 * q @ a + b)[:, leg // 2] + size * np.diag(a)[leg // 2]
        found = np.zeros((len(q), 2 * d, kind.max() + 1))
        found[:, leg, kind] = self._quoter.best(cost)[0]
        return found

    def matrices(self, seconds_left: float) -> tuple[Floats, Floats]:
        """A (d, d), price / unit, and B (d,), price, with so much time left."""
        d, found = len(self.problem.instruments), self._solution(seconds_left)
        return found[: d * d].reshape(d, d), found[d * d :]

    @cached_property
    def _quoter(self) -> Quoter:
        return Quoter([stream.fill for leg in self.problem.legs for stream in leg], self.problem.bounds)

    @cached_property
    def _solution(self) -> Any:
        from scipy.integrate import solve_ivp

        problem, d = self.problem, len(self.problem.instruments)
        sums = [_parabolas(leg, problem.bounds) for leg in problem.legs]
        bids, asks = (_Parabola(*np.array(sums[side::2]).T) for side in (0, 1))
        curvature = bids.curvature + asks.curvature

        def slopes(_: float, at: Floats) -> Floats:
            a, b = at[: d * d].reshape(d, d), at[d * d :]
            apart = bids.slope - asks.slope + np.diag(a) * (bids.sized - asks.sized)
            riccati = 0.5 * problem.gamma * problem.covariance - 2.0 * a * curvature @ a
            linear = -problem.drift - 2.0 * a @ apart - 2.0 * a * curvature @ b
            return np.concatenate([riccati.ravel(), linear])

        start = np.concatenate([problem.terminal.ravel(), np.zeros(d)])
        scale = 1e-12 * max(np.abs(problem.covariance).max() * problem.gamma * self.horizon, 1e-300)
        return solve_ivp(
            slopes, (0.0, self.horizon), start, "DOP853", rtol=_EXACT, atol=scale, dense_output=True
        ).sol  # fmt: skip


class _Parabola(NamedTuple):
    """Sums over the streams of a side: of rate size a1, rate size a2 and rate size^2 a2."""

    slope: Any
    curvature: Any
    sized: Any


def _parabolas(streams: tuple[Stream, ...], bounds: tuple[float, float]) -> _Parabola:
    found = [hamiltonian(stream.fill, 0.0, bounds) for stream in streams]
    weights = np.array([stream.rate * stream.size for stream in streams])
    sizes = np.array([stream.size for stream in streams])
    slope, curvature = np.array([h.slope for h in found]), np.array([h.curvature for h in found])
    return _Parabola(weights @ slope, weights @ curvature, weights * sizes @ curvature)
