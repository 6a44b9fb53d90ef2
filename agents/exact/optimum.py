"""The exact optimum of any market that has one, by whatever solves it."""

from __future__ import annotations

from typing import Any

from agents.exact.desk.kept import kept_optimum
from agents.exact.evaluation import NODES
from agents.exact.financed_optimum import financed_optimum
from agents.exact.hedged_optimum import hedged_optimum
from agents.exact.pool.fee_optimum import fee_optimum
from agents.exact.pool.optimum import pool_optimum
from agents.exact.quote_optimum import Optimum, quote_optimum
from agents.exact.wealth_grid import wealth_of
from agents.exact.wealth_optimum import wealth_optimum
from mm_env.core.parameters import Interval, check
from mm_env.desk.desk import Desk

__all__ = ["KEPT_FROM", "Optimum", "optimum"]

KEPT_FROM = 0.5  # seconds


def optimum(market: Any, nodes: int = NODES, kept_from: float = KEPT_FROM) -> Any:
    """The optimum of `market`, its latent state (if it has one that matters) on a grid of `nodes`; of a `Desk` its
    `OptimalQuotes`, of a pool's provider a `PoolOptimum`, of its designer a `FeeOptimum`.

    What takes longer than `kept_from` seconds to solve is kept on disk, beside the machine code.

    Raises: ValueError if there are fewer than 5 nodes; Unsolvable, saying which part of the market stands in the way.
    """
    check("nodes", nodes, Interval(5, whole=True))  # half of fewer would be no coarser grid to tell the error by
    if isinstance(market, Desk):
        return kept_optimum(market, kept_from)
    if market.financing.names:
        return financed_optimum(market, lambda own: optimum(own, nodes, kept_from), kept_from)
    if market.venue.takes_ranges:
        return (fee_optimum if market.quote.sets_fee else pool_optimum)(market, kept_from)
    if market.hedges.names:
        return hedged_optimum(market, nodes, kept_from)
    if wealth_of(market):
        return wealth_optimum(market, nodes, kept_from)
    return quote_optimum(market, nodes, kept_from)
