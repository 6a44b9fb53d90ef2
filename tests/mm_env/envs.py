"""Short vector envs, and how tests step them."""

import numpy as np
from gymnasium.vector import AutoresetMode

from mm_env import Ergodic, FiniteHorizon, Integers, MarketMakingVectorEnv
from tests.worlds import COVERING, numbers, same_bits, world

MODES = list(AutoresetMode)
SHORT = world(clock=FiniteHorizon(0.3, 3), initial_inventory=Integers(-3, 3))  # so that first observations differ
ENDLESS = world(clock=Ergodic(0.3, 3))
DISCRETE = COVERING["mean_reverting"]
ACTION = np.array([0.1, -0.3])


def made(market=SHORT, lanes=2, mode=AutoresetMode.SAME_STEP, seed=4) -> MarketMakingVectorEnv:
    env = MarketMakingVectorEnv(market, lanes, mode)
    env.reset(seed=seed)
    return env


def acting(env, action=ACTION):
    return env.step(np.tile(action, (env.num_envs, 1)))


def first_observations(episode, lanes=2, seed=4) -> np.ndarray:
    """What `reset` gives for episode 0, 1, ... of a seed."""
    env = MarketMakingVectorEnv(SHORT, lanes)
    observations = env.reset(seed=seed)[0]
    for _ in range(episode):
        observations = env.reset()[0]
    return observations


def snapshot(env):
    """All that decides how an env goes on."""
    return numbers(env.simulation), env.simulation.episodes.copy()


def unchanged(env, before) -> bool:
    return all(same_bits(one, other) for one, other in zip(before, snapshot(env), strict=True))
