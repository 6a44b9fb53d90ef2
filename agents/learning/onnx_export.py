"""A trained policy as an ONNX file: raw observations in, the market's actions out, with nothing of ours needed to run it.

What the file computes is the whole of `TrainedPolicy.act` with the most likely action: the statistics of a VecNormalize, the
features (log time-to-go), the nets, and what makes actions of what they give (squashing, clipping, the best of a grid). A
recurrent policy takes and returns its memory too.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("an export to ONNX", "training", "torch", "stable_baselines3")
require("an export to ONNX", "onnx", "onnx", "onnxruntime")
import torch
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    DiagGaussianDistribution,
    SquashedDiagGaussianDistribution,
    StateDependentNoiseDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from agents.base import Policy
from agents.learning.durable import put
from agents.learning.sb3 import TrainedPolicy
from mm_env.market import Market

OPSET = 18
OBSERVATIONS, ACTIONS, MEMORY = "observations", "actions", ("hidden", "cell")
NOTE = "mm_env"  # the key of what the file says of itself
_KNOWN = (
    CategoricalDistribution,
    DiagGaussianDistribution,
    SquashedDiagGaussianDistribution,
    StateDependentNoiseDistribution,
)


class NoNet(ValueError):
    """A policy that is no net alone, and so no ONNX file; says why."""


class Normalised(nn.Module):
    """Observations as VecNormalize shows them to a policy: (x - mean) / std in double precision, clipped."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: Any) -> None:
        super().__init__()
        mean, var = statistics.obs_rms.mean, statistics.obs_rms.var
        self.register_buffer("mean", torch.as_tensor(mean))
        self.register_buffer("std", torch.as_tensor(np.sqrt(var + statistics.epsilon)))
        self.most = float(statistics.clip_obs)

    def forward(self, observations: Tensor) -> Tensor:
        shown = (observations.double() - self.mean) / self.std
        return shown.clamp(-self.most, self.most).float()


class Acting(nn.Module):
    """The most likely action of a policy without memory, (n, width) or (n,) if discrete, on raw observations (n, k)."""

    def __init__(self, policy: TrainedPolicy) -> None:
        super().__init__()
        self.seen = nn.Identity() if policy.normalize is None else Normalised(policy.normalize)
        self.policy: Any = policy.model.policy
        self.space: Any = policy.model.action_space

    def forward(self, observations: Tensor) -> Tensor:
        seen, policy = self.seen(observations), self.policy
        if isinstance(policy, ActorCriticPolicy):
            return self.usable(policy.action_net(policy.mlp_extractor.forward_actor(_features(policy, seen))))
        if isinstance(self.space, gym.spaces.Discrete):
            return policy._predict(seen, deterministic=True).long()
        return self.unscaled(_squashed_mean(policy.actor, seen))

    def usable(self, given: Tensor) -> Tensor:
        """What an actor's last layer gives as an action: the likeliest choice, or numbers held to the space."""
        if isinstance(self.space, gym.spaces.Discrete):
            return given.argmax(dim=1)
        return self.unscaled(torch.tanh(given)) if self.policy.squash_output else self.clipped(given)

    def clipped(self, actions: Tensor) -> Tensor:
        """Actions held to the space."""
        low, high = (torch.as_tensor(bound) for bound in (self.space.low, self.space.high))
        return torch.maximum(torch.minimum(actions, high), low)

    def unscaled(self, actions: Tensor) -> Tensor:
        """Actions in [-1, 1] as those of the space."""
        low, high = (torch.as_tensor(bound) for bound in (self.space.low, self.space.high))
        return low + 0.5 * (actions + 1.0) * (high - low)


class Remembering(Acting):
    """The same of a recurrent policy: (actions, hidden, cell) from observations (n, k) and memory (layers, n, units)."""

    def forward(self, observations: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        policy = self.policy
        features = _features(policy, self.seen(observations))
        latent, (hidden, cell) = policy.lstm_actor(features[None], (hidden, cell))
        given = policy.action_net(policy.mlp_extractor.forward_actor(latent[0]))
        return self.usable(given), hidden, cell


def _features(policy: Any, seen: Tensor) -> Tensor:
    """What the actor's nets see."""
    extractor = policy.pi_features_extractor if policy.share_features_extractor is False else policy.features_extractor
    return extractor(seen.float())


def _squashed_mean(actor: Any, seen: Tensor) -> Tensor:
    """The action in [-1, 1] of an off-policy actor: TD3's by itself, the mean of SAC's and TQC's law."""
    if not hasattr(actor, "get_action_dist_params"):
        return actor(seen)
    mean, _, _ = actor.get_action_dist_params(seen)
    return torch.tanh(mean)


def check_exportable(policy: Any) -> TrainedPolicy:
    """The policy itself if it is a net and nothing else. Raises: NoNet in words."""
    if not isinstance(policy, TrainedPolicy):
        raise NoNet(
            f"an ONNX file holds a net, and {type(policy).__name__} is none: give the folder of a trained run "
            "(a strategy is a formula, and a table of actions is its own file: agents.policy.tabulate)"
        )
    if policy.quoting is not None:
        raise NoNet(
            f"the net acts by a {type(policy.quoting).__name__}, which solves for the quotes and is no net: "
            "export it with agent.quoting=null"
        )
    law = getattr(policy.model.policy, "action_dist", None)
    if law is not None and not isinstance(law, _KNOWN):
        raise NoNet(f"actions by a {type(law).__name__} are none that an export knows: one choice, or numbers")
    return policy


def export(policy: Any, market: Market, path: Path, told: Mapping[str, Any] | None = None) -> None:
    """Write `policy`, which acts in `market`, to `path`; the file says what it observes, and what else it is `told`.

    Raises: NoNet for what is no net; ValueError for a market that the policy does not act in; OSError if it cannot be written.
    """
    trained = check_exportable(policy)
    trained.check(market)
    seen = torch.zeros(2, len(market.observation_names))
    note = {"observations": list(market.observation_names), "recurrent": trained.recurrent, **(told or {})}
    if trained.recurrent:
        lstm: Any = trained.model.policy.lstm_actor  # pyright: ignore[reportAttributeAccessIssue]
        memory = torch.zeros(lstm.num_layers, 2, lstm.hidden_size)
        module, given = Remembering(trained), (seen, memory, memory.clone())
        names, made = [OBSERVATIONS, *MEMORY], [ACTIONS, *(f"next_{name}" for name in MEMORY)]
    else:
        module, given, names, made = Acting(trained), (seen,), [OBSERVATIONS], [ACTIONS]
    put(path, lambda partial: _write(module.eval(), given, names, made, note, partial))


def _write(
    module: nn.Module, given: tuple[Tensor, ...], names: list[str], made: list[str], note: Mapping[str, Any], path: Path
) -> None:
    import onnx

    axes = {name: {1 if name.removeprefix("next_") in MEMORY else 0: "n"} for name in [*names, *made]}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch's tracer, which does not know that the batch is free
        torch.onnx.export(
            module, given, str(path), dynamo=False, opset_version=OPSET, input_names=names, output_names=made,
            dynamic_axes=axes,
        )  # fmt: skip
    model = onnx.load(str(path))
    model.metadata_props.add(key=NOTE, value=json.dumps(dict(note)))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


class OnnxPolicy(Policy):
    """The policy in an ONNX file that `export` wrote, acting by onnxruntime. `told` is what the file says of itself."""

    learnt = True

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        held = self.session.get_modelmeta().custom_metadata_map
        if NOTE not in held:
            raise ValueError(f"{path} must be an ONNX file that experiments.export wrote, got one of {sorted(held)}")
        self.told: dict[str, Any] = json.loads(held[NOTE])
        self.recurrent = bool(self.told["recurrent"])
        self.tabulable = not self.recurrent
        self._memory: list[NDArray[np.float32]] = []

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        given = {OBSERVATIONS: np.ascontiguousarray(observations, np.float32)}
        if self.recurrent:
            given |= dict(zip(MEMORY, self._memory or self._nothing(len(observations)), strict=True))
        made: Any = self.session.run(None, given)
        self._memory = made[1:]
        return made[0]

    def forget(self) -> None:
        """Start new episodes."""
        self._memory = []

    def _nothing(self, n: int) -> list[NDArray[np.float32]]:
        """The memory of who has seen nothing."""
        shapes = [one.shape for one in self.session.get_inputs()[1:]]
        return [np.zeros((layers, n, units), np.float32) for layers, _, units in shapes]


def furthest_apart(policy: Any, other: Any, market: Market, observations: int = 1000, seed: int = 1) -> float:
    """The largest difference between two policies' actions on so many observations, those that the first one meets in play.

    Where they are discrete, the number of actions that differ. Both remember what they saw.
    """
    from mm_env.rollout import run_policy

    lanes = -(-observations // market.clock.steps)
    apart: list[float] = []

    def act(seen: NDArray[np.float32]) -> NDArray[Any]:
        actions, others = np.asarray(policy.act(seen)), np.asarray(other.act(seen))
        if market.action_space.shape:
            apart.append(float(np.abs(actions.astype(np.float64) - others).max()))
        else:
            apart.append(float((actions != others).sum()))
        return actions

    policy.forget()
    other.forget()
    run_policy(market, act, lanes, seed)
    return max(apart) if market.action_space.shape else sum(apart)
