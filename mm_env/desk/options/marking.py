"""How spot, marks and the book of one lane move within a step: bodies for `core.lanes.over_lanes`."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.core.noise import Noise, lane_key, uniforms
from mm_env.desk.options.state import Book, KeptOption, nothing_booked, nothing_option
from mm_env.desk.scratch import DRAWS, MOVE, SUMS, VARIANCE_BLOCK, Sums, nothing, nothing_held, now, with_variance
from mm_env.desk.state import Holding
from mm_env.options.joint import marked_lookback
from mm_env.options.lookback_option import bridge_extreme
from mm_env.options.marks import OptionGreeks
from mm_env.options.watched_table import marked_watched

_LOWEST = 1e-9  # of the spot at the start, below which no impact brings it
_SOON = 1e-12  # the least time to an expiry that a mark is asked for


@scalar
def move_spot(
    j: int, tile: int, rules: Any, place: int, states: Any, seed: Any, block: int, holdings: Any, held: int, scratch: Any,
    push: int,
) -> int:  # fmt: skip
    """Move the underlying's price and its variance, mark what is held of it, and draw how far it went in between."""
    key, number = lane_key(seed, tile * TILE + j)
    step, episode = load((0.0, 0.0), states, place + j, TILE)
    _, _, first, angle = uniforms(key, number, int(episode), int(step), block)
    high, low, _, _ = uniforms(key, number, int(episode), int(step), block + 2)
    one, two, _, _ = uniforms(key, number, int(episode), int(step), VARIANCE_BLOCK)
    noise = Noise(0.0, 0.0, (first, angle), 0.0, 0.0, (one, two), (0, 0, 0, 0), 0)
    inventory, mid = load((0.0, 0.0), holdings, held + j, TILE)
    latent, dt, present = (
        load(rules.underlying.start(), states, place + 2 * TILE + j, TILE),
        rules.clock.dt(),
        now(rules, step, mid),
    )
    moved = rules.underlying.move(mid, latent, noise, dt, present) + load(0.0, scratch, push + j, 1)
    after = max(moved, _LOWEST * rules.spot)
    store(rules.underlying.evolve(latent, noise, dt, present), states, place + 2 * TILE + j, TILE)
    store(after, holdings, held + TILE + j, 1)
    store(mid, scratch, MOVE + j, 1)
    store((high, low), scratch, DRAWS + j, TILE)
    carry(j, inventory * (after - mid), scratch)
    return 0


@scalar
def carry(j: int, gained: float, scratch: Any) -> int:
    """Add to what positions have gained by the mids' moves."""
    sums = load(nothing(), scratch, SUMS + j, TILE)
    summed = Sums(sums.gain, sums.carried + gained, sums.absolute, sums.squares, sums.variance, sums.spread, sums.cost,
                  sums.surprise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0


@scalar
def mark_european(
    j: int, rules: Any, place: int, states: Any, contract: Any, table: Any, holdings: Any, held: int, spots: int, book: int,
    scratch: Any,
) -> int:  # fmt: skip
    """Mark a call or put at the end of a step, or settle it."""
    step, _, variance = load((0.0, 0.0, 0.0), states, place + j, TILE)
    spot, left = load(0.0, holdings, spots + TILE + j, 1), contract.expiry - (step + 1.0) * rules.clock.dt()
    found = rules.marks.greeks(contract.side, spot, contract.strike, max(left, _SOON), variance, table)
    pays = max(contract.side * (spot - contract.strike), 0.0)
    return settle_mark(j, step, contract, found, pays, 0.0, holdings, held, book, scratch)


@scalar
def mark_lookback(
    j: int, rules: Any, place: int, states: Any, contract: Any, table: Any, holdings: Any, held: int, spots: int, book: int,
    scratch: Any,
) -> int:  # fmt: skip
    """Mark a lookback at the end of a step, or settle it; its extreme is drawn as that of a bridge between the spots."""
    step, dt = load(0.0, states, place + j, TILE), rules.clock.dt()
    before, spot = load(0.0, scratch, MOVE + j, 1), load(0.0, holdings, spots + TILE + j, 1)
    (high, low), left, way = (
        load((0.0, 0.0), scratch, DRAWS + j, TILE),
        contract.expiry - (step + 1.0) * dt,
        contract.way,
    )
    reached = bridge_extreme(way, before, spot, rules.square * dt, high if way > 0.0 else low)
    extreme = way * max(way * load(nothing_option(), holdings, held + j, TILE).extreme, way * reached)
    found = marked_lookback(rules.marks, contract.kind, contract.side, spot, contract.strike, extreme, max(left, _SOON))
    floating = abs(spot - extreme)
    pays = floating if contract.strike == 0.0 else max(way * (extreme - contract.strike), 0.0)
    return settle_mark(j, step, contract, found, pays, extreme, holdings, held, book, scratch)


@scalar
def mark_watched(
    j: int, rules: Any, place: int, states: Any, contract: Any, table: Any, holdings: Any, held: int, spots: int, book: int,
    scratch: Any,
) -> int:  # fmt: skip
    """As `mark_lookback`, of one whose extreme counts at dates alone."""
    step, spot, way = load(0.0, states, place + j, TILE), load(0.0, holdings, spots + TILE + j, 1), contract.way
    ended, so_far = step + 1.0, load(nothing_option(), holdings, held + j, TILE).extreme
    is_date = math.floor(ended / contract.watch + 0.5) * contract.watch == ended
    extreme = way * max(way * so_far, way * spot) if is_date else so_far
    row, base = min(ended, contract.last), int(contract.watched)
    found = marked_watched(contract.kind, way, spot, contract.strike, extreme, row, table, base)
    pays = abs(spot - extreme) if contract.strike == 0.0 else max(way * (extreme - contract.strike), 0.0)
    return settle_mark(j, step, contract, found, pays, extreme, holdings, held, book, scratch)


@scalar
def settle_mark(
    j: int, step: float, contract: Any, found: OptionGreeks, pays: float, extreme: float, holdings: Any, held: int, book: int,
    scratch: Any,
) -> int:  # fmt: skip
    """Keep a mark and its greeks; at the expiry what is held is paid for in cash, and then there is nothing to mark."""
    kept = load(nothing_option(), holdings, held + j, TILE)
    own, alive, ends = kept.holding, step < contract.last, step + 1.0 >= contract.last
    mark = (pays if ends else found.price) if alive else own.mid
    paid, live = own.inventory if alive & ends else 0.0, 0.0 if ends else 1.0
    carry(j, own.inventory * (mark - own.mid), scratch)
    after = Holding(own.inventory - paid, mark, own.cash + paid * mark, own.spread, own.hedging_cost, own.client_volume,
                    own.outside_volume)  # fmt: skip
    delta, gamma, vega = live * found.delta, live * found.gamma, live * found.vega
    store(KeptOption(after, extreme, delta, gamma, vega), holdings, held + j, TILE)
    return enter(j, after.inventory, delta, gamma, vega, holdings, book)


@scalar
def enter(j: int, units: float, delta: float, gamma: float, vega: float, holdings: Any, book: int) -> int:
    """Add units with these greeks to the book's."""
    was = load(nothing_booked(), holdings, book + j, TILE)
    with_these = Book(was.delta + units * delta, was.gamma + units * gamma, was.vega + units * vega, was.absolute_delta,
                      was.absolute_gamma, was.absolute_vega)  # fmt: skip
    store(with_these, holdings, book + j, TILE)
    return 0


@scalar
def open_book(j: int, holdings: Any, spots: int, book: int) -> int:
    """Begin the sum of the book's greeks: with what is held of the underlying."""
    was, held = load(nothing_booked(), holdings, book + j, TILE), load(0.0, holdings, spots + j, TILE)
    store(Book(held, 0.0, 0.0, was.absolute_delta, was.absolute_gamma, was.absolute_vega), holdings, book + j, TILE)
    return 0


@scalar
def enter_held(j: int, holdings: Any, held: int, book: int) -> int:
    """Add to the book what is held of an option."""
    kept = load(nothing_option(), holdings, held + j, TILE)
    return enter(j, kept.holding.inventory, kept.delta, kept.gamma, kept.vega, holdings, book)


@scalar
def tally_book(j: int, holdings: Any, book: int) -> int:
    """Add to what the book's greeks have been."""
    b = load(nothing_booked(), holdings, book + j, TILE)
    after = Book(b.delta, b.gamma, b.vega, b.absolute_delta + abs(b.delta), b.absolute_gamma + abs(b.gamma),
                 b.absolute_vega + abs(b.vega))  # fmt: skip
    store(after, holdings, book + j, TILE)
    return 0


@scalar
def weigh(j: int, rules: Any, place: int, states: Any, holdings: Any, spots: int, book: int, scratch: Any) -> int:
    """The variance of the book's moves, by its greeks."""
    variance, spot = load((0.0, 0.0, 0.0), states, place + j, TILE)[2], load(0.0, holdings, spots + TILE + j, 1)
    risk = rules.risk(load(nothing_booked(), holdings, book + j, TILE), spot, variance)
    store(with_variance(load(nothing(), scratch, SUMS + j, TILE), risk), scratch, SUMS + j, TILE)
    return 0


@scalar
def count_held(j: int, weight: float, holdings: Any, held: int, scratch: Any) -> int:
    """Add what is held of an instrument to the sizes of the position."""
    q, sums = load(nothing_held(), holdings, held + j, TILE).inventory, load(nothing(), scratch, SUMS + j, TILE)
    summed = Sums(sums.gain, sums.carried, sums.absolute + abs(q), sums.squares + weight * q * q, sums.variance, sums.spread,
                  sums.cost, sums.surprise, sums.fills, sums.arrivals)  # fmt: skip
    store(summed, scratch, SUMS + j, TILE)
    return 0


@scalar
def show_book(
    j: int, tile: int, rules: Any, place: int, states: Any, holdings: Any, spots: int, book: int, seen: int, column: int,
    observations: Any,
) -> int:  # fmt: skip
    """What is seen of the book's greeks and of the spot."""
    spot = load(0.0, holdings, spots + TILE + j, 1)
    shown = rules.observe_book(load(nothing_booked(), holdings, book + j, TILE), spot)
    store(shown, observations, (tile * TILE + j) * seen + column, 1)
    return 0


@scalar
def show_volatility(
    j: int, tile: int, rules: Any, place: int, states: Any, seen: int, column: int, observations: Any
) -> int:
    """What is seen of the volatility."""
    variance = load((0.0, 0.0, 0.0), states, place + j, TILE)[2]
    store(rules.observe_volatility(variance), observations, (tile * TILE + j) * seen + column, 1)
    return 0


@scalar
def show_extreme(
    j: int, tile: int, rules: Any, holdings: Any, held: int, spots: int, seen: int, column: int, observations: Any
) -> int:
    """What is seen of a lookback's extreme."""
    extreme, spot = load(nothing_option(), holdings, held + j, TILE).extreme, load(0.0, holdings, spots + TILE + j, 1)
    store(rules.observe_extreme(extreme, spot), observations, (tile * TILE + j) * seen + column, 1)
    return 0
