"""What happens to the worlds of a group within a step: loops over instruments, requests and makers around those over worlds."""

from __future__ import annotations

from mm_env.core.component import count, load
from mm_env.core.lanes import TILE, over_lanes
from mm_env.core.maths import scalar
from mm_env.desk import passes, scratch, trading
from mm_env.desk.places import held_of, terms_of
from mm_env.desk.tables import Request
from mm_env.makers.desks import routes
from mm_env.makers.desks.places import lent_to, own_routes, place_of


@scalar
def tile_of(worlds, at, maker, rows):
    """The tile of a maker, beside the first's."""
    return place_of(at.tile, at.tile * TILE + at.lanes, rows, worlds.common.instruments, worlds.makers, maker)


@scalar
def trade(worlds, at, rows, i, acts, seed):
    """What all makers trade of an instrument outside, and then with their clients."""
    common = worlds.common
    block = int(terms_of(worlds.rules, common, i).number) * scratch.BLOCKS
    arguments = (at.tile, at.state, common.states, seed, block, common.scratch, common.normals + i * TILE)
    over_lanes(trading.draw_requests, at.lanes, arguments)
    if worlds.makers > 1:
        over_lanes(routes.draw_lots, at.lanes, (at.tile, at.state, common.states, seed, block, worlds.routed))
    for maker in range(worlds.makers):
        lent, there = lent_to(worlds, maker), tile_of(worlds, at, maker, rows)
        over_lanes(routes.begin_meeting, at.lanes, (lent.scratch,))
        trade_outside(worlds, lent, there, i, maker, acts, seed)
    column = -1.0
    for kind in range(common.tables.firsts[i], common.tables.firsts[i + 1]):
        request = load(Request(0.0, 0.0, 0.0, 0.0), common.tables.requests, kind * 4, 1)
        meet(worlds, at, rows, i, request, request.column != column, acts)
        column = request.column
    for maker in range(worlds.makers):
        lent, there = lent_to(worlds, maker), tile_of(worlds, at, maker, rows)
        held = held_of(lent, there, i)
        over_lanes(trading.trade, at.lanes, (terms_of(worlds.rules, lent, i), lent.holdings, held, lent.scratch))


@scalar
def trade_outside(worlds, lent, there, i, maker, acts, seed):
    """What one maker trades of an instrument outside, which pushes the mid beside what the makers before it do."""
    terms, held, width = terms_of(worlds.rules, lent, i), held_of(lent, there, i), int(lent.tables.sizes[0])
    push, traded, pooled = lent.pushes + i * TILE, lent.traded + i * TILE, worlds.common.scratch
    if terms.column >= 0.0:
        own, wide = acts[maker * width :], width * worlds.makers
        over_lanes(trading.take_up_trade, there.lanes, (there.tile, own, int(terms.column), wide, lent.scratch))
        arguments = (there.tile, there.state, lent.states, seed, int(terms.number) * scratch.BLOCKS, worlds.rules, terms,
                     lent.holdings, held, lent.scratch, push, traded)  # fmt: skip
        over_lanes(trading.trade_outside, there.lanes, arguments)
    if maker == 0:
        over_lanes(routes.put, there.lanes, (lent.scratch, pooled, push))
        over_lanes(routes.put, there.lanes, (lent.scratch, pooled, traded))
    else:
        over_lanes(routes.add, there.lanes, (lent.scratch, pooled, push))
        over_lanes(routes.add, there.lanes, (lent.scratch, pooled, traded))


@scalar
def meet(worlds, at, rows, i, request, is_other, acts):
    """What the requests of one tier and size bring to all makers; if `is_other`, these quote another depth than before."""
    common, routed, width = worlds.common, worlds.routed, int(worlds.common.tables.sizes[0])
    over_lanes(routes.ask_around, at.lanes, (routed,))
    for maker in range(worlds.makers):
        lent, there = lent_to(worlds, maker), tile_of(worlds, at, maker, rows)
        if is_other:
            own, wide = acts[maker * width :], width * worlds.makers
            over_lanes(trading.take_up, at.lanes, (at.tile, own, int(request.column), wide, lent.scratch))
        arguments = (terms_of(worlds.rules, lent, i).instrument, request.size, lent.holdings, held_of(lent, there, i),
                     lent.scratch, routed, own_routes(maker))  # fmt: skip
        over_lanes(routes.compare, at.lanes, arguments)
    for maker in range(worlds.makers):
        over_lanes(routes.stake, at.lanes, (worlds.rules, routed, own_routes(maker)))
    for maker in range(worlds.makers):
        over_lanes(routes.choose, at.lanes, (routed, own_routes(maker)))
    tier = load(worlds.rules.tier, common.tables.tiers, int(request.tier) * count(worlds.rules.tier), 1)
    arguments = (worlds.rules, at.state, common.states, tier, request, common.holdings, held_of(common, at, i),
                 common.scratch, routed)  # fmt: skip
    over_lanes(routes.meet, at.lanes, arguments)
    for maker in range(worlds.makers):
        arguments = (request.size, lent_to(worlds, maker).scratch, routed, own_routes(maker))
        over_lanes(routes.take, at.lanes, arguments)


@scalar
def move(worlds, at, rows, i):
    """Move the mid of an instrument, for all makers."""
    common, place = worlds.common, i * TILE
    passes.share(common, at, i)
    arguments = (worlds.rules, at.state, common.states, terms_of(worlds.rules, common, i), common.scratch,
                 common.normals + place, common.pushes + place, worlds.routed)  # fmt: skip
    over_lanes(routes.change, at.lanes, arguments)
    for maker in range(worlds.makers):
        lent, there = lent_to(worlds, maker), tile_of(worlds, at, maker, rows)
        over_lanes(routes.carry, at.lanes, (lent.holdings, held_of(lent, there, i), lent.scratch, worlds.routed))
