"""The compiled step of a recursion over inventory and wealth: the best action of each state, or what given ones are worth."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import numpy as np

from agents.exact.quote_search import Place, Wealth, ascend, best_choice, place_at, quote_value
from mm_env.core.component import count, load
from mm_env.core.maths import scalar
from mm_env.state import held_at, worth_at


@scalar
def wealth_place(market, state, ahead, base, cells, levels, profit, peak, wealth):
    """The place of a state at which quotes are sought, its account as rich as `wealth` says."""
    found = place_at(market, worth_at(state, profit, peak), ahead, base, cells, levels, 0.0, 0.0)
    return Place(
        found.state, ahead, base, cells, levels, found.lowest, found.orders, 0.0, 0.0, (wealth,)
    )  # fmt: skip


def improve_wealth(
    market: Any, state: Any, action: Any, places: Any, step: float, discrete: float, ways: Any, scan: int, ahead: Any,
    cells: int, levels: int, lowest: float, spacing: float, nodes: int, added: float, of_peak: float, value: Any, actions: Any,
) -> None:  # fmt: skip
    """The best action and its value at each (node, cell, wealth), given what each is worth `ahead` once quotes have traded.

    `of_peak` is 1.0 where the wealth is that below the peak. Continuous actions are improved from those already there.
    """
    width = count(action)
    here, trial = np.empty(width), np.empty(width)
    for i in range(value.shape[0] // nodes):
        held = i % levels * market.order_size - market.max_inventory
        found = held_at(load(state, places, i // levels * count(state), 1), step, held)
        for w in range(nodes):
            now, at = lowest + spacing * w, i * nodes + w
            wealth = Wealth(now, lowest, spacing, nodes, added)
            peak = 0.0 if of_peak > 0.0 else max(now, 0.0)
            place = wealth_place(market, found, ahead, i // cells * cells, cells, levels, now, peak, wealth)
            if discrete > 0.0:
                value[at] = best_choice(market, action, place, discrete, here)
            else:
                for d in range(width):
                    here[d] = actions[at * width + d]
                value[at] = ascend(market, action, place, width, here, trial, ways, scan)
            for d in range(width):
                actions[at * width + d] = here[d]


def follow_wealth(
    market: Any, state: Any, action: Any, places: Any, step: float, ahead: Any, cells: int, levels: int, lowest: float,
    spacing: float, nodes: int, added: float, of_peak: float, value: Any, actions: Any, told: int,
) -> None:  # fmt: skip
    """What actions are worth at each (node, cell, wealth): flat (nodes or 1, cells, `told` or 1 wealths, width)."""
    width, own = count(action), actions.shape[0] // (count(action) * told)
    for i in range(value.shape[0] // nodes):
        held = i % levels * market.order_size - market.max_inventory
        found = held_at(load(state, places, i // levels * count(state), 1), step, held)
        for w in range(nodes):
            now = lowest + spacing * w
            wealth = Wealth(now, lowest, spacing, nodes, added)
            peak = 0.0 if of_peak > 0.0 else max(now, 0.0)
            place = wealth_place(market, found, ahead, i // cells * cells, cells, levels, now, peak, wealth)
            acted = load(action, actions, (i % own * told + w % told) * width, 1)
            value[i * nodes + w] = quote_value(market, acted, place)
