"""What the way in which makers quote does to all of them: fire sales as they trade, and claims cleared in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.makers.seats import play_seats
from agents.policy import Policy
from mm_env.core.parameters import Count, Positive, Probability, check_fields
from mm_env.makers.competition import Competition
from mm_env.makers.fire_sale import NoFireSale
from mm_env.metrics import Estimate, cvar, mean
from mm_env.systemic.cascades import mean_of
from mm_env.systemic.networks import Network
from mm_env.systemic.settlement import settle
from mm_env.systemic.tail_estimates import Estimated, delta_covar_estimate, shortfall_estimate

Floats = NDArray[np.float64]
_RESAMPLES = 50  # of the bootstrap of a quantile regression


class Played(NamedTuple):
    """What came of worlds: (worlds, makers)."""

    profit: Floats
    closed: Floats  # 1.0 where a margin closed the account


class SystemicRow(NamedTuple):
    """All makers quoting as one agent does."""

    agent: str
    profit: Estimate  # of a maker
    closed_alone: Estimated  # P(a maker is closed), without fire sales
    closed: Estimated  # the same with them
    sold_out_by_others: Estimated  # P(somebody is closed who is not without fire sales)
    fails: Estimated  # P(a maker cannot pay, if all others do)
    infected: Estimated  # P(a maker cannot pay because others do not)
    system: Estimate  # CVaR at 95 % of the profit of all
    delta_covar: Estimated  # of all, by one maker
    shortfall: Estimated  # of one maker where all lose
    lost: float  # bankruptcy costs a world, price units


@dataclass(frozen=True)
class Makers:
    """The makers of a market, what they owe each other, and how they are looked at."""

    market: Competition
    network: Network
    capital: Positive
    alpha: Probability
    beta: Probability
    level: Probability
    episodes: Count
    seeds: Count
    first_seed: int

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if self.network.size != self.market.makers:
            raise ValueError(
                f"network must be of the market's {self.market.makers:g} makers, got {self.network.size} dealers"
            )

    def rows(self, policies: Mapping[str, Policy]) -> Iterator[SystemicRow]:
        """A row for each agent; all meet the same noise and the same claims."""
        for name, policy in policies.items():
            yield self.row(name, policy)

    def row(self, name: str, policy: Policy) -> SystemicRow:
        """What comes of all makers quoting by one policy."""
        alone, found = (
            self.played(policy, replace(self.market, fire_sale=NoFireSale())),
            self.played(policy, self.market),
        )
        cleared = settle(found.profit, self.capital, self.owed, self.alpha, self.beta)
        system, makers = found.profit.sum(axis=1), found.profit.shape[1]
        of_all, own = np.repeat(system, makers), found.profit.ravel()  # makers of a world side by side: drawn together
        tail: dict[str, Any] = {"level": self.level, "resamples": _RESAMPLES, "block": makers}
        more = ((found.closed > 0.0) & (alone.closed == 0.0)).any(axis=1)
        return SystemicRow(
            name, mean(found.profit.mean(axis=1)), mean_of(alone.closed.mean(axis=1)), mean_of(found.closed.mean(axis=1)),
            mean_of(more), mean_of((cleared.round_of_default == 1).mean(axis=1)), mean_of(cleared.contagious.mean(axis=1)),
            cvar(system), delta_covar_estimate(of_all, own, **tail), shortfall_estimate(of_all, own, **tail),
            float(cleared.costs.mean()),
        )  # fmt: skip

    def played(self, policy: Policy, market: Competition) -> Played:
        """The worlds of all seeds, in each of which all makers quote by one policy."""
        profits, closed = [], []
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            seats = play_seats(market, [policy] * int(market.makers), self.episodes, seed)
            profits.append(np.stack([each.profit for each in seats], axis=1))
            nobody = np.zeros(self.episodes)
            closed.append(np.stack([nobody if each.closed is None else each.closed for each in seats], axis=1))
        return Played(np.concatenate(profits), np.concatenate(closed))

    @cached_property
    def owed(self) -> Floats:
        """Claims in each world of each seed, (worlds, makers, makers)."""
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        return np.concatenate([self.network.liabilities(self.episodes, seed) for seed in seeds])
