"""What lanes do for some steps by Gaussian actions of a net, and what their actions were worth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.learning.compiled.distinct import distinct

Singles = NDArray[np.float32]


class Rollout(NamedTuple):
    """T steps of n lanes. Rewards as learners see them; `over` is 1 where the episode ended with the step."""

    observations: Singles  # (T + 1, n, k)
    actions: Singles  # (T, n, width), as drawn: not yet held to [-1, 1]
    log_probabilities: Singles  # (T, n)
    rewards: Singles  # (T, n)
    over: Singles  # (T, n)


class Samples(NamedTuple):
    """What an update reads of n steps at u distinct observations."""

    rows: Singles  # (u, k)
    place: NDArray[np.int64]  # (n,), of each step's observation among them
    actions: Singles  # (n, width)
    log_probabilities: Singles  # (n,)
    advantages: Singles  # (n,)
    returns: Singles  # (n,)
    values: Singles  # (n,)


def advantages_of(rewards: Singles, values: Singles, over: Singles, gamma: float, decay: float) -> Singles:
    """Generalised advantages (T, n) of rewards (T, n) and values (T + 1, n): Schulman et al. 2016, eq. 16."""
    found, running = np.empty_like(rewards), np.zeros_like(rewards[0])
    for step in range(len(rewards) - 1, -1, -1):
        goes_on = np.float32(gamma) * (1.0 - over[step])
        running = rewards[step] + goes_on * values[step + 1] - values[step] + np.float32(decay) * goes_on * running
        found[step] = running
    return found


class Judged(NamedTuple):
    """Observations told apart, with the critic's values."""

    rows: Singles  # (u, k)
    place: NDArray[np.int64]  # (n,)
    values: Singles  # (u,)


def judge(critic: Any, *observations: Singles) -> tuple[Judged, list[Singles]]:
    """All observations (..., k) told apart, those of the first array first, and the values (...) of each array's."""
    shapes = [seen.shape[:-1] for seen in observations]
    rows, place = distinct(np.concatenate([seen.reshape(-1, seen.shape[-1]) for seen in observations]))
    values, ends = critic(rows), np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    of_each = [values[part].reshape(shape) for part, shape in zip(np.split(place, ends), shapes, strict=True)]
    return Judged(rows, place, values), of_each
