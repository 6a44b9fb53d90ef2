"""The loops over lanes. Plain Python as they stand; `engine.compiled` makes machine code of them.

Lanes lie in tiles of `TILE`: number i of lane j of a tile is at `tile * rows * TILE + i * TILE + j`. Within a tile every
address differs by a constant, so that the compiler can prove the lanes independent and turn the inner loop into SIMD code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.lanes import TILE, of_lane, over_lanes
from mm_env.core.maths import scalar
from mm_env.core.noise import draw, lane_key
from mm_env.state import held_at


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 (`first` at the start of a tile) and count the episodes that ended.

    `market`, `state`, `action` and `observation` only say what the records in the flat arrays look like; `seed` is that of
    all lanes, or an array (lanes, 2) of the seed and the lane number that each draws by. Where `parameter_stride` is None all
    lanes share the first lane's parameters, which then lie in registers.
    """
    shared, endings = load(market, parameters, 0, TILE), 0
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        place = tile * count(state) * TILE
        arrays = (parameters, parameter_stride, states, actions, observations, rewards, ended, seed, ())
        arguments = (shared, state, action, count(observation), tile, place, *arrays)
        endings += over_lanes(step_lane, min(TILE, last - tile * TILE), arguments)
    return endings


@scalar
def step_lane(
    j: int, shared: Any, state: Any, action: Any, seen: int, tile: int, place: int,
    parameters: Any, parameter_stride: Any, states: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, memory: Any,
) -> int:  # fmt: skip
    """Step lane j of a tile whose states begin at `place`: 1 if its episode ended, else 0."""
    lane, rules = tile * TILE + j, of_lane(shared, parameters, parameter_stride, tile, j)
    before = load(state, states, place + j, TILE)
    key, number = lane_key(seed, lane)
    noise = draw(key, number, int(before.episode), int(before.step))
    stepped, earned = rules.step(before, load(action, actions, lane * count(action), 1), noise, memory)
    after, reward = (stepped, earned) if rules.is_open(before) else (before, 0.0)
    store(after, states, place + j, TILE)
    store(rules.observe(after, memory), observations, lane * seen, 1)
    store(reward, rewards, lane, 1)
    over = after.step >= rules.clock.steps or not rules.is_open(after)
    store(over, ended, lane, 1)
    return 1 if over else 0


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any,
    observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`."""
    rows, seen, shared = count(state), count(observation), load(market, parameters, 0, TILE)
    for lane in range(mask.shape[0]):
        if mask[lane]:
            tile, j = lane // TILE, lane % TILE
            rules = of_lane(shared, parameters, parameter_stride, tile, j)
            fresh = rules.begin(float(episodes[lane]), rules.initial_mid)
            store(fresh, states, tile * rows * TILE + j, TILE)
            store(rules.observe(fresh, ()), observations, lane * seen, 1)


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rows, seen, shared = count(state), count(observation), load(market, parameters, 0, TILE)
    for lane in range(observations.shape[0] // seen):
        tile, j = lane // TILE, lane % TILE
        rules = of_lane(shared, parameters, parameter_stride, tile, j)
        store(rules.observe(load(state, states, tile * rows * TILE + j, TILE), ()), observations, lane * seen, 1)


def foresee_lanes(
    market: Any, state: Any, outcomes: Any, action: Any, parameters: Any, parameter_stride: Any, actions: Any,
    inventories: Any, seen: Any,
) -> None:  # fmt: skip
    """The inventories that each lane's action may lead to from `inventories` at the start of an episode, from the least to the
    largest, and their probabilities: seen (lanes, outcomes, 2), those that are the same as others with probability 0."""
    width, shared = count(action), load(market, parameters, 0, TILE)
    numbers, written = count(outcomes) // seen.shape[1], np.empty(count(outcomes))
    for lane in range(inventories.shape[0]):
        rules = of_lane(shared, parameters, parameter_stride, lane // TILE, lane % TILE)
        begun = held_at(rules.begin(0.0, rules.initial_mid), 0.0, inventories[lane])
        quote = rules.quoted(load(action, actions, lane * width, 1), begun)
        store(rules.venue.transitions(rules, begun, quote), written, 0, 1)
        distinct = 0
        for i in range(seen.shape[1]):
            distinct += sort_in(seen[lane], distinct, written[i * numbers + 1], written[i * numbers])
        for i in range(distinct, seen.shape[1]):
            seen[lane, i, 0], seen[lane, i, 1] = seen[lane, distinct - 1, 0], 0.0


@scalar
def sort_in(pairs, distinct, inventory, chance):
    """Put an inventory and its chance into the first `distinct` of sorted pairs (n, 2): 1 if none of them has it, else 0."""
    place = 0
    while place < distinct and pairs[place, 0] < inventory:
        place += 1
    if place < distinct and pairs[place, 0] == inventory:
        pairs[place, 1] += chance
        return 0
    for later in range(distinct, place, -1):
        pairs[later, 0], pairs[later, 1] = pairs[later - 1, 0], pairs[later - 1, 1]
    pairs[place, 0], pairs[place, 1] = inventory, chance
    return 1


def run_table(
    market: Any, state: Any, action: Any, parameters: Any, parameter_stride: Any, states: Any,
    table: Any, table_rows: int, seed: Any, first: int, last: int,
) -> None:  # fmt: skip
    """Run the lanes' episodes to their end, quoting what `table` (table_rows x levels x width) holds for step and inventory.

    Level 0 is the inventory -max_inventory; a table of one row serves every step.
    """
    shared, quoted = load(market, parameters, 0, TILE), np.empty(count(action) * TILE)
    levels = int(2.0 * shared.max_inventory / shared.order_size + 1.5)
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        lanes, place = min(TILE, last - tile * TILE), tile * count(state) * TILE
        for step in range(int(shared.clock.steps)):
            row = step * levels if table_rows > 1 else 0
            over_lanes(_look_up, lanes, (shared, state, action, place, states, table, row, quoted))
            arguments = (shared, state, action, tile, place, step, parameters, parameter_stride, states, quoted, seed)
            over_lanes(_run_lane, lanes, arguments)


@scalar
def _look_up(
    j: int, shared: Any, state: Any, action: Any, place: int, states: Any, table: Any, row: int, quoted: Any
) -> int:
    """Quote in lane j what the table's row holds for its inventory; `row` counts in levels."""
    inventory = load(state, states, place + j, TILE).account.inventory
    level = row + int((inventory + shared.max_inventory) / shared.order_size + 0.5)
    store(load(action, table, level * count(action), 1), quoted, j, TILE)
    return 0


@scalar
def _run_lane(
    j: int, shared: Any, state: Any, action: Any, tile: int, place: int, step: int,
    parameters: Any, parameter_stride: Any, states: Any, quoted: Any, seed: Any,
) -> int:  # fmt: skip
    """Step lane j of a tile by what is quoted in it."""
    rules, before = of_lane(shared, parameters, parameter_stride, tile, j), load(state, states, place + j, TILE)
    key, number = lane_key(seed, tile * TILE + j)
    noise = draw(key, number, int(before.episode), step)
    stepped, _ = rules.step(before, load(action, quoted, j, TILE), noise, ())
    store(stepped if rules.is_open(before) else before, states, place + j, TILE)
    return 0


def take_actions(given: Any, actions: Any, low: float, high: float) -> int:
    """Write the numbers of a flat array as float64, and count those that are NaN or outside [low, high]."""
    unusable = 0
    for i in range(actions.shape[0]):
        number = float(given[i])
        actions[i] = number
        unusable += 0 if (number >= low) & (number <= high) else 1
    return unusable


def read_quotes(market: Any, action: Any, table: Any, quotes: Any) -> None:
    """The quote (4 numbers) of each action in a flat table, at the start of an episode."""
    width, now = count(action), market.opening()
    for i in range(table.shape[0] // width):
        store(market.quote.decode(load(action, table, i * width, 1), now), quotes, 4 * i, 1)
