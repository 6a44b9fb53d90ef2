"""What one lane trades of an instrument within a step: bodies for `core.lanes.over_lanes`, without branches."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import normal, scalar
from mm_env.core.noise import lane_key, uniforms
from mm_env.desk.scratch import (
    DEPTHS,
    DRAWS,
    MET,
    OFFER,
    OUTSIDE,
    SUMS,
    Met,
    Offer,
    Sums,
    nothing,
    nothing_held,
    now,
    offered,
    unmet,
)
from mm_env.desk.state import Holding
from mm_env.quote import rescale


@scalar
def draw_requests(j: int, tile: int, place: int, states: Any, seed: Any, block: int, scratch: Any, normals: int) -> int:
    """Draw what an instrument's clients and its mid go by, and begin to count what is met."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    bid, ask, first, angle = uniforms(key, number, int(episode), int(step), block)
    store((bid, ask), scratch, DRAWS + j, TILE)
    store(normal((first, angle)), scratch, normals + j, 1)
    store(unmet(), scratch, MET + j, TILE)
    return 0


@scalar
def take_up(j: int, tile: int, actions: Any, column: int, width: int, scratch: Any) -> int:
    """Read a bid and an ask of an action, apart from what is made of them: actions of lanes do not lie side by side."""
    store(load((0.0, 0.0), actions, (tile * TILE + j) * width + column, 1), scratch, DEPTHS + j, TILE)
    return 0


@scalar
def take_up_trade(j: int, tile: int, actions: Any, column: int, width: int, scratch: Any) -> int:
    """Read what an action says of a trade outside."""
    store(load(0.0, actions, (tile * TILE + j) * width + column, 1), scratch, OUTSIDE + j, 1)
    return 0


@scalar
def offer(
    j: int, rules: Any, place: int, states: Any, instrument: Any, tier: Any, holdings: Any, held: int, scratch: Any
) -> int:
    """Quote one tier of an instrument, or one of its sizes."""
    bid, ask = load((0.0, 0.0), scratch, DEPTHS + j, TILE)
    bid_depth = rescale(bid, instrument.min_depth, instrument.max_depth)
    ask_depth = rescale(ask, instrument.min_depth, instrument.max_depth)
    present = now(rules, load(0.0, states, place + j, TILE), load(0.0, holdings, held + TILE + j, TILE))
    bid_take, ask_take = tier.fill.bid.take(bid_depth, present), tier.fill.ask.take(ask_depth, present)
    store(Offer(bid_depth, bid_take, ask_depth, ask_take), scratch, OFFER + j, TILE)
    return 0


@scalar
def meet(
    j: int, rules: Any, place: int, states: Any, instrument: Any, tier: Any, request: Any, holdings: Any, held: int,
    scratch: Any,
) -> int:  # fmt: skip
    """What the requests of one tier and size bring: each owns the uniforms that follow those of the ones before it."""
    return meet_if(j, rules, place, states, instrument, tier, request, holdings, held, scratch, True, True)


@scalar
def meet_if(
    j: int, rules: Any, place: int, states: Any, instrument: Any, tier: Any, request: Any, holdings: Any, held: int,
    scratch: Any, bids: bool, asks: bool,
) -> int:  # fmt: skip
    """As `meet`, where `bids` and `asks` say whether each side is open, whatever is held."""
    inventory, mid = load((0.0, 0.0), holdings, held + j, TILE)
    present, dt, size = now(rules, load(0.0, states, place + j, TILE), mid), rules.clock.dt(), request.size
    quoted, met = load(offered(), scratch, OFFER + j, TILE), load(unmet(), scratch, MET + j, TILE)
    bid, ask = load((0.0, 0.0), scratch, DRAWS + j, TILE)
    largest = instrument.max_inventory + 1e-9 * size  # safe against rounding
    may_buy, may_sell = bids & (inventory + size <= largest), asks & (inventory - size >= -largest)
    chance = tier.flow.bid.probability(quoted.bid_take * request.share, dt, present, ())
    arrival = tier.flow.bid.probability(request.share, dt, present, ())
    bought, hit, bid_upto, buys = asked(bid, met.bid_upto, chance, arrival, may_buy)
    chance = tier.flow.ask.probability(quoted.ask_take * request.share, dt, present, ())
    arrival = tier.flow.ask.probability(request.share, dt, present, ())
    sold, lifted, ask_upto, sells = asked(ask, met.ask_upto, chance, arrival, may_sell)
    spread = met.spread + size * (bought * quoted.bid_depth + sold * quoted.ask_depth)
    foreseen = met.foreseen + size * (buys * quoted.bid_depth + sells * quoted.ask_depth)
    fills, arrivals = met.fills + (bought + sold), met.arrivals + (hit + lifted)
    after = Met(
        bid_upto, ask_upto, met.bought + size * bought, met.sold + size * sold, spread, foreseen, fills, arrivals
    )
    store(after, scratch, MET + j, TILE)
    return 0


@scalar
def asked(
    uniform: float, upto: float, chance: float, arrival: float, is_open: bool
) -> tuple[float, float, float, float]:
    """Whether a request was filled and whether it came, 1.0 or 0.0, up to where the uniforms are its own, and how likely it was
    that it was filled."""
    likely = min(chance, 1.0) if is_open else 0.0
    beyond = upto + max(arrival, likely)
    filled = 1.0 if (uniform >= upto) & (uniform < upto + likely) else 0.0
    came = 1.0 if (uniform >= upto) & (uniform < beyond) else 0.0
    return filled, came, beyond, min(upto + likely, 1.0) - min(upto, 1.0)


@scalar
def trade_outside(
    j: int, tile: int, place: int, states: Any, seed: Any, block: int, rules: Any, terms: Any, holdings: Any, held: int,
    scratch: Any, push: int, traded: int,
) -> int:  # fmt: skip
    """Trade an instrument with others than clients."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    uniform, _, _, _ = uniforms(key, number, int(episode), int(step), block + 1)
    before, instrument, dt = load(nothing_held(), holdings, held + j, TILE), terms.instrument, rules.clock.dt()
    action, sums = load(0.0, scratch, OUTSIDE + j, 1), load(nothing(), scratch, SUMS + j, TILE)
    units = instrument.outside.trade(action, before.inventory, instrument.max_inventory, dt, uniform)
    cost = instrument.outside.cost(action, units, dt)
    after = Holding(before.inventory + units, before.mid, before.cash - units * before.mid - cost, before.spread,
                    before.hedging_cost + cost, before.client_volume, before.outside_volume + abs(units))  # fmt: skip
    store(after, holdings, held + j, TILE)
    store(instrument.outside.push(units), scratch, push + j, 1)
    store(units, scratch, traded + j, 1)
    summed = Sums(sums.gain - cost, sums.carried, sums.absolute, sums.squares, sums.variance, sums.spread, sums.cost + cost,
                  sums.surprise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0


@scalar
def trade(j: int, terms: Any, holdings: Any, held: int, scratch: Any) -> int:
    """Settle what an instrument's clients traded."""
    before, weight = load(nothing_held(), holdings, held + j, TILE), terms.instrument.weight
    met, sums = load(unmet(), scratch, MET + j, TILE), load(nothing(), scratch, SUMS + j, TILE)
    net = met.bought - met.sold
    inventory, cash = before.inventory + net, before.cash - net * before.mid + met.spread
    after = Holding(inventory, before.mid, cash, before.spread + met.spread, before.hedging_cost,
                    before.client_volume + (met.bought + met.sold), before.outside_volume)  # fmt: skip
    store(after, holdings, held + j, TILE)
    surprise = sums.surprise + (met.spread - met.foreseen)
    summed = Sums(sums.gain + met.spread, sums.carried, sums.absolute + abs(inventory),
                  sums.squares + weight * inventory * inventory, sums.variance, sums.spread + met.spread, sums.cost,
                  surprise, sums.fills + met.fills, sums.arrivals + met.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0
