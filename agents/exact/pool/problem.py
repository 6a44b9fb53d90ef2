"""What a pool's provider is solved by: whether a market is such, and its grid of states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from mm_env.clock import FiniteHorizon
from mm_env.core.component import differs, leaves, record
from mm_env.hedges import NoHedges
from mm_env.margin import NoMargin
from mm_env.market import Market
from mm_env.portfolio import Fees, ProportionalFees
from mm_env.price.models import Geometric
from mm_env.reward import InventoryPenalty, Reward
from mm_env.venue.pool.blocks import FixedBlocks, PoissonBlocks
from mm_env.venue.pool.exploits import NoExploits
from mm_env.venue.pool.pool import Pool
from mm_env.venue.pool.ranges import RangeGrid
from mm_env.venue.pool.traders import Traders

Floats = NDArray[np.float64]
_REACH = 6.0  # standard deviations of the horizon that prices are followed to
FINENESS = 5.0  # nodes of the price in a block's standard deviation
BAND = 9  # nodes of the band of the fee


def check_pool(market: Market) -> None:
    """Refuse a market of a pool whose provider has no exact recursion.

    Raises: Unsolvable, saying which part of the market stands in the way.
    """
    quote: Any = market.quote
    slots = len(record(quote).slots())
    if slots > 1:
        raise Unsolvable(
            f"quote: a pool's recursion is of one range at a time; each further one of {slots} adds its width and the price's "
            "place in it to the state. Where swaps outside cost no fees, the best single range (RangeGrid) is worth as much as "
            f"several of such widths. Got {quote}"
        )
    if type(quote) is not RangeGrid:
        raise Unsolvable(f"quote: a pool's recursion is over a list of ranges (RangeGrid), or of a fee, got {quote}")
    if not quote.moves_freely:
        raise Unsolvable(f"quote: a pool's recursion is where any state may be kept, and left, got {quote}")
    check_parts(market)
    if type(market.fees) is Fees and market.fees.taker != 0.0:
        raise Unsolvable(f"fees: what a unit costs must be a share of its price (ProportionalFees), got {market.fees}")


def check_parts(market: Market) -> None:
    """Refuse a market of a pool in which, whoever acts, no few numbers make a state.

    Raises: Unsolvable, saying which part of the market stands in the way.
    """
    for leaf in leaves(market):
        if differs(leaf.value) and leaf.path != "initial_inventory":
            raise Unsolvable(f"{leaf.path} differs by lane: {leaf.value}")
    named: dict[str, tuple[Any, tuple[type, ...], str]] = {
        "price": (market.price, (Geometric,), "of a Geometric mid"),
        "clock": (market.clock, (FiniteHorizon,), "of a finite horizon"),
        "hedges": (market.hedges, (NoHedges,), "without hedges"),
        "margin": (market.margin, (NoMargin,), "without margin"),
        "reward": (market.reward, (InventoryPenalty, Reward), "of the profit"),
        "venue": (market.venue, (Pool,), "of a Pool"),
        "fees": (market.fees, (Fees, ProportionalFees), "of Fees or ProportionalFees"),
    }
    for name, (part, kinds, what) in named.items():
        if type(part) not in kinds:
            raise Unsolvable(f"{name}: a pool's recursion is {what}, got {part}")
    _check_numbers(market, market.venue)


def _check_numbers(market: Any, venue: Any) -> None:
    if market.price.drift != 0.0:
        raise Unsolvable(f"price: a pool's recursion is of a mid without drift, got {market.price}")
    if getattr(market.reward, "phi", 0.0) or getattr(market.reward, "alpha", 0.0):
        raise Unsolvable(f"reward: a pool's recursion is of the profit, without penalties, got {market.reward}")
    for name in ("arbitrage_gas", "oracle_lag"):
        if getattr(venue, name) != 0.0:
            raise Unsolvable(f"venue: a pool's recursion is with {name} 0, got {getattr(venue, name)}")
    if type(venue.exploits) is not NoExploits:
        raise Unsolvable(f"venue: a pool's recursion is without exploits, got {venue.exploits}")
    if type(venue.blocks) not in (FixedBlocks, PoissonBlocks):
        raise Unsolvable(f"venue: a pool's recursion is of FixedBlocks or PoissonBlocks, got {venue.blocks}")
    if type(venue.traders).outcomes is Traders.outcomes:
        raise Unsolvable(
            f"venue: {type(venue.traders).__name__} needs a method outcomes(fee, dt, now), all they may do"
        )


@dataclass(frozen=True)
class Grid:
    """The states of a provider: a range, one of `half_widths` or none, the last; the pool's log price from its middle, and from
    the mid."""

    market: Market
    fineness: float = FINENESS
    band: int = BAND

    @property
    def sigma(self) -> float:
        return float(self.market.price.sigma)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def dt(self) -> float:
        return self.market.clock.step_length

    @property
    def log_fee(self) -> float:
        """How far the pool's log price may be from the mid's before it is arbitraged."""
        return -math.log1p(-float(self.market.venue.fee))  # pyright: ignore[reportAttributeAccessIssue]

    @cached_property
    def half_widths(self) -> Floats:
        return np.array(self.market.quote.half_widths)  # pyright: ignore[reportAttributeAccessIssue]

    @cached_property
    def scale(self) -> Floats:
        """The liquidity of each range by the root of the price in its middle, price units; 0 for none."""
        capital = float(self.market.quote.capital)  # pyright: ignore[reportAttributeAccessIssue]
        return np.append(0.5 * capital / -np.expm1(-0.5 * self.half_widths), 0.0)

    @property
    def spacing(self) -> float:
        return self.sigma * math.sqrt(self.dt) / self.fineness

    @cached_property
    def offsets(self) -> Floats:
        """Log prices from the middle of a range; 0 is one of them."""
        reach = _REACH * self.sigma * math.sqrt(self.market.clock.horizon) + 2.0 * self.log_fee
        nodes = math.ceil(reach / self.spacing)
        return np.asarray(self.spacing * np.arange(-nodes, nodes + 1), np.float64)

    @cached_property
    def gaps(self) -> Floats:
        """The pool's log price less the mid's once it is arbitraged."""
        return np.linspace(-self.log_fee, self.log_fee, self.band if self.log_fee > 0.0 else 1).astype(np.float64)

    def range_of(self, place: int) -> float:
        """The half-width of a range by its place, 0.0 of none."""
        return float(self.half_widths[place]) if place < len(self.half_widths) else 0.0
