"""What happens to a tile of a desk's lanes within a step: loops over instruments and requests around those over lanes."""

from __future__ import annotations

from mm_env.core.component import count, load, store
from mm_env.core.lanes import TILE, over_lanes
from mm_env.core.maths import scalar
from mm_env.desk import moving, scratch, settling, trading, weighing
from mm_env.desk.places import before_prices, held_of, loadings_of, rate_of, terms_of
from mm_env.desk.state import Holding, Kept
from mm_env.desk.tables import COLUMNS, Request


@scalar
def draw_factors(lent, at, seed):
    """Draw the factors, where the prices have any beside the instruments' own noise."""
    if lent.factors > lent.normals:
        for factor in range(lent.columns):
            place = lent.factors + factor * TILE
            arguments = (at.tile, at.state, lent.states, seed, factor, lent.scratch, place)
            over_lanes(moving.draw_factor, at.lanes, arguments)


@scalar
def trade(rules, lent, at, i, acts, seed):
    """What is traded of an instrument outside, and then with its clients."""
    terms, held, width = terms_of(rules, lent, i), held_of(lent, at, i), int(lent.tables.sizes[0])
    block = int(terms.number) * scratch.BLOCKS
    arguments = (at.tile, at.state, lent.states, seed, block, lent.scratch, lent.normals + i * TILE)
    over_lanes(trading.draw_requests, at.lanes, arguments)
    if lent.tables.impact.shape[0] > 0:  # else it is written below, or 0 throughout
        over_lanes(scratch.zero, at.lanes, (lent.scratch, lent.pushes + i * TILE))
    if terms.column >= 0.0:
        over_lanes(trading.take_up_trade, at.lanes, (at.tile, acts, int(terms.column), width, lent.scratch))
        arguments = (at.tile, at.state, lent.states, seed, block, rules, terms, lent.holdings, held, lent.scratch,
                     lent.pushes + i * TILE, lent.traded + i * TILE)  # fmt: skip
        over_lanes(trading.trade_outside, at.lanes, arguments)
    quoted = (-1.0, -1.0)
    for kind in range(lent.tables.firsts[i], lent.tables.firsts[i + 1]):
        request = load(Request(0.0, 0.0, 0.0, 0.0), lent.tables.requests, kind * 4, 1)
        tier = load(rules.tier, lent.tables.tiers, int(request.tier) * count(rules.tier), 1)
        if quoted != (request.tier, request.column):
            quoted = (request.tier, request.column)
            over_lanes(trading.take_up, at.lanes, (at.tile, acts, int(request.column), width, lent.scratch))
            arguments = (rules, at.state, lent.states, terms.instrument, tier, lent.holdings, held, lent.scratch)
            over_lanes(trading.offer, at.lanes, arguments)
        arguments = (rules, at.state, lent.states, terms.instrument, tier, request, lent.holdings, held, lent.scratch)
        over_lanes(trading.meet, at.lanes, arguments)
    over_lanes(trading.trade, at.lanes, (terms, lent.holdings, held, lent.scratch))


@scalar
def move(rules, lent, at, i):
    """Move the mid of an instrument."""
    share(lent, at, i)
    held, place = held_of(lent, at, i), i * TILE
    arguments = (rules, at.state, lent.states, terms_of(rules, lent, i), lent.holdings, held, lent.scratch,
                 lent.normals + place, lent.pushes + place)  # fmt: skip
    over_lanes(moving.move, at.lanes, arguments)


@scalar
def share(lent, at, i):
    """What an instrument's mid shares with others, of the diffusion and of what is traded outside."""
    over_lanes(scratch.zero, at.lanes, (lent.scratch, scratch.MOVE))
    for column in range(0, lent.columns, COLUMNS):
        loadings = loadings_of(lent, i, column)
        over_lanes(moving.diffuse, at.lanes, (loadings, lent.scratch, lent.factors + column * TILE))
    place, wide = i * TILE, lent.instruments + -lent.instruments % COLUMNS
    if lent.tables.impact.shape[0] > 0:
        for column in range(0, wide, COLUMNS):
            loadings = load((0.0, 0.0, 0.0, 0.0), lent.tables.impact, i * wide + column, 1)
            arguments = (loadings, lent.scratch, lent.traded + column * TILE, lent.pushes + place)
            over_lanes(moving.push_by, at.lanes, arguments)


@scalar
def jump(rules, lent, at, seed):
    """Let mids jump, and their rates fall and rise by what jumped; nothing where there are no jumps."""
    n = lent.instruments if lent.tables.excitation.shape[0] > 0 else 0
    for i in range(n):
        terms, held = terms_of(rules, lent, i), held_of(lent, at, i)
        arguments = (at.tile, at.state, lent.states, seed, int(terms.number) * scratch.BLOCKS, rules, terms.jumps,
                     lent.holdings, held, rate_of(held), lent.scratch, lent.jumped + i * TILE)  # fmt: skip
        over_lanes(moving.jump, at.lanes, arguments)
    wide = n + -n % COLUMNS
    for i in range(n):
        rate = rate_of(held_of(lent, at, i))
        over_lanes(moving.decay, at.lanes, (rules, terms_of(rules, lent, i).jumps, lent.holdings, rate))
        for column in range(0, wide, COLUMNS):
            loadings = load((0.0, 0.0, 0.0, 0.0), lent.tables.excitation, i * wide + column, 1)
            arguments = (loadings, lent.holdings, rate, lent.scratch, lent.jumped + column * TILE)
            over_lanes(moving.excite, at.lanes, arguments)


@scalar
def vary(rules, lent, at, seed):
    """Move the variance that all instruments share, if there is one."""
    if lent.tables.variance.shape[0] > 0:
        factor = load((0.0, 0.0), lent.tables.variance, 0, 1)
        over_lanes(moving.vary, at.lanes, (at.tile, rules, at.state, lent.states, seed, factor))


@scalar
def weigh(rules, lent, at):
    """The variance of the position: of what its instruments do by themselves, and of what they share."""
    for column in range(lent.columns):
        over_lanes(scratch.zero, at.lanes, (lent.scratch, lent.exposures + column * TILE))
    for i in range(lent.instruments):
        held = held_of(lent, at, i)
        over_lanes(weighing.risk_of_own, at.lanes, (terms_of(rules, lent, i).own, lent.holdings, held, lent.scratch))
        for column in range(0, lent.columns, COLUMNS):
            place = lent.exposures + column * TILE
            arguments = (loadings_of(lent, i, column), lent.holdings, held, lent.scratch, place)
            over_lanes(weighing.expose, at.lanes, arguments)
    for column in range(0, lent.columns, COLUMNS):
        over_lanes(weighing.risk_of_shared, at.lanes, (lent.scratch, lent.exposures + column * TILE))
    if lent.tables.variance.shape[0] > 0:
        over_lanes(weighing.scale_variance, at.lanes, (at.state, lent.states, lent.scratch))
    if lent.tables.excitation.shape[0] > 0:
        for i in range(lent.instruments):
            held, jumps = held_of(lent, at, i), terms_of(rules, lent, i).jumps
            over_lanes(weighing.risk_of_jumps, at.lanes, (jumps, lent.holdings, held, rate_of(held), lent.scratch))


@scalar
def begin(rules, lent, at, j, episode):
    """Start an episode in lane j of a tile."""
    store(rules.begin(episode), lent.states, at.state + j, TILE)
    if lent.tables.variance.shape[0] > 0:
        store(lent.tables.variance[2], lent.states, at.state + 2 * TILE + j, 1)
    for i in range(lent.instruments):
        terms = terms_of(rules, lent, i)
        fresh = Holding(terms.instrument.initial_inventory, terms.instrument.initial_mid, 0.0, 0.0, 0.0, 0.0, 0.0)
        store(Kept(fresh, terms.jumps.base), lent.holdings, held_of(lent, at, i) + j, TILE)


@scalar
def show(rules, lent, at, seen, observations):
    """What is seen of a tile's inventories, and of the state of the prices."""
    first = before_prices(rules, lent)
    rates = first + (1 if lent.tables.variance.shape[0] > 0 else 0)
    if lent.tables.variance.shape[0] > 0:
        arguments = (at.tile, at.state, lent.states, seen, first, observations)
        over_lanes(settling.show_volatility, at.lanes, arguments)
    for i in range(lent.instruments):
        terms, held = terms_of(rules, lent, i), held_of(lent, at, i)
        over_lanes(settling.show, at.lanes, (at.tile, terms, lent.holdings, held, seen, i, observations))
        if lent.tables.excitation.shape[0] > 0:
            column = rates + i
            arguments = (at.tile, terms.jumps, lent.holdings, rate_of(held), seen, column, observations)
            over_lanes(settling.show_rate, at.lanes, arguments)


@scalar
def show_lane(rules, lent, at, j, seen, observations):
    """What is seen of lane j of a tile as it stands."""
    first = before_prices(rules, lent)
    rates = first + (1 if lent.tables.variance.shape[0] > 0 else 0)
    settling.show_all(j, at.tile, rules, at.state, lent.states, lent.scratch, lent.instruments, seen, observations)
    if lent.tables.variance.shape[0] > 0:
        settling.show_volatility(j, at.tile, at.state, lent.states, seen, first, observations)
    for i in range(lent.instruments):
        terms, held = terms_of(rules, lent, i), held_of(lent, at, i)
        settling.show(j, at.tile, terms, lent.holdings, held, seen, i, observations)
        if lent.tables.excitation.shape[0] > 0:
            column = rates + i
            settling.show_rate(j, at.tile, terms.jumps, lent.holdings, rate_of(held), seen, column, observations)
