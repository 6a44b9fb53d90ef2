"""References of the skill score: 0 is the best constant symmetric quoting of a market, 1 its exact optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.exact.choices import is_own
from agents.exact.desk import OptimalQuotes, best_constant_depths, worth_of
from agents.exact.desk.constant import exact_value
from agents.exact.evaluation import NODES, best_fixed, worth, worth_fixed
from agents.exact.financed_optimum import FinancedOptimum, static_gain
from agents.exact.full_information import FullInformationOptimum, full_information_optimum
from agents.exact.hedged_optimum import HedgedOptimum
from agents.exact.hedged_worth import evaluate_hedged, hedged_table
from agents.exact.optimum import Optimum, optimum
from agents.exact.parameter_scenarios import differing
from agents.exact.pool.fee_optimum import FeeOptimum
from agents.exact.pool.optimum import PoolOptimum
from agents.exact.price_grid import Unsolvable
from agents.exact.small_book import BookOptimum, book_optimum
from agents.exact.small_book_worth import worth_in
from agents.policy import Policy, StrategyPolicy, quoted_depths, tabulate
from agents.strategies.fixed import FixedSymmetric
from experiments.evaluation.common_noise import Entry
from mm_env.clock import Ergodic
from mm_env.core.component import differs
from mm_env.desk.desk import Desk
from mm_env.market import Market
from mm_env.metrics import Estimate, mean, paired_difference
from mm_env.reward import CARA
from mm_env.rollout import Episodes

OPTIMUM, CONSTANT = "optimum", "best_fixed"
ROUNDING = 1e-6  # of an exact skill


@dataclass(frozen=True)
class SkillReferences:
    """The objectives of skill 0 and 1, the best constant quotes' and the exact optimum's, or why the market has none.

    Worth is the objective; per unit of time if the market is ergodic, and under CARA the certainty equivalent: utility
    saturates at 1 / gamma, where all skills would look alike. Where parameters differ by lane, the optimum is that of who
    is told them: an upper bound. In a small order book, constant quotes are the best single action; in a desk those of
    `best_constant_depths`; with a loan against collateral they go with the best static collateral; in a pool it is the best
    range that is placed once and never moved, of its designer the best constant fee.
    """

    market: Market
    fixed: float = float("nan")  # the best constant symmetric quotes'
    optimal: float = float("nan")
    best: (
        Optimum
        | FullInformationOptimum
        | BookOptimum
        | OptimalQuotes
        | FinancedOptimum
        | PoolOptimum
        | FeeOptimum
        | None
    ) = None
    constant: FixedSymmetric | None = None
    missing: str = ""

    @classmethod
    def of(cls, market: Market) -> SkillReferences:
        """Solve `market` if it can be solved."""
        if isinstance(market, Desk):
            return cls._of_desk(market)
        try:
            if market.venue.takes_ranges:
                return cls._of_pool(market, optimum(market))
            if market.venue.is_drawn_book:
                best, _, naive = book_optimum(market)
                return cls(market, naive, best.worth, best)
            best = full_information_optimum(market) if differing(market) else optimum(market)
            constant = best_fixed(market)
        except Unsolvable as reason:
            return cls(market, missing=str(reason))
        naive, optimal = worth_fixed(market, constant.half_spread) + static_gain(market), best.worth
        if not optimal > naive:
            return cls(
                market, missing=f"the market's actions cannot quote better than a constant {constant.half_spread:.4g}"
            )
        return cls(market, naive, optimal, best, constant)

    @classmethod
    def _of_pool(cls, market: Market, best: PoolOptimum | FeeOptimum) -> SkillReferences:
        """Those of a pool's provider or designer, where the optimum is ahead of what never moves."""
        if isinstance(best, FeeOptimum) and not best.worth - best.constant > best.error:
            return cls(
                market,
                missing=f"no fee that moves pays more here than the best constant one, {best.fixed:.4g}, which is worth "
                f"{best.constant:.6g}, beyond the optimum's error: {best.worth:.6g}, {best.error:.1g} of its grid",
            )
        if not best.worth > best.constant:
            return cls(market, missing="no moves pay more here than the best range, or none, that is kept")
        return cls(market, best.constant, best.worth, best)

    @classmethod
    def _of_desk(cls, desk: Desk) -> SkillReferences:
        """Those of a desk whose optimum can be solved."""
        try:
            best, value = optimum(desk), exact_value(desk)
        except Unsolvable as reason:
            return cls(desk, missing=str(reason))  # pyright: ignore[reportArgumentType]
        naive = value(best_constant_depths(desk))
        return cls(desk, naive, best.worth, best)  # pyright: ignore[reportArgumentType]

    @property
    def policies(self) -> dict[str, Policy]:
        """The reference that simulated skill is paired with, as an agent among others: the optimum where it can act."""
        if self.best is None:
            return {}
        if isinstance(self.best, FullInformationOptimum) and not self.best.playable and self.constant is not None:
            return {CONSTANT: StrategyPolicy(self.constant, self.market)}
        return {OPTIMUM: self.best}

    @property
    def of_objective(self) -> list[str]:
        """What the objective is, where it is no sum of money."""
        reward = self.market.reward
        if not isinstance(reward, CARA):
            return []
        if differs(reward.gamma):
            return ["The objective is a utility, (1 - exp(-gamma profit)) / gamma, with a gamma that differs by lane."]
        gamma = float(reward.gamma)
        return [
            f"The objective, and so the lead, is a utility: (1 - exp(-gamma profit)) / gamma with gamma = {gamma:g}, at most "
            f"1 / gamma = {1.0 / gamma:g}. The certainty equivalent is the sure profit of the same utility, in price units."
        ]

    @property
    def notes(self) -> list[str]:
        """What a reader of the skills has to know of the optimum."""
        best, notes = self.best, []
        if isinstance(best, FullInformationOptimum):
            told = ", ".join(best.names)
            notes.append(
                f"Skill 1 is the full-information optimum, an upper bound: it is told {told}, which agents do not see."
            )
        if isinstance(best, Optimum) and is_own(self.market.quote):
            notes.append(
                "The optimum is searched through a decode of its own from many starts: where a narrow range of actions quotes "
                "otherwise than all around it, it may be missed."
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
        apart = (losses[0] / losses[0].mean() - losses[1] / losses[1].mean()) / gamma
        return mean(value - apart, episodes.window)

    def better_than_optimum(self, skills: Mapping[str, Estimate], policies: Mapping[str, Policy]) -> list[str]:
        """A line for each agent whose skill is above 1 beyond its error: exactly where it is a table, else by its interval."""
        lines = []
        for name, skill in skills.items():
            if name == OPTIMUM or skill.value + skill.half_width <= 1.0:
                continue
            exact = self.exact_skill(policies[name]) if skill.half_width else skill.value
            if exact is not None and not self.above(exact):
                by_chance = skill.value - skill.half_width > 1.0 + self.leeway
                lines += [f"{name} has a simulated skill above 1 by chance: exactly it is {exact:.4f}."] * by_chance
            elif exact is not None:
                lines.append(self.is_above(name, exact, policies[name]))
            elif self.above(skill.value - skill.half_width):
                lines.append(self.is_above(name, skill.value, policies[name], skill.half_width))
        return lines

    def above(self, skill: float | None) -> bool:
        """Whether an exact skill is above 1 by more than the optimum may be off."""
        return skill is not None and skill > 1.0 + self.leeway + ROUNDING

    @property
    def leeway(self) -> float:
        """How far above 1 a skill may lie because the optimum is known on a grid only."""
        if self.best is None or not self.best.error:
            return 0.0
        error, reward = self.best.error, self.market.reward  # of the objective: here it is wanted of the worth
        if isinstance(self.market.clock, Ergodic):
            error /= self.market.clock.horizon
        elif isinstance(reward, CARA):
            error *= float(np.exp(min(float(reward.gamma) * self.optimal, 600.0)))
        return error / (self.optimal - self.fixed)

    def is_above(self, name: str, skill: float, policy: Policy | None = None, half_width: float = 0.0) -> str:
        """That an agent is better than the optimum, and what that says of the optimum."""
        known = f"{skill:.4f}, exactly" if not half_width else f"{skill:.4f} ±{half_width:.4f}"
        said = f"{name} is better than the optimum beyond its error, with a skill of {known}"
        if policy is not None and self._beyond_actions(policy):
            return f"{said}: it quotes depths that the market's actions do not reach, and the optimum keeps to these."
        return f"{said}: what was solved is not the best that can be done in this market, so that skill 1 is no upper bound."

    def _beyond_actions(self, policy: Policy) -> bool:
        """Whether a table quotes other depths than the market's action space holds."""
        table, quote = tabulate(self.market, policy), self.market.quote
        if table is None or table.market.quote == quote:
            return False
        if quote.at_touch():  # choices count from the best prices: any depth is reached in some books only
            return True
        depths = table.depths()
        return not np.allclose(quoted_depths(self.market, quote.encode(depths)), depths, rtol=1e-4, atol=1e-9)

    def exact_skill(self, policy: Policy) -> float | None:
        """The skill without noise, of a policy that is a table, in a small book over its states; of a desk without an end, of
        any that goes by what it sees."""
        if isinstance(self.market, Desk):
            lasting = self.best is not None and isinstance(self.market.clock, Ergodic) and not policy.recurrent
            return self._skill_of(worth_of(self.market, policy)) if lasting else None
        if isinstance(self.best, HedgedOptimum) and (seen := hedged_table(self.market, policy)) is not None:
            return self._skill_of(evaluate_hedged(self.market, seen, NODES).worth)
        if isinstance(self.best, BookOptimum):
            value = worth_in(self.best, policy)
            return None if value is None else self._skill_of(value)
        solved = self.best is not None and not isinstance(self.best, PoolOptimum | FeeOptimum)
        table = tabulate(self.market, policy) if solved else None
        if table is None:
            return None
        actions = table.actions[:1] if isinstance(self.market.clock, Ergodic) else table.actions
        return self._skill_of(worth(table.market, actions))

    def _skill_of(self, objective: float) -> float:
        return (objective - self.fixed) / (self.optimal - self.fixed)
