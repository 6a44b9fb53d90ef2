"""The best average reward a unit of time of a chain in continuous time, by Howard's policy iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUNDS, _CLOSE = 200, 1e-10


class Chain(NamedTuple):
    """Rates of moves (states, states), whose rows sum to 0, and the reward a unit of time (states,)."""

    rates: Floats
    reward: Floats

    @classmethod
    def of(cls, moves: Floats, reward: Floats) -> Chain:
        """With the diagonal that the rates of moves to other states leave."""
        return cls(moves - np.diag(moves.sum(axis=1)), reward)


class Average(NamedTuple):
    """The average reward a unit of time, relative values (states,), 0 in the middle, and the chain that earns it."""

    rate: float
    value: Floats
    chain: Chain


def best_average(best: Callable[[Floats], Chain], start: Floats) -> Average:
    """The best average, where `best` is the chain of the best policy for relative values: from those of `start`.

    Raises: ValueError if it does not settle.
    """
    value, middle = start, len(start) // 2
    for _ in range(_ROUNDS):
        chain, before = best(value), value
        system = chain.rates.copy()
        system[:, middle] = -1.0
        value = np.asarray(np.linalg.solve(system, -chain.reward), np.float64)
        rate, value[middle] = float(value[middle]), 0.0
        if np.abs(value - before).max() <= _CLOSE * np.abs(value).max():
            return Average(rate, value, chain)
    raise ValueError(f"policy iteration must settle within {_ROUNDS} rounds: take risk more seriously, or less impact")


def shares_of_time(rates: Floats) -> Floats:
    """The share of time in each state in the long run, (states,)."""
    system = rates.T.copy()
    system[-1] = 1.0
    return np.asarray(np.linalg.solve(system, np.eye(len(rates))[-1]), np.float64)
