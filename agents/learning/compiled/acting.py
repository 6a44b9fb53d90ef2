"""How a net's outputs become actions, and how likely those were: Gaussian around means, or a choice by logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from agents.learning.compiled.objective import clipped_choice_objective, clipped_objective

Singles = NDArray[np.float32]
_LOG_ROOT_2PI = np.float32(0.5 * np.log(2.0 * np.pi))


class Gaussian(NamedTuple):
    """Actions (n, width): means and a spread, from standard normals (T, n, width)."""

    shape: tuple[int, ...]
    log_std: Singles = np.zeros(0, np.float32)
    drawn: Singles = np.zeros(0, np.float32)
    objective: Callable[..., None] = clipped_objective

    def begin(self, log_std: Singles, steps: int, lanes: int) -> Gaussian:
        """The same with what a rollout draws by, from torch's generator."""
        return self._replace(log_std=log_std, drawn=torch.randn(steps, lanes, *self.shape).numpy())

    def draw(self, means: Singles, step: int) -> tuple[Singles, Singles]:
        """Actions (n, width) and their log-probabilities (n,)."""
        z = self.drawn[step]
        return means + np.exp(self.log_std) * z, (-0.5 * z * z - self.log_std - _LOG_ROOT_2PI).sum(axis=-1)

    def held(self, actions: Singles) -> Singles:
        """As the lanes take them."""
        return np.clip(actions, -1.0, 1.0)


class Choice(NamedTuple):
    """One of some actions (n, 1), by uniforms (T, n)."""

    drawn: Singles = np.zeros(0, np.float32)
    objective: Callable[..., None] = clipped_choice_objective

    def begin(self, log_std: Singles, steps: int, lanes: int) -> Choice:
        """The same with what a rollout draws by, from torch's generator."""
        return self._replace(drawn=torch.rand(steps, lanes).numpy())

    def draw(self, logits: Singles, step: int) -> tuple[Singles, Singles]:
        """Choices (n, 1) and their log-probabilities (n,): the first whose cumulative probability exceeds the uniform."""
        logs = logits - logits.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        below = np.exp(logs).cumsum(axis=1) <= self.drawn[step][:, None]
        chosen = np.minimum(below.sum(axis=1), logits.shape[1] - 1)[:, None]
        return chosen.astype(np.float32), np.take_along_axis(logs, chosen, axis=1)[:, 0]

    def held(self, actions: Singles) -> NDArray[np.int64]:
        """As the lanes take them, (n,)."""
        return actions[:, 0].astype(np.int64)


def acting_of(space: spaces.Space[Any]) -> Gaussian | Choice:
    """What acts in a space of actions."""
    return Choice() if isinstance(space, spaces.Discrete) else Gaussian(space.shape or ())
