"""Times the `mm_env` that it finds, whichever version that is: for each line "what, market, lanes, runs" read, one line with
the seconds of the processor's time a step of all lanes. It names only what versions from 0.4 on have.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import mm_env
from mm_env.markets import MARKETS, market_named
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation

WINDOW = 300.0  # s of a recorded day that an episode plays, with a decision each second


class Case(NamedTuple):
    """What is timed: runs after one beginning, so that two versions are in the same states."""

    begin: Callable[[], Any]
    run: Callable[[], Any]
    steps: int  # of all lanes, a run


@cache
def case(what: str, market: str, lanes: int) -> Case:
    """What is timed, compiled."""
    made = (table if what == "table" else step)(market_of(market), lanes)
    made.begin()
    made.run()
    return made


def market_of(name: str) -> Any:
    """A named market, or a recorded day."""
    if name in MARKETS:
        return market_named(name)
    venue = mm_env.Replay(path=name, window=mm_env.Drawn(begins=0.0, ends=86_400.0), span=WINDOW)
    clock = mm_env.FiniteHorizon(WINDOW, round(WINDOW))
    return mm_env.Market(mm_env.FromBook(), venue, clock, mm_env.Touch(), mm_env.InventoryPenalty())


def step(market: Any, lanes: int) -> Case:
    """A step through the vector environment, by the same actions each time."""
    env = mm_env.MarketMakingVectorEnv(market, lanes, threads=1)
    env.action_space.seed(0)
    actions = env.action_space.sample()
    return Case(lambda: env.reset(seed=0), lambda: env.step(actions), 1)


def table(market: Any, lanes: int) -> Case:
    """Whole episodes of constant quotes, in the kernel."""
    simulation = Simulation(replace(market, quote=Unbounded()), lanes, threads=1)
    depths = np.full((1, round(2 * market.max_inventory / market.order_size) + 1, 2), 0.05)

    def episodes() -> None:
        simulation.start(0)
        simulation.run(depths)

    return Case(lambda: None, episodes, market.clock.steps)


def main() -> None:
    """Answer until nobody asks."""
    for line in sys.stdin:
        what, market, lanes, runs = line.rstrip("\n").split("\t")
        timed = case(what, market, int(lanes))
        timed.begin()
        started = time.process_time()
        for _ in range(int(runs)):
            timed.run()
        print((time.process_time() - started) / int(runs) / timed.steps, flush=True)


if __name__ == "__main__":
    main()
