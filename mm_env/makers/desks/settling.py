"""What a step was worth to one maker of each world, and whether its episode is over: a body for `core.lanes.over_lanes`."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.desk.scratch import SUMS, nothing
from mm_env.desk.settling import settled


@scalar
def settle(
    j: int, tile: int, rules: Any, place: int, states: Any, scratch: Any, rewards: Any, ended: Any, count: int, seen: int,
    observations: Any, apart: int,
) -> int:  # fmt: skip
    """`desk.settling.settle` of a maker whose lanes lie `apart` in arrays that begin with its first."""
    world, sums = tile * TILE + j, load(nothing(), scratch, SUMS + j, TILE)
    after, reward = settled(rules, load(rules.begin(0.0), states, place + j, TILE), sums)
    over = after.step >= rules.clock.steps
    store(after, states, place + j, TILE)
    store(reward, rewards, world * apart, 1)
    store(over, ended, world * apart, 1)
    store(rules.observe(after, sums.variance), observations, world * seen + count, 1)
    return 1 if over else 0
