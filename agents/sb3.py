"""stable-baselines3: any of its algorithms trains on a market, and what it learnt is a Policy like any other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from mm_env.branches import Branches
from mm_env.env import MarketMakingVectorEnv
from mm_env.market import Market
from mm_env.parameters import Interval, check

ALGORITHMS = {
    **dict.fromkeys(("PPO", "A2C", "SAC", "TD3", "DQN"), "stable_baselines3"),
    **dict.fromkeys(("TQC", "RecurrentPPO"), "sb3_contrib"),
}


class VecAdapter(VecEnv):
    """A market's lanes as stable-baselines3's VecEnv: `PPO("MlpPolicy", VecAdapter("amzn", num_envs=256))`.

    At the end of an episode `infos[lane]` holds `terminal_observation`, `TimeLimit.truncated` and `episode` (return `r`,
    length `l`, seconds `t`); on all other steps the lanes' infos are empty, and the same objects each time.

    Learners see (reward - `reward_shift`) * `reward_scale`; `episode` is in the market's own units. With `stagger` the
    lanes' first episodes start at steps spread over the horizon, so that a rollout shows all times of an episode alike.
    `branches` try each step that many times more (`mm_env.branches`); `outcomes` are those of the last one.
    """

    def __init__(
        self,
        market: Market | str,
        num_envs: int = 1,
        threads: int | None = None,
        reward_scale: float = 1.0,
        reward_shift: float = 0.0,
        stagger: bool = False,
        branches: int = 0,
    ) -> None:
        check("reward_shift", reward_shift, Interval())
        self.reward_shift, self.stagger = reward_shift, stagger
        check("reward_scale", reward_scale, Interval(0.0, low_open=True))
        self.reward_scale = reward_scale
        self.env = MarketMakingVectorEnv(market, num_envs, AutoresetMode.SAME_STEP, threads)
        self.branches = Branches(self.env.simulation, branches) if branches else None
        self._started, self._actions = time.monotonic(), np.zeros(0)
        self._empty: list[dict[str, Any]] = [{} for _ in range(num_envs)]
        super().__init__(num_envs, self.env.single_observation_space, self.env.single_action_space)

    @property
    def market(self) -> Market:
        """The market that the lanes are copies of."""
        return self.env.market

    @property
    def observations(self) -> NDArray[np.float32]:
        """What each lane shows now, (num_envs, k): a fresh array."""
        return self.env.simulation.observations

    def reset(self) -> NDArray[np.float32]:
        observations, _ = self.env.reset(seed=self._seeds[0])
        if self.stagger:
            observations = self.env.simulation.stagger()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        if self.branches is not None:
            tried = self.branches.step(np.asarray(self._actions, np.float64).reshape(-1))
            self.outcomes = tried._replace(rewards=self._scaled(tried.rewards))
        observations, rewards, terminated, truncated, infos = self.env.step(self._actions)
        endings = self._endings(infos, truncated) if infos else self._empty
        return observations, self._scaled(rewards), terminated | truncated, endings

    def _scaled(self, rewards: NDArray[np.float64]) -> NDArray[np.float32]:
        return (self.reward_scale * (rewards - self.reward_shift)).astype(np.float32)

    def _endings(self, infos: dict[str, Any], truncated: NDArray[np.bool_]) -> list[dict[str, Any]]:
        lanes: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        seconds = round(time.monotonic() - self._started, 6)
        for lane in np.flatnonzero(infos["_episode"]):
            figures = {"r": float(infos["episode"]["r"][lane]), "l": int(infos["episode"]["l"][lane]), "t": seconds}
            lanes[lane] = {
                "episode": figures,
                "terminal_observation": infos["final_obs"][lane],
                "TimeLimit.truncated": bool(truncated[lane]),
            }
        return lanes

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
        return [False] * len(list(self._get_indices(indices)))


class TrainedPolicy:
    """What a model learnt, acting by its most likely action; a recurrent one keeps its memory from call to call."""

    def __init__(self, model: BaseAlgorithm) -> None:
        self.model = model
        self.tabulable = not hasattr(model.policy, "lstm_actor")
        self._memory: Any = None

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        actions, memory = self.model.predict(observations, self._memory, deterministic=True)  # pyright: ignore
        self._memory = memory
        return actions

    def forget(self) -> None:
        """Start new episodes."""
        self._memory = None


def algorithm(name: str) -> type[BaseAlgorithm]:
    """The algorithm class of that name, imported only now."""
    from importlib import import_module

    if name not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, got {name!r}")
    return getattr(import_module(ALGORITHMS[name]), name)


def load(name: str, path: Path) -> TrainedPolicy:
    """The policy of a model of algorithm `name` that you saved: stable-baselines3 runs what else the file carries.

    `agents.learner.Learner.load` reads its weights alone.
    """
    return TrainedPolicy(algorithm(name).load(path, device="cpu"))
