"""The compiled step of a recursion over inventory and wealth: the best action of each state, or what given ones are worth."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import numpy as np

from agents.exact.quote_search import Wealth, ascend, best_choice, place_at, quote_value, with_wealth
from mm_env.core.component import count, load
from mm_env.core.maths import scalar
from mm_env.state import held_at, worth_at


@scalar
def state_at(market, state, places, step, levels, i):
    """The state of the market at the i-th (node, cell), its numbers in `places`, with the inventory of the cell."""
    held = i % levels * market.order_size - market.max_inventory
    return held_at(load(state, places, i // levels * count(state), 1), step, held)


@scalar
def wealth_place(market, state, ahead, base, cells, levels, lowest, w, of_peak):
    """The place of a state at which quotes are sought, with the w-th wealth of the grid that begins at `lowest`."""
    now = lowest.lowest + lowest.spacing * w
    rich = worth_at(state, now, 0.0 if of_peak > 0.0 else max(now, 0.0))
    plain = place_at(market, rich, ahead, base, cells, levels, 0.0, 0.0)
    return with_wealth(plain, Wealth(now, lowest.lowest, lowest.spacing, lowest.nodes, lowest.added))


def improve_wealth(
    market: Any, state: Any, action: Any, places: Any, step: float, discrete: float, ways: Any, scan: int, ahead: Any,
    cells: int, levels: int, lowest: Any, of_peak: float, value: Any, actions: Any,
) -> None:  # fmt: skip
    """The best action and its value at each (node, cell, wealth), given what each is worth `ahead` once quotes have traded.

    `lowest` is the `Wealth` at the grid's first node; `of_peak` is 1.0 where it is that below the peak. Continuous actions are
    improved from those already there.
    """
    width = count(action)
    here, trial = np.empty(width), np.empty(width)
    for i in range(value.shape[0] // lowest.nodes):
        found = state_at(market, state, places, step, levels, i)
        for w in range(lowest.nodes):
            at = i * lowest.nodes + w
            place = wealth_place(market, found, ahead, i // cells * cells, cells, levels, lowest, w, of_peak)
            if discrete > 0.0:
                value[at] = best_choice(market, action, place, discrete, here)
            else:
                for d in range(width):
                    here[d] = actions[at * width + d]
                value[at] = ascend(market, action, place, width, here, trial, ways, scan)
            for d in range(width):
                actions[at * width + d] = here[d]


def follow_wealth(
    market: Any, state: Any, action: Any, places: Any, step: float, ahead: Any, cells: int, levels: int, lowest: Any,
    of_peak: float, value: Any, actions: Any, told: int,
) -> None:  # fmt: skip
    """What actions are worth at each (node, cell, wealth): flat (nodes or 1, cells, `told` or 1 wealths, width)."""
    width, own = count(action), actions.shape[0] // (count(action) * told)
    for i in range(value.shape[0] // lowest.nodes):
        found = state_at(market, state, places, step, levels, i)
        for w in range(lowest.nodes):
            place = wealth_place(market, found, ahead, i // cells * cells, cells, levels, lowest, w, of_peak)
            acted = load(action, actions, (i % own * told + w % told) * width, 1)
            value[i * lowest.nodes + w] = quote_value(market, acted, place)
