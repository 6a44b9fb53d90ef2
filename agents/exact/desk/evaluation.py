"""What given quotes of a desk are worth, exactly: mean and variance of the profit to a horizon, or long-run averages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.desk.optimum import poisson, stationary
from agents.exact.desk.recursion import DeskRecursion
from agents.exact.room import progress
from agents.strategies.instruments import DeskProblem

Floats = NDArray[np.float64]
Quotes = Callable[[int], tuple[Floats, Floats]]  # step -> depths (states, 2 d, K) and outside trades (states, d)


class Moments(NamedTuple):
    """Mean and standard deviation of the profit marked to mid, and the objective that was risked for; all money."""

    mean: float
    std: float
    objective: float


def moments(problem: DeskProblem, horizon: float, steps: int, quotes: Quotes, positions: Any) -> Moments:
    """Of given quotes over `steps` steps, from `positions` (d,), units; `quotes` are asked for from the last step to the first.

    The profit does not bear `terminal`, the objective does.
    """
    desk = DeskRecursion(problem, horizon / steps)
    means, variance = np.stack([np.zeros(desk.states), -problem.at_the_end()]), np.zeros(desk.states)
    penalty = np.stack([np.zeros(desk.states), 0.5 * problem.gamma * problem.variance(desk.dt)])
    for step in progress(range(steps - 1, -1, -1), "moments of a desk", "step"):
        means, variance = desk.follow(*quotes(step), means - penalty, variance)
    (mean, objective), start = means, problem.state_of(positions)
    return Moments(float(mean[start]), float(np.sqrt(variance[start])), float(objective[start]))


class Average(NamedTuple):
    """Reward, units traded with clients and units traded outside, each a unit of time."""

    rate: float
    client_volume: float
    outside_volume: float


def average_reward(problem: DeskProblem, dt: float, depths: Floats, trades: Floats) -> Average:
    """The averages in the long run of given quotes: depths (states, 2 d, K) and outside trades (states, d)."""
    desk = DeskRecursion(problem, dt)
    chain, gain, volume = desk.chain(depths, trades)
    clients, outside = (stationary(chain) @ volume / dt).tolist()
    return Average(poisson(chain, gain, desk.states // 2)[0] / dt, clients, outside)
