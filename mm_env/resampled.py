"""What else might have come: the lanes' next step, tried again and again with other noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import leaves
from mm_env.core.noise import MAX_SEED
from mm_env.core.parameters import Distribution, Interval, check
from mm_env.market import Market
from mm_env.simulation import Simulation
from mm_env.simulations import simulation_of

APART = 2**62  # between the seeds of lanes and of their branches


class Outcomes(NamedTuple):
    """What came of a step in each branch of each lane."""

    observations: NDArray[np.float32]  # (count, num_lanes, k), of an episode's last step too
    rewards: NDArray[np.float64]  # (count, num_lanes), price units
    ended: NDArray[np.bool_]  # (count, num_lanes)
    closed: NDArray[np.bool_]  # (count, num_lanes), of them those whose account was closed
    gains: NDArray[np.float64]  # (count, num_lanes), the change in wealth, price units


class Unbranchable(ValueError):
    """A market in which no step can be tried again."""


def check_branches(market: Market) -> None:
    """Raises: Unbranchable where there is but one outcome (a recorded day), or a parameter is given lane by lane."""
    if market.venue.happened_once:
        raise Unbranchable(
            f"branches need a market that is drawn, and {market.venue} happened once: branches=0 learns from what came"
        )
    for leaf in leaves(market):
        if np.ndim(leaf.value) and not isinstance(leaf.value, Distribution):
            raise Unbranchable(f"branches need one value of Market.{leaf.path} for all lanes, got one for each")


class Branches:
    """`count` copies of each lane of `simulation`, which step from where it stands and leave it as it is.

    Given states and actions, the outcomes of all branches and that of the lane itself are independent and alike in law.
    What they are is a function of (seed, lane, branch, episode, step), so nothing of a Branches needs to be saved.

    Raises: Unbranchable, saying why.
    """

    def __init__(self, simulation: Simulation, count: int) -> None:
        check("branches", count, Interval(1, 2**20, whole=True))
        market = simulation.market
        check_branches(market)
        self.simulation, self.count = simulation, count
        self._copies = simulation_of(market, simulation.num_lanes * count, threads=simulation.threads)

    def step(self, actions: NDArray[np.float64]) -> Outcomes:
        """What comes of actions (num_lanes * width,), as `Simulation.step` takes them."""
        copies, shape = self._copies, (self.count, self.simulation.num_lanes)
        copies.copy_state_from(self.simulation)
        before = copies.profits
        copies.seed, copies.keys = (self.simulation.seed + APART) % (MAX_SEED + 1), self._keys()
        observations, rewards, ended, _ = copies.step(np.tile(actions, self.count))
        gains, seen = (copies.profits - before).reshape(shape), observations.reshape(*shape, -1)
        return Outcomes(seen, rewards.reshape(shape), ended.reshape(shape), copies.closed.reshape(shape), gains)

    def _keys(self) -> NDArray[np.int64] | None:
        """What the copies draw by, where each lane has a seed of its own."""
        keys = self.simulation.keys
        if keys is None:
            return None
        seeds = (keys[:, 0].astype(np.uint64) + np.uint64(APART)) & np.uint64(MAX_SEED)
        return np.stack([np.tile(seeds.astype(np.int64), self.count), np.arange(self._copies.num_lanes)], axis=1)
