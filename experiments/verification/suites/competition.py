"""Several makers: the depths at which nobody gains by another, by closed form, and what simulation brings at exact worths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.base import Table
from agents.exact.two_makers import TwoMakers
from agents.makers.seats import play_seats
from experiments.verification.suite import Asked, Row, suite
from mm_env.clock import FiniteHorizon
from mm_env.competitions import duopoly
from mm_env.makers.competition import Competition
from mm_env.makers.routing import LogitRouting
from mm_env.quote import Unbounded
from mm_env.reward import InventoryPenalty
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Bernoulli

K, RATE, DT = 1.0, 10.0, 0.01


def without_risk(makers: int, scale: float) -> Competition:
    """One step of makers to whom inventory costs nothing."""
    dealer = Dealer(flow=Bernoulli(RATE), fill=Exponential(K))
    clock, reward = FiniteHorizon(DT, 1), InventoryPenalty()
    return replace(duopoly(), venue=dealer, clock=clock, reward=reward, makers=makers, routing=LogitRouting(scale),
                   max_inventory=1.0)  # fmt: skip


def nash_depth(makers: int, scale: float) -> float:
    """Where d/dx of x exp(-k x) w(x) / (w(x) + (D - 1) w(y)), w(x) = exp(-x / scale), is 0 at x = y, price units."""
    return 1.0 / (K + (1.0 - 1.0 / makers) / scale)


@suite("competition", "closed form: depth 1 / (k + (1 - 1 / D) / scale) of D makers whom a logit chooses among", 30.0)
def rows(asked: Asked) -> Iterator[Row]:
    """The equilibrium on a grid of 1/800, from neutral inventories, and simulation beside exact worths."""
    for scale in (0.25, 0.5, 1.0):
        found = TwoMakers(without_risk(2, scale)).equilibrium(np.linspace(0.0, 1.0, 801)).depths[0, 1, 1, 0]
        yield Row(f"two makers, scale {scale:g}", nash_depth(2, scale), float(found), 7e-4)
    yield from _simulated(asked)


def _simulated(asked: Asked) -> Iterator[Row]:
    """Two makers who lean against their inventories by different slopes."""
    market = replace(duopoly(), quote=Unbounded())
    held = np.arange(-5.0, 6.0)[:, None] * np.array([1.0, -1.0])
    tables = [(0.5 + slope * held)[None] for slope in (0.15, 0.05)]
    exact, worlds = TwoMakers(market).worth(*tables), max(asked.episodes, 2)
    played = play_seats(market, [Table(market, table) for table in tables], worlds, asked.seed)
    for name, known, episodes in zip(("first", "second"), exact, played, strict=True):
        error = float(episodes.objective.std()) / math.sqrt(worlds)
        yield Row(f"worth of the {name} of two, simulated", known, float(episodes.objective.mean()), 4.0 * error)
