"""A desk's numbers as compiled loops take them, and the loops themselves."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.desk.kernel import follow, improve, transitions
from agents.exact.desk.legs import Legs
from agents.exact.nodes import Unsolvable
from agents.strategies.hamiltonian import Requests
from agents.strategies.instruments import SUMMED, DeskProblem, Instrument, Outside
from mm_env.core import engine
from mm_env.core.parameters import Interval, check

Floats = NDArray[np.float64]
ROOM = 4_000  # states of which a matrix is solved


class DeskRecursion:
    """One step of dt of the recursion over a desk's positions.

    Raises: Unsolvable if there are more than two instruments; ValueError if a side's requests, or lots traded outside, come
    more than once a step.
    """

    def __init__(self, problem: DeskProblem, dt: float) -> None:
        check("dt", dt, Interval(0.0, low_open=True))
        if (d := len(problem.instruments)) > 2:
            raise Unsolvable(f"exact values of a desk are of one or two instruments, got {d}")
        for one in problem.instruments:
            _check_step(one, float(dt))
        self.problem, self.dt, self._compiled = problem, float(dt), dict[Any, Any]()
        self.states, self.streams = len(problem.positions), max(len(leg) for leg in problem.legs)

    @cached_property
    def arguments(self) -> tuple[Any, Legs, int]:
        """What every loop is handed first: a request's template, the numbers of the desk, and how many a request has."""
        shape, d = (4, self.streams), len(self.problem.instruments)
        template, rows = Requests.of([stream.fill for leg in self.problem.legs for stream in leg])
        width, at = rows.shape[1], iter(rows)
        shift, size, rate = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
        requests = np.zeros((*shape, width))
        for i, leg in enumerate(self.problem.legs):
            for k, stream in enumerate(leg):
                lot = self.problem.instruments[i // 2].lot
                shift[i, k], size[i, k] = round(stream.size / lot), stream.size
                rate[i, k], requests[i, k] = stream.rate * self.dt, next(at)
        outside = np.array([_numbers(one.outside) for one in self.problem.instruments] + [_numbers(None)] * (2 - d))
        lots = np.array([one.lot for one in self.problem.instruments] + [1.0] * (2 - d))
        levels = np.array([*self.problem.levels, 1][:2])
        kinds = np.array([len(leg) for leg in self.problem.legs] + [0, 0] * (2 - d))
        legs = Legs(
            levels, kinds, shift, size, rate, requests.ravel(), lots, outside, self.dt, *map(float, self.problem.bounds)
        )
        return template, legs, width

    def _kernel(self, loop: Any, *arrays: Any) -> None:
        """Run a loop, whose machine code is looked up once."""
        if loop not in self._compiled:
            self._compiled[loop] = engine.compiled(loop, *self.arguments, *arrays)
        self._compiled[loop](*self.arguments, *arrays)

    def improve(self, following: Floats) -> tuple[Floats, Floats, Floats]:
        """The value (states,), best depths (states, 2 d, K) and outside trades (states, d) where `following` (states,) is what
        each state is worth a step later."""
        d = len(self.problem.instruments)
        value, depths, trades = (
            np.empty(self.states),
            np.zeros((self.states, 4, self.streams)),
            np.zeros((self.states, 2)),
        )
        q_cost = 0.5 * self.problem.gamma * self.problem.variance(self.dt)
        ahead = following + self.problem.earned(self.dt) - q_cost
        self._kernel(improve, ahead, value, depths, trades)
        return value, depths[:, : 2 * d], trades[:, :d]

    def follow(self, depths: Floats, trades: Floats, means: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Means (n, states) of what is earned from a step on, given those from the next on, and the variance of the first."""
        depths, trades = self.checked(depths, trades)
        found, spread = np.empty(means.shape), np.empty(self.states)
        later = means + self.problem.earned(self.dt), variance + self.problem.variance(self.dt)
        self._kernel(follow, depths, trades, *later, found, spread)
        return found, spread

    def chain(self, depths: Floats, trades: Floats) -> tuple[Floats, Floats, Floats]:
        """P (states, states), the expected reward of a step (states,), and units traded in it with clients and outside."""
        depths, trades = self.checked(depths, trades)
        matrix, gain, volume = np.zeros((self.states, self.states)), np.empty(self.states), np.empty((self.states, 2))
        self._kernel(transitions, depths, trades, matrix, gain, volume)
        held = self.problem.earned(self.dt) - 0.5 * self.problem.gamma * self.problem.variance(self.dt)
        return matrix, gain + matrix @ held, volume

    def checked(self, depths: Any, trades: Any) -> tuple[Floats, Floats]:
        """Depths (states, 2 d, K) and outside trades (states, d) as the loops take them, with sides of two instruments.

        Raises: ValueError if they have another shape, are no finite numbers, or trades exceed what may be traded.
        """
        d, found = len(self.problem.instruments), []
        for name, given, width in (("depths", depths, (2 * d, self.streams)), ("trades", trades, (d,))):
            array = np.asarray(given, np.float64)
            if array.shape != (self.states, *width) or not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite numbers {(self.states, *width)}, got {array.shape}")
            beside = [(0, 0), (0, 2 * width[0] // d * (2 - d) // 2), *[(0, 0)] * (array.ndim - 2)]
            found.append(np.pad(array, beside))
        most = self.arguments[1].outside[:, 3] * SUMMED
        if (np.abs(found[1]) > most).any():
            raise ValueError(
                f"trades must be at most {most.tolist()} units a unit of time, got {np.abs(found[1]).max():g}"
            )
        return found[0], found[1]


def _numbers(outside: Outside | None) -> list[float]:
    if outside is None:
        return [0.0, 0.0, 0.0, 0.0]
    return [outside.half_spread, outside.quadratic, outside.impact, outside.most]


def _check_step(one: Instrument, dt: float) -> None:
    for name, streams in (("bids", one.bids), ("asks", one.asks)):
        if (often := sum(stream.rate for stream in streams) * dt) > SUMMED:
            raise ValueError(
                f"Instrument.{name} must come at most once a step, got {often:g} in {dt:g}: make steps shorter"
            )
    if one.outside is not None and one.outside.most * dt > one.lot * SUMMED:
        raise ValueError(
            f"Outside.most must be at most a lot a step, {one.lot / dt:g}, got {one.outside.most:g}: make steps shorter"
        )
