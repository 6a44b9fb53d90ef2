"""Several makers in one order book: who trades, by rank in the queue and by seat, where only market orders come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from experiments.verification.suite import Asked, Row, suite
from mm_env.clock import FiniteHorizon
from mm_env.makers.competition import Competition
from mm_env.markets import zero_intelligence
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from mm_env.venue.order_book.book import Book
from mm_env.venue.order_book.poisson import ZeroIntelligence

MAKERS, LOTS, TAKEN = 3, 2, 3.0  # lots of an order, and that market orders take on average in a step
ENOUGH = 200  # lots that never come within a step


def emptied() -> Competition:
    """One step of a book whose flow only sends market orders of one lot, each with nobody to meet but makers."""
    market = zero_intelligence()
    flow = ZeroIntelligence(arrival=0.0, cancellation=50.0, taking=TAKEN)
    parts = {field.name: getattr(market, field.name) for field in fields(market)}
    mine = {"venue": Book(flow=flow), "clock": FiniteHorizon(1.0, 1), "quote": Unbounded(), "order_size": float(LOTS),
            "max_inventory": 100.0}  # fmt: skip
    return Competition(**(parts | mine), makers=MAKERS)


def lots_of_rank(rank: int) -> float:
    """E min((N - rank LOTS)+, LOTS) for N ~ Poisson(TAKEN): what the order before which `rank` others stand trades."""
    chance = [math.exp(-TAKEN + n * math.log(TAKEN) - math.lgamma(n + 1)) for n in range(ENOUGH)]
    return sum(p * min(max(n - rank * LOTS, 0), LOTS) for n, p in enumerate(chance))


def traded(worlds: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Lots bought of each world's makers, (worlds, makers), who all bid the same, and who came first, second and so on."""
    lanes = Simulation(emptied(), MAKERS * worlds)
    lanes.start(seed)
    lanes.step(np.ones(2 * lanes.num_lanes))
    books = lanes.books
    return books.filled[:, 0].astype(np.float64), books.turn_of


@suite(
    "book_makers", "closed form: E min((N - r s)+, s) lots of the order of s at rank r, N ~ Poisson market orders", 30.0
)
def rows(asked: Asked) -> Iterator[Row]:
    """Priority by time among makers' orders, and a fair lot for it among seats."""
    worlds = max(asked.episodes, 2)
    lots, order = traded(worlds, asked.seed)
    of_rank = np.take_along_axis(lots, order, axis=1)
    known = [lots_of_rank(rank) for rank in range(MAKERS)]
    for rank in range(MAKERS):
        error = float(of_rank[:, rank].std()) / math.sqrt(worlds)
        yield Row(
            f"lots of the order at rank {rank} of {MAKERS}", known[rank], float(of_rank[:, rank].mean()), 4.0 * error
        )
    for seat in range(MAKERS):
        error = float(lots[:, seat].std()) / math.sqrt(worlds)
        yield Row(f"lots of seat {seat} of {MAKERS}", sum(known) / MAKERS, float(lots[:, seat].mean()), 4.0 * error)
