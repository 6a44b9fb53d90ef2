"""What a step is worth to the market maker. The sum over an episode is the objective."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import rule
from mm_env.core.maths import exp
from mm_env.core.parameters import NonNegative, Positive, Probability, Real
from mm_env.watched import Watching
from mm_env.world import Now, alone

_WORST = 600.0  # -gamma * profit beyond which utility falls no further: e^600 / gamma is near the largest number


class Outcome(NamedTuple):
    """What one step from t to t + dt brought."""

    wealth_change: float  # of cash + inventory * mid, price units
    profit: float  # wealth at t + dt less wealth at the start of the episode
    inventory: float  # at t + dt
    mid_change: float
    surprise: float  # what of the wealth change was noise of mean zero, given all that was known at t
    dt: float
    final: float  # 1.0 if this is the last step: of a finite horizon, or of an account that was closed; else 0.0
    now: Now = alone((), 0.0)  # at t + dt
    variance: float = 0.0  # of the mid's move over the step, as `Price.variance` says it at t + dt; price units squared
    square: float = math.nan  # of the whole position at t + dt, as `Hedges.square` says it: inventory^2 without hedges


class Reward(Watching):
    """wealth change less `penalty`: override that alone, and markets with it are solved exactly; or `reward`, for any other
    objective.
    """

    reads_variance: ClassVar[bool] = False  # its penalty is of the mid's variance, which the price must then give

    @rule
    def penalty(self, inventory: float, dt: float, final: float, now: Now, variance: float, square: float) -> float:
        """What holding `inventory` after a step costs, price units; `final` is 1.0 after the last, `now` the present then,
        `variance` that of the mid's move over the step, price units squared, and `square` what the whole position is as risky
        as, units squared: inventory^2, or with hedges what `Hedges.square` says."""
        return 0.0

    @rule
    def reward(self, outcome: Outcome) -> float:
        """What one step is worth."""
        return outcome.wealth_change - self.penalty_of(outcome)

    @rule
    def penalty_of(self, outcome: Outcome) -> float:
        """`penalty` of what a step brought."""
        return self.penalty(outcome.inventory, outcome.dt, outcome.final, outcome.now, outcome.variance, outcome.square)


class InventoryPenalty(Reward):
    """wealth change - phi q^2 dt, less alpha q_T^2 at the end (Cartea, Jaimungal & Penalva 2015, eq. 10.2).

    With hedges q^2 is the `square` of the whole position, Var[its move] / Var[dS].

    `noise` is the share of the martingale noise that is left in the reward: of q (dS - E[dS]), what the position gains by
    the mid's unforeseeable moves, and of (fill - P[fill]) (depth - fee), what the randomness of fills earns. Its mean is zero
    given all that is known when the quotes are set, so at any share every policy's expected objective is the same; 0 rids
    learners of most of the reward's variance, and is for training alone.
    """

    phi: NonNegative = 0.0  # price / (inventory^2 time)
    alpha: NonNegative = 0.0  # price / inventory^2
    noise: Probability = 1.0

    @rule
    def penalty(self, inventory: float, dt: float, final: float, now: Now, variance: float, square: float) -> float:
        return self.phi * square * dt + self.alpha * square * final

    @rule
    def reward(self, outcome: Outcome) -> float:
        return outcome.wealth_change - (1.0 - self.noise) * outcome.surprise - self.penalty_of(outcome)


class VariancePenalty(Reward):
    """wealth change - (gamma / 2) q^2 Var[S_{t+dt} - S_t], less alpha q_T^2 at the end: mean and variance.

    The variance is the price's, `Price.variance`, at its state after the step: of a volatility that moves, of a regime, of the
    gap that came. With a constant volatility it is `InventoryPenalty` with phi = gamma sigma^2 / 2. With hedges q^2 is the
    `square` of the whole position, so that gamma / 2 is charged on the variance of all that is held. `noise` is as
    in `InventoryPenalty`.
    """

    gamma: NonNegative  # 1 / price
    alpha: NonNegative = 0.0  # price / inventory^2
    noise: Probability = 1.0

    reads_variance: ClassVar[bool] = True

    @rule
    def penalty(self, inventory: float, dt: float, final: float, now: Now, variance: float, square: float) -> float:
        return 0.5 * self.gamma * square * variance + self.alpha * square * final

    reward = InventoryPenalty.reward  # the very same rule: of the same fields


class CARA(Reward):
    """(1 - exp(-gamma (W_T - W_0))) / gamma at the end of the episode and nothing before: utility of final wealth."""

    gamma: Positive  # 1 / price

    @rule
    def reward(self, outcome: Outcome) -> float:
        return outcome.final * (1.0 - exp(min(-self.gamma * outcome.profit, _WORST))) / self.gamma


class CVaR(Reward):
    """(1 - weight) X + weight (z - max(z - X, 0) / (1 - level)) at the end of the episode and nothing before, X the final
    profit less closing_cost |q_T|.

    Its mean, with the threshold z at which it is largest, is (1 - weight) E[X] + weight CVaR_level(X), the mean of the worst
    1 - level of the profits (Rockafellar & Uryasev 2000): `agents.exact.cvar.best_threshold` finds it. The best quotes depend
    on the running profit, which the agent then sees.

    `shaping` is the share of potential-based shaping (Ng, Harada & Russell 1999) by what the running profit would be worth at
    the end: each step then brings its change, and an episode the same less shaping times the worth of no profit. It leaves
    every policy where it was beside the others, tells learners at once what a step has done, and is for training alone.
    """

    level: Probability  # .95: of the worst 5 %
    threshold: Real = 0.0  # price units
    weight: Probability = 1.0  # of the CVaR; the rest is the mean's
    closing_cost: NonNegative = 0.0  # price, of each unit that is left at the end
    shaping: Probability = 0.0

    watches: ClassVar[tuple[str, ...]] = ("profit",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.any(np.asarray(self.level) == 1.0):
            raise ValueError(f"CVaR.level must be < 1, got {self.level}")

    @rule
    def worth(self, profit: float) -> float:
        """What an episode that ends with this profit is worth, price units."""
        tail = self.threshold - max(self.threshold - profit, 0.0) / (1.0 - self.level)
        return (1.0 - self.weight) * profit + self.weight * tail

    @rule
    def reward(self, outcome: Outcome) -> float:
        left = outcome.profit - self.closing_cost * abs(outcome.inventory)
        before, after = self.worth(outcome.profit - outcome.wealth_change), self.worth(outcome.profit)
        return outcome.final * self.worth(left) + self.shaping * ((1.0 - outcome.final) * after - before)


class AsymmetricDamping(Reward):
    """wealth change - max(0, damping q dS): what the position gains is damped, what it loses is not.

    Spooner, Fearnley, Savani & Koukorinis 2018, eq. 7: the maker is to live off the spread, not off speculation.
    """

    damping: Probability

    @rule
    def reward(self, outcome: Outcome) -> float:
        return outcome.wealth_change - max(0.0, self.damping * outcome.inventory * outcome.mid_change)
