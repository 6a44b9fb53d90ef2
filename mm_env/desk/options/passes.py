"""What happens to a tile of lanes of a desk of options within a step: loops over instruments around those over lanes."""

from __future__ import annotations

from mm_env.core.component import count, load, store
from mm_env.core.lanes import TILE, over_lanes
from mm_env.core.maths import scalar
from mm_env.desk import scratch, settling
from mm_env.desk import trading as plain
from mm_env.desk.options import marking, trading
from mm_env.desk.options.places import contract_of, first_of_book, held_of
from mm_env.desk.options.state import KeptOption, nothing_booked
from mm_env.desk.places import terms_of
from mm_env.desk.state import Holding
from mm_env.desk.tables import Request
from mm_env.options.contract import EUROPEAN


@scalar
def trade(rules, lent, at, i, acts, seed):
    """What an instrument's clients trade, if it has any."""
    first, last = lent.tables.firsts[i], lent.tables.firsts[i + 1]
    if last > first:
        terms, held, contract = terms_of(rules, lent, i), held_of(at, i), contract_of(lent, i)
        block, width = int(terms.number) * scratch.BLOCKS, int(lent.tables.sizes[0])
        over_lanes(trading.draw_requests, at.lanes, (at.tile, at.state, lent.states, seed, block, lent.scratch))
        quoted = (-1.0, -1.0)
        for kind in range(first, last):
            request = load(Request(0.0, 0.0, 0.0, 0.0), lent.tables.requests, kind * 4, 1)
            tier = load(rules.tier, lent.tables.tiers, int(request.tier) * count(rules.tier), 1)
            if quoted != (request.tier, request.column):
                quoted = (request.tier, request.column)
                over_lanes(plain.take_up, at.lanes, (at.tile, acts, int(request.column), width, lent.scratch))
                arguments = (rules, at.state, lent.states, terms.instrument, tier, lent.holdings, held, lent.scratch)
                over_lanes(plain.offer, at.lanes, arguments)
            arguments = (rules, at.state, lent.states, terms.instrument, tier, request, contract, lent.holdings, held, at.book,
                         lent.scratch)  # fmt: skip
            over_lanes(trading.meet, at.lanes, arguments)
        over_lanes(trading.trade, at.lanes, (lent.holdings, held, at.book, lent.scratch))


@scalar
def hedge(rules, lent, at, i, acts, seed):
    """What is traded of an instrument with others than clients, once these have traded, and what is held of it then."""
    terms, held = terms_of(rules, lent, i), held_of(at, i)
    block, width = int(terms.number) * scratch.BLOCKS, int(lent.tables.sizes[0])
    over_lanes(scratch.zero, at.lanes, (lent.scratch, lent.pushes + i * TILE))
    if terms.column >= 0.0:
        over_lanes(plain.take_up_trade, at.lanes, (at.tile, acts, int(terms.column), width, lent.scratch))
        arguments = (at.tile, at.state, lent.states, seed, block, rules, terms, contract_of(lent, i), lent.holdings, held,
                     at.book, lent.scratch, lent.pushes + i * TILE)  # fmt: skip
        over_lanes(trading.trade_outside, at.lanes, arguments)
    over_lanes(marking.count_held, at.lanes, (terms.instrument.weight, lent.holdings, held, lent.scratch))


@scalar
def move(rules, lent, at, seed):
    """Move the underlying, mark all options anew, and sum up the book."""
    block = int(terms_of(rules, lent, 0).number) * scratch.BLOCKS
    arguments = (at.tile, rules, at.state, lent.states, seed, block, lent.holdings, at.held, lent.scratch, lent.pushes)
    over_lanes(marking.move_spot, at.lanes, arguments)
    over_lanes(marking.open_book, at.lanes, (lent.holdings, at.held, at.book))
    for i in range(1, lent.instruments):
        contract = contract_of(lent, i)
        arguments = (rules, at.state, lent.states, contract, lent.tables.marks, lent.holdings, held_of(at, i), at.held, at.book,
                     lent.scratch)  # fmt: skip
        if contract.kind == EUROPEAN:
            over_lanes(marking.mark_european, at.lanes, arguments)
        elif contract.watch == 0.0:
            over_lanes(marking.mark_lookback, at.lanes, arguments)
        else:
            arguments = (rules, at.state, lent.states, contract, lent.tables.watched, lent.holdings, held_of(at, i), at.held,
                         at.book, lent.scratch)  # fmt: skip
            over_lanes(marking.mark_watched, at.lanes, arguments)
    over_lanes(marking.tally_book, at.lanes, (lent.holdings, at.book))


@scalar
def weigh(rules, lent, at):
    """The variance of the book's moves."""
    arguments = (rules, at.state, lent.states, lent.holdings, at.held, at.book, lent.scratch)
    over_lanes(marking.weigh, at.lanes, arguments)


@scalar
def begin(rules, lent, at, j, episode):
    """Start an episode in lane j of a tile."""
    store(rules.begin(episode), lent.states, at.state + j, TILE)
    store(nothing_booked(), lent.holdings, at.book + j, TILE)
    for i in range(lent.instruments):
        terms, contract = terms_of(rules, lent, i), contract_of(lent, i)
        fresh = Holding(terms.instrument.initial_inventory, terms.instrument.initial_mid, 0.0, 0.0, 0.0, 0.0, 0.0)
        kept = KeptOption(fresh, rules.spot, contract.delta, contract.gamma, contract.vega)
        store(kept, lent.holdings, held_of(at, i) + j, TILE)
    marking.open_book(j, lent.holdings, at.held, at.book)
    for i in range(1, lent.instruments):
        marking.enter_held(j, lent.holdings, held_of(at, i), at.book)


@scalar
def show(rules, lent, at, observations):
    """What is seen of a tile beside time and risk."""
    seen, first, extremes = lent.tables.sizes[3], first_of_book(rules, lent), lent.tables.sizes[4]
    arguments = (at.tile, rules, at.state, lent.states, lent.holdings, at.held, at.book, seen, first, observations)
    over_lanes(marking.show_book, at.lanes, arguments)
    if extremes > first + 4:
        arguments = (at.tile, rules, at.state, lent.states, seen, first + 4, observations)
        over_lanes(marking.show_volatility, at.lanes, arguments)
    for i in range(lent.instruments):
        terms, held, contract = terms_of(rules, lent, i), held_of(at, i), contract_of(lent, i)
        over_lanes(settling.show, at.lanes, (at.tile, terms, lent.holdings, held, seen, i, observations))
        if contract.shown >= 0.0:
            column = extremes + int(contract.shown)
            arguments = (at.tile, rules, lent.holdings, held, at.held, seen, column, observations)
            over_lanes(marking.show_extreme, at.lanes, arguments)


@scalar
def show_lane(rules, lent, at, j, observations):
    """What is seen of lane j of a tile as it stands."""
    seen, first, extremes = lent.tables.sizes[3], first_of_book(rules, lent), lent.tables.sizes[4]
    settling.show_all(j, at.tile, rules, at.state, lent.states, lent.scratch, lent.instruments, seen, observations)
    marking.show_book(
        j, at.tile, rules, at.state, lent.states, lent.holdings, at.held, at.book, seen, first, observations
    )
    if extremes > first + 4:
        marking.show_volatility(j, at.tile, rules, at.state, lent.states, seen, first + 4, observations)
    for i in range(lent.instruments):
        terms, held, contract = terms_of(rules, lent, i), held_of(at, i), contract_of(lent, i)
        settling.show(j, at.tile, terms, lent.holdings, held, seen, i, observations)
        if contract.shown >= 0.0:
            column = extremes + int(contract.shown)
            marking.show_extreme(j, at.tile, rules, lent.holdings, held, at.held, seen, column, observations)
