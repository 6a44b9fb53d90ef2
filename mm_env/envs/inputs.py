"""What the faces are given: checked, and laid out for the kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from mm_env.core import engine, kernel
from mm_env.core.parameters import Interval, check
from mm_env.desk.desk import Desk
from mm_env.market import Market
from mm_env.simulation import Simulation, check_seed

METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}
METADATA_OF_ONE: dict[str, Any] = {**METADATA, "render_modes": ["rgb_array", "human"]}  # of one lane
_LARGEST = np.finfo(np.float64).max
_READ = {np.dtype(kind) for kind in (np.float32, np.float64, np.int64)}  # what the kernel reads as it is


class Actions:
    """Checks a batch of actions (one action if `num_envs` is None) and lays it out for the kernel."""

    def __init__(self, market: Market | Desk, num_envs: int | None) -> None:
        space: Any = market.action_space
        batch = () if num_envs is None else (num_envs,)
        self._discrete = isinstance(space, gym.spaces.Discrete)
        self._shape = batch if self._discrete else (*batch, market.width)
        self._flat = np.zeros(self._shape).reshape(-1)  # what the kernel reads, written anew at each step
        self._low, self._high = (0.0, float(space.n - 1)) if self._discrete else (-_LARGEST, _LARGEST)

    def usable(self, actions: Any, simulation: Simulation) -> NDArray[np.float64]:
        """The actions as a flat float64 array, good until the next call; a ValueError names what is wrong with them."""
        given = np.asarray(actions)
        if given.shape != self._shape or given.dtype.kind not in ("iu" if self._discrete else "iuf"):
            kind = "whole numbers" if self._discrete else "numbers"
            raise ValueError(f"actions must be {kind} of shape {self._shape}, got {given.dtype} of shape {given.shape}")
        flat = self._flat
        if given.dtype not in _READ or not given.flags.c_contiguous:
            given = given.astype(np.float64)
        if _taking(given.dtype)(given.reshape(-1), flat, self._low, self._high):
            first = int(np.flatnonzero(~((flat >= self._low) & (flat <= self._high)))[0])
            rule = f"lie in [0, {self._high:g}]" if self._discrete else "be finite"
            raise ValueError(
                f"actions must {rule}, got {flat[first]:g} in lane {first // (flat.size // simulation.num_lanes)}"
            )
        return flat


@cache
def _taking(kind: np.dtype) -> Callable[..., int]:
    """What writes and checks actions of this type."""
    return engine.compiled(kernel.take_actions, np.zeros(1, kind), np.zeros(1), 0.0, 0.0)


def render_mode(mode: str | None, market: Market | Desk, metadata: dict[str, Any] = METADATA) -> str | None:
    """The mode itself, if the `metadata` have it, and if there are pictures of such a market."""
    if mode is not None and isinstance(market, Desk):
        raise ValueError(f"render_mode must be None for a desk, of which there are no pictures, got {mode!r}")
    if mode is not None and mode not in metadata["render_modes"]:
        raise ValueError(
            f"render_mode must be None or {' or '.join(map(repr, metadata['render_modes']))}, got {mode!r}"
        )
    return mode


def renders(mode: str | None, begun: bool) -> bool:
    """Whether there is a picture to be had; says so if there is none."""
    if mode is None:
        gym.logger.warn("render() needs an env made with render_mode='rgb_array'")
    elif not begun:
        raise ResetNeeded("render() needs reset() first")
    return mode is not None


def shown_lanes(shown: int | None, num_envs: int) -> range:
    """The lanes whose pictures are drawn."""
    if shown is None:
        return range(num_envs)
    check("shown", shown, Interval(1, whole=True))
    return range(min(shown, num_envs))


def step_limit(steps: int | None, market: Market | Desk) -> int | None:
    """The steps after which episodes are cut; None if they are over by then anyway."""
    if steps is None:
        return None
    check("max_episode_steps", steps, Interval(1, whole=True))
    return int(steps) if steps < market.clock.steps else None


def with_steps(spec: EnvSpec | None, steps: int) -> EnvSpec | None:
    """The spec, which says how long an episode is.

    The registered ones do not: gymnasium would put its TimeLimit around, which calls every end a truncation too, and would
    cut another market at the length of the one it takes the place of.
    """
    if spec is not None and spec.max_episode_steps is None:
        spec.max_episode_steps = steps
    return spec


def any_seed() -> int:
    """A seed that differs from run to run."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def lane_seeds(seeds: Any, num_envs: int) -> list[int | None]:
    """The seed of each lane, or None; a ValueError names what is wrong with them."""
    if len(seeds) != num_envs:
        raise ValueError(f"seed must be one number, or one for each of {num_envs} lanes, got {len(seeds)}")
    return [None if seed is None else check_seed(seed, f"seed[{lane}]") for lane, seed in enumerate(seeds)]


def reset_mask(options: dict[str, Any] | None, num_envs: int) -> NDArray[np.bool_] | None:
    """The lanes that a reset is for; None if it is for all."""
    if not options or "reset_mask" not in options:
        return None
    mask = options["reset_mask"]
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (num_envs,) or not mask.any():
        raise ValueError(f"reset_mask must be a bool array of shape ({num_envs},) with a True in it, got {mask!r}")
    return mask
