"""Agents under stress: each scenario beside the calm run on the same noise, and the smallest severity that ruins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from agents.policy import Policy, as_policy, tabulate
from experiments.config.markets import build
from experiments.config.search_path import configs
from mm_env.market import Market
from mm_env.metrics import Estimate, cvar, mean
from mm_env.rollout import Episodes, run_actions, run_policy
from mm_env.stress.stress import CALM, Stress

Floats = NDArray[np.float64]
_FINE = 0.01  # of itself, to which a severity is found
REVERSED = ("volatility_x3", "gap", "pool_exploit", "collateral_crash")  # where no names are given
_DEVIATIONS = 5.0  # of the calm profit, that make the capital where none is given


class Brought(NamedTuple):
    """What each episode brought, (episodes,), price units."""

    profit: Floats
    drawdown: Floats
    closed: Floats  # 1.0 where the account was


class StressRow(NamedTuple):
    """An agent under a scenario."""

    scenario: str
    agent: str
    calm: Estimate  # mean profit
    stressed: Estimate
    change: Estimate  # of the profit, paired by episode
    tail: Estimate  # CVaR of the profit at 95 %, stressed
    drawdown: Estimate
    worst: float  # profit of the worst episode
    ruined: float  # share of episodes whose account was closed, or whose drawdown reached the capital


class Severity(NamedTuple):
    """The smallest severity of a scenario that ruins an agent; NaN if none does that was tried."""

    scenario: str
    agent: str
    severity: float
    stress: Stress


@dataclass(frozen=True)
class Battery:
    """The market, who plays in it, and on how many episodes of which seed."""

    market: Market
    policies: Mapping[str, Policy]
    episodes: int
    seed: int

    def play(self, policy: Policy, stress: Stress) -> Brought:
        """What the episodes brought; of a gap in each episode the direction that costs it more."""
        ways = [brought(self.met(policy, way)) for way in stress.against()]
        profit = np.stack([way.profit for way in ways])
        worse = profit.argmin(axis=0), np.arange(self.episodes)
        return Brought(*(np.stack([way[i] for way in ways])[worse] for i in range(3)))

    def met(self, policy: Policy, stress: Stress) -> Episodes:
        """Episodes of the market under stress, of a policy that was made for the calm one."""
        table = tabulate(self.market, policy)
        if table is not None:
            return run_actions(stress.applied(table.market), table.actions, self.episodes, self.seed)
        player = fresh(policy)
        return run_policy(stress.applied(player.acts_in(self.market)), player.act, self.episodes, self.seed)

    def calm(self) -> dict[str, Brought]:
        """Each agent without stress."""
        return {name: self.play(policy, CALM) for name, policy in self.policies.items()}

    def rows(self, scenarios: Mapping[str, Stress], calm: Mapping[str, Brought], capital: float) -> list[StressRow]:
        """A row for each scenario and agent, worst first: by the CVaR of who fares worst, and then of each."""
        found = {name: self._rows(name, stress, calm, capital) for name, stress in scenarios.items()}
        by_loss = sorted(found.values(), key=lambda rows: rows[0].tail.value)
        return [row for rows in by_loss for row in rows]

    def _rows(self, name: str, stress: Stress, calm: Mapping[str, Brought], capital: float) -> list[StressRow]:
        rows = []
        for agent, policy in self.policies.items():
            under, before = self.play(policy, stress), calm[agent]
            ruined = float(is_ruined(under, capital).mean())
            rows.append(StressRow(name, agent, mean(before.profit), mean(under.profit), mean(under.profit - before.profit),
                                  cvar(under.profit), mean(under.drawdown), float(under.profit.min()), ruined))  # fmt: skip
        return sorted(rows, key=lambda row: row.tail.value)

    def reverse(self, name: str, stress: Stress, capital: float, ruin: float, most: float) -> list[Severity]:
        """For each agent the smallest severity at which a share `ruin` of episodes is ruined, by bisection up to `most`.

        It is where ruin begins going up from calm, if it does so once only.
        """
        found = []
        for agent, policy in self.policies.items():
            high = self._smallest(policy, stress, capital, ruin, most)
            found.append(Severity(name, agent, high, stress.times(high) if np.isfinite(high) else stress))
        return found

    def _smallest(self, policy: Policy, stress: Stress, capital: float, ruin: float, most: float) -> float:
        if self._ruined(policy, CALM, capital) >= ruin:
            return 0.0
        low, high = 0.0, self._ruinous(policy, stress, capital, ruin, most)
        while high - low > _FINE * high:
            middle = 0.5 * (low + high)
            ruins = self._ruined(policy, stress.times(middle), capital) >= ruin
            low, high = (low, middle) if ruins else (middle, high)
        return high

    def _ruined(self, policy: Policy, stress: Stress, capital: float) -> float:
        """The share of episodes ruined."""
        return float(is_ruined(self.play(policy, stress), capital).mean())

    def _ruinous(self, policy: Policy, stress: Stress, capital: float, ruin: float, most: float) -> float:
        """A severity that ruins, 1 or twice the one before up to `most`; NaN if none does."""
        severity = min(1.0, most)
        while self._ruined(policy, stress.times(severity), capital) < ruin:
            if severity >= most:
                return float("nan")
            severity = min(2.0 * severity, most)
        return severity


def fresh(policy: Policy) -> Policy:
    """The policy before it has acted: one that draws does so alike in every scenario."""
    player = as_policy(policy)
    player = player if player.learnt else deepcopy(player)
    player.forget()
    return player


def brought(episodes: Episodes) -> Brought:
    """The figures of episodes that stress is judged by."""
    closed = np.zeros(len(episodes)) if episodes.closed is None else episodes.closed
    return Brought(episodes.profit, episodes.drawdown, closed)


def is_ruined(found: Brought, capital: float) -> NDArray[np.bool_]:
    """Whether each episode's account was closed, or lost the capital from its peak."""
    return (found.closed > 0.0) | (found.drawdown >= capital)


def capital_of(given: float | None, calm: Mapping[str, Brought]) -> float:
    """What is given, or five standard deviations of the calm profit, the median's of all agents."""
    if given is not None:
        return float(given)
    return _DEVIATIONS * float(np.median([found.profit.std() for found in calm.values()]))


def allowed(
    market: Any, entries: Iterable[Any] | None, among: Iterable[str] | None = None
) -> tuple[dict[str, Stress], dict[str, str]]:
    """Name -> stress of each entry, all of which the market must allow; where there are none (None), of all names in
    conf/stress, or `among` them, that it allows, and name -> why not of the others.

    Raises: ValueError for an entry that the market does not allow, or where it allows nothing.
    """
    if entries is not None:
        given = scenarios_of(entries)
        for stress in given.values():
            stress.applied(market)
        return given, {}
    kept, refused = {}, {}
    CALM.applied(market)
    for name, stress in scenarios_of(among or [name for name in configs("stress") if name != "calm"]).items():
        try:
            stress.applied(market)
        except ValueError as reason:
            refused[name] = str(reason)
        else:
            kept[name] = stress
    return kept, refused


def scenarios_of(entries: Iterable[Any]) -> dict[str, Stress]:
    """Name -> stress of each entry: a name in conf/stress, or a config with a `name` and a `base` there.

    Raises: ValueError for a name that is none, with what is close, or for one that comes twice.
    """
    known, found = configs("stress"), {}
    for entry in entries:
        name = str(entry.name if isinstance(entry, DictConfig) else entry)
        base = str(entry.get("base", "calm") if isinstance(entry, DictConfig) else entry)
        if base not in known:
            close = get_close_matches(base, known, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(known)}."
            raise ValueError(f"scenarios must be names in conf/stress, or configs with a name, got {base!r}. {hint}")
        if name in found:
            raise ValueError(f"scenarios must have names of their own, got {name!r} twice")
        config = OmegaConf.load(known[base])
        if isinstance(entry, DictConfig):
            own = OmegaConf.masked_copy(entry, [str(key) for key in entry if key not in ("name", "base")])
            config = OmegaConf.merge(config, own)
        found[name] = build(config)
    return found
