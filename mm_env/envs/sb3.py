"""The face of stable-baselines3: a market's lanes as its VecEnv. Importing this imports torch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("VecAdapter", "training", "torch", "stable_baselines3")
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from mm_env.core.parameters import Interval, check
from mm_env.desk.desk import Desk
from mm_env.envs.gym import MarketMakingVectorEnv
from mm_env.market import Market
from mm_env.resampled import Branches


class Infos(Sequence[dict[str, Any]]):
    """One dict a lane, made when first looked at: what `endings` holds for the lanes whose episode ended, else an empty one."""

    def __init__(self, num_envs: int, endings: dict[int, dict[str, Any]]) -> None:
        self._num_envs, self._endings = num_envs, endings

    @property
    def endings(self) -> dict[int, dict[str, Any]]:
        """What the lanes are told whose episode ended, by lane."""
        return self._endings

    @cached_property
    def _lanes(self) -> list[dict[str, Any]]:
        lanes: list[dict[str, Any]] = [{} for _ in range(self._num_envs)]
        for lane, info in self._endings.items():
            lanes[lane] = info
        return lanes

    def __len__(self) -> int:
        return self._num_envs

    def __getitem__(self, lane: Any) -> Any:
        return self._lanes[lane]

    def __setitem__(self, lane: int, info: dict[str, Any]) -> None:
        self._lanes[lane] = info

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._lanes)

    def __eq__(self, other: object) -> bool:
        return self._lanes == (other._lanes if isinstance(other, Infos) else other)

    def __repr__(self) -> str:
        return repr(self._lanes)


class VecAdapter(VecEnv):
    """A market's lanes as stable-baselines3's VecEnv: `PPO("MlpPolicy", VecAdapter("amzn", num_envs=256))`.

    At the end of an episode `infos[lane]` holds `terminal_observation`, `TimeLimit.truncated` and, as Monitor has it, `episode`
    (return `r`, length `l`, seconds `t`); on all other steps the lanes' infos are empty.

    Learners see (reward - `reward_shift`) * `reward_scale`; `episode` is in the market's own units, and `evaluate_policy` goes
    by it. With `stagger` the lanes' first episodes start at steps spread over the horizon, so that a rollout shows all times
    of an episode alike; an episode that was not played from its start has no `episode`.
    `branches` try each step that many times more (`mm_env.resampled`); `outcomes` are those of the last one.
    With `render_mode="rgb_array"`, pictures of the first `shown` lanes are drawn, as VecVideoRecorder wants them.
    """

    def __init__(
        self,
        market: Market | Desk | str,
        num_envs: int = 1,
        threads: int | None = None,
        reward_scale: float = 1.0,
        reward_shift: float = 0.0,
        stagger: bool = False,
        branches: int = 0,
        render_mode: str | None = None,
        shown: int = 1,
    ) -> None:
        check("reward_shift", reward_shift, Interval())
        self.reward_shift, self.stagger = reward_shift, stagger
        check("reward_scale", reward_scale, Interval(0.0, low_open=True))
        self.reward_scale = reward_scale
        same_step = AutoresetMode.SAME_STEP
        self.env = MarketMakingVectorEnv(market, num_envs, same_step, threads, render_mode, shown=shown)
        self.branches = Branches(self.env.simulation, branches) if branches else None
        self._started, self._actions = time.time(), np.zeros(0)
        super().__init__(num_envs, self.env.single_observation_space, self.env.single_action_space)
        self.metadata = {**self.metadata, "render_fps": self.env.metadata["render_fps"]}

    @property
    def market(self) -> Any:
        """The market, or desk, that the lanes are copies of."""
        return self.env.market

    @property
    def observations(self) -> NDArray[np.float32]:
        """What each lane shows now, (num_envs, k): a fresh array."""
        return self.env.simulation.observations

    def reset(self) -> NDArray[np.float32]:
        if any(self._options):
            raise ValueError(f"the lanes' resets take no options, got {self._options[0]}")
        observations, _ = self.env.reset(seed=self._seeds[0])
        if self.stagger:
            observations = self.env.simulation.stagger()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], Any]:
        if self.branches is not None:
            tried = self.branches.step(np.asarray(self._actions, np.float64).reshape(-1))
            self.outcomes = tried._replace(rewards=self._scaled(tried.rewards), gains=self._scaled(tried.gains))
        whole = self.env.simulation.whole
        observations, rewards, terminated, truncated, infos = self.env.step(self._actions)
        endings = self._endings(infos, truncated, whole) if infos else {}
        return observations, self._scaled(rewards), terminated | truncated, Infos(self.num_envs, endings)

    def _scaled(self, rewards: NDArray[np.float64]) -> NDArray[np.float32]:
        return (self.reward_scale * (rewards - self.reward_shift)).astype(np.float32)

    def _endings(
        self, infos: dict[str, Any], truncated: NDArray[np.bool_], whole: NDArray[np.bool_]
    ) -> dict[int, dict[str, Any]]:
        """What the lanes whose episode ended are told."""
        endings: dict[int, dict[str, Any]] = {}
        seconds = round(time.time() - self._started, 6)
        for lane in np.flatnonzero(infos["_figures"]).tolist():
            cut = bool(truncated[lane])
            endings[lane] = {"terminal_observation": infos["final_obs"][lane], "TimeLimit.truncated": cut}
            if whole[lane]:
                r, length = infos["figures"]["r"][lane], infos["figures"]["l"][lane]
                endings[lane]["episode"] = {"r": float(r), "l": int(length), "t": seconds}
        return endings

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        return self.env.render() or []

    def close(self) -> None:
        self.env.close()

    def get_attr(self, attr_name: str, indices: int | Sequence[int] | None = None) -> list[Any]:
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: int | Sequence[int] | None = None) -> None:
        if len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError(f"{attr_name} is the same in all lanes: it cannot be set in some of them only")
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Sequence[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type, indices: int | Sequence[int] | None = None) -> list[bool]:
        """Whether it does what that wrapper does: `episode` in the infos is Monitor's."""
        return [wrapper_class is Monitor] * len(list(self._get_indices(indices)))
