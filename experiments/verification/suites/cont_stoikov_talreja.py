"""Cont, Stoikov & Talreja 2010: conditional probabilities in a Poisson order book, exact and simulated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.studies.cont_stoikov_talreja import QUEUES, exact_probabilities, simulated_probabilities
from experiments.verification.suite import Asked, Row, suite
from mm_env.markets import cont_stoikov_talreja

PAPER = "Cont, Stoikov & Talreja 2010"
TABLE_3 = [  # b down, a across
    [0.5, 0.335173, 0.259018, 0.215789, 0.187823],
    [0.664827, 0.5, 0.406887, 0.347890, 0.307199],
    [0.740982, 0.593113, 0.5, 0.436552, 0.390594],
    [0.784211, 0.652110, 0.563448, 0.5, 0.452337],
    [0.812177, 0.692801, 0.609406, 0.547663, 0.5],
]
KINDS = {"up": "Table 3", "bid": "Table 4, as its caption says", "both": "Table 5"}


@suite("cont_stoikov_talreja_2010", f"{PAPER}, Table 3, exact for the published rates", 1.0)
def exact(_: Asked) -> Iterator[Row]:
    """P[the mid's next move is up | b at the bid, a at the ask]."""
    found = exact_probabilities(cont_stoikov_talreja())["up"]
    for b, a in np.ndindex(QUEUES, QUEUES):
        yield Row(f"P[up | b = {b + 1}, a = {a + 1}]", TABLE_3[b][a], float(found[b, a]), 5.1e-7)


@suite(
    "cont_stoikov_talreja_simulated", f"{PAPER}, sec. 4, exact for the published rates, within 4 standard errors", 20.0
)
def simulated(asked: Asked) -> Iterator[Row]:
    """The entries of Tables 3 to 5 that the simulated book is furthest from, in standard errors."""
    market = cont_stoikov_talreja()
    exactly = exact_probabilities(market)
    for name, title in KINDS.items():
        p = exactly[name]
        found = simulated_probabilities(market, name, asked.episodes, asked.seed)
        error = np.sqrt(p * (1.0 - p) / asked.episodes)
        b, a = np.unravel_index(np.argmax(np.abs(found - p) / error), p.shape)
        place = f"{title}, the furthest of 25: b = {b + 1}, a = {a + 1}"
        yield Row(place, float(p[b, a]), float(found[b, a]), 4.0 * float(error[b, a]))
