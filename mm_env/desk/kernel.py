"""The loops over a desk's lanes: those of `core.kernel` for N instruments.

Number i of what lane j of a tile holds of an instrument lies at `((tile N + instrument) rows + i) TILE + j`. The loops over
instruments and requests go around those over a tile's lanes, which become SIMD code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import count, load, store
from mm_env.core.lanes import TILE, borrowed, over_lanes
from mm_env.core.maths import scalar
from mm_env.desk import bodies
from mm_env.desk.state import Holding, Kept
from mm_env.desk.tables import COLUMNS, JumpTerms, Request, Terms


class Lent(NamedTuple):
    """The arrays that the loops work on, and where things lie in them."""

    tables: Any
    states: Any
    holdings: Any
    scratch: Any
    instruments: int  # how many, N
    columns: int  # of what instruments share, M
    pushes: int  # in scratch: N rows, of what trades outside move the mids by
    exposures: int  # M rows, of the position to what is shared
    normals: int  # N rows, of the instruments' own
    factors: int  # M rows, that the shared part of the diffusion multiplies
    jumped: int  # N rows, 1.0 where an instrument jumped
    traded: int  # N rows, of what was traded outside


class Place(NamedTuple):
    """A tile."""

    tile: int
    lanes: int
    state: int  # where its states begin
    held: int  # where its holdings begin


def step_lanes(
    market: Any, state: Any, action: Any, observation: Any,
    parameters: Any, parameter_stride: Any, states: Any, holdings: Any, tables: Any, actions: Any,
    observations: Any, rewards: Any, ended: Any, seed: Any, first: int, last: int,
) -> int:  # fmt: skip
    """Step the lanes first..last - 1 (`first` at the start of a tile) and count the episodes that ended."""
    rules, memory, endings = load(market, parameters, 0, TILE), np.zeros(_needed(tables)), 0
    lent, acts, shown = _lent(tables, states, holdings, memory), borrowed(actions), borrowed(observations)
    seen = _seen(rules, lent)
    for tile in range(first // TILE, (last + TILE - 1) // TILE):
        at = _place(tile, last, count(state), lent.instruments)
        over_lanes(bodies.clear, at.lanes, (lent.scratch,))
        _draw_factors(lent, at, seed)
        for i in range(lent.instruments):
            _trade(rules, lent, at, i, acts, seed)
        for i in range(lent.instruments):
            _move(rules, lent, at, i)
        _jump(rules, lent, at, seed)
        if lent.tables.variance.shape[0] > 0:
            factor = load((0.0, 0.0), lent.tables.variance, 0, 1)
            over_lanes(bodies.vary, at.lanes, (tile, rules, at.state, lent.states, seed, factor))
        _weigh(rules, lent, at)
        arguments = (tile, rules, at.state, lent.states, lent.scratch, rewards, ended, lent.instruments, seen, shown)
        endings += over_lanes(bodies.settle, at.lanes, arguments)
        _show(rules, lent, at, seen, shown)
    memory[0] = 0.0  # lent until here
    return endings


def begin_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, holdings: Any,
    tables: Any, observations: Any, mask: Any, episodes: Any, seed: Any,
) -> None:  # fmt: skip
    """Start episode `episodes[lane]` in each lane of `mask`."""
    rules, memory, lanes = load(market, parameters, 0, TILE), np.zeros(_needed(tables)), mask.shape[0]
    lent = _lent(tables, states, holdings, memory)
    seen = _seen(rules, lent)
    for tile in range((lanes + TILE - 1) // TILE):
        at = _place(tile, lanes, count(state), lent.instruments)
        begun = mask[tile * TILE : tile * TILE + at.lanes]
        if begun.any():
            for j in range(at.lanes):
                if begun[j]:
                    _begin(rules, lent, at, j, float(episodes[tile * TILE + j]))
            over_lanes(bodies.clear, at.lanes, (lent.scratch,))
            _weigh(rules, lent, at)
            for j in range(at.lanes):
                if begun[j]:
                    _show_lane(rules, lent, at, j, seen, observations)
    memory[0] = 0.0


def observe_lanes(
    market: Any, state: Any, observation: Any, parameters: Any, parameter_stride: Any, states: Any, holdings: Any,
    tables: Any, observations: Any,
) -> None:  # fmt: skip
    """What the agent sees in every lane as it stands."""
    rules, memory = load(market, parameters, 0, TILE), np.zeros(_needed(tables))
    lent = _lent(tables, states, holdings, memory)
    seen = _seen(rules, lent)
    lanes = observations.shape[0] // seen
    for tile in range((lanes + TILE - 1) // TILE):
        at = _place(tile, lanes, count(state), lent.instruments)
        over_lanes(bodies.clear, at.lanes, (lent.scratch,))
        _weigh(rules, lent, at)
        for j in range(at.lanes):
            _show_lane(rules, lent, at, j, seen, observations)
    memory[0] = 0.0


@scalar
def _draw_factors(lent, at, seed):
    """Draw the factors, where the prices have any beside the instruments' own noise."""
    if lent.factors > lent.normals:
        for factor in range(lent.columns):
            place = lent.factors + factor * TILE
            arguments = (at.tile, at.state, lent.states, seed, factor, lent.scratch, place)
            over_lanes(bodies.draw_factor, at.lanes, arguments)


@scalar
def _trade(rules, lent, at, i, acts, seed):
    """What is traded of an instrument outside, and then with its clients."""
    terms, held, width = _terms(rules, lent, i), _held(lent, at, i), int(lent.tables.sizes[0])
    block = int(terms.number) * bodies.BLOCKS
    arguments = (at.tile, at.state, lent.states, seed, block, lent.scratch, lent.normals + i * TILE)
    over_lanes(bodies.draw_requests, at.lanes, arguments)
    if terms.column >= 0.0:
        over_lanes(bodies.take_up_trade, at.lanes, (at.tile, acts, int(terms.column), width, lent.scratch))
        arguments = (at.tile, at.state, lent.states, seed, block, rules, terms, lent.holdings, held, lent.scratch,
                     lent.pushes + i * TILE, lent.traded + i * TILE)  # fmt: skip
        over_lanes(bodies.trade_outside, at.lanes, arguments)
    quoted = (-1.0, -1.0)
    for kind in range(lent.tables.firsts[i], lent.tables.firsts[i + 1]):
        request = load(Request(0.0, 0.0, 0.0, 0.0), lent.tables.requests, kind * 4, 1)
        tier = load(rules.tier, lent.tables.tiers, int(request.tier) * count(rules.tier), 1)
        if quoted != (request.tier, request.column):
            quoted = (request.tier, request.column)
            over_lanes(bodies.take_up, at.lanes, (at.tile, acts, int(request.column), width, lent.scratch))
            arguments = (rules, at.state, lent.states, terms.instrument, tier, lent.holdings, held, lent.scratch)
            over_lanes(bodies.offer, at.lanes, arguments)
        arguments = (rules, at.state, lent.states, terms.instrument, tier, request, lent.holdings, held, lent.scratch)
        over_lanes(bodies.meet, at.lanes, arguments)
    over_lanes(bodies.trade, at.lanes, (terms, lent.holdings, held, lent.scratch))


@scalar
def _move(rules, lent, at, i):
    """Move the mid of an instrument."""
    over_lanes(bodies.zero, at.lanes, (lent.scratch, bodies.MOVE))
    for column in range(0, lent.columns, COLUMNS):
        loadings = _loadings(lent, i, column)
        over_lanes(bodies.diffuse, at.lanes, (loadings, lent.scratch, lent.factors + column * TILE))
    held, place, wide = _held(lent, at, i), i * TILE, lent.instruments + -lent.instruments % COLUMNS
    if lent.tables.impact.shape[0] > 0:
        for column in range(0, wide, COLUMNS):
            loadings = load((0.0, 0.0, 0.0, 0.0), lent.tables.impact, i * wide + column, 1)
            arguments = (loadings, lent.scratch, lent.traded + column * TILE, lent.pushes + place)
            over_lanes(bodies.push_by, at.lanes, arguments)
    arguments = (rules, at.state, lent.states, _terms(rules, lent, i), lent.holdings, held, lent.scratch,
                 lent.normals + place, lent.pushes + place)  # fmt: skip
    over_lanes(bodies.move, at.lanes, arguments)


@scalar
def _jump(rules, lent, at, seed):
    """Let mids jump, and their rates fall and rise by what jumped; nothing where there are no jumps."""
    n = lent.instruments if lent.tables.excitation.shape[0] > 0 else 0
    for i in range(n):
        terms, held = _terms(rules, lent, i), _held(lent, at, i)
        arguments = (at.tile, at.state, lent.states, seed, int(terms.number) * bodies.BLOCKS, rules, terms.jumps,
                     lent.holdings, held, _rate(held), lent.scratch, lent.jumped + i * TILE)  # fmt: skip
        over_lanes(bodies.jump, at.lanes, arguments)
    wide = n + -n % COLUMNS
    for i in range(n):
        rate = _rate(_held(lent, at, i))
        over_lanes(bodies.decay, at.lanes, (rules, _terms(rules, lent, i).jumps, lent.holdings, rate))
        for column in range(0, wide, COLUMNS):
            loadings = load((0.0, 0.0, 0.0, 0.0), lent.tables.excitation, i * wide + column, 1)
            arguments = (loadings, lent.holdings, rate, lent.scratch, lent.jumped + column * TILE)
            over_lanes(bodies.excite, at.lanes, arguments)


@scalar
def _weigh(rules, lent, at):
    """The variance of the position: of what its instruments do by themselves, and of what they share."""
    for column in range(lent.columns):
        over_lanes(bodies.zero, at.lanes, (lent.scratch, lent.exposures + column * TILE))
    for i in range(lent.instruments):
        held = _held(lent, at, i)
        over_lanes(bodies.risk_of_own, at.lanes, (_terms(rules, lent, i).own, lent.holdings, held, lent.scratch))
        for column in range(0, lent.columns, COLUMNS):
            place = lent.exposures + column * TILE
            arguments = (_loadings(lent, i, column), lent.holdings, held, lent.scratch, place)
            over_lanes(bodies.expose, at.lanes, arguments)
    for column in range(0, lent.columns, COLUMNS):
        over_lanes(bodies.risk_of_shared, at.lanes, (lent.scratch, lent.exposures + column * TILE))
    if lent.tables.variance.shape[0] > 0:
        over_lanes(bodies.scale_variance, at.lanes, (at.state, lent.states, lent.scratch))
    if lent.tables.excitation.shape[0] > 0:
        for i in range(lent.instruments):
            held, jumps = _held(lent, at, i), _terms(rules, lent, i).jumps
            over_lanes(bodies.risk_of_jumps, at.lanes, (jumps, lent.holdings, held, _rate(held), lent.scratch))


@scalar
def _begin(rules, lent, at, j, episode):
    """Start an episode in lane j of a tile."""
    store(rules.begin(episode), lent.states, at.state + j, TILE)
    if lent.tables.variance.shape[0] > 0:
        store(lent.tables.variance[2], lent.states, at.state + 2 * TILE + j, 1)
    for i in range(lent.instruments):
        terms = _terms(rules, lent, i)
        fresh = Holding(terms.instrument.initial_inventory, terms.instrument.initial_mid, 0.0, 0.0, 0.0, 0.0, 0.0)
        store(Kept(fresh, terms.jumps.base), lent.holdings, _held(lent, at, i) + j, TILE)


@scalar
def _show(rules, lent, at, seen, observations):
    """What is seen of a tile's inventories, and of the state of the prices."""
    first = _beside(rules, lent)
    if lent.tables.variance.shape[0] > 0:
        arguments = (at.tile, at.state, lent.states, seen, first, observations)
        over_lanes(bodies.show_volatility, at.lanes, arguments)
    for i in range(lent.instruments):
        terms, held = _terms(rules, lent, i), _held(lent, at, i)
        over_lanes(bodies.show, at.lanes, (at.tile, terms, lent.holdings, held, seen, i, observations))
        if lent.tables.excitation.shape[0] > 0:
            column = seen - lent.instruments + i
            arguments = (at.tile, terms.jumps, lent.holdings, _rate(held), seen, column, observations)
            over_lanes(bodies.show_rate, at.lanes, arguments)


@scalar
def _show_lane(rules, lent, at, j, seen, observations):
    """What is seen of lane j of a tile as it stands."""
    first = _beside(rules, lent)
    bodies.show_all(j, at.tile, rules, at.state, lent.states, lent.scratch, lent.instruments, seen, observations)
    if lent.tables.variance.shape[0] > 0:
        bodies.show_volatility(j, at.tile, at.state, lent.states, seen, first, observations)
    for i in range(lent.instruments):
        terms, held = _terms(rules, lent, i), _held(lent, at, i)
        bodies.show(j, at.tile, terms, lent.holdings, held, seen, i, observations)
        if lent.tables.excitation.shape[0] > 0:
            column = seen - lent.instruments + i
            bodies.show_rate(j, at.tile, terms.jumps, lent.holdings, _rate(held), seen, column, observations)


@scalar
def _terms(rules, lent, i):
    """What is read of an instrument."""
    like = Terms(rules.instrument, 0.0, 0.0, 0.0, 0.0, JumpTerms(0.0, 0.0, 0.0, 0.0, 0.0))
    return load(like, lent.tables.instruments, i * count(like), 1)


@scalar
def _loadings(lent, i, column):
    """`COLUMNS` numbers of an instrument's row of what is shared."""
    return load((0.0, 0.0, 0.0, 0.0), lent.tables.shared, i * lent.columns + column, 1)


@scalar
def _held(lent, at, i):
    """Where a tile's holdings of an instrument begin."""
    return at.held + i * count(bodies.nothing_kept()) * TILE


@scalar
def _rate(held):
    """Where the rates of an instrument's jumps begin, behind its holdings."""
    return held + count(bodies.nothing_held()) * TILE


@scalar
def _place(tile, last, rows, instruments):
    """A tile, whose lanes end before `last`."""
    held = tile * instruments * count(bodies.nothing_kept()) * TILE
    return Place(tile, min(TILE, last - tile * TILE), tile * rows * TILE, held)


@scalar
def _seen(rules, lent):
    """How many numbers a lane shows."""
    jumping = lent.instruments if lent.tables.excitation.shape[0] > 0 else 0
    return _beside(rules, lent) + jumping + (1 if lent.tables.variance.shape[0] > 0 else 0)


@scalar
def _beside(rules, lent):
    """How many numbers a lane shows before those of the prices' state."""
    return lent.instruments + count(rules.observe(rules.begin(0.0), 0.0))


@scalar
def _needed(tables):
    """Numbers of scratch."""
    instruments, columns = tables.firsts.shape[0] - 1, tables.sizes[1]
    return (bodies.ROWS + 4 * (instruments + COLUMNS) + 2 * columns) * TILE


@scalar
def _lent(tables, states, holdings, memory):
    """The arrays, and where things lie in `memory`."""
    instruments, columns = tables.firsts.shape[0] - 1, tables.sizes[1]
    pushes = bodies.ROWS * TILE
    exposures = pushes + instruments * TILE
    normals = exposures + columns * TILE
    factors = normals + tables.sizes[2] * TILE
    jumped = memory.shape[0] - (instruments + COLUMNS) * TILE
    traded = jumped - (instruments + COLUMNS) * TILE
    return Lent(tables, borrowed(states), borrowed(holdings), borrowed(memory), instruments, columns, pushes, exposures,
                normals, factors, jumped, traded)  # fmt: skip
