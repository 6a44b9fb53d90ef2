"""Times the `mm_env` that it finds, whichever version that is: for each line "what, market, lanes, seconds" read, one line with
the seconds of the processor's time a step of all lanes. It names only what versions from 0.4 on have.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import mm_env
from mm_env.markets import MARKETS, market_named
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation

WINDOW = 300.0  # s of a recorded day that an episode plays, with a decision each second


@cache
def case(what: str, market: str, lanes: int) -> tuple[Callable[[], Any], int]:
    """What is timed, and how many steps it takes."""
    return (table if what == "table" else step)(market_of(market), lanes)


def market_of(name: str) -> Any:
    """A named market, or a recorded day."""
    if name in MARKETS:
        return market_named(name)
    venue = mm_env.Replay(path=name, window=mm_env.Drawn(begins=0.0, ends=86_400.0), span=WINDOW)
    clock = mm_env.FiniteHorizon(WINDOW, round(WINDOW))
    return mm_env.Market(mm_env.FromBook(), venue, clock, mm_env.Touch(), mm_env.InventoryPenalty())


def step(market: Any, lanes: int) -> tuple[Callable[[], Any], int]:
    """A step through the vector environment, by the same actions each time."""
    env = mm_env.MarketMakingVectorEnv(market, lanes, threads=1)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = env.action_space.sample()
    return lambda: env.step(actions), 1


def table(market: Any, lanes: int) -> tuple[Callable[[], Any], int]:
    """Whole episodes of constant quotes, in the kernel."""
    simulation = Simulation(replace(market, quote=Unbounded()), lanes, threads=1)
    depths = np.full((1, round(2 * market.max_inventory / market.order_size) + 1, 2), 0.05)

    def episodes() -> None:
        simulation.start(0)
        simulation.run(depths)

    return episodes, market.clock.steps


@cache
def times(what: str, market: str, lanes: int, seconds: float) -> int:
    """How often it runs in about so many seconds; what is compiled on the way does not count."""
    run, _ = case(what, market, lanes)
    run()
    started, done = time.process_time(), 0
    while time.process_time() - started < 0.2:
        run()
        done += 1
    return max(1, round(done * seconds / 0.2))


def main() -> None:
    """Answer until nobody asks."""
    for line in sys.stdin:
        what, market, lanes, seconds = line.rstrip("\n").split("\t")
        run, steps = case(what, market, int(lanes))
        runs = times(what, market, int(lanes), float(seconds))
        started = time.process_time()
        for _ in range(runs):
            run()
        print((time.process_time() - started) / runs / steps, flush=True)


if __name__ == "__main__":
    main()
