"""The compiled search for the parameters at which a quote is worth the least."""

from __future__ import annotations

import math

from agents.exact.quote_search import GOLDEN, quote_value, with_drift
from mm_env.core.component import load
from mm_env.core.maths import scalar

_GRID, _SWEEPS = 7, 4  # points along each range that are looked at first, and how often all lines are searched at most
_POINTS, _LOOKS = 8, 32  # of the search along a line: looked at first, then golden sections


@scalar
def worth_under(market, quoted, place, setting, point):
    """E[money from the step + what follows] of an action where the parameters are those of `point`."""
    numbers, rows, owners = setting
    for r in range(rows.shape[0]):
        numbers[rows[r]] = point[owners[r]]
    rules = load(market, numbers, 0, 1)
    now = rules.now(place.state, ())
    drift = rules.price.expected(0.0, place.state.world.price, rules.clock.dt(), now)
    return quote_value(rules, quoted, with_drift(place, drift))


@scalar
def descend(market, quoted, place, setting, low, high, point, trial):
    """The least value, at the point that is left in `point`: of a grid, then along each range and within each pair of them."""
    n = low.shape[0]
    lowest, at_corner = math.inf, True
    for cell in range(_GRID**n):
        rest, corner = cell, True
        for d in range(n):
            node, rest = rest % _GRID, rest // _GRID
            corner = corner and (node == 0 or node == _GRID - 1)
            share = node / (_GRID - 1.0)
            trial[d] = (1.0 - share) * low[d] + share * high[d]
        worth = worth_under(market, quoted, place, setting, trial)
        if worth < lowest:
            lowest, at_corner = worth, corner
            keep(trial, point)
    for _ in range(_SWEEPS):
        before = lowest
        for d in range(n):
            for e in range(d, n if not at_corner else d + 1):
                keep(point, trial)
                worth = lower_pair(market, quoted, place, setting, low, high, trial, d, e)
                if worth < lowest:
                    lowest = worth
                    keep(trial, point)
        if not before - lowest > 1e-13 * (abs(before) + 1e-3):
            break
    return lowest


@scalar
def keep(source, target):
    """Copy a point."""
    for d in range(source.shape[0]):
        target[d] = source[d]


@scalar
def lower_pair(market, quoted, place, setting, low, high, trial, d, e):
    """The least value over ranges d and e (one alone if they are the same), where `trial` is left."""
    lowest, best, best_other = math.inf, trial[d], trial[e]
    left, right, middle, at_middle = low[d], high[d], low[d], math.inf
    for look in range(_POINTS + 1 + _LOOKS if d != e else 1):
        trial[d], left, right, middle = look_at(look, _POINTS, low[d], high[d], left, right, middle, best)
        worth = lower_line(market, quoted, place, setting, low, high, trial, e)
        if worth < lowest:
            lowest, best, best_other = worth, trial[d], trial[e]
        if look > _POINTS:
            left, right, middle, at_middle = narrowed(left, right, middle, at_middle, trial[d], worth)
    trial[d], trial[e] = best, best_other
    return lowest


@scalar
def lower_line(market, quoted, place, setting, low, high, trial, d):
    """The least value along range `d` through `trial`, which moves there."""
    lowest, best = math.inf, low[d]
    left, right, middle, at_middle = low[d], high[d], low[d], math.inf
    for look in range(_POINTS + 1 + _LOOKS):
        trial[d], left, right, middle = look_at(look, _POINTS, low[d], high[d], left, right, middle, best)
        worth = worth_under(market, quoted, place, setting, trial)
        if worth < lowest:
            lowest, best = worth, trial[d]
        if look > _POINTS:
            left, right, middle, at_middle = narrowed(left, right, middle, at_middle, trial[d], worth)
    trial[d] = best
    return lowest


@scalar
def look_at(look, points, low, high, left, right, middle, best):
    """Where a line search looks next, and its bracket and the inner point: evenly spaced points from low to high first, then
    golden sections around the best of them, each at the mirror image of the inner point."""
    spacing = (high - low) / points
    if look <= points:
        return min(low + look * spacing, high), left, right, middle
    if look == points + 1:
        left, right = max(low, best - spacing), min(high, best + spacing)
        middle = left + GOLDEN * (right - left)
        return middle, left, right, middle
    return left + right - middle, left, right, middle


@scalar
def narrowed(left, right, middle, at_middle, probe, worth):
    """One golden section toward the lowest: the bracket and its inner point after a look at `probe`."""
    below = probe < middle
    if worth < at_middle:
        ends = (left, right) if probe == middle else (left, middle) if below else (middle, right)
        return ends[0], ends[1], probe, worth
    return (probe, right, middle, at_middle) if below else (left, probe, middle, at_middle)
