"""Episodes of a policy as an offline learner wants them, each of a seed of its own, so that it can be made again to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.policy import RandomPolicy, as_policy, translated
from mm_env.clock import Ergodic
from mm_env.envs.inputs import Actions
from mm_env.rollout import steps_of
from mm_env.simulations import simulation_of

TOGETHER = 256  # episodes that are played, and held in memory, at once


class Recording(NamedTuple):
    """One episode of T steps: `reset(seed=seed)` of the single env, and its actions, give it again to the bit."""

    seed: int
    observations: NDArray[np.float32]  # (T + 1, k)
    actions: NDArray[Any]  # (T, width) in single precision, or (T,) whole numbers
    rewards: NDArray[np.float64]  # (T,), price units
    terminated: bool
    truncated: bool


def episodes(market: Any, policy: Any, number: int, seed: int, explore: float = 0.0) -> Iterator[Recording]:
    """Episodes of the seeds `seed`, `seed` + 1, ...; a share `explore` of the actions is drawn uniformly from all there are.

    Raises: ValueError for a policy that the market does not take.
    """
    acting = translated(policy, market)
    for first in range(0, number, TOGETHER):
        lanes = range(first, min(first + TOGETHER, number))
        yield from _together(market, acting, [seed + lane for lane in lanes], explore)


def _together(market: Any, policy: Any, seeds: list[int], explore: float) -> Iterator[Recording]:
    """The episodes of these seeds, one a lane."""
    simulation, usable = simulation_of(market, len(seeds)), Actions(market, len(seeds))
    explorer, taken = Explorer(market, as_policy(policy), explore, seeds[0]), list[NDArray[Any]]()

    def act(seen: NDArray[np.float32]) -> NDArray[np.float64]:
        taken.append(explorer.act(seen))
        return usable.usable(taken[-1], simulation)

    begun = simulation.start_each(list(seeds))
    shown = list(steps_of(simulation, act, begun))
    alive = np.stack([step.alive for step in shown])  # (T, n)
    seen = np.stack([begun, *(step.following for step in shown)])
    rewards, actions = np.stack([step.rewards for step in shown]), np.stack(taken)
    closed = simulation.closed if isinstance(market.clock, Ergodic) else np.ones(len(seeds), np.bool_)
    for lane, its in enumerate(seeds):
        lived = int(alive[:, lane].sum())
        made = bool(closed[lane])
        yield Recording(
            its,
            seen[: lived + 1, lane],
            actions[:lived, lane],
            rewards[:lived, lane].astype(np.float64),
            made,
            not made,
        )


class Explorer:
    """A policy, now and then acting at random; its actions are as the action space has them."""

    def __init__(self, market: Any, policy: Any, share: float, seed: int) -> None:
        self.policy, self.share, self.space = policy, share, market.action_space
        self.anything, self.random = RandomPolicy(market, seed), np.random.default_rng(seed)
        policy.forget()

    def act(self, seen: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width), or (n,), held to the action space."""
        actions = np.asarray(self.policy.act(seen))
        if self.share > 0.0:
            tried = self.random.random(len(seen)) < self.share
            actions = np.where(tried[:, None] if actions.ndim > 1 else tried, self.anything.act(seen), actions)
        space: Any = self.space
        if isinstance(space, gym.spaces.Discrete):
            return actions.reshape(len(seen)).astype(space.dtype)
        return np.clip(actions, space.low, space.high).astype(space.dtype)


def replayed(market: Any, recording: Recording) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Observations (T + 1, k) and rewards (T,) of the single env, reset to the recording's seed and given its actions."""
    from mm_env.envs.gym import MarketMakingEnv

    env = MarketMakingEnv(market)
    first, _ = env.reset(seed=recording.seed)
    steps = [env.step(action)[:2] for action in recording.actions]
    return np.stack([first, *(seen for seen, _ in steps)]), np.array([reward for _, reward in steps])
