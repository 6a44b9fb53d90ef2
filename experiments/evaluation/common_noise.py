"""Evaluation on common random numbers: every agent's episodes on the same noise, and figures paired by episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tqdm import tqdm

from agents.policy import Policy, play, tabulate
from mm_env.core.component import differs
from mm_env.market import Market
from mm_env.metrics import Estimate, certainty_equivalent, figures, paired_difference
from mm_env.reward import CARA
from mm_env.rollout import Episodes


@dataclass(frozen=True)
class Entry:
    """One agent's evaluation: its episodes and their figures."""

    name: str
    episodes: Episodes
    figures: dict[str, Estimate]
    lead: Estimate | None  # objective less the best strategy's, paired; None for that strategy itself


def figures_in(market: Market, episodes: Episodes) -> dict[str, Estimate]:
    """Every figure of the episodes; under CARA, whose objective is a utility, with the certainty equivalent too."""
    found, reward = figures(episodes), market.reward
    if isinstance(reward, CARA) and not differs(reward.gamma):
        found["certainty_equivalent"] = certainty_equivalent(episodes, float(reward.gamma))
    return found


def evaluate_on_common_noise(
    market: Market, policies: Mapping[str, Policy], num_episodes: int, seed: int, aside: frozenset[str] = frozenset()
) -> list[Entry]:
    """The evaluation of each agent, by descending objective, over the same `num_episodes` episodes of `seed`.

    Leads are over the best agent that is not among those put `aside` (learners, the optimum).
    """
    steps = market.clock.steps
    played: dict[str, Episodes] = {}
    with tqdm(total=len(policies) * steps, desc="evaluating", unit="step", leave=False, delay=0.5) as progress:
        for name, policy in policies.items():
            progress.set_postfix_str(name)
            played[name] = play(market, policy, num_episodes, seed, progress.update)
            progress.update(steps if tabulate(market, policy) is not None else 0)
    rivals = [name for name in played if name not in aside] or list(played)
    best = max(rivals, key=lambda name: played[name].objective.mean())
    entries = [
        Entry(name, e, figures_in(market, e), None if name == best else paired_difference(e, played[best]))
        for name, e in played.items()
    ]
    return sorted(entries, key=lambda entry: -entry.figures["objective"].value)
