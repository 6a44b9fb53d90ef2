"""A provider's return less what is lost to arbitrageurs and spent on moves, simulated beside closed form, pool by pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig
from tqdm import tqdm

from agents.strategies.pool import PoolTheory
from experiments.reporting.formats import HALF_WIDTH, INTERVAL, estimate
from experiments.reporting.presenter import Column, TextTable
from mm_env import (
    FiniteHorizon,
    FixedBlocks,
    Geometric,
    InventoryPenalty,
    Market,
    PoissonBlocks,
    Pool,
    RangeGrid,
    Simulation,
    SteadyTraders,
)
from mm_env.metrics import Estimate, mean
from mm_env.venue.pool.closed_forms import growth
from mm_env.venue.pool.ranges import FULL

DAY, BP = 86_400.0, 1e4  # seconds


class Provision(NamedTuple):
    """What a position earns and loses in a pool: bp of its value a day."""

    fee: float  # share of what comes in
    volatility: float  # 1 / sqrt(day)
    block: float  # seconds
    fees: float  # of traders and arbitrageurs
    lost: float  # versus rebalancing
    costs: float  # of placing it
    returned: Estimate  # fees less the other two
    closed_form: float

    @property
    def pays(self) -> bool:
        """Whether it returns more than nothing, beyond its interval."""
        return self.returned.value - self.returned.half_width > 0.0

    @property
    def verdict(self) -> str:
        """ "pays", "does not", or "-" where the interval holds zero."""
        return "pays" if self.pays else "does not" if self.returned.value + self.returned.half_width < 0.0 else "-"


def provisions(cfg: DictConfig) -> list[Provision]:
    """A row for each fee, volatility and block time."""
    asked = list(product(cfg.fee_levels, cfg.volatilities, cfg.block_times))
    return [provision(cfg, *map(float, one)) for one in tqdm(asked, desc="pools", unit="pool", leave=False, delay=0.5)]


def provision(cfg: DictConfig, fee: float, volatility: float, block: float) -> Provision:
    """One pool, simulated after a tenth of its blocks, in which nothing is lost to the start at the mid."""
    market, warm = market_of(cfg, fee, volatility, block), int(cfg.steps) // 10
    simulation, always = Simulation(market, int(cfg.lanes)), np.zeros(int(cfg.lanes))
    simulation.start(int(cfg.seed))
    begun: Any = simulation.state
    for step in range(market.clock.steps):
        begun = simulation.state if step == warm else begun
        simulation.step(always)
    end, scale = simulation.state, BP / float(cfg.capital) / ((market.clock.steps - warm) * market.clock.step_length)
    told, before = end.world.venue.told, begun.world.venue.told
    fees, lost, costs = (
        scale * float(np.mean(getattr(told, n) - getattr(before, n))) for n in ("fees", "lost", "costs")
    )
    returned = mean(scale * (end.tally.spread_captured - begun.tally.spread_captured))
    return Provision(fee, volatility, block, fees, lost, costs, returned, BP * closed_form(cfg, market))


def market_of(cfg: DictConfig, fee: float, volatility: float, block: float) -> Market:
    """The pool: a position alone in it, placed once over all prices or anew whenever the mid leaves its range."""
    width, steps = float(cfg.half_width), int(cfg.steps) + int(cfg.steps) // 10
    traders = SteadyTraders(float(cfg.turnover), float(cfg.elasticity))
    blocks = PoissonBlocks() if cfg.poisson else FixedBlocks()
    venue = Pool(fee, liquidity=0.0, traders=traders, blocks=blocks, gas=float(cfg.gas))
    return Market(
        price=Geometric(volatility), venue=venue, clock=FiniteHorizon(steps * block / DAY, steps),
        quote=RangeGrid((width,), tolerances=(width,), capital=float(cfg.capital)), reward=InventoryPenalty(),
    )  # fmt: skip


def closed_form(cfg: DictConfig, market: Market) -> float:
    """The return by the position's value a day: of all prices income / 2 less sigma^2 / 8, of a range its `growth`."""
    told, width = PoolTheory.of(market), float(cfg.half_width)
    if width >= FULL:
        return 0.5 * told.income - 0.125 * told.sigma**2
    return growth(width, told.income, told.sigma, told.cost)


def table_of(title: str, rows: Sequence[Provision]) -> TextTable:
    """A row for each pool."""
    show = "{:.4g}".format
    columns = [
        Column("fee", show="{:.2%}".format), Column("volatility a day", show="{:.0%}".format), Column("block, s", show=show),
        Column("fees", show=show), Column("loss versus rebalancing", show=show), Column("moving costs", show=show),
        Column("return", "return, simulated", estimate, HALF_WIDTH), Column("closed form", "return, closed form", show),
        Column("provision", words=True),
    ]  # fmt: skip
    values = [[*row, row.verdict] for row in rows]
    note = "Fees, losses, costs and returns are bp of the position's value a day. " + INTERVAL
    return TextTable(title, columns, values, [note, *_limits(rows)])


def _limits(rows: Sequence[Provision]) -> list[str]:
    off = max((abs(row.returned.value - row.closed_form) for row in rows), default=math.nan)
    return [f"Simulated and closed form are {off:.2g} bp apart at most: blocks last, and closed forms are their limit."]
