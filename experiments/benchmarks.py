"""What an agent's objective is measured against: the best constant quotes and the exact optimum of its market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.exact import best_fixed, worth, worth_fixed
from agents.fixed import FixedSymmetric
from agents.informed import InformedOptimum, informed_optimum
from agents.latent import Unsolvable
from agents.optimum import Optimum, optimum
from agents.policy import Policy, StrategyPolicy, tabulate
from agents.scenarios import differing
from agents.small_book import BookOptimum, book_optimum
from experiments.contest import Entry
from mm_env.clock import Ergodic
from mm_env.market import Market
from mm_env.metrics import Estimate, mean, paired_difference
from mm_env.reward import CARA
from mm_env.rollout import Episodes
from mm_env.venue.book import Book

OPTIMUM, CONSTANT = "optimum", "best_fixed"


@dataclass(frozen=True)
class Benchmarks:
    """What the market's two exact benchmarks are worth, or why it has none.

    Worth is the objective; per unit of time if the market is ergodic, and under CARA the certainty equivalent: utility
    saturates at 1 / gamma, where all skills would look alike. Where parameters differ by lane, the optimum is that of who
    is told them: an upper bound. In a small order book, constant quotes are the best single action.
    """

    market: Market
    fixed: float = float("nan")  # the best constant symmetric quotes'
    optimal: float = float("nan")
    best: Optimum | InformedOptimum | BookOptimum | None = None
    constant: FixedSymmetric | None = None
    missing: str = ""

    @classmethod
    def of(cls, market: Market) -> Benchmarks:
        """Solve `market` if it can be solved."""
        try:
            if isinstance(market.venue, Book):
                best, _, naive = book_optimum(market)
                return cls(market, naive, best.worth, best)
            best = informed_optimum(market) if differing(market) else optimum(market)
            constant = best_fixed(market)
        except Unsolvable as reason:
            return cls(market, missing=str(reason))
        naive, optimal = worth_fixed(market, constant.half_spread), best.worth
        if not optimal > naive:
            return cls(
                market, missing=f"the market's actions cannot quote better than a constant {constant.half_spread:.4g}"
            )
        return cls(market, naive, optimal, best, constant)

    @property
    def policies(self) -> dict[str, Policy]:
        """The benchmark that simulated skill is paired with, as an agent among others: the optimum where it can act."""
        if self.best is None:
            return {}
        if isinstance(self.best, InformedOptimum) and not self.best.playable and self.constant is not None:
            return {CONSTANT: StrategyPolicy(self.constant, self.market)}
        return {OPTIMUM: self.best}

    @property
    def notes(self) -> list[str]:
        """What a reader of the skills has to know of the optimum."""
        best, notes = self.best, []
        if isinstance(best, InformedOptimum):
            told = ", ".join(best.names)
            notes.append(
                f"Skill 1 is the informed optimum, an upper bound: it is told {told}, which agents do not see."
            )
        if best is not None and best.error > 0:
            notes.append(
                f"The optimum's objective is {best.objective:.6g}, off by at most about {best.error:.1g} (of its grid)."
            )
        return notes

    def skills(self, entries: Sequence[Entry], policies: Mapping[str, Policy]) -> dict[str, Estimate]:
        """(J - J(best fixed)) / (J(optimum) - J(best fixed)) by agent; empty where there is no exact optimum.

        The distance to the optimum (to the best constant quotes, where the optimum cannot act) is simulated, paired with
        its own episodes. An ergodic market's episodes are cut from a path that never ends, so there the average reward is
        computed exactly, for agents that are tables.
        """
        if self.best is None:
            return {}
        if isinstance(self.market.clock, Ergodic):
            exact = {name: self.exact_skill(policy) for name, policy in policies.items()}
            return {name: Estimate(value, 0.0) for name, value in exact.items() if value is not None}
        (rival,) = self.policies
        gap, origin = self.optimal - self.fixed, 1.0 if rival == OPTIMUM else 0.0
        beside = next(entry.episodes for entry in entries if entry.name == rival)
        ahead = {entry.name: self.difference(entry.episodes, beside) for entry in entries}
        return {name: Estimate(origin + by.value / gap, by.half_width / gap) for name, by in ahead.items()}

    def difference(self, episodes: Episodes, other: Episodes) -> Estimate:
        """What the episodes are worth less what the others are, paired; under CARA by the delta method:

        c = -ln(M) / gamma with M = E[m], m = exp(-gamma profit), so each episode moves c by -m / (gamma M).
        """
        if not isinstance(self.market.reward, CARA):
            return paired_difference(episodes, other)
        gamma = float(self.market.reward.gamma)
        losses = [1.0 - gamma * e.objective for e in (episodes, other)]
        value = -np.log(losses[0].mean() / losses[1].mean()) / gamma
        return mean(value - (losses[0] / losses[0].mean() - losses[1] / losses[1].mean()) / gamma)

    def exact_skill(self, policy: Policy) -> float | None:
        """The skill without noise, of a policy that is a table."""
        solved = self.best is not None and not isinstance(self.best, BookOptimum)
        table = tabulate(self.market, policy) if solved else None
        if table is None:
            return None
        actions = table.actions[:1] if isinstance(self.market.clock, Ergodic) else table.actions
        return (worth(table.market, actions) - self.fixed) / (self.optimal - self.fixed)
