"""What exact solvers know of a reward by its own statement: a penalty off the wealth change, or utility of final wealth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.now_read import ALL, parts_read
from agents.exact.outcome_kernel import read_penalties
from agents.exact.price_grid import Axis
from mm_env.core import engine
from mm_env.core.component import record, rules
from mm_env.market import Market
from mm_env.reward import CARA, InventoryPenalty, Reward

Floats = NDArray[np.float64]
_FEW = 400  # penalties that are sooner computed than machine code for them is found


def is_utility(market: Market) -> bool:
    """Whether the objective is CARA utility of final wealth."""
    return rules(type(market.reward))["reward"] is rules(CARA)["reward"]


def aversion(market: Market) -> float:
    """The gamma of a utility; 0.0 of any other reward."""
    return float(market.reward.gamma) if is_utility(market) else 0.0  # pyright: ignore[reportAttributeAccessIssue]


def noise_left(market: Market) -> float:
    """The share of the surprise that is left in the rewards: `InventoryPenalty.noise`."""
    has = rules(type(market.reward))["reward"] is rules(InventoryPenalty)["reward"]
    return float(market.reward.noise) if has else 1.0  # pyright: ignore[reportAttributeAccessIssue]


def check_reward(market: Market) -> None:
    """Refuse a reward that says neither: one with a rule `reward` of its own, of which not even the final wealth decides.

    Raises: Unsolvable.
    """
    kind = type(market.reward)
    if rules(kind)["reward"] not in {rules(known)["reward"] for known in (Reward, InventoryPenalty, CARA)}:
        raise Unsolvable(
            f"reward has no exact recursion over (time, inventory): {market.reward}: solved are the wealth change less a "
            f"`penalty` of inventory, time and state (let {kind.__name__} override that alone), and utilities of final wealth"
        )


class Penalties:
    """What holding each (node, cell) after a step costs, (nodes or 1, cells); zeros under a utility."""

    def __init__(self, market: Market, axis: Axis, places: Floats | None = None) -> None:
        self.market, self.axis = market, axis
        self.places = axis.places if places is None else places
        read = parts_read(market).get("reward", frozenset())
        self.timed, nodes = bool(read & {"time", "time_left"}), axis.count if read & (ALL - {"time"}) else 1
        self.shape, self.known = (nodes, len(axis.held)), dict[float, Floats]()
        few = nodes * len(axis.held) * (market.clock.steps if self.timed else 2) <= _FEW
        run = read_penalties if few else engine.compiled(read_penalties, *self._arguments(0.0))
        self.run: Any = None if is_utility(market) else run

    def after(self, steps: int) -> Floats:
        """Once `steps` steps are done."""
        if self.run is None:
            return np.zeros(self.shape)
        key = float(steps if self.timed or steps == self.market.clock.steps else 1)
        if key not in self.known:
            arguments = self._arguments(key)
            self.run(*arguments)
            self.known[key] = arguments[-1]
        return self.known[key] if not self.timed else self.known.pop(key)

    def _arguments(self, step: float) -> tuple[Any, ...]:
        rules, axis = record(self.market), self.axis
        return rules, axis.template, self.places, len(axis.held) // axis.venues, step, np.zeros(self.shape)
