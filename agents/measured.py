"""What the closed forms want to know of an order book, measured in it: volatility, and how fills decay with depth."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.market import Market
from mm_env.quote import NOWHERE, Unbounded
from mm_env.simulation import Simulation
from mm_env.venue.book import OrderBook

LANES, DEPTHS = 512, 5


class Measured(NamedTuple):
    """sigma of the mid (price / sqrt(time)), and A and k of lambda(depth) = A exp(-k depth), fills / time of one side."""

    sigma: float
    rate: float
    k: float


@lru_cache(maxsize=32)
def measured(market: Market, seed: int = 0) -> Measured:
    """Over 512 episodes each: of no quotes, for the mean square of the mid's change; and of constant quotes 1/2, 3/2, ... ticks
    from the mid, for the least-squares line through the logarithms of the rates at which they fill.

    Raises: ValueError where the venue is no order book, or where fewer than two of these depths are ever filled.
    """
    if not isinstance(market.venue, OrderBook):
        raise ValueError(f"only an order book is measured, got a {type(market.venue).__name__}")
    free = replace(market, quote=Unbounded(), max_inventory=1e6 * market.order_size, initial_inventory=0.0)
    tick = float(np.median(np.asarray(market.venue.tick)))
    change, _ = _episodes(free, NOWHERE, seed)
    sigma = float(np.sqrt((change**2).mean()))
    depth = tick * (np.arange(DEPTHS) + 0.5)
    fills = np.array([_episodes(free, d, seed)[1].mean() for d in depth])
    seen = fills > 0.0
    if seen.sum() < 2:
        raise ValueError("the theory wants fills that decay with depth, and only one depth of this book is ever filled")
    slope, level = np.polyfit(depth[seen], np.log(fills[seen]), 1)
    return Measured(sigma, float(np.exp(level)), float(-slope))


def _episodes(market: Market, depth: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mid's change over an episode / sqrt(its time), and the fills of a side / time, (LANES,) each."""
    simulation = Simulation(market, LANES)
    simulation.start(seed)
    start = simulation.state.mid
    for _ in range(market.clock.steps):
        simulation.step(np.full(2 * LANES, depth))
    state, time = simulation.state, simulation.books.time
    return (state.mid - start) / np.sqrt(time), 0.5 * state.tally.fills / time
