"""Avellaneda & Stoikov 2008, sec. 3.3: spreads and the six rows of the tables, exactly and simulated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from agents.base import Table
from agents.exact.evaluation import inventory_law, moments
from agents.policy import StrategyPolicy
from agents.strategies.avellaneda_stoikov import AvellanedaStoikov, AvellanedaStoikovSymmetric
from experiments.verification.suite import Asked, Row, suite
from mm_env.markets import avellaneda_stoikov
from mm_env.reward import InventoryPenalty
from mm_env.rollout import inventory_levels, run_actions

PATHS, ERRORS = 1000, 4.0  # of the paper's simulation, whose standard errors are the tolerance
MARKET = replace(avellaneda_stoikov(), reward=InventoryPenalty())


class Printed(NamedTuple):
    gamma: float
    strategy: type
    spread: float
    profit: float
    profit_std: float
    inventory: float
    inventory_std: float

    @property
    def name(self) -> str:
        kind = "symmetric" if self.strategy is AvellanedaStoikovSymmetric else "inventory"
        return f"{kind}, gamma {self.gamma:g}"

    @property
    def table(self) -> Table:
        """The strategy's depths, not held to an action space."""
        clock, price, fill = MARKET.clock, MARKET.price, MARKET.venue.fill.bid  # pyright: ignore
        made = self.strategy(self.gamma, price.sigma, fill.k, clock.horizon)  # pyright: ignore
        return StrategyPolicy(made, MARKET).table()


TABLES = [
    Printed(0.1, AvellanedaStoikov, 1.49, 65.0, 6.6, 0.08, 2.9),
    Printed(0.1, AvellanedaStoikovSymmetric, 1.49, 68.4, 12.7, 0.26, 8.4),
    Printed(0.01, AvellanedaStoikov, 1.35, 68.6, 8.7, 0.12, 5.1),
    Printed(0.01, AvellanedaStoikovSymmetric, 1.35, 68.8, 12.8, 0.09, 8.7),
    Printed(1.0, AvellanedaStoikov, 3.02, 31.4, 5.0, 0.02, 1.7),
    Printed(1.0, AvellanedaStoikovSymmetric, 3.02, 44.0, 11.0, 0.0, 5.1),
]


@suite("avellaneda_stoikov_2008", "Avellaneda & Stoikov 2008, sec. 3.3 (1,000 paths), ours exact", 5.0)
def published(_: Asked) -> Iterator[Row]:
    """Average spreads to the printed digits; moments within four of the paper's own standard errors."""
    for row in TABLES:
        if row.strategy is AvellanedaStoikovSymmetric:
            yield Row(f"spread, gamma {row.gamma:g}", row.spread, float(row.table.depths()[0, 0].sum()), 0.005)
    for row in TABLES:
        yield from _beside(row)


def _beside(row: Printed) -> Iterator[Row]:
    table = row.table
    found, law, q = moments(table.market, table.actions), inventory_law(table.market, table.actions)[-1], _levels()
    mean = float(law @ q)
    of_mean, of_std = ERRORS / math.sqrt(PATHS), ERRORS / math.sqrt(2 * PATHS)
    yield Row(f"profit, {row.name}", row.profit, found.mean, of_mean * row.profit_std)
    printed = of_std * row.profit_std + 0.05  # to one decimal
    yield Row(f"std of profit, {row.name}", row.profit_std, math.sqrt(found.variance), printed)
    yield Row(f"final inventory, {row.name}", row.inventory, mean, of_mean * row.inventory_std)
    std = math.sqrt(float(law @ (q - mean) ** 2))
    yield Row(f"std of final inventory, {row.name}", row.inventory_std, std, of_std * row.inventory_std + 0.05)


@suite("avellaneda_stoikov_simulated", "exact moments of the process simulated, within 4 standard errors", 5.0)
def simulated(asked: Asked) -> Iterator[Row]:
    """The simulator's mean profit and its deviation beside the exact ones."""
    for row in TABLES:
        table = row.table
        exact = moments(table.market, table.actions)
        profit = run_actions(table.market, table.actions, asked.episodes, asked.seed).profit
        error, squares = np.std(profit) / math.sqrt(len(profit)), (profit - exact.mean) ** 2
        yield Row(f"profit, {row.name}", exact.mean, float(profit.mean()), ERRORS * float(error))
        of_variance = ERRORS * float(np.std(squares)) / math.sqrt(len(profit))
        yield Row(f"variance of profit, {row.name}", exact.variance, float(squares.mean()), of_variance)


def _levels() -> np.ndarray:
    return inventory_levels(MARKET)
