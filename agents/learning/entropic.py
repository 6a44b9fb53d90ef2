"""Rollouts for a utility of final wealth, CARA, which tell at each step what it has changed of the certainty equivalent.

Utility at the end alone tells a learner little of any one step. But what is still to come has a certainty equivalent V that
does not depend on the wealth so far, and obeys the exponential Bellman equation (Howard & Matheson 1972)

    exp(-gamma V(s)) = E[exp(-gamma (dW + V(s'))) | s],    dW the step's change in wealth.

With delta = dW + V(s') - V(s), what a step is worth is the temporal difference seen by the utility itself (Shen, Tobia, Sommer
& Obermayer 2014)

    u = (1 - exp(-gamma delta)) / gamma,    E[u | s] = 0 where V is that of the policy,

which takes the place of r + V(s') - V(s) in the advantages and in the targets of the critic. By the derivative of
E[exp(-gamma (W_T - W_0))], E[u | s, a] is the gradient's weight of log pi(a | s) but for the factor
exp(-gamma (W_t - W_0 + V(s))), which is positive and no matter of the action: in each state quotes go the way of the utility.

u is averaged over the outcomes of a step, not a function of their average, so any number of branches leaves it unbiased; and so
does taking off the surprise, whose mean is zero given s and a: `noise` takes it out of the rewards, it is put back into delta,
and all of u's variance that is not of the order of gamma is gone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.learning.rollout_buffers import ResampledRollouts, resampled_worth
from mm_env.core.parameters import Positive, Probability
from mm_env.envs.sb3 import VecAdapter
from mm_env.resampled import Outcomes
from mm_env.reward import InventoryPenalty, Reward

Singles = NDArray[np.float32]
_WORST = 20.0  # -gamma delta that still counts: beyond it one outcome would be all that a rollout learns from


class WealthChange(Reward):
    """wealth change, of whose sum the certainty equivalent by `gamma` is what is wanted: for training alone.

    `noise` is as in `InventoryPenalty`.
    """

    gamma: Positive  # 1 / price
    noise: Probability = 1.0

    reward = InventoryPenalty.reward  # the very same rule


class EntropicRollouts(ResampledRollouts):
    """With the risk-sensitive temporal difference, its mean over the lanes' branches, in place of the next value."""

    def lookahead(self, values: Singles) -> Singles:
        worth = resampled_worth(self.critic, self.lanes, self.gamma)
        return values + entropic_difference(worth, values, self.lanes.outcomes, self.lanes).mean(
            axis=0, dtype=np.float32
        )


def entropic_difference(worth: Singles, values: Singles, outcomes: Outcomes, lanes: VecAdapter) -> Singles:
    """u (branches, ...) less the surprise, of outcomes that are `worth` r + V(s') (branches, ...) at values V(s) (...)."""
    reward: Any = lanes.market.reward
    gamma = reward.gamma / lanes.reward_scale  # of the rewards as they are learnt from
    surprise = outcomes.gains - outcomes.rewards
    return -np.expm1(np.minimum(-gamma * (worth + surprise - values), _WORST)) / gamma - surprise
