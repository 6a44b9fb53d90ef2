"""How the mids and their states move in one lane within a step: bodies for `core.lanes.over_lanes`, without branches."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import exp, normal, one_minus_exp, scalar
from mm_env.core.noise import Noise, lane_key, uniforms
from mm_env.desk.scratch import FACTOR_BLOCKS, MOVE, SUMS, VARIANCE_BLOCK, Sums, nothing
from mm_env.price.variance import SquareRoot


@scalar
def draw_factor(j: int, tile: int, place: int, states: Any, seed: Any, factor: int, scratch: Any, normals: int) -> int:
    """Draw the normal of a factor."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    first, angle, _, _ = uniforms(key, number, int(episode), int(step), FACTOR_BLOCKS + factor)
    store(normal((first, angle)), scratch, normals + j, 1)
    return 0


@scalar
def diffuse(j: int, loadings: Any, scratch: Any, normals: int) -> int:
    """Add to an instrument's move what it shares with others, `COLUMNS` numbers of it."""
    z = load((0.0, 0.0, 0.0, 0.0), scratch, normals + j, TILE)
    moved = load(0.0, scratch, MOVE + j, 1)
    moved = moved + (loadings[0] * z[0] + loadings[1] * z[1]) + (loadings[2] * z[2] + loadings[3] * z[3])
    store(moved, scratch, MOVE + j, 1)
    return 0


@scalar
def push_by(j: int, loadings: Any, scratch: Any, traded: int, push: int) -> int:
    """Add to what pushes an instrument's mid what trades outside of `COLUMNS` instruments do."""
    units, pushed = load((0.0, 0.0, 0.0, 0.0), scratch, traded + j, TILE), load(0.0, scratch, push + j, 1)
    added = (loadings[0] * units[0] + loadings[1] * units[1]) + (loadings[2] * units[2] + loadings[3] * units[3])
    store(pushed + added, scratch, push + j, 1)
    return 0


@scalar
def move(
    j: int,
    rules: Any,
    place: int,
    states: Any,
    terms: Any,
    holdings: Any,
    held: int,
    scratch: Any,
    normals: int,
    push: int,
) -> int:
    """Move the mid of an instrument, and mark what is held of it."""
    inventory, mid = load((0.0, 0.0), holdings, held + j, TILE)
    sums = load(nothing(), scratch, SUMS + j, TILE)
    change, noise = moved(j, rules, place, states, terms, scratch, normals, push)
    store(mid + change, holdings, held + TILE + j, 1)
    summed = Sums(sums.gain, sums.carried + inventory * change, sums.absolute, sums.squares, sums.variance, sums.spread,
                  sums.cost, sums.surprise + inventory * noise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0


@scalar
def moved(
    j: int, rules: Any, place: int, states: Any, terms: Any, scratch: Any, normals: int, push: int
) -> tuple[float, float]:
    """By how much the mid of an instrument moves, jumps apart, and what of that is noise; price units."""
    dt, variance = rules.clock.dt(), load((0.0, 0.0, 0.0), states, place + j, TILE)[2]
    diffused = terms.own * load(0.0, scratch, normals + j, 1) + load(0.0, scratch, MOVE + j, 1)
    noise = math.sqrt(variance * dt) * diffused
    return terms.drift * dt + noise + load(0.0, scratch, push + j, 1), noise


@scalar
def jump(
    j: int, tile: int, place: int, states: Any, seed: Any, block: int, rules: Any, jumps: Any, holdings: Any, held: int,
    rate: int, scratch: Any, jumped: int,
) -> int:  # fmt: skip
    """Let the mid of an instrument jump, at the rate at which it does."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    uniform, first, angle, _ = uniforms(key, number, int(episode), int(step), block + 2)
    chance = one_minus_exp(load(0.0, holdings, rate + j, 1) * rules.clock.dt())
    came = 1.0 if uniform < chance else 0.0
    inventory, mid = load((0.0, 0.0), holdings, held + j, TILE)
    change, sums = came * (jumps.mean + jumps.std * normal((first, angle))), load(nothing(), scratch, SUMS + j, TILE)
    store(mid + change, holdings, held + TILE + j, 1)
    store(came, scratch, jumped + j, 1)
    surprise = sums.surprise + inventory * (change - chance * jumps.mean)
    summed = Sums(sums.gain, sums.carried + inventory * change, sums.absolute, sums.squares, sums.variance, sums.spread,
                  sums.cost, surprise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0


@scalar
def decay(j: int, rules: Any, jumps: Any, holdings: Any, rate: int) -> int:
    """Let the rate of an instrument's jumps decay over a step."""
    above = load(0.0, holdings, rate + j, 1) - jumps.base
    store(jumps.base + above * exp(-jumps.decay * rules.clock.dt()), holdings, rate + j, 1)
    return 0


@scalar
def excite(j: int, loadings: Any, holdings: Any, rate: int, scratch: Any, jumped: int) -> int:
    """Raise the rate of an instrument's jumps by the jumps of `COLUMNS` instruments."""
    came = load((0.0, 0.0, 0.0, 0.0), scratch, jumped + j, TILE)
    raised = (loadings[0] * came[0] + loadings[1] * came[1]) + (loadings[2] * came[2] + loadings[3] * came[3])
    store(load(0.0, holdings, rate + j, 1) + raised, holdings, rate + j, 1)
    return 0


@scalar
def vary(j: int, tile: int, rules: Any, place: int, states: Any, seed: Any, factor: Any) -> int:
    """Move the variance that all instruments share."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode, variance = load((0.0, 0.0, 0.0), states, place + j, TILE)
    first, second, _, _ = uniforms(key, number, int(episode), int(step), VARIANCE_BLOCK)
    noise = Noise(0.0, 0.0, (0.0, 0.0), 0.0, 0.0, (first, second), (0, 0, 0, 0), 0)
    root = SquareRoot(factor[0], 1.0, factor[1])
    after = rules.scheme.following(variance, root, noise, rules.clock.dt())
    store(after, states, place + 2 * TILE + j, 1)
    return 0
