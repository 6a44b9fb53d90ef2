"""The loops over worlds of desks of several makers: those of `desk.kernel`, a tile for each maker of `TILE` worlds."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import count, load
from mm_env.core.lanes import TILE, borrowed, over_lanes
from mm_env.core.maths import scalar
from mm_env.desk import passes as desk_passes
from mm_env.desk import scratch
from mm_env.makers.desks import passes, settling
from mm_env.makers.desks.places import lent_to, memory_needed, place_of, routed_needed, rules_of, worlds_of


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, holdings: Any, tables: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 (`first` at the start of a group of worlds) and count those whose episodes ended."""
    rules, rows, endings = load(market, parameters, 0, TILE), count(state), 0
    memory, routed = np.zeros(memory_needed(rules, tables)), np.zeros(routed_needed(rules))
    worlds = worlds_of(rules, parameters, states, holdings, tables, memory, routed)
    makers, acts, n = worlds.makers, borrowed(actions), worlds.common.instruments
    for group in range(first // (makers * TILE), (last + makers * TILE - 1) // (makers * TILE)):
        at = place_of(group, last // makers, rows, n, makers, 0)
        for maker in range(makers):
            over_lanes(scratch.clear, at.lanes, (lent_to(worlds, maker).scratch,))
        desk_passes.draw_factors(worlds.common, at, seed)
        for i in range(n):
            passes.trade(worlds, at, rows, i, acts, seed)
        for i in range(n):
            passes.move(worlds, at, rows, i)
        for maker in range(makers):
            endings += settle(worlds, at, rows, maker, seed, borrowed(observations), borrowed(rewards), borrowed(ended))
    memory[0] = routed[0] = 0.0  # lent until here
    return endings


@scalar
def settle(worlds, at, rows, maker, seed, observations, rewards, ended):
    """Let prices jump and vary as one maker sees it, and settle its step: how many of its episodes ended."""
    lent, there, rules = lent_to(worlds, maker), passes.tile_of(worlds, at, maker, rows), rules_of(worlds, maker)
    desk_passes.jump(rules, lent, there, seed)
    desk_passes.vary(rules, lent, there, seed)
    desk_passes.weigh(rules, lent, there)
    apart, seen, shown = worlds.makers, worlds.makers * worlds.seen, observations[maker * worlds.seen :]
    arguments = (at.tile, rules, there.state, lent.states, lent.scratch, rewards[maker:], ended[maker:], lent.instruments,
                 seen, shown, apart)  # fmt: skip
    endings = over_lanes(settling.settle, at.lanes, arguments)
    desk_passes.show(rules, lent, there, seen, shown)
    return endings


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, holdings: Any,
    tables: Any, observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`, which are whole worlds."""
    rules, rows, lanes = load(market, parameters, 0, TILE), count(state), mask.shape[0]
    memory, routed = np.zeros(memory_needed(rules, tables)), np.zeros(1)
    worlds = worlds_of(rules, parameters, states, holdings, tables, memory, routed)
    makers = worlds.makers
    for group in range((lanes + makers * TILE - 1) // (makers * TILE)):
        for maker in range(makers):
            there = place_of(group, lanes // makers, rows, worlds.common.instruments, makers, maker)
            begin(worlds, there, rows, maker, mask, episodes, borrowed(observations))
    memory[0] = routed[0] = 0.0


@scalar
def begin(worlds, there, rows, maker, mask, episodes, observations):
    """Start an episode of one maker in the worlds of `mask`, and show it."""
    lent, rules, makers = lent_to(worlds, maker), rules_of(worlds, maker), worlds.makers
    first = there.tile * TILE * makers
    for j in range(there.lanes):
        if mask[first + j * makers]:
            desk_passes.begin(rules, lent, there, j, float(episodes[first + j * makers]))
    show(worlds, lent, rules, there, maker, mask, first, observations)


@scalar
def show(worlds, lent, rules, there, maker, mask, first, observations):
    """What one maker sees in the worlds of `mask`."""
    seen, shown = worlds.makers * worlds.seen, observations[maker * worlds.seen :]
    over_lanes(scratch.clear, there.lanes, (lent.scratch,))
    desk_passes.weigh(rules, lent, there)
    for j in range(there.lanes):
        if mask[first + j * worlds.makers]:
            desk_passes.show_lane(rules, lent, there, j, seen, shown)


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, holdings: Any,
    tables: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rules, rows = load(market, parameters, 0, TILE), count(state)
    memory, routed = np.zeros(memory_needed(rules, tables)), np.zeros(1)
    worlds = worlds_of(rules, parameters, states, holdings, tables, memory, routed)
    makers, lanes = worlds.makers, observations.shape[0] // worlds.seen
    every = np.ones(lanes, np.bool_)
    for group in range((lanes + makers * TILE - 1) // (makers * TILE)):
        for maker in range(makers):
            there = place_of(group, lanes // makers, rows, worlds.common.instruments, makers, maker)
            lent, its = lent_to(worlds, maker), rules_of(worlds, maker)
            show(worlds, lent, its, there, maker, every, group * TILE * makers, borrowed(observations))
    memory[0] = routed[0] = 0.0
