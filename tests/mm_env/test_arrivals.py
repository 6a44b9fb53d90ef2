"""Who trades with us has arrived: no fill is more than the orders that came."""

from dataclasses import replace

import numpy as np

from mm_env.markets import amzn_book
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation


def test_limit_orders_that_meet_ours_inside_the_spread_have_arrived():
    simulation = Simulation(replace(amzn_book(), quote=Unbounded()), 2, interpreted=True)
    simulation.start(0)
    for _ in range(15):
        simulation.step(np.zeros(4))  # both quotes at the mid, where others' limit orders come too
    tally, markets = simulation.state.tally, simulation.books.counts[:, 4:].sum(axis=1)
    assert (tally.fills > markets).any()  # more than market orders alone bring
    assert (tally.fills <= tally.arrivals).all()
