"""The parts of an action as a person sets them: by name, unit and ends, in natural units instead of [-1, 1] or an index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.core.parameters import Interval, check

LINEAR, LOG, SWITCH, PLAIN, CHOICE = "linear", "log", "switch", "plain", "choice"


class ActionPart(NamedTuple):
    """A part of an action: what it is called, and the value that each of its numbers means.

    A number in [-1, 1] means a value from `low` to `high`, evenly or, if `scale` is "log", evenly in its logarithm. Above 0
    that of a "switch" means on (1), else off (0); a "plain" one is its value, and that of a "choice" the place of a label.
    """

    name: str
    unit: str = ""
    low: float = -1.0
    high: float = 1.0
    scale: str = LINEAR
    labels: tuple[str, ...] = ()

    @classmethod
    def choice(cls, name: str, unit: str, labels: Sequence[str]) -> ActionPart:
        """A choice among `labels`."""
        return cls(name, unit, 0.0, len(labels) - 1.0, CHOICE, tuple(labels))

    @classmethod
    def switch(cls, name: str) -> ActionPart:
        """What is done or left."""
        return cls(name, "", 0.0, 1.0, SWITCH, ("no", "yes"))

    def number(self, value: float) -> float:
        """The action's number that means a value. Raises: ValueError if it is none, or lies beyond the ends."""
        check(self.name, value, Interval(self.low, self.high, whole=self.scale in (CHOICE, SWITCH)))
        if self.scale == SWITCH:
            return 1.0 if value else -1.0
        if self.scale in (PLAIN, CHOICE) or self.low == self.high:
            return float(value) if self.scale in (PLAIN, CHOICE) else 0.0
        low, high, at = (math.log(x) if self.scale == LOG else x for x in (self.low, self.high, value))
        return 2.0 * (at - low) / (high - low) - 1.0

    def value(self, number: float) -> float:
        """What a number of the action means; beyond [-1, 1] as the nearest end."""
        if self.scale == SWITCH:
            return float(number > 0.0)
        if self.scale in (PLAIN, CHOICE):
            return float(number)
        share = 0.5 * (min(1.0, max(-1.0, number)) + 1.0)
        if self.scale == LOG:
            return min(self.high, max(self.low, self.low * (self.high / self.low) ** share))
        return self.low + share * (self.high - self.low)


def unnamed(space: gym.Space[Any]) -> tuple[ActionPart, ...]:
    """The parts of an action space of which nothing is known but its numbers."""
    if isinstance(space, gym.spaces.Discrete):
        return (ActionPart.choice("action", "", [str(index) for index in range(int(space.n))]),)
    ends = zip(np.ravel(space.low).tolist(), np.ravel(space.high).tolist(), strict=True)  # pyright: ignore
    return tuple(ActionPart(f"action {i}", "", low, high, PLAIN) for i, (low, high) in enumerate(ends, 1))


def action_of(market: Any, values: Sequence[float]) -> Any:
    """The action of `market.action_space` whose parts have these values, in the order of `market.action_parts`.

    An index counts the choices of its parts as digits do; beyond the last of them it is the last.

    Raises: ValueError for a value that its part does not have, naming it, or where there are more or fewer.
    """
    parts, space = market.action_parts, market.action_space
    if len(values) != len(parts):
        raise ValueError(f"an action must have a value for each of {[part.name for part in parts]}, got {len(values)}")
    numbers = [part.number(value) for part, value in zip(parts, values, strict=True)]
    if not isinstance(space, gym.spaces.Discrete):
        return np.array(numbers, space.dtype)
    index = 0
    for part, number in zip(parts, numbers, strict=True):
        index = index * len(part.labels) + int(number)
    return np.int64(min(index, int(space.n) - 1))


def values_of(market: Any, action: NDArray[Any] | Any) -> list[float]:
    """The values that the parts of an action have, in the order of `market.action_parts`."""
    parts, numbers = market.action_parts, np.ravel(np.asarray(action, np.float64)).tolist()
    if not isinstance(market.action_space, gym.spaces.Discrete):
        return [part.value(number) for part, number in zip(parts, numbers, strict=True)]
    index, values = int(numbers[0]), []
    for part in reversed(parts[1:]):
        index, digit = divmod(index, len(part.labels))
        values.append(float(digit))
    return [float(index), *reversed(values)]
