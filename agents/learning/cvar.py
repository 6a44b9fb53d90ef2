"""A learner of a static CVaR: the threshold of its reward is learnt along with the quotes.

CVaR_level(X) is the largest z - E[max(z - X, 0)] / (1 - level) over the threshold z (Rockafellar & Uryasev 2000), whose
derivative 1 - P[X < z] / (1 - level) is 0 where z is the (1 - level) quantile of X. Between two rollouts z goes along that
slope, as the final profits of the rollout's episodes estimate it and held to [-1, 1], by

    step * profit_scale * min(1, 4 * the share of the training that is left) * (1 - share of X below z / (1 - level)),

while the policy climbs the same objective at the z it is given. z comes from above, the median: from below, where nothing is
worth its risk to a policy that still tries everything, the two settle for not quoting at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from agents.learning.learner import Learner, middling
from mm_env.controls import parameter_rows
from mm_env.core.parameters import NonNegative
from mm_env.market import Market
from mm_env.reward import CVaR
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
THRESHOLD = "reward.threshold"


@dataclass(frozen=True)
class CVaRLearner(Learner):
    """A `Learner` by PPO or A2C of a market whose reward is a `CVaR`, on rewards with its potential-based shaping.

    Whatever threshold the market has, training starts at the median of the profits that the middle action brings, and goes on
    as this module says: a rollout should hold many times 1 / (1 - level) ends of episodes. A `threshold_step` of 0 keeps to
    the market's own.

    Raises: ValueError for another algorithm; TypeError, when it is to learn, for a market with another reward.
    """

    threshold_step: NonNegative = 0.02  # of Market.profit_scale: the most that a rollout moves the threshold by

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.algorithm not in ("PPO", "A2C"):
            raise ValueError(f"CVaRLearner.algorithm must be one of PPO, A2C, got {self.algorithm!r}")

    def training_market(self, market: Market) -> Market:
        """The market to learn on: its reward shaped, the threshold that of the middle action."""
        reward = cvar_of(market)
        if self.threshold_step:
            reward = replace(reward, threshold=float(np.median(final_profits(market))))
        return replace(market, reward=replace(reward, shaping=1.0))

    def callbacks(self) -> list[Any]:
        return [Threshold(self.threshold_step)]


class Threshold(BaseCallback):
    """Moves the lanes' threshold between two rollouts along the slope of the objective; logs it as `rollout/threshold`."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step, self.ends = step, []

    def _on_training_start(self) -> None:
        self.market, self.simulation, self.row = _lanes_of(self.model)
        self.simulation.part_parameters()

    def _on_rollout_start(self) -> None:
        self.ends = []

    def _on_step(self) -> bool:
        for lane in np.flatnonzero(self.locals["dones"]).tolist():
            told = self.locals["infos"][lane]
            if "episode" in told:  # an episode that was played from its start
                self.ends.append(told["terminal_observation"])
        return True

    def _on_rollout_end(self) -> None:
        threshold = learnt_threshold(self.model)
        if self.ends:
            threshold += self.climb(threshold, final_profits_seen(self.market, np.array(self.ends)))
            self.simulation.set_parameter(self.row, np.full(self.simulation.num_lanes, threshold))
        self.logger.record("rollout/threshold", threshold)

    def climb(self, threshold: float, profits: Floats) -> float:
        """What the threshold moves by after episodes with these final profits, price units."""
        below = float(np.mean(profits < threshold)) / (1.0 - cvar_of(self.market).level)
        shrunk = min(1.0, 4.0 * self.model._current_progress_remaining)
        return self.step * self.market.profit_scale * shrunk * max(1.0 - below, -1.0)


def learnt_threshold(model: Any) -> float:
    """The threshold that a model's lanes are rewarded by now, price units."""
    _, simulation, row = _lanes_of(model)
    return float(simulation.parameters_of(row)[0])


def _lanes_of(model: Any) -> tuple[Market, Simulation, int]:
    """The market of a model's lanes, their simulation, and which number of the market's record the threshold is."""
    lanes = model.get_env()
    (row,) = parameter_rows(lanes.market, THRESHOLD)
    return lanes.market, lanes.env.simulation, row


def cvar_of(market: Market) -> CVaR:
    """The market's reward. Raises: TypeError if it is no CVaR; ValueError if its threshold or level differs by lane."""
    reward: Any = market.reward
    if not isinstance(reward, CVaR):
        raise TypeError(
            f"a CVaRLearner needs a market whose reward is a CVaR (reward@market.reward=cvar), got {reward}"
        )
    for name in ("level", "threshold"):
        if not isinstance(getattr(reward, name), int | float):
            raise ValueError(f"CVaR.{name} must be one number for a CVaRLearner, got {getattr(reward, name)!r}")
    return reward


def final_profits(market: Market) -> Floats:
    """The profits, closing cost taken off, of 1,024 episodes of acting by the middle action."""
    played: Any = middling(market)
    return played.profit - cvar_of(market).closing_cost * np.abs(played.terminal_inventory)


def final_profits_seen(market: Market, observations: Floats) -> Floats:
    """The same of episodes that ended with these observations (n, k)."""
    profit, inventory = (observations[:, market.observation_names.index(name)] for name in ("profit", "inventory"))
    held = np.abs(inventory) * market.inventory_scale
    return np.asarray(profit * market.profit_scale - cvar_of(market).closing_cost * held, np.float64)
