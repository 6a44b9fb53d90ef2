"""Lanes of several markets side by side: one policy learns on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("MixedLanes", "training", "torch", "stable_baselines3")
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from mm_env.envs.sb3 import Infos, VecAdapter


class MixedLanes(VecEnv):
    """The lanes of each part one after the other, as one VecEnv; its `market` is the first part's.

    Raises: ValueError for markets that show or are told different things.
    """

    def __init__(self, parts: Sequence[VecAdapter]) -> None:
        first = parts[0]
        for part in parts[1:]:
            _check_alike(first.market, part.market)
        self.parts, self.market = list(parts), first.market
        self._ends = np.cumsum([part.num_envs for part in parts])
        super().__init__(int(self._ends[-1]), first.observation_space, first.action_space)

    @property
    def env(self) -> MixedLanes:
        """What is saved and restored with a checkpoint."""
        return self

    def save(self) -> list[Any]:
        """The state of all lanes, for `restore`."""
        return [part.env.save() for part in self.parts]

    def restore(self, saved: list[Any]) -> None:
        """Go on from a saved state."""
        for part, state in zip(self.parts, saved, strict=True):
            part.env.restore(state)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the parts, each with noise of its own."""
        seeds = [None if seed is None else seed + 1_000_003 * i for i in range(len(self.parts))]
        return [one for part, given in zip(self.parts, seeds) for one in part.seed(given)]

    def reset(self) -> NDArray[np.float32]:
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return np.concatenate([part.reset() for part in self.parts])

    def step_async(self, actions: NDArray[Any]) -> None:
        for part, own in zip(self.parts, np.split(actions, self._ends[:-1])):
            part.step_async(own)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], Any]:
        observations, rewards, dones, infos = zip(*(part.step_wait() for part in self.parts), strict=True)
        starts = [0, *self._ends[:-1].tolist()]
        endings = {start + lane: info for start, told in zip(starts, infos) for lane, info in told.endings.items()}
        return (
            np.concatenate(observations),
            np.concatenate(rewards),
            np.concatenate(dones),
            Infos(self.num_envs, endings),
        )

    def close(self) -> None:
        for part in self.parts:
            part.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        of_lanes = [value for part in self.parts for value in part.get_attr(attr_name)]
        return [of_lanes[lane] for lane in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        for part in self.parts:
            part.set_attr(attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        results = [one for part in self.parts for one in part.env_method(method_name, *method_args, **method_kwargs)]
        return [results[lane] for lane in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [self.parts[0].env_is_wrapped(wrapper_class)[0]] * len(list(self._get_indices(indices)))


def _check_alike(one: Any, other: Any) -> None:
    for name in ("observation_names", "action_space"):
        here, there = getattr(one, name), getattr(other, name)
        if here != there:
            raise ValueError(f"markets of a mixture must have the same {name}, got {here} and {there}")
