"""Strategies that quote by an order book's best prices: at them, inside the spread, or as the queues' imbalance says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.observed import natural_units
from mm_env.core.parameters import NonNegative, Positive, Probability, check_fields
from mm_env.market import Market
from mm_env.quote import NOWHERE, Touch, Unbounded

Floats = NDArray[np.float64]
AWAY = np.inf  # ticks behind the best price: no quote


@dataclass(frozen=True)
class AtTouch(MarketPolicy):
    """Both quotes `behind` ticks behind others' best prices: 0 joins them, -1 is one tick inside the spread.

    At an inventory of `most` orders or more, only the side that brings it back is quoted.
    """

    market: Market
    behind: int = 0
    most: Positive = 1e9  # orders

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if not self.market.venue.makes_mid:
            raise ValueError(f"{type(self).__name__} needs an order book, got a {type(self.market.venue).__name__}")
        if self.behind < -1:
            raise ValueError(
                f"{type(self).__name__}.behind must be >= -1, one tick inside the spread, got {self.behind}"
            )
        object.__setattr__(self, "market", replace(self.market, quote=Touch(behind=max(1, self.behind))))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Indices (n,) of `Touch`, on observations (n, k)."""
        bid, ask = self.ticks_behind(observations)
        inventory, _ = natural_units(self.market, observations)
        behind = np.stack(
            [np.where(inventory >= self.most, AWAY, bid), np.where(-inventory >= self.most, AWAY, ask)], -1
        )
        quote: Any = self.market.quote
        return quote.index(behind)[:, 0].astype(np.int64)

    def ticks_behind(self, observations: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Of bid and ask, (n,) each."""
        constant = np.full(len(observations), float(self.behind))
        return constant, constant


@dataclass(frozen=True)
class ImbalanceSkew(AtTouch):
    """Joins the best prices, but goes one tick inside on the side that the queues favour, and one tick behind on the other,
    where the imbalance (bid queue - ask queue) / (their sum) exceeds `threshold`: the mid tends to move towards the thinner
    queue (Cont, Stoikov & Talreja 2010; Cartea, Donnelly & Jaimungal 2018)."""

    threshold: Probability = 0.5
    inside: NonNegative = 1.0  # ticks

    def ticks_behind(self, observations: NDArray[np.float32]) -> tuple[Floats, Floats]:
        imbalance = observations[:, self.market.observation_names.index("imbalance")]
        up, down = imbalance > self.threshold, imbalance < -self.threshold
        bid = np.where(up, -self.inside, np.where(down, 1.0, 0.0))
        return bid, np.where(down, -self.inside, np.where(up, 1.0, 0.0))


@dataclass(frozen=True)
class NoQuotes(MarketPolicy):
    """Never quotes: an objective of 0, which every other row of a table on a recorded day is held to."""

    market: Market

    def __post_init__(self) -> None:
        if not self.market.venue.makes_mid:
            raise ValueError(f"NoQuotes needs an order book, got a {type(self.market.venue).__name__}")
        object.__setattr__(self, "market", replace(self.market, quote=Unbounded()))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Depths (n, 2) at which no order stands, on observations (n, k)."""
        return np.full((len(observations), 2), NOWHERE)
