"""Static arbitrage in a surface: quotes that no model can fit, whatever its parameters.

Each violation is measured in volatility points: how far the one quote that matters most would have to move to cure it.
Quotes are rounded and have a spread, so that small ones are in every real surface; large ones are mistakes in the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from experiments.calibration.options.surface import Smile, Surface

ROUNDING = 1e-12  # of the forward: what differs by less is equal


class Violation(NamedTuple):
    """A place where the surface has arbitrage."""

    kind: str  # vertical, butterfly or calendar
    where: str
    rule: str
    points: float  # volatility points


def violations(surface: Surface) -> list[Violation]:
    """All that there are, by maturity."""
    found = [each for smile in surface.smiles for each in (*_vertical(smile, surface), *_butterfly(smile, surface))]
    pairs = zip(surface.smiles, surface.smiles[1:])
    return found + [each for short, long in pairs for each in _calendar(short, long, surface)]


def _vertical(smile: Smile, surface: Surface) -> Iterator[Violation]:
    """-(K' - K) <= c(K') - c(K) <= 0 for undiscounted calls at K < K'."""
    calls, vegas = smile.calls(surface.spot)
    change, width = np.diff(calls), np.diff(smile.strikes)
    excess, vega = np.maximum(change, -width - change), np.maximum(vegas[:-1], vegas[1:])
    for i in np.flatnonzero(excess > ROUNDING * surface.spot):
        rule = "calls must fall with the strike, by no more than the strike rises"
        where = f"strikes {smile.strikes[i]:g} and {smile.strikes[i + 1]:g}, {smile.days:g} days"
        yield Violation("vertical", where, rule, _points(excess[i], vega[i]))


def _butterfly(smile: Smile, surface: Surface) -> Iterator[Violation]:
    """c(K) is convex: none lies above the chord of its neighbours."""
    if len(smile.strikes) < 3:
        return
    calls, vegas = smile.calls(surface.spot)
    share = (smile.strikes[1:-1] - smile.strikes[:-2]) / (smile.strikes[2:] - smile.strikes[:-2])
    excess = calls[1:-1] - (1.0 - share) * calls[:-2] - share * calls[2:]
    vega = np.maximum(vegas[1:-1], np.maximum((1.0 - share) * vegas[:-2], share * vegas[2:]))
    for i in np.flatnonzero(excess > ROUNDING * surface.spot):
        where = f"strike {smile.strikes[i + 1]:g}, {smile.days:g} days"
        yield Violation("butterfly", where, "calls must be convex in the strike", _points(excess[i], vega[i]))


def _calendar(short: Smile, long: Smile, surface: Surface) -> Iterator[Violation]:
    """w = vol^2 years does not fall with maturity at a fixed strike / forward; w is linear between quotes in its log."""
    ours, theirs = short.log_moneyness(surface.spot), long.log_moneyness(surface.spot)
    low, high = max(ours[0], theirs[0]), min(ours[-1], theirs[-1])
    places = np.unique(np.r_[ours, theirs])
    places = places[(places >= low) & (places <= high)]
    before = np.interp(places, ours, short.vols**2 * short.years)
    after = np.interp(places, theirs, long.vols**2 * long.years)
    points = 100.0 * (np.sqrt(before / long.years) - np.sqrt(after / long.years))
    for i in np.flatnonzero(points > 1e-9):
        where = f"strike {np.exp(places[i]) * long.forward(surface.spot):.6g}, {short.days:g} to {long.days:g} days"
        rule = "total variance must not fall with maturity at a fixed strike / forward"
        yield Violation("calendar", where, rule, float(points[i]))


def _points(excess: float, vega: float) -> float:
    return float("inf") if vega <= 0.0 else 100.0 * float(excess / vega)
