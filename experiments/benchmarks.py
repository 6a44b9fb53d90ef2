"""What an agent's objective is measured against: the best constant quotes and the exact optimum of its market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.exact import average_reward, best_fixed, evaluate, worth_fixed
from agents.latent import Unsolvable
from agents.optimum import Optimum, optimum
from agents.policy import Policy, tabulate
from experiments.contest import Entry
from mm_env.clock import Ergodic
from mm_env.market import Market
from mm_env.metrics import Estimate, paired_difference

OPTIMUM = "optimum"


@dataclass(frozen=True)
class Benchmarks:
    """The market's two exact values, per unit of time if it is ergodic, or why it has none."""

    market: Market
    fixed: float = float("nan")  # the best constant symmetric quotes'
    optimal: float = float("nan")
    best: Optimum | None = None
    missing: str = ""

    @classmethod
    def of(cls, market: Market) -> Benchmarks:
        """Solve `market` if it can be solved."""
        try:
            best, fixed = optimum(market), best_fixed(market)
        except Unsolvable as reason:
            return cls(market, missing=str(reason))
        naive, optimal = worth_fixed(market, fixed.half_spread), best.rate or best.objective
        if not optimal > naive:
            return cls(
                market, missing=f"the market's actions cannot quote better than a constant {fixed.half_spread:.4g}"
            )
        return cls(market, naive, optimal, best)

    @property
    def policies(self) -> dict[str, Policy]:
        """The optimum as an agent among others, if there is one."""
        return {OPTIMUM: self.best} if self.best is not None else {}

    def skills(self, entries: Sequence[Entry], policies: Mapping[str, Policy]) -> dict[str, Estimate]:
        """(J - J(best fixed)) / (J(optimum) - J(best fixed)) by agent; empty where there is no exact optimum.

        The distance to the optimum is simulated, paired with the optimum's own episodes. An ergodic market's episodes are
        cut from a path that never ends, so there the average reward is computed exactly, for agents that are tables.
        """
        if self.best is None:
            return {}
        if isinstance(self.market.clock, Ergodic):
            exact = {name: self.exact_skill(policy) for name, policy in policies.items()}
            return {name: Estimate(value, 0.0) for name, value in exact.items() if value is not None}
        gap, best = self.optimal - self.fixed, next(e.episodes for e in entries if e.name == OPTIMUM)
        lost = {entry.name: paired_difference(entry.episodes, best) for entry in entries}
        return {name: Estimate(1.0 + short.value / gap, short.half_width / gap) for name, short in lost.items()}

    def exact_skill(self, policy: Policy) -> float | None:
        """The skill without noise, of a policy that is a table."""
        table = tabulate(self.market, policy) if self.best is not None else None
        if table is None:
            return None
        ergodic = isinstance(self.market.clock, Ergodic)
        worth = (
            average_reward(table.market, table.actions[:1])
            if ergodic
            else evaluate(table.market, table.actions).objective
        )
        return (worth - self.fixed) / (self.optimal - self.fixed)
