"""The compiled recursion over date, price and holding of who hedges an option at a proportional cost, under CARA utility."""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.maths import clip, exp, log, routine


class Holdings(NamedTuple):
    """A grid of holdings of the underlying, and who holds it."""

    lowest: float  # units
    spacing: float  # units
    gamma: float  # risk aversion, 1 / price
    cost: float  # of what is traded, a share


def hedge_backward(
    values: Any, held: Any, prices: Any, up: float, low: Any, high: Any, chosen: float, holdings: Any
) -> None:
    """From the horizon back: `values` (nodes, holdings) end as those at the start, in row 0.

    A value is ln E[exp(-gamma x all that the position will pay)] before trades at a node, for a holding that gains and loses
    from its price there. `prices` (dates + 1, nodes) rise with probability `up`. Bands `low` and `high` (dates, nodes) are
    followed, or, where `chosen` > 0, are the best and are written. `held` (holdings,) is scratch.
    """
    for date in range(low.shape[0] - 1, -1, -1):
        for node in range(date + 1):
            rise = prices[date + 1, node + 1] - prices[date, node]
            fall = prices[date + 1, node] - prices[date, node]
            await_move(values, held, node, rise, fall, up, holdings)
            toll = holdings.gamma * holdings.cost * prices[date, node] * holdings.spacing
            if chosen > 0.0:
                low[date, node], high[date, node] = trade_best(values, held, node, toll, holdings)
            else:
                trade_to_band(values, held, node, toll, low[date, node], high[date, node], holdings)


@routine
def await_move(values: Any, held: Any, node: int, rise: float, fall: float, up: float, holdings: Any) -> None:
    """What each holding is worth once trades are done, from what it is at the next date."""
    for i in range(held.shape[0]):
        owned = holdings.gamma * (holdings.lowest + holdings.spacing * i)
        risen, fallen = values[node + 1, i] - owned * rise, values[node, i] - owned * fall
        worse, rest = max(risen, fallen), exp(-abs(risen - fallen))
        held[i] = worse + log(up + (1.0 - up) * rest if risen >= fallen else 1.0 - up + up * rest)


@routine
def trade_best(values: Any, held: Any, node: int, toll: float, holdings: Any) -> tuple[float, float]:
    """The least values, where a trade of the grid's spacing costs `toll`; the band within which it is best not to trade."""
    last = held.shape[0] - 1
    low, high = last, 0
    values[node, last] = held[last]
    for i in range(last - 1, -1, -1):
        bought = values[node, i + 1] + toll
        low = i if held[i] <= bought else low
        values[node, i] = min(held[i], bought)
    for i in range(1, last + 1):
        sold = values[node, i - 1] + toll
        high = i if values[node, i] <= sold else high
        values[node, i] = min(values[node, i], sold)
    below = crossing(held, low, -toll) if low > 0 else 0.0
    above = crossing(held, high, toll) if high < last else 1.0 * last
    return holdings.lowest + holdings.spacing * below, holdings.lowest + holdings.spacing * above


@routine
def crossing(held: Any, i: int, slope: float) -> float:
    """Where, near node i, values rise by `slope` a node: between the middles of two intervals, linear in between."""
    i = min(max(i, 1), held.shape[0] - 2)
    before, after = held[i] - held[i - 1], held[i + 1] - held[i]
    return i - 0.5 + (clip((slope - before) / (after - before), 0.0, 1.0) if after > before else 0.5)


@routine
def trade_to_band(values: Any, held: Any, node: int, toll: float, low: float, high: float, holdings: Any) -> None:
    """What each holding is worth before it is traded to the nearest of [low, high]."""
    last = held.shape[0] - 1.0
    first = clip((low - holdings.lowest) / holdings.spacing, 0.0, last)
    final = clip((high - holdings.lowest) / holdings.spacing, 0.0, last)
    at_first, at_final = between(held, first), between(held, final)
    for i in range(held.shape[0]):
        kept = at_first + toll * (first - i) if i < first else held[i]
        values[node, i] = at_final + toll * (i - final) if i > final else kept


@routine
def between(held: Any, place: float) -> float:
    """A value at a place on the grid, linear between nodes."""
    i = min(int(place), held.shape[0] - 2)
    return held[i] + (place - i) * (held[i + 1] - held[i])
