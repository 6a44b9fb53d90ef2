"""The spread, the market orders, and what the mid does after them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import Measured, block_of, exposure, rate, ratio, spread_over_blocks, sums
from mm_env.data.recording import SECOND, Recording

BUY, SELL = 1, -1


@dataclass(frozen=True)
class Spread:
    """The best ask less the best bid, weighted by how long each value held."""

    mean: Measured  # price units
    one_tick: Measured  # the share of time at one tick
    bid_size: Measured  # time-weighted size at the best bid
    ask_size: Measured


@dataclass(frozen=True)
class MarketOrders:
    """Visible market orders, of both sides."""

    count: int
    rate: Measured  # per second
    buys: Measured
    sells: Measured
    size: Measured  # mean
    median_size: float
    walking: Measured  # the share that pays more than one price
    dispersion: float  # variance / mean of the counts in blocks; 1 for a Poisson process


@dataclass(frozen=True)
class Impact:
    """Where the mid went, in the order's direction, from just before a market order to `horizon` seconds after it."""

    horizon: float
    mean: Measured  # price units
    orders: int


def spread(recording: Recording) -> Spread:
    """Time-weighted means; errors by batch means."""
    quotes, end = recording.quotes, np.r_[recording.quotes.time[1:], recording.length]
    ticks = quotes.ask - quotes.bid
    paths = (ticks * recording.tick, ticks == 1, quotes.bid_size, quotes.ask_size)
    held = spread_over_blocks(recording, quotes.time, end, np.ones(len(ticks)))
    return Spread(*(ratio(spread_over_blocks(recording, quotes.time, end, path), held) for path in paths))


def orders(recording: Recording) -> MarketOrders:
    """Rates, sizes and walks; errors by batch means."""
    made, blocks = recording.orders, block_of(recording, recording.orders.time)
    counts, seconds = sums(blocks), exposure(recording)
    return MarketOrders(
        count=len(made.time),
        rate=rate(counts, seconds),
        buys=rate(sums(blocks, made.side == BUY), seconds),
        sells=rate(sums(blocks, made.side == SELL), seconds),
        size=ratio(sums(blocks, made.size), counts),
        median_size=float(np.median(made.size)) if len(made.size) else np.nan,
        walking=ratio(sums(blocks, made.prices > 1), counts),
        dispersion=float(counts.var(ddof=1) / counts.mean()) if len(made.time) else np.nan,
    )


def impact(recording: Recording, horizon: float) -> Impact:
    """E[side (mid(t + h) - mid(t-))] over market orders: what a maker who was hit at the mid has lost h seconds later."""
    made, quotes = recording.orders, recording.quotes
    later = made.time + round(horizon * SECOND)
    seen = (later <= recording.length) & recording.whole(made.time, later)
    time, side = made.time[seen], made.side[seen]
    change = quotes.twice_mid[quotes.at(later[seen])] - quotes.twice_mid[quotes.before(time)]
    blocks = block_of(recording, time)
    return Impact(horizon, ratio(sums(blocks, 0.5 * recording.tick * side * change), sums(blocks)), int(seen.sum()))


def impacts(recording: Recording, horizons: Iterable[float]) -> list[Impact]:
    """The impact at each horizon."""
    return [impact(recording, h) for h in horizons]
