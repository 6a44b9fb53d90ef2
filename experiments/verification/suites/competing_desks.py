"""Several makers of a desk: exact worths of one instrument, for several that do not move together; and a logit's shares."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.desks import positions_seen
from agents.exact.two_makers import TwoMakers
from agents.makers.seats import play_seats
from experiments.verification.suite import Asked, Row, suite
from mm_env.competitions import duopoly
from mm_env.desk.instrument import Instrument, Tier
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.makers.routing import LogitRouting
from mm_env.price.joint import CovariancePrices
from mm_env.quote import Unbounded
from mm_env.reward import InventoryPenalty
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Bernoulli, Poisson

SLOPES, MOST, N = (0.15, 0.05), 5, 2  # of the first and of the second maker; limit; instruments
WORLDS = 20_000  # at most: each has 2 makers of N instruments over 100 steps
DEPTHS, SCALE = (0.3, 0.5, 0.9), 0.4


@dataclass(frozen=True)
class Leaning(MarketPolicy):
    """Depths 0.5 + slope q of bids and 0.5 - slope q of asks, by each instrument's own inventory q."""

    market: Any
    slope: float

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        held = np.rint(positions_seen(self.market, observations))
        return self.market.encode(np.stack([0.5 + self.slope * held, 0.5 - self.slope * held], axis=-1))


def desk_of_duopolies() -> CompetingDesks:
    """`N` instruments, each like that of `duopoly`, which do not move together."""
    one, each = duopoly(), Tier(Poisson(10.0), Exponential(1.0))
    instruments = tuple(Instrument(f"{i}", (each,), 4.0, MOST, min_depth=-1.0) for i in range(N))
    prices = CovariancePrices(tuple(tuple(0.01 * row) for row in np.eye(N)))
    return CompetingDesks(instruments, prices, one.clock, one.reward, makers=2, routing=one.routing)


@suite("competing_desks", "exact worths of two makers of one instrument; logit of depths", 25.0)
def rows(asked: Asked) -> Iterator[Row]:
    """Simulated desks beside what is exact: worths of independent instruments, and shares of requests."""
    yield from _worths(asked)
    yield from _shares(asked)


def _worths(asked: Asked) -> Iterator[Row]:
    held = np.arange(-MOST, MOST + 1.0)[:, None] * np.array([1.0, -1.0])
    exact = TwoMakers(replace(duopoly(), quote=Unbounded())).worth(*((0.5 + slope * held)[None] for slope in SLOPES))
    market, worlds = desk_of_duopolies(), min(max(asked.episodes, 2), WORLDS)
    played = play_seats(market, [Leaning(market, slope) for slope in SLOPES], worlds, asked.seed)
    for name, known, episodes in zip(("first", "second"), exact, played, strict=True):
        error = float(episodes.objective.std()) / math.sqrt(worlds)
        ours = float(episodes.objective.mean())
        yield Row(f"worth of the {name} of two makers of {N} independent instruments", N * known, ours, 4.0 * error)


def _shares(asked: Asked) -> Iterator[Row]:
    """How often each of three is filled who quote different depths, a request."""
    rate, market, worlds = 50.0, desk_of_duopolies(), min(max(asked.episodes, 2), WORLDS)
    tier = Tier(Bernoulli(rate), Exponential(1.0))
    each = tuple(replace(one, tiers=(tier,), max_inventory=1e6) for one in market.instruments)
    three = replace(market, makers=3, instruments=each, routing=LogitRouting(SCALE), reward=InventoryPenalty())
    depths = np.broadcast_to(np.array(DEPTHS)[:, None, None], (3, N, 2))
    played = play_seats(three, [_Constant(three, three.encode(own)) for own in depths], worlds, asked.seed)
    chosen = np.exp(-np.array(DEPTHS) / SCALE) / np.exp(-np.array(DEPTHS) / SCALE).sum()
    requests = 2.0 * N * rate * three.clock.horizon
    for depth, share, episodes in zip(DEPTHS, chosen, played, strict=True):
        known = float(share * math.exp(-depth))
        error = float(episodes.fills.std()) / math.sqrt(worlds) / requests
        yield Row(
            f"fills a request at {depth:g}, of three", known, float(episodes.fills.mean()) / requests, 4.0 * error
        )


@dataclass(frozen=True)
class _Constant(MarketPolicy):
    """The same action, whatever is held."""

    market: Any
    action: Any

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        return np.broadcast_to(self.action, (len(observations), len(self.action)))
