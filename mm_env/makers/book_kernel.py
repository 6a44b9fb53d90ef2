"""The loops of `venue.order_book.book_kernel` for worlds of several makers: a book for each world, a lane for each maker."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.lanes import TILE, borrowed, of_lane, stepped
from mm_env.core.maths import scalar
from mm_env.core.noise import draw, world_key
from mm_env.makers.book_decision import act, show, want
from mm_env.makers.kernel import end
from mm_env.venue.order_book.book import mid_price
from mm_env.venue.order_book.book_kernel import WARMING
from mm_env.venue.order_book.events import clear_counters_of
from mm_env.venue.order_book.several import withdraw


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, books: Any, table: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1, whole worlds, and count those whose episodes ended."""
    shared, endings = load(market, parameters, 0, TILE), 0
    makers, scratch = int(shared.makers), np.empty(6 + 4 * int(shared.venue.levels))
    weights, kept, flow = borrowed(scratch), borrowed(books), borrowed(table)
    for world in range(first // makers, last // makers):
        book, begin = kept[world], world * makers
        rules = of_lane(shared, parameters, parameter_stride, begin // TILE, begin % TILE)
        step, episode = decide(shared, state, action, begin, makers, parameters, parameter_stride, states, flow, book, weights,
                               actions)  # fmt: skip
        own, number = world_key(seed, begin, makers)
        noise = draw(own, number, int(episode), int(step))
        if rules.venue.latency > 0.0:
            rules.venue.run(flow, book, weights, noise.key, book.since + rules.venue.latency, 0)
        act(rules, book, noise.key)
        rules.venue.run(flow, book, weights, noise.key, book.since + rules.clock.dt(), rules.clock.pace())
        for maker in range(makers):
            settle(shared, state, action, observation, begin + maker, maker, noise, parameters, parameter_stride, states, flow,
                   book, weights, actions, observations, rewards, observations.shape[0] // ended.shape[0])  # fmt: skip
        endings += end(shared, state, world, makers, states, ended)
    scratch[0] = 0.0  # lent until here
    return endings


@scalar
def decide(shared, state, action, begin, makers, parameters, parameter_stride, states, flow, book, weights, actions):
    """Write down what all makers whose accounts are open want, by the book at the decision: their world's step and episode."""
    step, episode = 0.0, 0.0
    clear_counters_of(shared.venue, book)
    book.since = book.time
    for maker in range(makers):
        lane = begin + maker
        rules = of_lane(shared, parameters, parameter_stride, lane // TILE, lane % TILE)
        before = load(state, states, lane // TILE * count(state) * TILE + lane % TILE, TILE)
        step, episode = max(step, before.step), before.episode
        book.acts[maker] = 0
        if rules.is_open(before):
            now = rules.now(before, (flow, book, weights, maker, book.time))
            want(rules, book, maker, before.account, load(action, actions, lane * count(action), 1), now)
    return step, episode


@scalar
def settle(
    shared, state, action, observation, lane, maker, noise, parameters, parameter_stride, states, flow, book, weights, actions,
    observations, rewards, seen,
):  # fmt: skip
    """Step one maker by what its orders came to. Who is closed by that leaves the book."""
    place = lane // TILE * count(state) * TILE + lane % TILE
    rules = of_lane(shared, parameters, parameter_stride, lane // TILE, lane % TILE)
    before, acted = load(state, states, place, TILE), load(action, actions, lane * count(action), 1)
    memory = (flow, book, weights, maker, book.since)
    after, reward = stepped(rules, before, acted, noise, memory)
    store(after, states, place, TILE)
    store(reward, rewards, lane, 1)
    if book.acts[maker] == 1:
        book.lived[maker] = book.time
    if not rules.is_open(after):
        withdraw(book, 0, maker)
        withdraw(book, 1, maker)
    observe(rules, observation, after, (flow, book, weights, maker, book.time), observations, lane * seen)


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, books: Any,
    table: Any, observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`, whole worlds, each with a book of its own."""
    shared, makers, seen = load(market, parameters, 0, TILE), mask.shape[0] // books.shape[0], 0
    weights, seen = np.empty(6 + 4 * int(shared.venue.levels)), observations.shape[0] // mask.shape[0]
    for world in range(books.shape[0]):
        if mask[world * makers]:
            first, book = world * makers, books[world]
            rules = of_lane(shared, parameters, parameter_stride, first // TILE, first % TILE)
            own, number = world_key(seed, first, makers)
            key = (own, number, int(episodes[first]), WARMING)
            rules.venue.open(table, book, weights, key, math.floor(rules.initial_mid / rules.venue.tick))
            for maker in range(makers):
                begin_maker(shared, state, observation, first + maker, maker, parameters, parameter_stride, states, table, book,
                            weights, observations, seen, float(episodes[first]))  # fmt: skip


@scalar
def begin_maker(
    shared, state, observation, lane, maker, parameters, parameter_stride, states, table, book, weights, observations, seen,
    episode,
):  # fmt: skip
    """Start one maker's episode in its world's book."""
    book.lived[maker] = 0.0
    rules = of_lane(shared, parameters, parameter_stride, lane // TILE, lane % TILE)
    fresh = rules.begin(episode, mid_price(rules.venue, book))
    store(fresh, states, lane // TILE * count(state) * TILE + lane % TILE, TILE)
    observe(rules, observation, fresh, (table, book, weights, maker, book.time), observations, lane * seen)


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, books: Any,
    table: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    shared, weights = load(market, parameters, 0, TILE), np.empty(0)
    makers = int(shared.makers)
    seen = observations.shape[0] // (books.shape[0] * makers)
    for lane in range(books.shape[0] * makers):
        rules, book = of_lane(shared, parameters, parameter_stride, lane // TILE, lane % TILE), books[lane // makers]
        now = load(state, states, lane // TILE * count(state) * TILE + lane % TILE, TILE)
        memory = (table, book, weights, lane % makers, book.time)
        observe(rules, observation, now, memory, observations, lane * seen)


@scalar
def observe(rules, observation, state, memory, observations, place):
    """Write what one maker sees from `place` on."""
    store(rules.observe(state, memory), observations, place, 1)
    show(rules.venue, memory[1], memory[3], observations, place + count(observation))
