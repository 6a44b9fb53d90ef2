"""Reservation prices as the actions of who learns to quote a desk: all of its quotes and outside trades follow from a few.

A desk's actions are depths, one for each instrument, side, tier and size. But all that a best quote knows of the position is
what a unit more costs (`agents.strategies.hamiltonian`), and near a position that is, with z the size of a request,

    s + c z for a bid,   -s + c z for an ask,

s being how far the reservation price of the instrument lies below the mid (Avellaneda & Stoikov 2008), and c how fast it falls
as more is bought. So two numbers an instrument say all: the depth of each request is the best response to its clients' demand,
argmax of take(depth) (depth - cost), and what is traded outside is where its marginal cost meets -s + impact q.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.desks import encoded, positions_seen
from agents.strategies.desk_problem import problem_of
from agents.strategies.hamiltonian import Quoter
from mm_env.desk.desk import Desk
from mm_env.envs.sb3 import VecAdapter

Floats = NDArray[np.float64]


class ReservationQuotes:
    """Actions (n, 2 d) of a desk of d instruments, in [-1, 1]: how far s of each lies from q / limit, and c of each times its
    largest size, both as shares of half the range of its depths. So who acts by 0 skews its quotes in line with its inventory.

    Raises: NoProblem as `problem_of` does.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk, self.problem = desk, problem_of(desk)
        self.half = np.array([0.5 * (one.max_depth - one.min_depth) for one in desk.instruments])
        self.limits = np.array([one.max_inventory for one in desk.instruments])
        self.largest = np.array([max(one.sizes) for one in desk.instruments])
        self.space = gym.spaces.Box(-1.0, 1.0, (2 * len(self.half),), np.float32)
        self.quoter = Quoter([stream.fill for leg in self.problem.legs for stream in leg], self.problem.bounds)

    def actions(self, observations: NDArray[np.float32], chosen: NDArray[Any]) -> Floats:
        """The desk's actions (n, width) of what was `chosen` (n, 2 d) on observations (n, k)."""
        held = positions_seen(self.desk, observations)
        below, slope = np.split(np.clip(np.asarray(chosen, np.float64), -1.0, 1.0), 2, axis=1)
        below, slope = (below + held / self.limits) * self.half, slope * self.half / self.largest
        return encoded(self.desk, self.depths(below, slope), self.trades(below, held), held)

    def depths(self, below: Floats, slope: Floats) -> Floats:
        """Depths (n, 2 d, K), price units, of s and c (n, d), in price units and by the unit."""
        leg, kind, size = self.problem.streams
        cost = (1 - 2 * (leg % 2)) * below[:, leg // 2] + size * slope[:, leg // 2]
        found = np.zeros((len(below), 2 * len(self.half), kind.max() + 1))
        found[:, leg, kind] = self.quoter.best(cost)[0]
        return found

    def trades(self, below: Floats, held: Floats) -> Floats:
        """Trades outside (n, d), units / time, of s and positions (n, d)."""
        rates = np.zeros(below.shape)
        for i, one in enumerate(self.problem.instruments):
            if (outside := one.outside) is not None:
                worth = outside.impact * held[:, i] - below[:, i]
                most = np.maximum(np.abs(worth) - outside.half_spread, 0.0) / max(2.0 * outside.quadratic, 1e-300)
                rates[:, i] = np.sign(worth) * np.minimum(most, outside.most)
        return rates


class QuotedLanes(VecAdapter):
    """Lanes that a learner acts on by a `quoting`: see `VecAdapter`."""

    def __init__(self, quoting: Any, *terms: Any) -> None:
        super().__init__(*terms)
        self.quoting, self.action_space = quoting, quoting.space

    def step_async(self, actions: NDArray[Any]) -> None:
        super().step_async(self.quoting.actions(self.observations, actions))
