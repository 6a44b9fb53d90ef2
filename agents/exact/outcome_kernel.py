"""What a venue says may come of a table's quotes, written out by its own compiled rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.maths import scalar
from mm_env.state import held_at

SUMMED, OFF = 1e-9, 1e-6  # how far probabilities may be from summing to 1, and an inventory from a whole order
OF_VENUE = 5  # of the numbers of a `Transition`: the first of the venue's state


def read_outcomes(
    market: Any, state: Any, outcomes: Any, action: Any, places: Any, table: Any, steps: Any, levels: int,
    probability: Any, position: Any, gain: Any, jump: Any, jump_variance: Any,
) -> int:  # fmt: skip
    """Write the outcomes (rows, nodes, outcomes, cells) of a flat table (rows, nodes or 1, cells, width) of actions.

    A cell is a state of the venue and a level of inventory; `places` holds the state at each (node, state of the venue), and
    `steps` (rows,) the step of each row. Returns the first of (row, node, cell) whose outcomes cannot be, -1 if all can.
    """
    rows, nodes, kinds, cells = probability.shape
    width, numbers, each = count(action), count(state), count(outcomes) // kinds
    written, wrong, told = np.empty(count(outcomes)), -1, table.shape[0] // (rows * cells * width)
    for row in range(rows):
        for node in range(nodes):
            for cell in range(cells):
                place = (node * (cells // levels) + cell // levels) * numbers
                held = cell % levels * market.order_size - market.max_inventory
                here = held_at(load(state, places, place, 1), steps[row], held)
                acted = load(action, table, ((row * told + node % told) * cells + cell) * width, 1)
                quote = market.quoted(acted, here)
                store(market.venue.transitions(market, here, quote), written, 0, 1)
                total, kept = 0.0, is_usable(quote)
                for k in range(kinds):
                    chance, after = written[k * each], written[k * each + 1]
                    venue = load(state.world.venue, written, k * each + OF_VENUE, 1)
                    kept = kept and (chance == 0.0 or is_level(market, after, levels)) and chance >= 0.0
                    kept = kept and math.isfinite(written[k * each + 2] + written[k * each + 3] + written[k * each + 4])
                    total += chance
                    probability[row, node, k, cell], gain[row, node, k, cell] = chance, written[k * each + 2]
                    position[row, node, k, cell] = position_of(market, after, venue, levels, cells) if kept else 0
                    jump[row, node, k, cell] = written[k * each + 3]
                    jump_variance[row, node, k, cell] = written[k * each + 4]
                if not (kept and abs(total - 1.0) <= SUMMED) and wrong < 0:
                    wrong = (row * nodes + node) * cells + cell
    return wrong


@scalar
def is_usable(quote):
    """Whether a quote can be priced: finite numbers, and a `cut` that is a share."""
    return math.isfinite(quote.bid_depth + quote.ask_depth + quote.cut_cost) and 0.0 <= quote.cut <= 1.0


@scalar
def is_level(market, inventory, levels):
    """Whether an inventory is a whole number of orders within the limits."""
    orders = (inventory + market.max_inventory) / market.order_size
    return -OFF <= orders <= levels - 1.0 + OFF and abs(orders - math.floor(orders + 0.5)) <= OFF


@scalar
def position_of(market, inventory, venue, levels, cells):
    """The cell of an inventory and a state of the venue; the nearest where there is none."""
    level = int((inventory + market.max_inventory) / market.order_size + 0.5)
    place = int(market.venue.place(venue) + 0.5) * levels
    return min(max(place, 0), cells - levels) + min(max(level, 0), levels - 1)


def read_penalties(market: Any, state: Any, places: Any, levels: int, step: float, penalty: Any) -> None:
    """Write what it costs to hold each (node, cell) once `step` steps are done."""
    nodes, cells = penalty.shape
    dt, final = market.clock.dt(), market.clock.final(step)
    for node in range(nodes):
        for cell in range(cells):
            place = (node * (cells // levels) + cell // levels) * count(state)
            held = cell % levels * market.order_size - market.max_inventory
            here = held_at(load(state, places, place, 1), step, held)
            now = market.now(here, ())
            variance = market.price.variance(now.world.price, dt, now)
            square = market.hedges.square(held, here.account.hedges, variance, now)
            penalty[node, cell] = market.reward.penalty(held, dt, final, now, variance, square)
