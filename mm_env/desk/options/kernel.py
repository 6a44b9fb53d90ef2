"""The loops over the lanes of a desk of options: those of `desk.kernel`, whose mids are marks."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import count, load
from mm_env.core.lanes import TILE, borrowed, over_lanes
from mm_env.desk import scratch, settling
from mm_env.desk.options import passes
from mm_env.desk.options.places import place_of
from mm_env.desk.places import lent_arrays, numbers_needed


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, holdings: Any, tables: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 (`first` at the start of a tile) and count the episodes that ended."""
    rules, memory, endings = load(market, parameters, 0, TILE), np.zeros(numbers_needed(tables)), 0
    lent, acts, shown = lent_arrays(tables, states, holdings, memory), borrowed(actions), borrowed(observations)
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        at = place_of(tile, last, count(state), lent.instruments)
        over_lanes(scratch.clear, at.lanes, (lent.scratch,))
        for i in range(lent.instruments):
            passes.trade(rules, lent, at, i, acts, seed)
        for i in range(lent.instruments):
            passes.hedge(rules, lent, at, i, acts, seed)
        passes.move(rules, lent, at, seed)
        passes.weigh(rules, lent, at)
        arguments = (tile, rules, at.state, lent.states, lent.scratch, rewards, ended, lent.instruments,
                     lent.tables.sizes[3], shown)  # fmt: skip
        endings += over_lanes(settling.settle, at.lanes, arguments)
        passes.show(rules, lent, at, shown)
    memory[0] = 0.0  # lent until here
    return endings


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, holdings: Any,
    tables: Any, observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`."""
    rules, memory, lanes = load(market, parameters, 0, TILE), np.zeros(numbers_needed(tables)), mask.shape[0]
    lent = lent_arrays(tables, states, holdings, memory)
    for tile in range((lanes + TILE - 1) // TILE):
        at = place_of(tile, lanes, count(state), lent.instruments)
        begun = mask[tile * TILE : tile * TILE + at.lanes]
        if begun.any():
            for j in range(at.lanes):
                if begun[j]:
                    passes.begin(rules, lent, at, j, float(episodes[tile * TILE + j]))
            over_lanes(scratch.clear, at.lanes, (lent.scratch,))
            passes.weigh(rules, lent, at)
            for j in range(at.lanes):
                if begun[j]:
                    passes.show_lane(rules, lent, at, j, observations)
    memory[0] = 0.0


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, holdings: Any,
    tables: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rules, memory = load(market, parameters, 0, TILE), np.zeros(numbers_needed(tables))
    lent = lent_arrays(tables, states, holdings, memory)
    lanes = observations.shape[0] // lent.tables.sizes[3]
    for tile in range((lanes + TILE - 1) // TILE):
        at = place_of(tile, lanes, count(state), lent.instruments)
        over_lanes(scratch.clear, at.lanes, (lent.scratch,))
        passes.weigh(rules, lent, at)
        for j in range(at.lanes):
            passes.show_lane(rules, lent, at, j, observations)
    memory[0] = 0.0
