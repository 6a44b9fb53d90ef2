"""The Poisson order book of Cont, Stoikov & Talreja 2010, sec. 3.2: its parameters by distance from the opposite best quote.

Sizes are counted in mean limit orders: lambda(i) limit orders arrive per second at i ticks from the opposite best quote,
theta(i) is the rate at which each order resting there is cancelled, mu market orders arrive per second; all for one side of
the book, both sides pooled. lambda(i) = scale i^-exponent by least squares over all distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import curve_fit

from experiments.calibration.blocks import Floats, Measured, block_of, exposure, ratio, sums
from experiments.calibration.levels import DELETE, NEW, PARTIAL, Rate, Side, rates, sides, time_in
from mm_env.data.recording import Ints, Recording


@dataclass(frozen=True)
class ZeroIntelligence:
    """lambda, theta and resting volume at distances 1, 2, ... ticks, and mu."""

    unit: float  # the mean limit order, units of the instrument
    market_size: Measured  # the mean market order, in mean limit orders
    arrival: list[Rate]  # lambda(i), orders per second
    cancellation: list[Rate]  # theta(i), per resting order and second
    depth: list[Measured]  # orders resting at i, time average
    market: Measured  # mu: market orders per second and side, times `market_size`
    scale: float  # of the power law, orders per second
    exponent: float
    gap: float  # root mean square of lambda(i) less the power law, over that of lambda(i) less its mean


def zero_intelligence(recording: Recording, distances: int) -> ZeroIntelligence | None:
    """The estimators of sec. 3.2 by distance; None where single messages are not recorded, or no limit order is.

    A distance counts while it lies within the visible levels. Errors are by batch means.
    """
    both, messages, orders = sides(recording), recording.messages, recording.orders
    if both is None or messages is None or not (new := messages.kind == NEW).any():
        return None
    unit = float(messages.size[new].mean())
    seen = np.sum([_seen(side, distances) for side in both], axis=0)
    volume = np.sum([_volume(side, distances) for side in both], axis=0) / unit
    arrivals = _counted(both, distances, (NEW,))
    cancels = _counted(both, distances, (PARTIAL, DELETE))
    arrival = rates(arrivals[0], arrivals[1], seen, distances)
    block = block_of(recording, orders.time)
    market_size = ratio(sums(block, orders.size) / unit, sums(block))
    scale, exponent, gap = _power_law(np.array([rate.rate.value for rate in arrival]))
    return ZeroIntelligence(
        unit,
        market_size,
        arrival,
        rates(cancels[0], cancels[1], volume, distances, weight=cancels[2] / unit),
        [ratio(volume[:, i], seen[:, i]) for i in range(distances)],
        ratio(sums(block, orders.size) / unit, 2.0 * exposure(recording)),
        scale,
        exponent,
        gap,
    )


def _seen(side: Side, distances: int) -> Floats:
    """(BLOCKS, distances) seconds in which each distance lay within the visible levels.

    Where the side has fewer levels than the file has columns, all of it is seen.
    """
    last = side.price[:, -1]
    furthest = np.where(last > -(2**59), np.clip(side.opposite - last, 0, distances), distances)
    by_furthest = time_in(furthest, side.block, side.seconds, distances + 1)
    return np.cumsum(by_furthest[:, ::-1], axis=1)[:, ::-1][:, 1:]


def _volume(side: Side, distances: int) -> Floats:
    """(BLOCKS, distances) integral of the size that rests at each distance, units x seconds."""
    away = side.opposite[:, None] - side.price
    near = (away >= 1) & (away <= distances) & (side.size > 0)
    block = np.broadcast_to(side.block[:, None], away.shape)
    weight = side.seconds[:, None] * side.size
    return time_in(away[near] - 1, block[near], weight[near], distances)


def _counted(both: tuple[Side, Side], distances: int, kinds: tuple[int, ...]) -> tuple[Ints, Ints, Floats]:
    """(distance - 1, block, size) of the messages of some kinds within the visible levels."""
    found = []
    for side in both:
        away, last = side.opposite - side.order_price, side.price[:, -1]
        visible = (last < -(2**59)) | (side.order_price >= last)
        mask = np.isin(side.kind, kinds) & visible & (away >= 1) & (away <= distances)
        found.append((away[mask] - 1, side.block[mask], side.order_size[mask]))
    return tuple(np.concatenate(parts) for parts in zip(*found))  # pyright: ignore[reportReturnType]


def _power_law(arrival: Floats) -> tuple[float, float, float]:
    """(scale, exponent, relative gap) of the least-squares power law through lambda(1), lambda(2), ..."""
    distance, known = np.arange(1.0, len(arrival) + 1.0), np.isfinite(arrival)
    if known.sum() < 3 or not (arrival[known] > 0.0).any():
        return np.nan, np.nan, np.nan
    x, y = distance[known], arrival[known]
    try:
        (scale, exponent), _ = curve_fit(lambda i, k, a: k * i**-a, x, y, (max(y[0], y.max()), 0.5), maxfev=10_000)
    except RuntimeError:  # no power law is near the rates
        return np.nan, np.nan, np.nan
    spread = float(((y - y.mean()) ** 2).mean())
    gap = float(np.sqrt(((y - scale * x**-exponent) ** 2).mean() / spread)) if spread > 0.0 else np.nan
    return float(scale), float(exponent), gap
