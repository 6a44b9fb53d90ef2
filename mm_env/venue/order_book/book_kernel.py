"""The loops of `core.kernel` for order books: beside states, parameters and actions each lane has its book, one record of
`books`, and all share the `table` of their flow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.lanes import TILE, borrowed, of_lane, stepped
from mm_env.core.maths import routine
from mm_env.core.noise import draw, lane_key
from mm_env.venue.order_book.book import mid_price, show

WARMING = 2**32 - 1  # the step whose noise warms a book up


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, books: Any, table: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 and count the episodes that ended."""
    rows, width, seen, endings = count(state), count(action), observations.shape[0] // books.shape[0], 0
    shared = load(market, parameters, 0, TILE)
    scratch = np.empty(_scratch(shared))
    weights, kept, flow = borrowed(scratch), borrowed(books), borrowed(table)
    for lane in range(first, last):
        tile, place = lane // TILE, lane // TILE * rows * TILE + lane % TILE
        rules = of_lane(shared, parameters, parameter_stride, tile, lane % TILE)
        before = load(state, states, place, TILE)
        own, number = lane_key(seed, lane)
        noise, memory = draw(own, number, int(before.episode), int(before.step)), (flow, kept[lane], weights)
        after, reward = stepped(rules, before, load(action, actions, lane * width, 1), noise, memory)
        store(after, states, place, TILE)
        _observe(rules, observation, after, memory, observations, lane * seen)
        store(reward, rewards, lane, 1)
        over = after.step >= rules.clock.steps or not rules.is_open(after)
        store(over, ended, lane, 1)
        endings += over
    scratch[0] = 0.0  # lent until here
    return endings


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, books: Any,
    table: Any, observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`, with a book of its own."""
    rows, seen = count(state), observations.shape[0] // books.shape[0]
    shared = load(market, parameters, 0, TILE)
    weights = np.empty(_scratch(shared))
    for lane in range(mask.shape[0]):
        if mask[lane]:
            tile, j = lane // TILE, lane % TILE
            rules = of_lane(shared, parameters, parameter_stride, tile, j)
            own, number = lane_key(seed, lane)
            book, key = books[lane], (own, number, int(episodes[lane]), WARMING)
            rules.venue.open(table, book, weights, key, math.floor(rules.initial_mid / rules.venue.tick))
            fresh = rules.begin(float(episodes[lane]), mid_price(rules.venue, book))
            store(fresh, states, tile * rows * TILE + j, TILE)
            _observe(rules, observation, fresh, (table, book, weights), observations, lane * seen)


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, books: Any,
    table: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rows, seen, weights = count(state), observations.shape[0] // books.shape[0], np.empty(0)
    shared = load(market, parameters, 0, TILE)
    for lane in range(books.shape[0]):
        tile, j = lane // TILE, lane % TILE
        rules = of_lane(shared, parameters, parameter_stride, tile, j)
        now = load(state, states, tile * rows * TILE + j, TILE)
        _observe(rules, observation, now, (table, books[lane], weights), observations, lane * seen)


@routine
def _scratch(market: Any) -> int:
    return 6 + 4 * int(market.venue.levels)


@routine
def _observe(rules: Any, observation: Any, state: Any, memory: Any, observations: Any, place: int) -> None:
    store(rules.observe(state, memory), observations, place, 1)
    show(rules.venue, memory[1], observations, place + count(observation))
