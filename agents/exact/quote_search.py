"""The best quotes at each inventory, given what each inventory is worth: the compiled search inside the optimum."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import count, load
from mm_env.core.maths import exp, log, scalar
from mm_env.core.tuples import each, first, weighted
from mm_env.state import held_at

GOLDEN = 0.6180339887498949
_WIDTH = 1e-7  # of the action range: the objective is flat at its maximum, so this leaves an error of 1e-14 of it
_GAIN = 1e-13  # relative: a sweep that gains less is the last
_SWEEPS, _LOOKS = 20, 60


class Place(NamedTuple):
    """Where quotes are sought: the state of the market, and what each cell is worth after the trades."""

    state: Any  # of the market
    ahead: Any  # (n,), with the cells of one node from `base` on
    base: int
    cells: int  # of a node
    levels: int  # of inventory
    lowest: float  # inventory
    orders: float  # a unit
    gamma: float  # of a utility; else 0
    drift: float  # of the mid, where it is not part of `ahead`
    wealth: Any = ()  # (Wealth,) where what follows depends on it too


class Wealth(NamedTuple):
    """Where the account stands on the grid of wealth; `ahead` then has `nodes` numbers a cell, the lowest wealth first."""

    now: float  # price units
    lowest: float
    spacing: float
    nodes: int
    added: float  # 1.0 where what is gained is part of the worth, 0.0 where `ahead` is of the wealth itself


def improve(
    market: Any, state: Any, action: Any, places: Any, step: float, gamma: float, discrete: float, ways: Any, scan: int,
    starts: Any, ahead: Any, cells: int, levels: int, value: Any, actions: Any,
) -> None:  # fmt: skip
    """The best action and its value at each (node, cell), given what each cell is worth `ahead`.

    Continuous actions are improved from those already there and, for each number of orders that a market order may close,
    from the best of `starts` (n, width).
    """
    width = count(action)
    here, trial, other, firsts = np.empty(width), np.empty(width), np.empty(width), np.empty(levels, np.int64)
    for i in range(value.shape[0]):
        held = i % levels * market.order_size - market.max_inventory
        found = held_at(load(state, places, i // levels * count(state), 1), step, held)
        place = place_at(market, found, ahead, i // cells * cells, cells, levels, gamma, 0.0)
        if discrete > 0.0:
            value[i] = best_choice(market, action, place, discrete, here)
        else:
            for d in range(width):
                here[d] = actions[i * width + d]
            value[i] = ascend(market, action, place, width, here, trial, ways, scan)
            pick(market, action, place, starts, firsts)
            for closed in range(levels if starts.shape[0] > 0 else 0):
                if firsts[closed] >= 0:
                    for d in range(width):
                        other[d] = starts[firsts[closed], d]
                    top = ascend(market, action, place, width, other, trial, ways, scan)
                    if top > value[i]:
                        value[i] = top
                        for d in range(width):
                            here[d] = other[d]
        for d in range(width):
            actions[i * width + d] = here[d]


@scalar
def best_choice(market, action, place, choices, here):
    """The value of the best of finitely many actions, which is left in `here`."""
    best, chosen = -math.inf, 0.0
    for choice in range(int(choices)):
        here[0] = float(choice)
        worth = quote_value(market, load(action, here, 0, 1), place)
        if worth > best:
            best, chosen = worth, here[0]
    here[0] = chosen
    return best


@scalar
def pick(market, action, place, starts, firsts):
    """Write for each number of orders that a market order closes the best of `starts`, -1 if none closes so many."""
    for closed in range(firsts.shape[0]):
        firsts[closed] = -1
    for i in range(starts.shape[0]):
        quoted = load(action, starts[i], 0, 1)
        cut = market.quoted(quoted, place.state).cut
        closed = int(market.orders_cut(place.state.account.inventory, cut))
        if closed < firsts.shape[0]:
            worth, first = quote_value(market, quoted, place), firsts[closed]
            if first < 0 or worth > quote_value(market, load(action, starts[first], 0, 1), place):
                firsts[closed] = i


@scalar
def ascend(market, action, place, width, here, trial, ways, scan):
    """The value at the top reached from `here`, which moves there, by searching along each of `ways` (lines, width)."""
    top = quote_value(market, load(action, here, 0, 1), place)
    for sweep in range(_SWEEPS):
        before, looks = top, scan if sweep == 0 else 0
        for line in range(ways.shape[0]):
            way = ways[line]
            worth, distance = search_line(market, action, place, width, here, trial, way, top, looks)
            if worth > top:
                top = worth
                for d in range(width):
                    here[d] = min(max(here[d] + distance * way[d], -1.0), 1.0)
        if sweep > 0 and top - before <= _GAIN * (abs(top) + 1e-3):
            break
    return top


@scalar
def search_line(market, action, place, width, here, trial, way, top, scan):
    """Brent 1973, ch. 5: the highest value along a line within the action space, from `top` at `here`, and how far off it is.

    A parabola through the three best points says where to look next, a golden section where it leads nowhere. With `scan`
    it looks first at that many evenly spaced intervals' ends, and goes on from the best of them.
    """
    left, right = reach(here, way, width)
    best, at_best = 0.0, top
    if scan > 0:
        spacing, at_best = (right - left) / scan, -math.inf
        for k in range(scan + 1):
            point = left + k * spacing
            worth = value_along(market, action, place, width, here, trial, way, point)
            if worth > at_best:
                best, at_best = point, worth
        if top > at_best:
            best, at_best = 0.0, top
        left, right = max(left, best - spacing), min(right, best + spacing)
    second, third, at_second, at_third = best, best, at_best, at_best
    step, last = 0.0, 0.0
    for _ in range(_LOOKS):
        middle = 0.5 * (left + right)
        if abs(best - middle) <= 2.0 * _WIDTH - 0.5 * (right - left):
            break
        r, q = (best - second) * (at_third - at_best), (best - third) * (at_second - at_best)
        p, q = (best - third) * q - (best - second) * r, 2.0 * (q - r)
        p, q = (-p, q) if q > 0.0 else (p, -q)
        if abs(last) > _WIDTH and abs(p) < abs(0.5 * q * last) and q * (left - best) < p < q * (right - best):
            step, last = p / q, step
        else:
            last = left - best if best >= middle else right - best
            step = (1.0 - GOLDEN) * last
        point = best + (step if abs(step) >= _WIDTH else math.copysign(_WIDTH, step))
        worth = value_along(market, action, place, width, here, trial, way, point)
        if worth >= at_best:
            left, right = (best, right) if point >= best else (left, best)
            third, at_third, second, at_second = second, at_second, best, at_best
            best, at_best = point, worth
        else:
            left, right = (point, right) if point < best else (left, point)
            if worth >= at_second or second == best:
                third, at_third, second, at_second = second, at_second, point, worth
            elif worth >= at_third or third in (best, second):
                third, at_third = point, worth
    return at_best, best


@scalar
def value_along(market, action, place, width, here, trial, way, distance):
    """The value at `distance` from `here`."""
    for d in range(width):
        trial[d] = min(max(here[d] + distance * way[d], -1.0), 1.0)
    return quote_value(market, load(action, trial, 0, 1), place)


@scalar
def reach(here, way, width):
    """How far one may go from an action before a coordinate leaves [-1, 1], backward and forward."""
    low, high = -4.0, 4.0
    for d in range(width):
        if way[d] != 0.0:
            to_low, to_high = (-1.0 - here[d]) / way[d], (1.0 - here[d]) / way[d]
            low, high = max(low, min(to_low, to_high)), min(high, max(to_low, to_high))
    return low, high


@scalar
def quote_value(market, action, place):
    """E[money from the step's trades + what follows] of one action at one place; a certainty equivalent if gamma > 0."""
    quote = market.quoted(action, place.state)
    outcomes = market.venue.transitions(market, place.state, quote)
    chances, worths = each(chance_of, outcomes, ()), each(worth_of, outcomes, (market, place))
    if place.gamma == 0.0:
        return weighted(0.0, chances, worths)
    worst = min(worths)
    losses = each(loss_of, worths, (place.gamma, worst))
    return worst - log(weighted(0.0, chances, losses)) / place.gamma


@scalar
def chance_of(outcome, told):
    """The probability of an outcome."""
    return outcome.probability


@scalar
def worth_of(outcome, told):
    """What an outcome is worth, and all that follows it."""
    market, place = told
    level = min(max(int((outcome.inventory - place.lowest) * place.orders + 0.5), 0), place.levels - 1)
    venue = min(max(int(market.venue.place(outcome.venue) + 0.5) * place.levels, 0), place.cells - place.levels)
    exposed = market.exposure(outcome.inventory, place.state)
    moved = exposed * (outcome.jump + place.drift)  # what cannot be may lie outside, with probability 0
    cell = place.base + venue + level
    following = each(wealth_worth, place.wealth, (place.ahead, cell, outcome.gain + moved))
    return first(following, outcome.gain + moved + place.ahead[cell * (1 - len(place.wealth))])


@scalar
def wealth_worth(wealth, told):
    """What a cell is worth once so much is gained."""
    ahead, cell, gained = told
    return wealth.added * gained + at_wealth(ahead, cell * wealth.nodes, wealth, wealth.now + gained)


@scalar
def at_wealth(values, base, wealth, x):
    """values[base : base + nodes] at a wealth of x: by the cubic through the four nodes around it, beyond the grid's ends by
    the line through the last two."""
    place = (x - wealth.lowest) / wealth.spacing
    node = min(max(math.floor(place), 1), wealth.nodes - 3)
    t = min(max(place, 0.0), wealth.nodes - 1.0) - node
    before, here = values[base + node - 1], values[base + node]
    after, last = values[base + node + 1], values[base + node + 2]
    cubic = (
        -t * (t - 1.0) * (t - 2.0) / 6.0 * before
        + (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0 * here
        - (t + 1.0) * t * (t - 2.0) / 2.0 * after
        + (t + 1.0) * t * (t - 1.0) / 6.0 * last
    )
    below, above = min(place, 0.0), max(place - (wealth.nodes - 1.0), 0.0)
    end = base + wealth.nodes - 1
    return cubic + below * (values[base + 1] - values[base]) + above * (values[end] - values[end - 1])


@scalar
def loss_of(worth, told):
    """exp(-gamma worth), relative to that of the worst outcome."""
    gamma, worst = told
    return exp(gamma * (worst - worth))


@scalar
def place_at(market, state, ahead, base, cells, levels, gamma, drift):
    """The place of a state at which quotes are sought; `ahead` from `base` on is what each cell is worth after the trades."""
    return Place(state, ahead, base, cells, levels, -market.max_inventory, 1.0 / market.order_size, gamma, drift, ())


@scalar
def with_ahead(place, ahead, base):
    """The place itself, where other values follow."""
    return Place(
        place.state,
        ahead,
        base,
        place.cells,
        place.levels,
        place.lowest,
        place.orders,
        place.gamma,
        place.drift,
        place.wealth,
    )


@scalar
def with_drift(place, drift):
    """The place itself, where the mid is expected to move by `drift`."""
    return Place(
        place.state, place.ahead, place.base, place.cells, place.levels, place.lowest, place.orders, place.gamma, drift,
        place.wealth,
    )  # fmt: skip


@scalar
def with_wealth(place, wealth):
    """The place itself, with an account that is so rich."""
    return Place(
        place.state, place.ahead, place.base, place.cells, place.levels, place.lowest, place.orders, place.gamma, place.drift,
        (wealth,),
    )  # fmt: skip
