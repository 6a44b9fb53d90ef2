"""Episodes that one lane plays one after the other, through the public Env: a person's, and others' on the same noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy
from experiments.studies.risk import terms
from mm_env.envs.gym import MarketMakingEnv
from mm_env.envs.recorder import Moment, Recorder
from mm_env.market import Market
from mm_env.rollout import Episodes, episodes_of


class Lane:
    """A market's Env, what it shows, and what went on in it."""

    def __init__(self, market: Market) -> None:
        self.env = MarketMakingEnv(market)
        self.recorder = Recorder(self.env.simulation)
        self.observation, self.over = np.zeros(0, np.float32), True

    def begin(self, seed: int | None) -> None:
        """Begin the first episode of a seed, or the next one."""
        self.observation, _ = self.env.reset(seed=seed)
        self.recorder.start()
        self.over = False

    def step(self, action: Any) -> None:
        """Step by an action of the market's action space. Raises: ValueError if it is none."""
        self.observation, _, terminated, truncated, _ = self.env.step(action)
        self.recorder.add(np.asarray(action, np.float64).reshape(-1))
        self.over = terminated or truncated

    @property
    def moments(self) -> list[Moment]:
        """What went on in the episode so far."""
        return self.recorder.moments

    @property
    def state(self) -> Any:
        """The State of the lane."""
        return self.env.simulation.state_of(0)

    @property
    def brought(self) -> Episodes:
        """What the episode brought, as one of one."""
        return episodes_of(self.env.simulation)


class Played(NamedTuple):
    """An episode that has ended."""

    episodes: Episodes  # one
    moments: list[Moment]

    @property
    def objective(self) -> float:
        return float(self.episodes.objective[0])

    @property
    def parts(self) -> dict[str, float]:
        """The terms of the profit, which sum to it."""
        return {name: float(value[0]) for name, value in terms(self.episodes).items()}


def replayed(policy: Policy, market: Market, seed: int, number: int) -> Played:
    """Episode `number` (0, 1, ...) of a seed, played by a policy: the noise that a person meets in it."""
    lane = Lane(policy.acts_in(market))
    lane.begin(seed)
    for _ in range(number):
        lane.begin(None)
    policy.forget()
    while not lane.over:
        lane.step(acted(policy, lane.observation, lane.env.market))
    return Played(lane.brought, lane.moments)


def acted(policy: Policy, observation: NDArray[np.float32], market: Market) -> Any:
    """The action of `market` that a policy takes on one observation (k,)."""
    space: Any = market.action_space
    action = np.asarray(policy.act(observation[None]))
    return action.reshape(space.shape) if space.shape else np.int64(action.reshape(-1)[0])


def together(played: Sequence[Episodes]) -> Episodes:
    """Episodes of one each as one set."""
    first = played[0]
    own: dict[str, Any] = {f.name: _joined([getattr(each, f.name) for each in played]) for f in fields(first)}
    return type(first)(**own)


def _joined(given: Sequence[Any]) -> Any:
    first = given[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(given)
    if isinstance(first, dict):
        return {name: _joined([each[name] for each in given]) for name in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(_joined(each) for each in zip(*given, strict=True)))
    return first
