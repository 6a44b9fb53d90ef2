"""The market's adversary: a player that sets the market's parameters at each step, to the market maker's loss.

Spooner & Savani 2020 ("Robust Market Making via Adversarial Reinforcement Learning", IJCAI 2020): a zero-sum game in which
the adversary chooses the drift, the rate A and the decay k within ranges, at each step, seeing the maker's inventory and the
time. Theirs are the ranges of `SPOONER_SAVANI` and the three kinds of adversary: fixed, random (drawn once an episode:
`mm_env.randomised`) and strategic (a learner). Ours is that an adversary may be any Policy with actions in [-1, 1]^n, that
the strategic one's exact best response is known (`best_response`), and that mids move after the fills, as in all of `mm_env`
(in their code they move before).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.base import Policy
from agents.policy import as_policy, in_space
from mm_env.controls import Controls, Range, check_ranges, randomised
from mm_env.market import Market
from mm_env.rollout import Episodes, run_simulation
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
SPOONER_SAVANI = {"price.drift": (-5.0, 5.0), "venue.flow.rate": (105.0, 175.0), "venue.fill.k": (1.125, 1.875)}


@dataclass(frozen=True)
class Powers:
    """What an adversary may set: path of a parameter -> (low, high), natural units. An action is in [-1, 1]^n, in that order.

    Raises: ValueError or TypeError that names the parameter, its rule and the value; `check` does for a given market.
    """

    ranges: Mapping[str, Range] = field(default_factory=lambda: dict(SPOONER_SAVANI))

    def check(self, market: Market) -> None:
        """Refuse a market that has no such parameters, or not in these ranges."""
        check_ranges(market, self.ranges)

    @property
    def low(self) -> Floats:
        return np.array([ends[0] for ends in self.ranges.values()], np.float64)

    @property
    def high(self) -> Floats:
        return np.array([ends[1] for ends in self.ranges.values()], np.float64)

    @property
    def space(self) -> gym.spaces.Box:
        """One lane's action."""
        return gym.spaces.Box(-1.0, 1.0, (len(self.ranges),), np.float32)

    def parameters(self, actions: NDArray[Any]) -> Floats:
        """Parameters (..., n) in natural units; an action outside [-1, 1] counts as the nearest end."""
        share = 0.5 * (np.clip(np.asarray(actions, np.float64), -1.0, 1.0) + 1.0)
        return np.clip((1.0 - share) * self.low + share * self.high, self.low, self.high)

    def actions(self, parameters: Floats) -> Floats:
        """The actions (..., n) that set these parameters; 0 where the range is one point."""
        width = self.high - self.low
        return (2.0 * parameters - self.low - self.high) / np.where(width > 0.0, width, 1.0)

    def grid(self, points: int) -> Floats:
        """All parameters on an even grid with `points` along each range, ends included; (points^n, n)."""
        lines = [np.linspace(low, high, points) for low, high in zip(self.low, self.high, strict=True)]
        return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, len(lines))

    def randomised(self, market: Market) -> Market:
        """The market whose parameters are drawn uniformly from the ranges, once an episode: their random adversary."""
        return randomised(market, self.ranges)


@dataclass(frozen=True)
class FixedAdversary(Policy):
    """Always the same action (n,) in [-1, 1]^n, whatever happens."""

    action: NDArray[Any]

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        return np.tile(self.action, (len(observations), 1))


@dataclass(frozen=True)
class RandomAdversary(Policy):
    """Draws uniformly from [-1, 1]^n, anew at each step; the same for the same seed and the same calls."""

    powers: Powers
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_random", np.random.default_rng(self.seed))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        random: np.random.Generator = self.__dict__["_random"]
        return random.uniform(-1.0, 1.0, (len(observations), len(self.powers.ranges)))


def play_against(
    market: Market, maker: Policy, powers: Powers, adversary: Policy, num_episodes: int, seed: int
) -> Episodes:
    """Episode 0 of `seed` in `num_episodes` lanes, the adversary setting the market before each step of the maker."""
    quoting, setting = as_policy(maker), as_policy(adversary)
    for player in (quoting, setting):
        player.forget()
    quoting = quoting.tabulated(market) or quoting
    played = quoting.acts_in(market)
    simulation = Simulation(played, num_episodes)
    controls = Controls(simulation, powers.ranges)

    def act(observations: NDArray[np.float32]) -> NDArray[Any]:
        controls.set(powers.parameters(setting.act(observations)))
        return in_space(played, quoting.act(observations))

    return run_simulation(simulation, act, seed)
