"""Cascades by leverage and overlap: shocks that all dealers meet alike, forced sales of what they hold alike, claims cleared.

Each leverage and overlap meets the same shocks and networks of each seed: what differs between two rows is they alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from mm_env.core.noise import uniforms
from mm_env.core.parameters import Count, Interval, NonNegative, Positive, Probability, check, check_fields
from mm_env.systemic.arrays import Floats
from mm_env.systemic.cascades import Cascades, cascades, mean_of
from mm_env.systemic.contagion import Contagion, contagion
from mm_env.systemic.deleveraging import Deleveraging
from mm_env.systemic.fire_sale import Holders
from mm_env.systemic.networks import Network
from mm_env.systemic.sale_impact import SaleImpact
from mm_env.systemic.tail_estimates import Estimated

SHOCKS = 2**30 + 2**20 + 1  # the block of noise that shocks are drawn by, beside that of links


@dataclass(frozen=True)
class System:
    """Dealers that are alike but for what they hold and whom they owe, and the shock that they meet."""

    network: Network
    deleveraging: Deleveraging
    sale_impact: SaleImpact
    equity: Positive
    sigma: NonNegative
    correlation: Probability
    alpha: Probability
    beta: Probability

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        self.sale_impact.check(self.network.size)

    def holders(self, leverage: float, overlap: float) -> Holders:
        """As many assets as dealers, at a price of 1: each holds its own, and the share `overlap` of all evenly."""
        n = self.network.size
        held = (1.0 - overlap) * np.eye(n) + overlap / n
        return Holders.of(leverage * self.equity * held, np.full(n, (leverage - 1.0) * self.equity), np.ones(n))

    def shocked(self, scenarios: int, seed: int) -> Floats:
        """Prices after the shock, (scenarios, assets): exp(sigma (sqrt(correlation) z + sqrt(1 - correlation) z_k))."""
        lanes, assets = np.arange(scenarios, dtype=np.int64)[:, None], np.arange(self.network.size + 1, dtype=np.int64)
        z = ndtri(uniforms(int(seed), lanes, np.zeros_like(lanes), assets, SHOCKS)[0])
        common, own = math.sqrt(self.correlation), math.sqrt(1.0 - self.correlation)
        return np.exp(self.sigma * (common * z[:, :1] + own * z[:, 1:]))


class Row(NamedTuple):
    """One leverage and overlap, over the scenarios of all seeds."""

    leverage: float
    overlap: float
    fails: float  # P(somebody fails by the shock itself)
    by_claims: float  # P(a cascade) through claims alone, without forced sales
    by_sales: float  # P(a cascade) through forced sales alone, without claims
    cascades: Cascades  # through both
    half_fail: Estimated  # P(half of all dealers or more fail, for whatever reason)
    by_seed: tuple[float, ...]  # P(a cascade) of each seed


@dataclass(frozen=True)
class Grid:
    """The leverages and overlaps, and how many scenarios of which seeds."""

    leverage: tuple[float, ...]
    overlap: tuple[float, ...]
    seeds: Count
    scenarios: Count
    at_least: Count
    steps: int | None
    first_seed: int

    def __post_init__(self) -> None:
        for name, rule in (("leverage", Interval(1.0)), ("overlap", Interval(0.0, 1.0))):
            values = getattr(self, name)
            if not values:
                raise ValueError(f"{name} must be a list of numbers, at least one, got {values}")
            for value in values:
                check(name, value, rule)
        for name in ("seeds", "scenarios", "at_least"):
            check(name, getattr(self, name), Interval(1, 2**31, whole=True))
        if self.steps is not None:
            check("steps", self.steps, Interval(1, 2**20, whole=True))

    def rows(self, system: System) -> Iterator[Row]:
        """A row for each leverage and overlap."""
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        met = [(system.network.liabilities(self.scenarios, s), system.shocked(self.scenarios, s)) for s in seeds]
        for leverage in self.leverage:
            for overlap in self.overlap:
                yield self._row(system, leverage, overlap, met)

    def _row(self, system: System, leverage: float, overlap: float, met: list[tuple[Floats, Floats]]) -> Row:
        holders, s = system.holders(leverage, overlap), system
        found = [
            contagion(holders, owed, prices, s.deleveraging, s.sale_impact, s.alpha, s.beta, self.steps)
            for owed, prices in met
        ]
        whole = pooled(found)
        figures = cascades(whole.by_shock, whole.in_the_end, whole.direct_loss, whole.whole_loss, self.at_least)
        by_seed = tuple(self.probability(one.by_shock, one.in_the_end) for one in found)
        claims, sales = (self.probability(whole.by_shock, one) for one in (whole.by_claims, whole.by_sales))
        half = mean_of(2 * whole.in_the_end.sum(axis=1) >= s.network.size)
        return Row(leverage, overlap, float(whole.by_shock.any(axis=1).mean()), claims, sales, figures, half, by_seed)

    def probability(self, by_shock: Any, in_the_end: Any) -> float:
        """The share of scenarios in which `at_least` so many dealers fail that the shock itself leaves standing."""
        return float(((in_the_end & ~by_shock).sum(axis=1) >= self.at_least).mean())


def pooled(found: list[Contagion]) -> Contagion:
    """The scenarios of several, one after the other."""
    return Contagion(*(np.concatenate([getattr(one, name) for one in found]) for name in Contagion._fields))
