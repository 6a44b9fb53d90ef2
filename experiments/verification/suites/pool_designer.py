"""The designer's recursion beside published rates of arbitrage, and its optimum beside the simulation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from agents.exact.pool.fee_law import FeeGrid
from agents.exact.pool.fee_optimum import solved
from agents.policy import play
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.pools import BLOCK, BP, CAPITAL, FEE, SIGMA, SOURCE
from mm_env import (
    Blocks,
    DynamicFee,
    FiniteHorizon,
    FixedBlocks,
    Geometric,
    InventoryPenalty,
    Market,
    NoTraders,
    PoissonBlocks,
    Pool,
)
from mm_env.markets import pool_fee_orders
from mm_env.metrics import mean

_BEGUN, _BLOCKS, _NODES = 2_000, 2_000, 17


def arbitraged_away(blocks: Blocks) -> float:
    """What a constant fee of 5 bp, which arbitrageurs alone pay, loses to them by the recursion, bp of the position a day; once
    the pool's distance to the mid is stationary. The position's worth falls as the root of the mid, by sigma^2 / 8."""
    before, after = (_worth(blocks, steps) for steps in (_BEGUN, _BEGUN + _BLOCKS))
    falls, begun, ended = 0.125 * SIGMA**2, _BEGUN * BLOCK, (_BEGUN + _BLOCKS) * BLOCK
    return BP / CAPITAL * (before - after) * falls / (math.exp(-falls * begun) - math.exp(-falls * ended))


def _worth(blocks: Blocks, steps: int) -> float:
    venue, quote = Pool(fee=FEE, traders=NoTraders(), blocks=blocks), DynamicFee(FEE * (1.0 + 1e-9), FEE)
    clock = FiniteHorizon(steps * BLOCK, steps)
    return solved(FeeGrid(Market(price=Geometric(SIGMA), venue=venue, clock=clock, quote=quote), _NODES)).constant


@suite("pool_designer", SOURCE, 60.0)
def pool_designer(asked: Asked) -> Iterator[Row]:
    """Arbitrage profit by the recursion, and an hour of the best fees simulated beside what they are worth."""
    yield Row(
        "arbitrage profit, bp a day, blocks at Poisson times, exact", 1.42081, arbitraged_away(PoissonBlocks()), 5e-6
    )
    share = 1.0 / (1.0 + 1.7164 * 0.0005 / (SIGMA * math.sqrt(BLOCK)))
    source = "blocks at fixed times: loss / (1 + 1.7164 gamma / (sigma sqrt(dt))), which is nearly so"
    fixed = arbitraged_away(FixedBlocks())
    yield Row("arbitrage profit, bp a day, blocks at fixed times, exact", 3.125 * share, fixed, 0.005, source=source)
    market = replace(pool_fee_orders(), reward=InventoryPenalty(noise=0.0), clock=FiniteHorizon(0.025, 60))
    best, coarse = (solved(FeeGrid(market, nodes)) for nodes in (33, _NODES))
    found = mean(play(market, best, max(5_000, asked.episodes // 2), asked.seed).objective)
    off = 2.1 * found.half_width + abs(best.worth - coarse.worth)
    source = "the recursion's worth, price units, four standard errors"
    yield Row("60 blocks of the best fees, simulated", best.worth, found.value, off, source=source)
