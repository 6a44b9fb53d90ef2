"""Whom of its makers a request of one world goes to: bodies for `core.lanes.over_lanes`, without branches.

What a world has in common is in `Pool`'s rows, what is of a maker in `Own`'s; both lie in one array, `routed`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.core.noise import lane_key, uniforms
from mm_env.desk.moving import moved
from mm_env.desk.scratch import BLOCKS, DEPTHS, DRAWS, MET, SUMS, Met, Sums, nothing, now, unmet
from mm_env.desk.trading import asked
from mm_env.quote import rescale

LOT_BLOCK = BLOCKS - 1  # of each instrument's blocks of noise
NOBODY = 1e300  # the depth of who is not open


class Filled(NamedTuple):
    """What requests of one kind bring to whoever they go to."""

    bought: float  # 1.0 or 0.0
    sold: float
    bid_chance: float  # of a fill, given all that was known when quotes were set and who is chosen
    ask_chance: float
    came: float  # requests, filled or not


BEST = 0  # rows of what a world has in common: the best bid and ask depth
TOTAL = 2 * TILE  # of the weights of all makers, bid and ask
CHOSEN = 4 * TILE  # the depths of who is chosen
LOTS = 6 * TILE  # the uniforms that choose
FILLED = 8 * TILE
CHANGE = 13 * TILE  # of an instrument's mid, and what of that is noise
COMMON = 15
QUOTED = 0  # rows of a maker, behind where its own begin: bid and ask depth, `NOBODY`'s where it is not open
BETWEEN = 2 * TILE  # it is chosen by what lies from here: of the bid, of the ask; and below what follows: bid, ask
MINE = 6 * TILE  # 1.0 where it is chosen, bid and ask
OWN = 8


@scalar
def draw_lots(j: int, tile: int, place: int, states: Any, seed: Any, block: int, routed: Any) -> int:
    """Draw whom the requests for an instrument go to."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    bid, ask, _, _ = uniforms(key, number, int(episode), int(step), block + LOT_BLOCK)
    store((bid, ask), routed, LOTS + j, TILE)
    return 0


@scalar
def ask_around(j: int, routed: Any) -> int:
    """Before any maker was asked."""
    store((NOBODY, NOBODY, 0.0, 0.0, 0.0, 0.0), routed, BEST + j, TILE)
    return 0


@scalar
def begin_meeting(j: int, scratch: Any) -> int:
    """Before any request came to a maker."""
    store(unmet(), scratch, MET + j, TILE)
    return 0


@scalar
def compare(j: int, instrument: Any, size: float, holdings: Any, held: int, scratch: Any, routed: Any, own: int) -> int:
    """What a maker quotes for a size, and the best of those so far."""
    inventory, largest = load(0.0, holdings, held + j, TILE), instrument.max_inventory + 1e-9 * size
    bid, ask = load((0.0, 0.0), scratch, DEPTHS + j, TILE)
    bid_depth = rescale(bid, instrument.min_depth, instrument.max_depth)
    ask_depth = rescale(ask, instrument.min_depth, instrument.max_depth)
    bid_quoted = bid_depth if inventory + size <= largest else NOBODY
    ask_quoted = ask_depth if inventory - size >= -largest else NOBODY
    best_bid, best_ask = load((0.0, 0.0), routed, BEST + j, TILE)
    store((bid_quoted, ask_quoted), routed, own + QUOTED + j, TILE)
    store((min(best_bid, bid_quoted), min(best_ask, ask_quoted)), routed, BEST + j, TILE)
    return 0


@scalar
def stake(j: int, rules: Any, routed: Any, own: int) -> int:
    """From where to where lots choose a maker."""
    bid, ask = load((0.0, 0.0), routed, own + QUOTED + j, TILE)
    best_bid, best_ask, bid_from, ask_from = load((0.0, 0.0, 0.0, 0.0), routed, BEST + j, TILE)
    bid_weight = rules.routing.weight(bid - best_bid if bid < NOBODY else 0.0)
    ask_weight = rules.routing.weight(ask - best_ask if ask < NOBODY else 0.0)
    bid_upto = bid_from + (bid_weight if bid < NOBODY else 0.0)
    ask_upto = ask_from + (ask_weight if ask < NOBODY else 0.0)
    store((bid_from, ask_from, bid_upto, ask_upto), routed, own + BETWEEN + j, TILE)
    store((bid_upto, ask_upto), routed, TOTAL + j, TILE)
    return 0


@scalar
def choose(j: int, routed: Any, own: int) -> int:
    """Whether a maker is chosen, and at what depth."""
    bid, ask, bid_from, ask_from, bid_upto, ask_upto = load(
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), routed, own + QUOTED + j, TILE
    )
    bid_total, ask_total, bid_depth, ask_depth, bid_lot, ask_lot = load(
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), routed, TOTAL + j, TILE
    )
    bid_mine = (bid_lot * bid_total >= bid_from) & (bid_lot * bid_total < bid_upto)
    ask_mine = (ask_lot * ask_total >= ask_from) & (ask_lot * ask_total < ask_upto)
    store((bid if bid_mine else bid_depth, ask if ask_mine else ask_depth), routed, CHOSEN + j, TILE)
    store((1.0 if bid_mine else 0.0, 1.0 if ask_mine else 0.0), routed, own + MINE + j, TILE)
    return 0


@scalar
def meet(
    j: int, rules: Any, place: int, states: Any, tier: Any, request: Any, holdings: Any, held: int, scratch: Any,
    routed: Any,
) -> int:  # fmt: skip
    """What the requests of one tier and size bring to those who are chosen: `desk.trading.meet_if` for a world."""
    mid = load((0.0, 0.0), holdings, held + j, TILE)[1]
    present, dt = now(rules, load(0.0, states, place + j, TILE), mid), rules.clock.dt()
    best_bid, best_ask, _, _, bid_depth, ask_depth = load((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), routed, BEST + j, TILE)
    bid, ask = load((0.0, 0.0), scratch, DRAWS + j, TILE)
    bid_from, ask_from = load((0.0, 0.0), scratch, MET + j, TILE)
    bid_take, ask_take = tier.fill.bid.take(bid_depth, present), tier.fill.ask.take(ask_depth, present)
    chance = tier.flow.bid.probability(bid_take * request.share, dt, present, ())
    arrival = tier.flow.bid.probability(request.share, dt, present, ())
    bought, hit, bid_upto, buys = asked(bid, bid_from, chance, arrival, best_bid < NOBODY)
    chance = tier.flow.ask.probability(ask_take * request.share, dt, present, ())
    arrival = tier.flow.ask.probability(request.share, dt, present, ())
    sold, lifted, ask_upto, sells = asked(ask, ask_from, chance, arrival, best_ask < NOBODY)
    store((bid_upto, ask_upto), scratch, MET + j, TILE)
    store(Filled(bought, sold, buys, sells, hit + lifted), routed, FILLED + j, TILE)
    return 0


@scalar
def take(j: int, size: float, scratch: Any, routed: Any, own: int) -> int:
    """What of that is a maker's."""
    met, filled = load(unmet(), scratch, MET + j, TILE), load(Filled(0.0, 0.0, 0.0, 0.0, 0.0), routed, FILLED + j, TILE)
    bid_depth, ask_depth = load((0.0, 0.0), routed, CHOSEN + j, TILE)
    bid, ask = load((0.0, 0.0), routed, own + MINE + j, TILE)
    bought, sold = filled.bought * bid, filled.sold * ask
    buys, sells = filled.bid_chance * bid, filled.ask_chance * ask
    spread = met.spread + size * (bought * bid_depth + sold * ask_depth)
    foreseen = met.foreseen + size * (buys * bid_depth + sells * ask_depth)
    after = Met(0.0, 0.0, met.bought + size * bought, met.sold + size * sold, spread, foreseen,
                met.fills + (bought + sold), met.arrivals + filled.came)  # fmt: skip
    store(after, scratch, MET + j, TILE)
    return 0


@scalar
def put(j: int, source: Any, scratch: Any, place: int) -> int:
    """What the first maker traded outside is what all did so far."""
    store(load(0.0, source, place + j, 1), scratch, place + j, 1)
    return 0


@scalar
def add(j: int, source: Any, scratch: Any, place: int) -> int:
    """What another maker traded outside comes on top."""
    store(load(0.0, scratch, place + j, 1) + load(0.0, source, place + j, 1), scratch, place + j, 1)
    return 0


@scalar
def change(
    j: int, rules: Any, place: int, states: Any, terms: Any, scratch: Any, normals: int, push: int, routed: Any
) -> int:
    """By how much the mid of an instrument moves, for all makers."""
    store(moved(j, rules, place, states, terms, scratch, normals, push), routed, CHANGE + j, TILE)
    return 0


@scalar
def carry(j: int, holdings: Any, held: int, scratch: Any, routed: Any) -> int:
    """Mark what a maker holds of an instrument at the mid that is new."""
    inventory, mid = load((0.0, 0.0), holdings, held + j, TILE)
    change, noise = load((0.0, 0.0), routed, CHANGE + j, TILE)
    sums = load(nothing(), scratch, SUMS + j, TILE)
    store(mid + change, holdings, held + TILE + j, 1)
    summed = Sums(sums.gain, sums.carried + inventory * change, sums.absolute, sums.squares, sums.variance, sums.spread,
                  sums.cost, sums.surprise + inventory * noise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0
