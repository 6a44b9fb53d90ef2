"""The weights of a policy of stable-baselines3 as one flat array, and Adam's moments of them: the same memory as torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.learning.compiled import loops
from agents.learning.compiled.mlp import MLP, Layer

Singles = NDArray[np.float32]
_NONE = np.zeros(0, np.float32)


class Weights:
    """All parameters of `policy` (an MlpPolicy) laid out in `flat` (n,), with a gradient alike.

    What is written here torch sees, and the other way round: models are saved, loaded and looked at as ever.
    """

    def __init__(self, policy: Any) -> None:
        self.policy, self._parameters = policy, list(policy.parameters())
        self.flat, self.gradient, self._first, self._second = (np.zeros(self._size, np.float32) for _ in range(4))
        for parameter, part in zip(self._parameters, self._parts(self.flat), strict=True):
            part[...] = parameter.detach().numpy()
            parameter.data = torch.from_numpy(part)
        extractor, activation = policy.mlp_extractor, policy.activation_fn.__name__
        acting = [*_linear(extractor.policy_net), policy.action_net]
        judging = [*_linear(extractor.value_net), policy.value_net]
        self.actor, self.critic = (MLP(self._layers(of, self.flat), activation) for of in (acting, judging))
        self.actor_gradient, self.critic_gradient = (self._layers(of, self.gradient) for of in (acting, judging))
        self.log_std, self.log_std_gradient = _NONE, _NONE
        if hasattr(policy, "log_std"):
            self.log_std = policy.log_std.detach().numpy()
            self.log_std_gradient = self._part_of(policy.log_std, self.gradient)

    @property
    def _size(self) -> int:
        return sum(parameter.numel() for parameter in self._parameters)

    def features(self, observations: Singles) -> Singles:
        """What the nets are shown (n, k') of observations (n, k)."""
        with torch.no_grad():
            return np.ascontiguousarray(self.policy.extract_features(torch.from_numpy(observations)).numpy())

    def as_read(self, observations: Singles) -> Singles:
        """Observations (..., k) with 0 in the columns that the nets are not shown, so that what they see alike is alike."""
        read = getattr(self.policy.features_extractor, "read", None)
        if read is None:
            return observations
        kept = np.zeros_like(observations)
        kept[..., read] = observations[..., read]
        return kept

    def take_up(self) -> None:
        """Adam's moments from the policy's optimizer, whose they are from then on."""
        state = self.policy.optimizer.state
        for parameter, *parts in zip(
            self._parameters, self._parts(self._first), self._parts(self._second), strict=True
        ):
            known = state.get(parameter) or {}
            for name, part in zip(("exp_avg", "exp_avg_sq"), parts, strict=True):
                if name in known and known[name].data_ptr() != part.ctypes.data:
                    part[...] = known[name].numpy()
            moments = {
                name: torch.from_numpy(part) for name, part in zip(("exp_avg", "exp_avg_sq"), parts, strict=True)
            }
            state[parameter] = {"step": known.get("step", torch.tensor(0.0)), **moments}

    def descend(self, max_norm: float) -> None:
        """One step of Adam down the gradient, which is clipped to `max_norm`."""
        optimizer = self.policy.optimizer
        for parameter in self._parameters:
            optimizer.state[parameter]["step"] += 1.0
        steps = float(optimizer.state[self._parameters[0]]["step"])
        scale = min(1.0, max_norm / (float(np.sqrt(self.gradient @ self.gradient)) + 1e-6))
        rate = float(optimizer.param_groups[0]["lr"])
        loops.run(loops.adam, self.flat, self.gradient, self._first, self._second, rate, scale, steps)

    def _parts(self, flat: Singles) -> list[Singles]:
        """The part of a flat array that is of each parameter, in its shape."""
        ends = np.cumsum([parameter.numel() for parameter in self._parameters])[:-1]
        return [
            part.reshape(tuple(parameter.shape))
            for part, parameter in zip(np.split(flat, ends), self._parameters, strict=True)
        ]

    def _part_of(self, wanted: Any, flat: Singles) -> Singles:
        return next(part for part, known in zip(self._parts(flat), self._parameters, strict=True) if known is wanted)

    def _layers(self, modules: list[Any], flat: Singles) -> list[Layer]:
        return [Layer(self._part_of(one.weight, flat), self._part_of(one.bias, flat)) for one in modules]


def _linear(net: Any) -> list[Any]:
    return [module for module in net if isinstance(module, torch.nn.Linear)]
