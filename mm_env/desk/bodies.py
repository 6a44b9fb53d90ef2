"""What the loops of a desk do with one lane: bodies for `core.lanes.over_lanes`, without branches.

`scratch` holds what a tile's lanes need within a step, row by row; rows that belong together are named tuples.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import exp, normal, one_minus_exp, scalar
from mm_env.core.noise import Noise, lane_key, uniforms
from mm_env.desk.state import DeskState, DeskTally, Holding, Kept
from mm_env.price.variance import SquareRoot
from mm_env.quote import rescale
from mm_env.reward import Outcome
from mm_env.world import Now, World

BLOCKS = 4  # of noise, of each instrument
FACTOR_BLOCKS = 2**29  # the blocks from here on are those of factors
VARIANCE_BLOCK = 2**29 - 1  # of the variance that all share


class Offer(NamedTuple):
    """What is quoted to one kind of clients, and the share of their requests that it takes."""

    bid_depth: float
    bid_take: float
    ask_depth: float
    ask_take: float


class Met(NamedTuple):
    """What the requests of an instrument have brought so far in a step."""

    bid_upto: float  # the requests so far own the uniforms below it
    ask_upto: float
    bought: float  # units
    sold: float
    spread: float  # depth x size, price units
    fills: float
    arrivals: float


class Sums(NamedTuple):
    """Over instruments, within a step."""

    gain: float  # of trades over the mids at which quotes were set, price units
    carried: float  # of positions by the mids' moves, price units
    absolute: float  # |q|, units
    squares: float  # w q^2
    variance: float  # of the position, price^2 / time
    spread: float  # price units
    cost: float  # of trades outside, price units
    fills: float
    arrivals: float


DRAWS = 0  # the uniforms of bid and ask
OFFER = 2 * TILE
MET = 6 * TILE
SUMS = 13 * TILE
MOVE = 22 * TILE  # of the mid of an instrument by what it shares with others, price / sqrt(time)
DEPTHS = 23 * TILE  # bid and ask of an action, in [-1, 1]
OUTSIDE = 25 * TILE  # the number of an action for a trade outside, in [-1, 1]
ROWS = 26  # then follow the pushes of trades, the exposures to what is shared, and the normals


@scalar
def clear(j: int, scratch: Any) -> int:
    """Begin a step of the tile's lanes."""
    store(nothing(), scratch, SUMS + j, TILE)
    return 0


@scalar
def zero(j: int, scratch: Any, place: int) -> int:
    """Set one row to 0."""
    store(0.0, scratch, place + j, 1)
    return 0


@scalar
def draw_factor(j: int, tile: int, place: int, states: Any, seed: Any, factor: int, scratch: Any, normals: int) -> int:
    """Draw the normal of a factor."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    first, angle, _, _ = uniforms(key, number, int(episode), int(step), FACTOR_BLOCKS + factor)
    store(normal((first, angle)), scratch, normals + j, 1)
    return 0


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
def now(rules: Any, step: float, mid: float) -> Now:
    """The present, as fills and flows are told of it."""
    time = step * rules.clock.dt()
    return Now(time, rules.clock.horizon - time, mid, World((), (), (), (), ()), ())


@scalar
def meet(
    j: int, rules: Any, place: int, states: Any, instrument: Any, tier: Any, request: Any, holdings: Any, held: int,
    scratch: Any,
) -> int:  # fmt: skip
    """What the requests of one tier and size bring: each owns the uniforms that follow those of the ones before it."""
    inventory, mid = load((0.0, 0.0), holdings, held + j, TILE)
    present, dt, size = now(rules, load(0.0, states, place + j, TILE), mid), rules.clock.dt(), request.size
    quoted, met = load(offered(), scratch, OFFER + j, TILE), load(unmet(), scratch, MET + j, TILE)
    bid, ask = load((0.0, 0.0), scratch, DRAWS + j, TILE)
    largest = instrument.max_inventory + 1e-9 * size  # safe against rounding
    may_buy, may_sell = inventory + size <= largest, inventory - size >= -largest
    chance = tier.flow.bid.probability(quoted.bid_take * request.share, dt, present, ())
    arrival = tier.flow.bid.probability(request.share, dt, present, ())
    bought, hit, bid_upto = asked(bid, met.bid_upto, chance, arrival, may_buy)
    chance = tier.flow.ask.probability(quoted.ask_take * request.share, dt, present, ())
    arrival = tier.flow.ask.probability(request.share, dt, present, ())
    sold, lifted, ask_upto = asked(ask, met.ask_upto, chance, arrival, may_sell)
    spread = met.spread + size * (bought * quoted.bid_depth + sold * quoted.ask_depth)
    fills, arrivals = met.fills + (bought + sold), met.arrivals + (hit + lifted)
    after = Met(bid_upto, ask_upto, met.bought + size * bought, met.sold + size * sold, spread, fills, arrivals)
    store(after, scratch, MET + j, TILE)
    return 0


@scalar
def asked(uniform: float, upto: float, chance: float, arrival: float, is_open: bool) -> tuple[float, float, float]:
    """Whether a request was filled and whether it came, 1.0 or 0.0, and up to where the uniforms are its own."""
    likely = min(chance, 1.0) if is_open else 0.0
    beyond = upto + max(arrival, likely)
    filled = 1.0 if (uniform >= upto) & (uniform < upto + likely) else 0.0
    return filled, 1.0 if (uniform >= upto) & (uniform < beyond) else 0.0, beyond


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
                  sums.fills, sums.arrivals)  # fmt: skip
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
    summed = Sums(sums.gain + met.spread, sums.carried, sums.absolute + abs(inventory),
                  sums.squares + weight * inventory * inventory, sums.variance, sums.spread + met.spread, sums.cost,
                  sums.fills + met.fills, sums.arrivals + met.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
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
def expose(j: int, loadings: Any, holdings: Any, held: int, scratch: Any, exposures: int) -> int:
    """Add an instrument's inventory to the position's exposure to what is shared, `COLUMNS` numbers of it."""
    inventory = load(0.0, holdings, held + j, TILE)
    so_far = load((0.0, 0.0, 0.0, 0.0), scratch, exposures + j, TILE)
    added = (so_far[0] + loadings[0] * inventory, so_far[1] + loadings[1] * inventory,
             so_far[2] + loadings[2] * inventory, so_far[3] + loadings[3] * inventory)  # fmt: skip
    store(added, scratch, exposures + j, TILE)
    return 0


@scalar
def risk_of_own(j: int, own: float, holdings: Any, held: int, scratch: Any) -> int:
    """Add to the position's variance that of an instrument's own moves."""
    sums, inventory = load(nothing(), scratch, SUMS + j, TILE), load(0.0, holdings, held + j, TILE)
    store(with_variance(sums, own * own * inventory * inventory), scratch, SUMS + j, TILE)
    return 0


@scalar
def risk_of_shared(j: int, scratch: Any, exposures: int) -> int:
    """Add to the position's variance that of what is shared, `COLUMNS` numbers of it."""
    sums, e = load(nothing(), scratch, SUMS + j, TILE), load((0.0, 0.0, 0.0, 0.0), scratch, exposures + j, TILE)
    added = (e[0] * e[0] + e[1] * e[1]) + (e[2] * e[2] + e[3] * e[3])
    store(with_variance(sums, added), scratch, SUMS + j, TILE)
    return 0


@scalar
def with_variance(sums: Sums, added: float) -> Sums:
    """The sums with so much variance more."""
    return Sums(sums.gain, sums.carried, sums.absolute, sums.squares, sums.variance + added, sums.spread, sums.cost,
                sums.fills, sums.arrivals)  # fmt: skip


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
    dt, sums = rules.clock.dt(), load(nothing(), scratch, SUMS + j, TILE)
    diffused = terms.own * load(0.0, scratch, normals + j, 1) + load(0.0, scratch, MOVE + j, 1)
    variance = load((0.0, 0.0, 0.0), states, place + j, TILE)[2]
    change = terms.drift * dt + math.sqrt(variance * dt) * diffused + load(0.0, scratch, push + j, 1)
    store(mid + change, holdings, held + TILE + j, 1)
    summed = Sums(sums.gain, sums.carried + inventory * change, sums.absolute, sums.squares, sums.variance, sums.spread,
                  sums.cost, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0


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
    summed = Sums(sums.gain, sums.carried + inventory * change, sums.absolute, sums.squares, sums.variance, sums.spread,
                  sums.cost, sums.fills, sums.arrivals)  # fmt: skip
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
def risk_of_jumps(j: int, jumps: Any, holdings: Any, held: int, rate: int, scratch: Any) -> int:
    """Add to the position's variance that of an instrument's jumps."""
    sums, inventory = load(nothing(), scratch, SUMS + j, TILE), load(0.0, holdings, held + j, TILE)
    square = jumps.mean * jumps.mean + jumps.std * jumps.std
    added = load(0.0, holdings, rate + j, 1) * square * inventory * inventory
    store(with_variance(sums, added), scratch, SUMS + j, TILE)
    return 0


@scalar
def scale_variance(j: int, place: int, states: Any, scratch: Any) -> int:
    """Multiply the position's variance by that which all instruments share."""
    sums, shared = load(nothing(), scratch, SUMS + j, TILE), load((0.0, 0.0, 0.0), states, place + j, TILE)[2]
    store(with_variance(sums, (shared - 1.0) * sums.variance), scratch, SUMS + j, TILE)
    return 0


@scalar
def vary(j: int, tile: int, rules: Any, place: int, states: Any, seed: Any, factor: Any) -> int:
    """Move the variance that all instruments share."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode, variance = load((0.0, 0.0, 0.0), states, place + j, TILE)
    first, second, _, _ = uniforms(key, number, int(episode), int(step), VARIANCE_BLOCK)
    noise = Noise(0.0, 0.0, (0.0, 0.0), 0.0, 0.0, (first, second), (0, 0, 0, 0))
    root = SquareRoot(factor[0], 1.0, factor[1])
    after = rules.scheme.following(variance, root, noise, rules.clock.dt())
    store(after, states, place + 2 * TILE + j, 1)
    return 0


@scalar
def settle(
    j: int, tile: int, rules: Any, place: int, states: Any, scratch: Any, rewards: Any, ended: Any, count: int, seen: int,
    observations: Any,
) -> int:  # fmt: skip
    """The state at the next decision, the reward, and what is seen beside the inventories: 1 if the episode ended, else 0."""
    before, sums = load(rules.begin(0.0), states, place + j, TILE), load(nothing(), scratch, SUMS + j, TILE)
    dt, step, tally, lane = rules.clock.dt(), before.step + 1.0, before.tally, tile * TILE + j
    change, held = sums.gain + sums.carried, sums.squares > 0.0
    length = math.sqrt(sums.squares)
    unit, profit = sums.squares if held else 1.0, tally.profit + change
    moved, over = sums.carried / (length if held else 1.0), step >= rules.clock.steps
    present = now(rules, step, 0.0)
    outcome = Outcome(
        change,
        profit,
        length,
        moved,
        0.0,
        dt,
        rules.clock.final(step),
        present,
        sums.variance * dt / unit,
        sums.squares,
    )
    reward, peak = rules.reward.reward(outcome), max(tally.peak, profit)
    brought = DeskTally(tally.objective + reward, profit, peak, max(tally.drawdown, peak - profit),
                        tally.absolute_inventory + sums.absolute, tally.spread_captured + sums.spread,
                        tally.fills + sums.fills, tally.arrivals + sums.arrivals, tally.hedging_cost + sums.cost,
                        tally.risk + math.sqrt(sums.variance))  # fmt: skip
    after = DeskState(step, before.episode, before.variance, brought)
    store(after, states, place + j, TILE)
    store(reward, rewards, lane, 1)
    store(over, ended, lane, 1)
    store(rules.observe(after, sums.variance), observations, lane * seen + count, 1)
    return 1 if over else 0


@scalar
def show(j: int, tile: int, terms: Any, holdings: Any, held: int, seen: int, column: int, observations: Any) -> int:
    """What is seen of an inventory."""
    inventory = load(0.0, holdings, held + j, TILE)
    store(inventory / terms.instrument.max_inventory, observations, (tile * TILE + j) * seen + column, 1)
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


@scalar
def offered() -> Offer:
    """What an `Offer` looks like."""
    return Offer(0.0, 0.0, 0.0, 0.0)


@scalar
def unmet() -> Met:
    """What has been met before anything was."""
    return Met(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing() -> Sums:
    """The sums before anything happened."""
    return Sums(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing_held() -> Holding:
    """What a `Holding` looks like."""
    return Holding(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def nothing_kept() -> Kept:
    """What a `Kept` looks like."""
    return Kept(nothing_held(), 0.0)
