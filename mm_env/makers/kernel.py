"""The loops over worlds of several makers: those of `core.kernel` with a lane for each maker, D of a world side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.kernel import begin_lanes as begin_lanes
from mm_env.core.kernel import observe_lanes as observe_lanes
from mm_env.core.lanes import TILE, borrowed, of_lane, over_lanes
from mm_env.core.maths import scalar
from mm_env.core.noise import VENUE, draw, uniforms, world_key
from mm_env.makers.contested import Won

OFFER = 5  # numbers of one: bid and ask depth, whether the bid and the ask are open, and whether the account is
ROWS = OFFER + 7  # of scratch: an offer, and then a `Won`
LOT = VENUE + 15  # the block of noise that decides whom orders go to


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1, whole tiles and whole worlds, and count those whose episodes ended."""
    shared, begin = load(market, parameters, 0, TILE), first // TILE
    makers, tiles = int(shared.makers), (last + TILE - 1) // TILE
    memory = np.zeros((tiles - begin) * ROWS * TILE)
    scratch, spreads = borrowed(memory), shared.fire_sale.spreads()
    kept = states.copy() if spreads else states  # from which makers step again where the mid is moved by fire sales
    for tile in range(begin, tiles):
        lanes, places = min(TILE, last - tile * TILE), (tile * count(state) * TILE, (tile - begin) * ROWS * TILE)
        arguments = (shared, state, action, tile, places, parameters, parameter_stride, states, actions, scratch)
        over_lanes(offer, lanes, arguments)
    for world in range(first // makers, last // makers):
        route(shared, state, world, makers, begin, states, scratch, seed)
    for tile in range(begin, tiles):
        lanes, places = min(TILE, last - tile * TILE), (tile * count(state) * TILE, (tile - begin) * ROWS * TILE)
        arguments = (shared, state, action, tile, places, parameters, parameter_stride, kept, states, actions, scratch,
                     count(observation), observations, rewards, seed, makers)  # fmt: skip
        over_lanes(step_lane, lanes, arguments)
    endings = 0
    for world in range(first // makers, last // makers):
        if spreads:
            sell_out(shared, state, action, world, makers, begin, parameters, parameter_stride, kept, states, actions, scratch,
                     count(observation), observations, rewards, seed)  # fmt: skip
        endings += end(shared, state, world, makers, states, ended)
    memory[0] = 0.0  # lent until here
    return endings


@scalar
def offer(
    j: int, shared: Any, state: Any, action: Any, tile: int, places: tuple[int, int], parameters: Any,
    parameter_stride: Any, states: Any, actions: Any, scratch: Any,
) -> int:  # fmt: skip
    """What one maker quotes, and on which sides it is open."""
    lane, rules = tile * TILE + j, of_lane(shared, parameters, parameter_stride, tile, j)
    before = load(state, states, places[0] + j, TILE)
    now, quote = rules.now(before, ()), rules.quoted(load(action, actions, lane * count(action), 1), before, ())
    crossed = rules.cross(before.account, before.mid, quote.cut, quote.cut_cost, now)
    bid_open, ask_open = rules.sides(crossed.inventory, before, now)
    quoting = 1.0 if rules.is_open(before) else 0.0
    offered = (quote.bid_depth, quote.ask_depth, quoting if bid_open else 0.0, quoting if ask_open else 0.0, quoting)
    store(offered, scratch, places[1] + j, TILE)
    return 0


@scalar
def route(shared, state, world, makers, begin, states, scratch, seed):
    """Choose whom the orders of one world's step go to."""
    step, episode = 0.0, 0.0
    for lane in range(world * makers, (world + 1) * makers):
        before = load((0.0, 0.0), states, lane // TILE * count(state) * TILE + lane % TILE, TILE)
        step, episode = max(step, before[0]), before[1]
    key, number = world_key(seed, world * makers, makers)
    bid_lot, ask_lot, _, _ = uniforms(key, number, int(episode), int(step), LOT)
    bid, bid_depth, bid_open = choose(shared, world, makers, begin, scratch, 0, bid_lot)
    ask, ask_depth, ask_open = choose(shared, world, makers, begin, scratch, 1, ask_lot)
    for lane in range(world * makers, (world + 1) * makers):
        won = Won(bid_depth, ask_depth, bid_open, ask_open, 1.0 if lane == bid else 0.0, 1.0 if lane == ask else 0.0,
                  0.0)  # fmt: skip
        store(won, scratch, place_of(lane, begin) + OFFER * TILE, TILE)


@scalar
def choose(shared, world, makers, begin, scratch, side, lot):
    """The lane that one side's order goes to, at what depth, and 1.0; where nobody is open the best of those who quote, and
    0.0, as for one maker alone."""
    anybody, best, first = 0.0, np.inf, world * makers
    for lane in range(first, first + makers):
        anybody = max(anybody, scratch[place_of(lane, begin) + (2 + side) * TILE])
    for lane in range(first, first + makers):
        if scratch[place_of(lane, begin) + (2 + side) * TILE] >= anybody:
            best = min(best, scratch[place_of(lane, begin) + side * TILE])
    total, upto, chosen, depth = 0.0, 0.0, -1, best
    for lane in range(first, first + makers):
        if scratch[place_of(lane, begin) + (2 + side) * TILE] >= anybody:
            weight = shared.routing.weight(scratch[place_of(lane, begin) + side * TILE] - best)
            scratch[place_of(lane, begin) + (OFFER + side) * TILE] = weight  # where a `Won` will be
            total += weight
    for lane in range(first, first + makers):
        quoted = scratch[place_of(lane, begin) + side * TILE]
        if upto <= lot * total and scratch[place_of(lane, begin) + (2 + side) * TILE] >= anybody:
            weight = scratch[place_of(lane, begin) + (OFFER + side) * TILE]
            upto += weight
            chosen, depth = (lane, quoted) if weight > 0.0 else (chosen, depth)
    return chosen, depth, anybody


@scalar
def place_of(lane, begin):
    """Where the scratch of a lane begins."""
    return (lane // TILE - begin) * ROWS * TILE + lane % TILE


@scalar
def step_lane(
    j: int, shared: Any, state: Any, action: Any, tile: int, places: tuple[int, int], parameters: Any,
    parameter_stride: Any, kept: Any, states: Any, actions: Any, scratch: Any, seen: int, observations: Any, rewards: Any,
    seed: Any, makers: int,
) -> int:  # fmt: skip
    """Step one maker from what is `kept`, once it is known whom the orders go to."""
    lane, rules = tile * TILE + j, of_lane(shared, parameters, parameter_stride, tile, j)
    before = load(state, kept, places[0] + j, TILE)
    won = load(unwon(), scratch, places[1] + OFFER * TILE + j, TILE)
    key, number = world_key(seed, lane, makers)
    noise = draw(key, number, int(before.episode), int(before.step))
    stepped, earned = rules.step(before, load(action, actions, lane * count(action), 1), noise, won)
    after, reward = (stepped, earned) if rules.is_open(before) else (before, 0.0)
    store(after, states, places[0] + j, TILE)
    store(rules.observe(after, ()), observations, lane * seen, 1)
    store(reward, rewards, lane, 1)
    return 0


@scalar
def unwon():
    """What a `Won` looks like."""
    return Won(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def sell_out(
    shared, state, action, world, makers, begin, parameters, parameter_stride, kept, states, actions, scratch, seen,
    observations, rewards, seed,
):  # fmt: skip
    """Let the positions of one world's makers whose accounts were just closed move the mid, until nobody more is called."""
    sold, shift, first = 0.0, 0.0, world * makers
    for _ in range(makers):
        for lane in range(first, first + makers):
            tile, j, offered = lane // TILE, lane % TILE, place_of(lane, begin)
            rules = of_lane(shared, parameters, parameter_stride, tile, j)
            place = tile * count(state) * TILE + j
            if scratch[offered + 4 * TILE] > 0.0 and not rules.is_open(load(state, states, place, TILE)):
                scratch[offered + 4 * TILE] = 0.0  # it is counted once
                before, won = load(state, kept, place, TILE), load(unwon(), scratch, offered + OFFER * TILE, TILE)
                key, number = world_key(seed, lane, makers)
                noise = draw(key, number, int(before.episode), int(before.step))
                acted = load(action, actions, lane * count(action), 1)
                sold += rules.venue.deal(rules, before, acted, noise, won).account.inventory
        moved = shared.fire_sale.move(sold)
        if moved == shift:
            break
        shift = moved
        for lane in range(first, first + makers):
            tile, j, offered = lane // TILE, lane % TILE, place_of(lane, begin)
            if scratch[offered + 4 * TILE] > 0.0:
                scratch[offered + (OFFER + 6) * TILE] = shift
                places = (tile * count(state) * TILE, (tile - begin) * ROWS * TILE)
                step_lane(j, shared, state, action, tile, places, parameters, parameter_stride, kept, states, actions,
                          scratch, seen, observations, rewards, seed, makers)  # fmt: skip


@scalar
def end(shared, state, world, makers, states, ended):
    """Whether one world's episode is over, for all of its makers: how many lanes ended."""
    going_on = 0
    for lane in range(world * makers, (world + 1) * makers):
        after = load(state, states, lane // TILE * count(state) * TILE + lane % TILE, TILE)
        going_on += 1 if rules_go_on(shared, after) else 0
    for lane in range(world * makers, (world + 1) * makers):
        store(going_on == 0, ended, lane, 1)
    return makers if going_on == 0 else 0


@scalar
def rules_go_on(rules, after):
    """Whether a maker has steps left to trade in."""
    return after.step < rules.clock.steps and rules.is_open(after)
