"""The loops over lanes. Plain Python as they stand; `engine.compiled` makes machine code of them.

Lanes lie in tiles of `TILE`: number i of lane j of a tile is at `tile * rows * TILE + i * TILE + j`. Within a tile every
address differs by a constant, so that the compiler can prove the lanes independent and turn the inner loop into SIMD code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.noise import draw, lane_key
from mm_env.venue.venue import certain

TILE = 64


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: int, states: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 (`first` at the start of a tile) and count the episodes that ended.

    `market`, `state`, `action` and `observation` only say what the records in the flat arrays look like; `seed` is that of
    all lanes, or an array (lanes, 2) of the seed and the lane number that each draws by.
    """
    rows, width, seen, endings = count(state), count(action), count(observation), 0
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        for j in range(min(TILE, last - tile * TILE)):
            lane, place = tile * TILE + j, tile * rows * TILE + j
            rules = load(market, parameters, tile * parameter_stride + j, TILE)
            before = load(state, states, place, TILE)
            key, number = lane_key(seed, lane)
            noise = draw(key, number, int(before.episode), int(before.step))
            stepped, earned = rules.step(before, load(action, actions, lane * width, 1), noise, ())
            after, reward = (stepped, earned) if rules.is_open(before) else (before, 0.0)
            store(after, states, place, TILE)
            store(rules.observe(after, ()), observations, lane * seen, 1)
            rewards[lane] = reward
            over = after.step >= rules.clock.steps or not rules.is_open(after)
            ended[lane] = over
            endings += over
    return endings


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: int, states: Any,
    observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`."""
    rows, seen = count(state), count(observation)
    for lane in range(mask.shape[0]):
        if mask[lane]:
            tile, j = lane // TILE, lane % TILE
            rules = load(market, parameters, tile * parameter_stride + j, TILE)
            fresh = rules.begin(float(episodes[lane]), rules.initial_mid)
            store(fresh, states, tile * rows * TILE + j, TILE)
            store(rules.observe(fresh, ()), observations, lane * seen, 1)


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: int, states: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rows, seen = count(state), count(observation)
    for lane in range(observations.shape[0] // seen):
        tile, j = lane // TILE, lane % TILE
        rules = load(market, parameters, tile * parameter_stride + j, TILE)
        store(rules.observe(load(state, states, tile * rows * TILE + j, TILE), ()), observations, lane * seen, 1)


def foresee_lanes(
    market: Any, action: Any, parameters: Any, parameter_stride: int, actions: Any, inventories: Any, seen: Any,
) -> None:  # fmt: skip
    """Three numbers a lane, of its action at its inventory: `Market.foresee`."""
    width = count(action)
    for lane in range(inventories.shape[0]):
        rules = load(market, parameters, lane // TILE * parameter_stride + lane % TILE, TILE)
        store(rules.foresee(inventories[lane], load(action, actions, lane * width, 1)), seen, 3 * lane, 1)


def run_table(
    market: Any, state: Any, action: Any, parameters: Any, parameter_stride: int, states: Any,
    table: Any, table_rows: int, seed: Any, first: int, last: int,
) -> None:  # fmt: skip
    """Run the lanes' episodes to their end, quoting what `table` (table_rows x levels x width) holds for step and inventory.

    Level 0 is the inventory -max_inventory; a table of one row serves every step.
    """
    rows, width = count(state), count(action)
    quoted = np.empty(width * TILE)
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        lanes = min(TILE, last - tile * TILE)
        rules = load(market, parameters, tile * parameter_stride, TILE)
        levels = int(2.0 * rules.max_inventory / rules.order_size + 1.5)
        for step in range(int(rules.clock.steps)):
            row = step if table_rows > 1 else 0
            for j in range(lanes):  # apart from the next loop, which is SIMD code only if its addresses are plain
                before = load(state, states, tile * rows * TILE + j, TILE)
                level = int((before.account.inventory + rules.max_inventory) / rules.order_size + 0.5)
                store(load(action, table, (row * levels + level) * width, 1), quoted, j, TILE)
            for j in range(lanes):
                place = tile * rows * TILE + j
                rules = load(market, parameters, tile * parameter_stride + j, TILE)
                before = load(state, states, place, TILE)
                key, number = lane_key(seed, tile * TILE + j)
                noise = draw(key, number, int(before.episode), step)
                stepped, _ = rules.step(before, load(action, quoted, j, TILE), noise, ())
                store(stepped if rules.is_open(before) else before, states, place, TILE)


def count_unusable(actions: Any, low: float, high: float) -> int:
    """How many of a flat array of actions are NaN or outside [low, high]."""
    unusable = 0
    for i in range(actions.shape[0]):
        unusable += 0 if (actions[i] >= low) & (actions[i] <= high) else 1
    return unusable


def read_quotes(market: Any, action: Any, table: Any, quotes: Any, chances: Any) -> None:
    """The quote (4 numbers) and the chances (4) of each action in a flat table, in a dealer market."""
    width, now = count(action), market.opening()
    for i in range(table.shape[0] // width):
        quote = market.quote.decode(load(action, table, i * width, 1), now)
        store(quote, quotes, 4 * i, 1)
        store(certain(market.venue.chances(quote, market.clock.dt(), now)), chances, 4 * i, 1)
