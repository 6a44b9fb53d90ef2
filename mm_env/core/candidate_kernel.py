"""Whole episodes of many candidates at once: each acts in tiles of lanes of its own by weights of what the lanes show.

Actions are quadratic in what is seen: with z = (1, observations, log time-to-go) action w is the sum over a <= b of
weights[w, a, b] z_a z_b, for the 64 lanes of a tile at once, in the loop that steps them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.kernel import _run_lane
from mm_env.core.lanes import TILE, of_lane, over_lanes
from mm_env.core.maths import clip, log, scalar


def run_candidates(
    market: Any, state: Any, action: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any,
    weights: Any, tiles_each: int, time_place: int, rows: float, columns: float, seed: Any, first: int, last: int,
) -> None:  # fmt: skip
    """Run the lanes' episodes to their end; `weights` is (candidates, outputs, features), and candidate i has the tiles from
    i * tiles_each on.

    `time_place` is the column of the time left, -1 where none is seen. Where `rows` > 0 the two outputs choose a row and a
    column of a grid of actions, evenly from the first at -1 to the last at 1.
    """
    shared, seen = load(market, parameters, 0, TILE), count(observation)
    inputs, quoted = np.empty((seen + 2) * TILE), np.empty(max(count(action), 2) * TILE)
    outputs = weights.shape[1]
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        lanes, place = min(TILE, last - tile * TILE), tile * count(state) * TILE
        for step in range(int(shared.clock.steps)):
            told = (shared, state, seen, tile, place, parameters, parameter_stride, states, inputs, time_place)
            over_lanes(_see, lanes, told)
            quadratic(weights, tile // tiles_each, outputs, inputs, seen + 2, quoted)
            if rows > 0.0:
                choose(quoted, rows, columns)
            arguments = (shared, state, action, tile, place, step, parameters, parameter_stride, states, quoted, seed)
            over_lanes(_run_lane, lanes, arguments)


@scalar
def _see(
    j: int, shared: Any, state: Any, seen: int, tile: int, place: int, parameters: Any, parameter_stride: Any, states: Any,
    inputs: Any, time_place: int,
) -> int:  # fmt: skip
    """Write 1, what lane j shows (as the single-precision numbers that policies are shown), and its log time-to-go."""
    rules = of_lane(shared, parameters, parameter_stride, tile, j)
    store(rules.observe(load(state, states, place + j, TILE), ()), inputs, TILE + j, TILE)
    inputs[j] = 1.0
    for k in range(1, seen + 1):
        inputs[k * TILE + j] = float(np.float32(inputs[k * TILE + j]))
    left = inputs[(time_place + 1) * TILE + j]  # 1 where no time is seen
    steps = rules.clock.steps
    inputs[(seen + 1) * TILE + j] = log_time_to_go(left, steps) if time_place >= 0 else 0.0
    return 0


@scalar
def log_time_to_go(left, steps):
    """1 - 2 ln(1 + steps left) / ln(1 + steps), of the share of time left."""
    return 1.0 - 2.0 * log(1.0 + steps * left) / log(1.0 + steps)


@scalar
def quadratic(weights, candidate, outputs, inputs, numbers, quoted):
    """Write a candidate's outputs for a tile of inputs (numbers, TILE), (outputs, TILE)."""
    for w in range(outputs):
        feature = 0
        for j in range(TILE):
            quoted[w * TILE + j] = 0.0
        for a in range(numbers):
            for b in range(a, numbers):
                weight = weights[candidate, w, feature]
                feature += 1
                for j in range(TILE):
                    quoted[w * TILE + j] += weight * (inputs[a * TILE + j] * inputs[b * TILE + j])


@scalar
def choose(quoted, rows, columns):
    """Write the index of the row and the column that two outputs choose into the first."""
    for j in range(TILE):
        row = np.floor(0.5 * (clip(quoted[j], -1.0, 1.0) + 1.0) * (rows - 1.0) + 0.5)
        column = np.floor(0.5 * (clip(quoted[TILE + j], -1.0, 1.0) + 1.0) * (columns - 1.0) + 0.5)
        quoted[j] = row * columns + column
