"""A warm start: an actor-critic model learns to act as a teacher does, and what that is worth, before it learns by itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from agents.policy import Policy, translated
from mm_env.envs.sb3 import VecAdapter
from mm_env.rollout import steps_of

_STEPS, _BATCH, _LEARNING_RATE = 1500, 1024, 3e-3


class Lessons(NamedTuple):
    """What a teacher showed, all (n, ...)."""

    observations: NDArray[np.float32]
    actions: NDArray[Any]
    returns: NDArray[np.float32]  # the rewards from there to the end of the episode, as the learner counts them


def clone(model: Any, teacher: Policy) -> None:
    """Fit the most likely actions of a model of PPO or A2C to a teacher's, and its values to what the teacher earns.

    The spread of its actions is left as it is. One episode of every lane is shown; the lanes start anew when it learns.
    """
    lessons = demonstrate(model.get_env(), teacher)
    policy, random = model.policy, np.random.default_rng(model.seed)
    optimizer = torch.optim.Adam([p for name, p in policy.named_parameters() if name != "log_std"], _LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, _STEPS)
    for _ in range(_STEPS):
        rows = random.integers(0, len(lessons.returns), _BATCH)
        optimizer.zero_grad()
        loss(policy, Lessons(*(part[rows] for part in lessons))).backward()
        optimizer.step()
        schedule.step()


def demonstrate(lanes: VecAdapter, teacher: Policy) -> Lessons:
    """A whole episode of each lane played by the teacher. One with another action space quotes the same depths in theirs.

    Raises: ValueError where its actions are none of theirs.
    """
    teacher = translated(teacher, lanes.market)
    teacher.check(lanes.market)
    teacher.forget()
    staggered, lanes.stagger = lanes.stagger, False
    shown = list(steps_of(lanes, lambda seen: np.asarray(teacher.act(seen)), lanes.reset()))
    lanes.stagger = staggered
    returns = np.cumsum([step.rewards for step in shown][::-1], axis=0, dtype=np.float32)[::-1]
    alive = np.concatenate(
        [step.alive for step in shown]
    )  # all that lanes do once their episode is over teaches nothing
    actions = np.concatenate([step.actions for step in shown])[alive]
    observations = np.concatenate([step.observations for step in shown])[alive]
    return Lessons(
        observations, np.clip(actions, -1.0, 1.0) if actions.ndim > 1 else actions, returns.reshape(-1)[alive]
    )


def loss(policy: Any, lessons: Lessons) -> torch.Tensor:
    """Mean squared distance of the actions (or their negative log-likelihood, if discrete) and of the values."""
    observations, returns = torch.from_numpy(lessons.observations), torch.from_numpy(lessons.returns)
    distribution = policy.get_distribution(observations).distribution
    if lessons.actions.ndim > 1:
        acting = (distribution.mean - torch.from_numpy(lessons.actions).float()).square().sum(1).mean()
    else:
        acting = -distribution.log_prob(torch.from_numpy(lessons.actions)).mean()
    return acting + (policy.predict_values(observations).ravel() - returns).square().mean()
