"""What one lane trades of an option, or of the underlying, within a step: bodies for `core.lanes.over_lanes`."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.core.noise import lane_key, uniforms
from mm_env.desk.options.marking import enter
from mm_env.desk.options.state import nothing_booked, nothing_option
from mm_env.desk.scratch import DRAWS, MET, OUTSIDE, SUMS, Sums, nothing, unmet
from mm_env.desk.state import Holding
from mm_env.desk.trading import meet_if

_ROUNDING = 1e-9  # of the vega of a trade


@scalar
def draw_requests(j: int, tile: int, place: int, states: Any, seed: Any, block: int, scratch: Any) -> int:
    """Draw what an instrument's clients go by, and begin to count what is met."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    bid, ask, _, _ = uniforms(key, number, int(episode), int(step), block)
    store((bid, ask), scratch, DRAWS + j, TILE)
    store(unmet(), scratch, MET + j, TILE)
    return 0


@scalar
def meet(
    j: int, rules: Any, place: int, states: Any, instrument: Any, tier: Any, request: Any, contract: Any, holdings: Any,
    held: int, book: int, scratch: Any,
) -> int:  # fmt: skip
    """What requests bring: a side is off once the option has expired, and where it would carry the book's vega off limits."""
    vega, moved = (
        load(nothing_booked(), holdings, book + j, TILE).vega,
        load(nothing_option(), holdings, held + j, TILE).vega,
    )
    alive, moved = load(0.0, states, place + j, TILE) < contract.last, request.size * moved
    largest = max(rules.vega_limit, abs(vega)) + _ROUNDING * abs(moved)
    bids, asks = alive & (abs(vega + moved) <= largest), alive & (abs(vega - moved) <= largest)
    return meet_if(j, rules, place, states, instrument, tier, request, holdings, held, scratch, bids, asks)


@scalar
def trade(j: int, holdings: Any, held: int, book: int, scratch: Any) -> int:
    """Settle what an instrument's clients traded, and enter it into the book."""
    kept, met, sums = (
        load(nothing_option(), holdings, held + j, TILE),
        load(unmet(), scratch, MET + j, TILE),
        load(nothing(), scratch, SUMS + j, TILE),
    )
    before, net = kept.holding, met.bought - met.sold
    after = Holding(before.inventory + net, before.mid, before.cash - net * before.mid + met.spread, before.spread + met.spread,
                    before.hedging_cost, before.client_volume + (met.bought + met.sold), before.outside_volume)  # fmt: skip
    store(after, holdings, held + j, TILE)
    summed = Sums(sums.gain + met.spread, sums.carried, sums.absolute, sums.squares, sums.variance, sums.spread + met.spread,
                  sums.cost, sums.surprise, sums.fills + met.fills, sums.arrivals + met.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return enter(j, net, kept.delta, kept.gamma, kept.vega, holdings, book)


@scalar
def trade_outside(
    j: int, tile: int, place: int, states: Any, seed: Any, block: int, rules: Any, terms: Any, contract: Any, holdings: Any,
    held: int, book: int, scratch: Any, push: int,
) -> int:  # fmt: skip
    """Trade an instrument with others than clients, told of the book's delta; an option not once it has expired."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    uniform, _, _, _ = uniforms(key, number, int(episode), int(step), block + 1)
    kept, instrument, dt = load(nothing_option(), holdings, held + j, TILE), terms.instrument, rules.clock.dt()
    before, delta = kept.holding, load(nothing_booked(), holdings, book + j, TILE).delta
    action, sums = load(0.0, scratch, OUTSIDE + j, 1), load(nothing(), scratch, SUMS + j, TILE)
    asked = instrument.outside.hedge(action, before.inventory, delta, instrument.max_inventory, dt, uniform)
    units = asked if step < contract.last else 0.0
    cost = instrument.outside.cost(action, units, dt) if step < contract.last else 0.0
    after = Holding(before.inventory + units, before.mid, before.cash - units * before.mid - cost, before.spread,
                    before.hedging_cost + cost, before.client_volume, before.outside_volume + abs(units))  # fmt: skip
    store(after, holdings, held + j, TILE)
    store(instrument.outside.push(units), scratch, push + j, 1)
    summed = Sums(sums.gain - cost, sums.carried, sums.absolute, sums.squares, sums.variance, sums.spread, sums.cost + cost,
                  sums.surprise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return enter(j, units, kept.delta, kept.gamma, kept.vega, holdings, book)
