"""A policy found by CMA-ES: a quadratic form of what the market shows, the best over episodes on common noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.exact.room import ticking
from agents.learning.cma import CMA
from agents.strategies.estimated import rehearsal
from mm_env.candidates import QuadraticForm
from mm_env.core.parameters import Interval, check
from mm_env.market import Market
from mm_env.reward import InventoryPenalty, VariancePenalty

Floats = NDArray[np.float64]
SEED = 3_000_017  # of the noise it is evolved on: no table is made of it


@dataclass(frozen=True)
class QuadraticPolicy(MarketPolicy):
    """Acts by a quadratic form of what is seen, with weights (outputs, features): see `QuadraticForm`."""

    market: Market
    weights: Floats
    tabulable = True
    learnt = True

    @cached_property
    def form(self) -> QuadraticForm:
        """What turns the weights into actions."""
        return QuadraticForm(self.market)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        return self.form.actions(self.weights, observations)


def quiet(market: Market) -> Market:
    """The market with the noise taken out of its rewards (`InventoryPenalty.noise`), where that can be."""
    if market.venue.makes_mid or type(market.reward) not in (InventoryPenalty, VariancePenalty):
        return market
    try:
        return replace(market, reward=replace(market.reward, noise=0.0))
    except ValueError:  # of a price or a hedge that does not say what of its moves is noise
        return market


def cma_es(
    market: Market, generations: int = 300, population: int = 16, episodes: int = 64, sigma: float = 0.3, seed: int = 0
) -> QuadraticPolicy:
    """The mean of CMA-ES after so many generations, which started at the middle action.

    Every generation meets new noise, the same for all of its candidates; what is left of it is the mean over `episodes`
    (a multiple of 64). `market` is played as its `rehearsal`, on whose noise no table is made, and with `quiet` rewards.

    Raises: ValueError for actions or numbers it has no use for.
    """
    check("cma_es.generations", generations, Interval(1, 10**6, whole=True))
    stage = quiet(rehearsal(market))
    form = QuadraticForm(stage)
    shape = (form.outputs, form.features)
    search = CMA(np.zeros(shape[0] * shape[1]), sigma, population, seed)
    with ticking("CMA-ES", "generations") as tick:
        for generation in range(generations):
            candidates = search.ask()
            found = form.objectives(candidates.reshape(-1, *shape), episodes, SEED + 1000 * seed + generation)
            search.tell(candidates, found.mean(axis=1))
            tick()
    return QuadraticPolicy(market, search.mean.reshape(shape))
