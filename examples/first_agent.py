"""A first agent, written by hand, and its skill: 0 is the best quotes that never change, 1 the exact optimum.

python -m examples.first_agent
"""

import numpy as np

from agents.policy import play
from experiments.evaluation.skill_references import SkillReferences
from mm_env.markets import market_named
from mm_env.metrics import figures

market = market_named("amzn")  # ten minutes of a real stock's parameters; an action is (half-spread, skew) in [-1, 1]


class Leaning:
    """Quotes five cents around the mid, and leans against its inventory by `lean` cents a share."""

    tabulable = True  # it goes by time and inventory alone, so that its skill is exact

    def __init__(self, lean: float) -> None:
        self.lean = lean

    def act(self, observations):
        inventory = market.inventory_scale * observations[:, 0]  # shares
        half_spread = np.full(len(observations), 2.0 * 0.05 / market.quote.max_half_spread - 1.0)
        skew = -0.01 * self.lean * inventory / market.quote.max_skew
        return np.stack([half_spread, skew], axis=1)


references = SkillReferences.of(market)
for lean in (0.0, 0.5, 1.0, 2.0):
    agent = Leaning(lean)
    found = figures(play(market, agent, num_episodes=2_000, seed=1))  # all agents meet the same noise
    told = f"P&L {found['profit'].value:5.2f}, std {found['profit_std'].value:.2f}"
    print(f"lean {lean:.1f} cents a share: {told}, skill {references.exact_skill(agent):6.3f}")
