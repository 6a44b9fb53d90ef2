"""A desk between two steps: what it holds of each instrument, and what its episode has brought."""

from __future__ import annotations

from typing import Any, NamedTuple


class Holding(NamedTuple):
    """One instrument of one lane."""

    inventory: float  # units
    mid: float  # price
    cash: float  # from its trades since the episode began, price units
    spread: float  # of depth x size over fills, price units
    hedging_cost: float  # of trades outside beside the mid, price units
    client_volume: float  # units traded with clients, both ways
    outside_volume: float  # units traded outside, both ways


class Kept(NamedTuple):
    """What is kept of one instrument in one lane."""

    holding: Holding
    rate: float  # of its jumps, jumps / time; 0 where the prices have none


class DeskTally(NamedTuple):
    """What an episode has brought so far; all sums, over instruments too."""

    objective: float  # of rewards
    profit: float  # wealth now less wealth at the start, price units
    peak: float  # the highest profit so far
    drawdown: float  # the deepest fall of the profit from its peak
    absolute_inventory: float  # of |q| after each step, units
    spread_captured: float  # of depth x size over our fills, price units
    fills: float  # requests that were filled
    arrivals: float  # requests
    hedging_cost: float  # of trades outside, price units
    risk: float  # of the position's standard deviation after each step, price / sqrt(time)


class DeskState(NamedTuple):
    """What is one of a lane, whatever the number of instruments."""

    step: float
    episode: float
    variance: float  # what the covariance of the mids is multiplied by: 1 unless the prices move it
    tally: DeskTally


class Flows(NamedTuple):
    """The requests of one side of an instrument as arrays (streams,), tier by tier and size by size."""

    tier: Any  # whole numbers from 0
    size: Any  # units
    share: Any  # of the tier's requests
    rate: Any  # requests / time that would take a quote at the mid
