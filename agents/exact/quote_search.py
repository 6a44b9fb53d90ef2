"""The best quotes at each inventory, given what each inventory is worth: the compiled search inside the optimum."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mm_env.core.component import count, load
from mm_env.core.maths import exp, log, scalar
from mm_env.venue.dealer.impact import mean_by_depth
from mm_env.venue.venue import certain

GOLDEN = 0.6180339887498949
_WIDTH = 1e-7  # of the action range: the objective is flat at its maximum, so this leaves an error of 1e-14 of it
_GAIN = 1e-13  # relative: a sweep that gains less is the last
_SWEEPS, _LOOKS = 20, 60


def improve(
    market: Any, action: Any, gamma: float, jumps: Any, discrete: float, ways: Any, scan: int, starts: Any, ahead: Any,
    levels: int, value: Any, actions: Any,
) -> None:  # fmt: skip
    """The best action and its value at each (node, level), given what each level is worth `ahead` and the `mean_jumps`.

    Continuous actions are improved from those already there and, for each number of orders that a market order may close,
    from the best of `starts` (n, width).
    """
    width = count(action)
    here, trial, other, firsts = np.empty(width), np.empty(width), np.empty(width), np.empty(levels, np.int64)
    for i in range(value.shape[0]):
        place = (gamma, jumps, ahead, i // levels * levels, i % levels, levels)
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
        closed = abs(orders_closed(market, market.quote.decode(quoted, market.opening()), place[4], place[5]))
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
    """E[money from the step's fills + what follows] of one action at one level; a certainty equivalent if gamma > 0."""
    gamma, jumps, ahead, base, held, levels = place
    now = market.opening()
    quote = market.quote.decode(action, now)
    closed, paid, level = 0, 0.0, held
    if quote.cut != 0.0:  # never, to the compiler too, where a quoting sends no market orders
        closed = orders_closed(market, quote, held, levels)
        paid, level = abs(closed) * market.order_size * (quote.cut_cost + market.fees.taker), held - closed
        if level < 0 or level > levels - 1:
            return -math.inf
    chances = certain(market.venue.chances(quote, market.clock.dt(), now))
    bid = chances.bid if level < levels - 1 else 0.0
    ask = chances.ask if level > 0 else 0.0
    size = market.order_size
    bid_cash, ask_cash = size * (quote.bid_depth - market.fees.maker), size * (quote.ask_depth - market.fees.maker)
    down, down_filled = jump_after(jumps[0::2], quote.bid_depth, bid, chances.bid_arrival)
    up, up_filled = jump_after(jumps[1::2], quote.ask_depth, ask, chances.ask_arrival)
    q = level * size - market.max_inventory
    above, below = min(level + 1, levels - 1), max(level - 1, 0)
    neither = ahead[base + level] + q * (up - down)
    bought = ahead[base + above] + bid_cash + (q + size) * (up - down_filled)
    sold = ahead[base + below] + ask_cash + (q - size) * (up_filled - down)
    both = ahead[base + level] + bid_cash + ask_cash + q * (up_filled - down_filled)
    if gamma == 0.0:
        risen = (1.0 - ask) * ((1.0 - bid) * neither + bid * bought) + ask * ((1.0 - bid) * sold + bid * both)
        return risen - paid
    worst = min(min(neither, bought), min(sold, both))
    quiet = (1.0 - ask) * ((1.0 - bid) * exp(gamma * (worst - neither)) + bid * exp(gamma * (worst - bought)))
    busy = ask * ((1.0 - bid) * exp(gamma * (worst - sold)) + bid * exp(gamma * (worst - both)))
    return worst - log(quiet + busy) / gamma - paid


@scalar
def orders_closed(market, quote, level, levels):
    """How many orders' worth of inventory a market order closes first; negative if it buys."""
    orders = level - (levels - 1) // 2
    closed = math.floor(quote.cut * abs(orders * market.order_size) / market.order_size + 0.5)
    return closed if orders > 0 else -closed


@scalar
def jump_after(side_jumps, depth, chance, arrival):
    """The expected jump of the mid after a step in which one side did not fill, and after one in which it did."""
    on_fill, on_arrival, base, slope, bend, reach = side_jumps
    news = mean_by_depth(base, slope, bend, reach, depth, chance)
    unfilled = (on_arrival * max(0.0, arrival - chance) - news * chance) / (1.0 - chance) if chance < 1.0 else 0.0
    filled = on_arrival * min(1.0, arrival / chance) if chance > 0.0 else 0.0
    return unfilled, on_fill + filled + news
