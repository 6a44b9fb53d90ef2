"""The figures of a risk report: what each agent risks in a calm market, and by which factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.studies.stress import Battery, brought, is_ruined
from experiments.studies.watch import Watched, watch
from mm_env.metrics import Z95, Estimate, covariance_share, cvar, mean, value_at_risk
from mm_env.rollout import Episodes
from mm_env.stress.stress import CALM, Stress

Floats = NDArray[np.float64]
LEVELS = (0.95, 0.99)
WORST = 3  # episodes that are shown
BUMPS = {
    "volatility + 10 %": Stress(0.0, 1.0, volatility=1.1),
    "clients + 10 %": Stress(0.0, 1.0, sells=1.1, buys=1.1),
    "adverse + 0.1 s.d.": Stress(0.0, 1.0, adverse=0.1),
    "limit orders - 10 %": Stress(0.0, 1.0, liquidity=0.9),
    "correlation - 10 %": Stress(0.0, 1.0, correlation=-0.1),
}  # from the start to the end of an episode
REST = "inventory and rest"  # fees of trades among it


class Share(NamedTuple):
    """A share of episodes with the ends of its 95 % interval (Wilson 1927), which tells something where it is 0 too."""

    value: float
    low: float
    high: float


class Part(NamedTuple):
    """A term of the profit."""

    name: str
    brings: Estimate
    variance: Estimate  # share of the profit's variance that it brings


class Sensitivity(NamedTuple):
    """What a factor's move changes, paired by episode."""

    factor: str
    profit: Estimate
    tail: Estimate  # CVaR at 95 %


@dataclass(frozen=True)
class Portrait:
    """An agent in a calm market: its episodes, those of them that were watched step by step, and its sensitivities."""

    agent: str
    episodes: Episodes
    watched: Watched
    sensitivities: tuple[Sensitivity, ...]

    @cached_property
    def tails(self) -> Mapping[float, tuple[Estimate, Estimate]]:
        """Level -> value at risk and CVaR, as profits."""
        profit = self.episodes.profit
        return {level: (value_at_risk(profit, level), cvar(profit, level)) for level in LEVELS}

    @cached_property
    def worst(self) -> NDArray[np.int64]:
        """The numbers of the episodes that brought least, the worst first."""
        return np.argsort(self.episodes.profit, kind="stable")[:WORST]

    def parts(self) -> list[Part]:
        """The terms that sum to the profit."""
        profit = self.episodes.profit
        return [Part(name, mean(x), covariance_share(x, profit)) for name, x in terms(self.episodes).items()]

    def delta(self) -> Estimate:
        """Cov[profit, the mid's move] / Var[the mid's move] over episodes, units: what the profit gains by a unit that the mid
        has moved; NaN where it never moves."""
        moved = self.watched.mid[-1] - self.watched.mid[0]
        return covariance_share(self.episodes.profit, moved)

    def ruin(self, capital: float) -> Share:
        """The share of episodes whose account was closed, or that lost the capital from their peak."""
        return share(is_ruined(brought(self.episodes), capital))

    def time_to_close(self, market: Any) -> tuple[float, float]:
        """How long the clients of the market take to trade away the mean position, and that which 99 of 100 are smaller than;
        NaN where none come or where a position is left at once.

        A side's clients are half of those that came, and each maker's an equal share of them.
        """
        if market.venue.takes_ranges:
            return float("nan"), float("nan")
        came = 0.5 * self.episodes.arrivals.mean() / (market.clock.horizon * market.lanes_a_world)
        held = np.abs(self.watched.inventory[1:]) / market.order_size
        if came == 0.0:
            return float("nan"), float("nan")
        return float(held.mean() / came), float(np.quantile(held, 0.99) / came)


def portraits(battery: Battery) -> dict[str, Portrait]:
    """Agent -> its portrait, of all who play in the battery."""
    found = {}
    for agent, policy in battery.policies.items():
        calm = battery.met(policy, CALM)
        worst = np.argsort(calm.profit, kind="stable")[:WORST]
        seen = watch(battery, policy, worst)
        found[agent] = Portrait(agent, calm, seen, tuple(_sensitivities(battery, policy, calm)))
    return found


def _sensitivities(battery: Battery, policy: Any, calm: Episodes) -> list[Sensitivity]:
    found = []
    for factor, bump in BUMPS.items():
        try:
            bump.applied(battery.market)
        except ValueError:  # the market does not bear it: no exposure to it
            continue
        profit = battery.met(policy, bump).profit
        difference = _tail(profit) - _tail(calm.profit)
        found.append(Sensitivity(factor, mean(profit - calm.profit), mean(difference)))
    return found


def _tail(profit: Floats, level: float = 0.95) -> Floats:
    """What each episode adds to the CVaR: their mean is it (Rockafellar & Uryasev 2000)."""
    threshold = np.quantile(profit, 1.0 - level)
    return threshold - np.maximum(threshold - profit, 0.0) / (1.0 - level)


def terms(e: Episodes) -> dict[str, Floats]:
    """The terms of the profit by episode, by name; the last is what the others leave."""
    pool = e.of_venue or {}
    if "pool_fees" in pool:
        found = {"pool's fees": pool["pool_fees"], "arbitrageurs (LVR)": -pool["loss_versus_rebalancing"],
                 "gas and trades outside": -pool["moving_costs"]}  # fmt: skip
    else:
        found = {"spread": e.spread_captured}
    if e.hedging_cost is not None:
        found["hedging cost"] = -e.hedging_cost
    if e.channel is not None:
        found["rebalancing cost"] = -e.channel.rebalancing_cost
    if e.loan is not None:
        found |= {"liquidations": -e.loan.lost, "interest": -e.loan.interest, "moves of the loan": -e.loan.managed,
                  "return forgone": -e.loan.forgone}  # fmt: skip
    kept = {name: x for name, x in found.items() if x.any()}
    return {**kept, REST: e.profit - sum(kept.values(), np.zeros_like(e.profit))}


def share(hits: NDArray[np.bool_]) -> Share:
    """The share of True with its Wilson interval."""
    n, p, z = len(hits), float(np.mean(hits)), Z95
    middle, half = p + z * z / (2 * n), z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return Share(p, max((middle - half) / (1 + z * z / n), 0.0), min((middle + half) / (1 + z * z / n), 1.0))
