"""Algorithms of stable-baselines3 and sb3-contrib by name, and what they learnt as a Policy like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("a learner", "training", "torch", "stable_baselines3")
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env.vec_normalize import VecNormalize

from agents.base import Policy
from mm_env.envs.sb3 import Infos, VecAdapter
from mm_env.market import Market

__all__ = ["ALGORITHMS", "Infos", "TrainedPolicy", "VecAdapter", "algorithm", "load", "saw_normalised"]
ALGORITHMS = {
    **dict.fromkeys(("PPO", "A2C", "SAC", "TD3", "DQN"), "stable_baselines3"),
    **dict.fromkeys(("TQC", "RecurrentPPO"), "sb3_contrib"),
    "CompiledPPO": "agents.learning.compiled.ppo",  # PPO by loops of our own
    "QRDQN": "agents.learning.qrdqn",  # sb3-contrib's, which may act on a CVaR
}


class TrainedPolicy(Policy):
    """What a model learnt, acting by its most likely action; a recurrent one keeps its memory from call to call.

    One that acts by a `quoting`, as `agents.learning.reservation.ReservationQuotes`, gives the market's actions by it.

    A model that learnt under VecNormalize sees observations by its statistics: those of the VecNormalize it acts on now, or
    of the one that is given (`VecNormalize.load(path, lanes)`), as they are when it acts.

    Raises: ValueError for a model that learnt under VecNormalize where there are none.
    """

    learnt = True

    def __init__(self, model: BaseAlgorithm, normalize: VecNormalize | None = None, quoting: Any = None) -> None:
        self.model, self.quoting = model, quoting or getattr(model.get_env(), "quoting", None)
        self.normalize = normalize or model.get_vec_normalize_env()
        if self.normalize is None and saw_normalised(model):
            raise ValueError(
                "the model learnt under VecNormalize, whose statistics are not saved with it: "
                "give TrainedPolicy the VecNormalize too (VecNormalize.load(path, lanes))"
            )
        self.recurrent = hasattr(model.policy, "lstm_actor")  # sb3-contrib's recurrent policies, and none else
        self.tabulable = not self.recurrent
        self._memory: Any = None

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        seen: Any = observations if self.normalize is None else self.normalize.normalize_obs(observations)
        actions, memory = self.model.predict(seen, self._memory, deterministic=True)  # pyright: ignore
        self._memory = memory
        return actions if self.quoting is None else self.quoting.actions(observations, actions)

    def forget(self) -> None:
        """Start new episodes."""
        self._memory = None

    def check(self, market: Market) -> None:
        """Refuse a market whose actions are none that the model has learnt to give. Raises: ValueError."""
        learnt = self.model.action_space if self.quoting is None else self.quoting.desk.action_space
        wanted = market.action_space
        if learnt != wanted:
            raise ValueError(f"a teacher must have learnt to act in {wanted}, got one of {learnt}")


def saw_normalised(model: BaseAlgorithm) -> bool:
    """Whether a model learnt under VecNormalize, as far as what is saved with it tells.

    On-policy algorithms note the original observations only then. The others always do, but what they saw last lies
    outside of the market's observations.
    """
    if isinstance(model, OnPolicyAlgorithm):
        return model._last_original_obs is not None
    return model._last_obs is not None and not all(seen in model.observation_space for seen in model._last_obs)


def algorithm(name: str) -> type[BaseAlgorithm]:
    """The algorithm class of that name, imported only now."""
    from importlib import import_module

    if name not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, got {name!r}")
    return getattr(import_module(ALGORITHMS[name]), name)


def load(name: str, path: Path) -> TrainedPolicy:
    """The policy of a model of algorithm `name` that you saved: stable-baselines3 runs what else the file carries.

    `agents.learning.learner.Learner.load` reads its weights alone.
    """
    return TrainedPolicy(algorithm(name).load(path, device="cpu"))
