"""What a step was worth to one lane, and what it shows: bodies for `core.lanes.over_lanes`, without branches."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.desk.scratch import SUMS, Sums, nothing, now
from mm_env.desk.state import DeskState, DeskTally
from mm_env.reward import Outcome


@scalar
def settle(
    j: int, tile: int, rules: Any, place: int, states: Any, scratch: Any, rewards: Any, ended: Any, count: int, seen: int,
    observations: Any,
) -> int:  # fmt: skip
    """The state at the next decision, the reward, and what is seen beside the inventories: 1 if the episode ended, else 0."""
    lane, sums = tile * TILE + j, load(nothing(), scratch, SUMS + j, TILE)
    after, reward = settled(rules, load(rules.begin(0.0), states, place + j, TILE), sums)
    over = after.step >= rules.clock.steps
    store(after, states, place + j, TILE)
    store(reward, rewards, lane, 1)
    store(over, ended, lane, 1)
    store(rules.observe(after, sums.variance), observations, lane * seen + count, 1)
    return 1 if over else 0


@scalar
def settled(rules: Any, before: DeskState, sums: Sums) -> tuple[DeskState, float]:
    """The state at the next decision, and the reward."""
    dt, step, tally = rules.clock.dt(), before.step + 1.0, before.tally
    change, held = sums.gain + sums.carried, sums.squares > 0.0
    length = math.sqrt(sums.squares)
    unit, profit = sums.squares if held else 1.0, tally.profit + change
    moved = sums.carried / (length if held else 1.0)
    outcome = Outcome(change, profit, length, moved, sums.surprise, dt, rules.clock.final(step), now(rules, step, 0.0),
                      sums.variance * dt / unit, sums.squares)  # fmt: skip
    reward, peak = rules.reward.reward(outcome), max(tally.peak, profit)
    brought = DeskTally(tally.objective + reward, profit, peak, max(tally.drawdown, peak - profit),
                        tally.absolute_inventory + sums.absolute, tally.spread_captured + sums.spread,
                        tally.fills + sums.fills, tally.arrivals + sums.arrivals, tally.hedging_cost + sums.cost,
                        tally.risk + math.sqrt(sums.variance))  # fmt: skip
    return DeskState(step, before.episode, before.variance, brought), reward


@scalar
def show(j: int, tile: int, terms: Any, holdings: Any, held: int, seen: int, column: int, observations: Any) -> int:
    """What is seen of an inventory."""
    inventory = load(0.0, holdings, held + j, TILE)
    store(inventory / terms.scale, observations, (tile * TILE + j) * seen + column, 1)
    return 0


@scalar
def show_rate(
    j: int, tile: int, jumps: Any, holdings: Any, rate: int, seen: int, column: int, observations: Any
) -> int:
    """What is seen of the rate of an instrument's jumps."""
    store(load(0.0, holdings, rate + j, 1) / jumps.usual, observations, (tile * TILE + j) * seen + column, 1)
    return 0


@scalar
def show_all(
    j: int, tile: int, rules: Any, place: int, states: Any, scratch: Any, count: int, seen: int, observations: Any
) -> int:
    """What is seen beside the inventories, of a lane as it stands."""
    state, sums = load(rules.begin(0.0), states, place + j, TILE), load(nothing(), scratch, SUMS + j, TILE)
    store(rules.observe(state, sums.variance), observations, (tile * TILE + j) * seen + count, 1)
    return 0


@scalar
def show_volatility(j: int, tile: int, place: int, states: Any, seen: int, column: int, observations: Any) -> int:
    """What is seen of the variance that all instruments share."""
    variance = load((0.0, 0.0, 0.0), states, place + j, TILE)[2]
    store(math.sqrt(variance), observations, (tile * TILE + j) * seen + column, 1)
    return 0
