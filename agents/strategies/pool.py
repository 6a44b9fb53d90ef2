"""Rules of a pool's provider: where to place liquidity, and when to place it anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.observed import natural_units
from mm_env.core.component import record
from mm_env.core.parameters import Interval, NonNegative, Positive, Probability, check, check_fields
from mm_env.market import Market
from mm_env.portfolio import ProportionalFees
from mm_env.rollout import with_hedges
from mm_env.venue.pool.closed_forms import narrow_half_width, optimal_half_width, patient_exit
from mm_env.venue.pool.ranges import FULL, Range, RangeGrid
from mm_env.venue.pool.several import Ranges

Floats = NDArray[np.float64]
_POISSON, _FIXED = (
    math.sqrt(2.0),
    1.7164,
)  # how much of a log fee arbitrageurs wait for, in a block's standard deviation


@dataclass(frozen=True)
class Provider(MarketPolicy):
    """A range of `half_width` (log price) around the pool's price, as near as the quoting has it, placed at the first step
    and anew whenever the pool's log price is `leaves_at` or more from its middle: None, where it leaves the range;
    infinity, never.

    It is told apart by where arbitrageurs will have left the price, who come first. Where several positions may be held it
    holds one, the first, with all of the capital.
    """

    market: Market
    half_width: Positive
    leaves_at: float | None = None

    def __post_init__(self) -> None:
        check("Provider.half_width", self.half_width, Interval(0.0, low_open=True))
        check_provides(self.market)
        if self.leaves_at is not None and not self.leaves_at > 0.0:
            raise ValueError(f"Provider.leaves_at must be > 0, or None, got {self.leaves_at}")

    @classmethod
    def fixed(cls, market: Market, half_width: float) -> Provider:
        """Placed once and never moved."""
        return cls(market, half_width, math.inf)

    @classmethod
    def full_range(cls, market: Market) -> Provider:
        """Over all prices, or the widest range there is, for ever: constant product."""
        return cls(market, FULL, math.inf)

    @classmethod
    def optimal(cls, market: Market) -> Provider:
        """Placed anew on exit, with the half-width that grows fastest: `optimal_half_width` of the market's `PoolTheory`."""
        told = PoolTheory.of(market)
        return cls(market, optimal_half_width(told.income, told.sigma, told.cost))

    @classmethod
    def cartea_drissi_monga(cls, market: Market) -> Provider:
        """Placed anew on exit, with the half-width of Cartea, Drissi & Monga 2024: `narrow_half_width`."""
        told = PoolTheory.of(market)
        return cls(market, narrow_half_width(told.income, told.sigma, told.cost))

    @classmethod
    def patient(cls, market: Market) -> Provider:
        """The narrowest range there is, placed anew where waiting for the price to come back pays no longer: `patient_exit`."""
        told, quote = PoolTheory.of(market), market.quote
        narrowest = float(quote.half_widths[0] if isinstance(quote, RangeGrid) else record(quote).min_half_width)
        return cls(market, narrowest, patient_exit(narrowest, told.income, told.sigma, told.cost))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, width), or (n,) if discrete, at observations (n, k)."""
        _, half_width, offset, gap = seen_at(self.market, observations)
        offset, _ = arbitraged(self.market, offset, gap)
        away = half_width if self.leaves_at is None else self.leaves_at
        left = (half_width == 0.0) | (offset < -away) | (offset >= away)
        return placing(self.market, np.full(len(observations), self.half_width), left)


@dataclass(frozen=True)
class Hold(MarketPolicy):
    """No liquidity is ever placed: what is held at the start stays."""

    market: Market

    def __post_init__(self) -> None:
        check_provides(self.market)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, width), or (n,) if discrete, at observations (n, k)."""
        n = len(observations)
        return placing(self.market, np.full(n, FULL), np.ones(n, np.bool_), share=0.0)


@dataclass(frozen=True)
class DeltaHedged(MarketPolicy):
    """A provider whose inventory is offset in a `market` with one hedge: minus what is held, as near as it can be."""

    market: Market
    provider: Any

    def __post_init__(self) -> None:
        check_provides(self.market)
        if len(self.market.hedges.names) != 1:
            raise ValueError(
                f"DeltaHedged needs a market with one hedge (Market.hedges), as it does not say how several share, got "
                f"{self.market.hedges}"
            )

    @classmethod
    def of(cls, market: Market, provider: Any) -> DeltaHedged:
        """Of a provider, or what makes one of a market."""
        return cls(market, provider(market) if callable(provider) else provider)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, width) at observations (n, k)."""
        actions = np.asarray(self.provider.act(observations), np.float64)
        held = observations[:, self.market.observation_names.index("inventory")].astype(np.float64)
        wanted = self.market.hedges.encode(-self.market.inventory_scale * held[:, None])
        return np.concatenate([actions[:, :-1], wanted], axis=-1)


@dataclass(frozen=True)
class FeeRule(MarketPolicy):
    """A designer's fee: `fee`, and `by_mispricing` of the distance of the pool's log price from the mid: what stale prices
    cost."""

    market: Market
    fee: Probability
    by_mispricing: NonNegative = 0.0

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)  # pyright: ignore[reportArgumentType]
        if not hasattr(self.market.quote, "encode_fees"):
            raise ValueError(f"FeeRule needs a market whose quoting is a DynamicFee, got {self.market.quote}")

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, 1) at observations (n, k)."""
        _, _, _, gap = seen_at(self.market, observations)
        fees: Any = self.market.quote
        return with_hedges(self.market, fees.encode_fees(self.fee + self.by_mispricing * np.abs(gap)))


class PoolTheory(NamedTuple):
    """What closed forms of a narrow range take of a market."""

    income: float  # fees of L sqrt(P) a unit of time, with the part of sigma^2 / 4 that arbitrageurs pay in fees
    sigma: float  # 1 / sqrt(time)
    cost: float  # of placing anew, by the position's value

    @classmethod
    def of(cls, market: Market) -> PoolTheory:
        """Those of a market with a pool and a Geometric mid.

        With blocks `dt` apart arbitrageurs keep 1 / (1 + k gamma / (sigma sqrt(dt))) of loss versus rebalancing, gamma the
        log fee; k = sqrt(2) where blocks come at Poisson times (Milionis, Moallemi & Roughgarden 2023), else 1.7164,
        nearly.

        Raises: ValueError for another market.
        """
        check_provides(market)
        venue, price, quote = record(market.venue), market.price, market.quote
        sigma = float(getattr(price, "sigma", math.nan)) if price.relative else math.nan
        if math.isnan(sigma):
            raise ValueError(f"closed forms of a range are of a Geometric mid, got {price}")
        dt, markup = market.clock.step_length, venue.fee / (1.0 - venue.fee)
        income = 0.0
        for chance, orders in market.venue.traders.outcomes(venue.fee, dt, None):  # pyright: ignore
            moves = math.expm1(0.5 * orders.up) + math.expm1(0.5 * orders.down)
            income += chance * markup * (2.0 * orders.turnover + moves) / dt
        spread = (_POISSON if market.venue.blocks.random else _FIXED) * -math.log1p(-venue.fee)  # pyright: ignore
        kept = 1.0 / (1.0 + spread / (sigma * math.sqrt(dt)))
        taker = float(market.fees.taker) if isinstance(market.fees, ProportionalFees) else 0.0
        cost = venue.gas / float(quote.capital) + 0.5 * taker  # pyright: ignore[reportAttributeAccessIssue]
        return cls(income + 0.25 * sigma**2 * (1.0 - kept), sigma, cost)


def middling_provider(market: Market) -> Any:
    """Who places the middle range once, or charges the middle fee: what to measure other providers' rewards by."""
    quote: Any = market.quote
    if isinstance(quote, RangeGrid):
        return Provider.fixed(market, quote.half_widths[len(quote.half_widths) // 2])
    if isinstance(quote, Range | Ranges):
        return Provider.fixed(market, math.sqrt(quote.min_half_width * quote.max_half_width))
    return FeeRule(market, 0.5 * (quote.min_fee + quote.max_fee))


def placing(market: Market, half_width: Floats, moves: NDArray[np.bool_], share: float = 1.0) -> NDArray[Any]:
    """The actions that place a share of the capital in ranges (n,) where `moves`, with 0 for each hedge."""
    quote: Any = market.quote
    actions = quote.encode_placements(half_width, np.full(len(half_width), share), moves)
    return with_hedges(market, actions) if quote.space.shape else actions


def check_provides(market: Any) -> None:
    """Refuse a market in which no liquidity is placed. Raises: ValueError."""
    if not isinstance(market, Market) or not isinstance(market.quote, Range | RangeGrid | Ranges):
        quote = getattr(market, "quote", market)
        raise ValueError(f"a provider's rule needs a Pool, and a Range, RangeGrid or Ranges in it, got {quote}")


def seen_at(market: Market, observations: NDArray[np.float32]) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Step, half-width of the range (0 of none), the pool's log price from its middle, and that from the mid, all (n,), as
    observations (n, k) show them."""
    venue: Any = market.venue
    column = {name: i for i, name in enumerate(market.observation_names)}
    seen = observations.astype(np.float64)
    _, left = natural_units(market, observations)
    step = market.clock.steps - np.rint(left / market.clock.step_length).astype(np.int64)
    share = np.minimum(seen[:, column["range_half_width"]], 1.0 - 1e-9)
    half_width = float(venue.width_scale) * share / (1.0 - share)
    offset = float(venue.width_scale) * seen[:, column["range_offset"]]
    return step, half_width, offset, -float(venue.mispricing_scale) * seen[:, column["mispricing"]]


def seen_ranges(market: Market, observations: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Half-widths of all ranges (0 of none) and the pool's log price from their middles, (n, K), as observations show them."""
    names, scale = market.observation_names, float(market.venue.width_scale)  # pyright: ignore[reportAttributeAccessIssue]
    share, offset = (
        observations[:, [i for i, name in enumerate(names) if name.startswith(of)]].astype(np.float64)
        for of in ("range_half_width", "range_offset")
    )
    share = np.minimum(share, 1.0 - 1e-9)
    return scale * share / (1.0 - share), scale * offset


def arbitraged(market: Market, offset: Floats, gap: Floats) -> tuple[Floats, Floats]:
    """The same two of the pool's log price once arbitrageurs have traded, who come before what is decided now."""
    reach = -np.log1p(-float(market.venue.fee))  # pyright: ignore[reportAttributeAccessIssue]
    after = np.clip(gap, -reach, reach)
    return offset + after - gap, after
