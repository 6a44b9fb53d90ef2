"""The loops of `core.kernel` for prices that read a table in memory, which all lanes share."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import count, load, store
from mm_env.core.kernel import step_lane
from mm_env.core.lanes import TILE, borrowed, of_lane, over_lanes
from mm_env.core.noise import draw, lane_key


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, table: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 (`first` at the start of a tile) and count the episodes that ended."""
    shared, endings, lent = load(market, parameters, 0, TILE), 0, borrowed(table)
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        place = tile * count(state) * TILE
        arrays = (parameters, parameter_stride, states, actions, observations, rewards, ended, seed, lent)
        arguments = (shared, state, action, count(observation), tile, place, *arrays)
        endings += over_lanes(step_lane, min(TILE, last - tile * TILE), arguments)
    return endings


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, table: Any,
    observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`, at the mid with which its price opens."""
    rows, seen, shared = count(state), count(observation), load(market, parameters, 0, TILE)
    lent = borrowed(table)
    for lane in range(mask.shape[0]):
        if mask[lane]:
            tile, j = lane // TILE, lane % TILE
            rules = of_lane(shared, parameters, parameter_stride, tile, j)
            key, number = lane_key(seed, lane)
            noise = draw(key, number, int(episodes[lane]), 0)
            fresh = rules.begin(float(episodes[lane]), rules.price.opening(rules.initial_mid, noise, lent))
            store(fresh, states, tile * rows * TILE + j, TILE)
            store(rules.observe(fresh, lent), observations, lane * seen, 1)


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, table: Any,
    observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rows, seen, shared = count(state), count(observation), load(market, parameters, 0, TILE)
    lent = borrowed(table)
    for lane in range(observations.shape[0] // seen):
        tile, j = lane // TILE, lane % TILE
        rules = of_lane(shared, parameters, parameter_stride, tile, j)
        store(rules.observe(load(state, states, tile * rows * TILE + j, TILE), lent), observations, lane * seen, 1)
