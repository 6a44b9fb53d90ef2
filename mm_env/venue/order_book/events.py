"""The event loop of an order book: exact random times, who comes next, and what that does to the ladder.

The waiting time is exponential at the total rate of all that may happen, and the event that happens has probability rate /
total (Gillespie 1977). Rates that fade with time (Hawkes) are thinned: an event whose rate has faded away by then does not
happen (Ogata 1981).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import exp, log, routine, scalar
from mm_env.core.noise import uniforms
from mm_env.venue.order_book.ladder import ASK, BID, clear_fills, lots, mid_twice, move_orders
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET, OrderFlow
from mm_env.venue.order_book.size import OrderSize

FIRST_BLOCK = 2  # blocks 0 and 1 of a step's noise are those of `mm_env.core.noise.draw`

FIELDS: list[Any] = [
    ("time", np.float64),  # since the start of the episode
    ("next", np.int64),  # the block of noise of the next event in this step
    ("counts", np.int64, (6,)),  # events of each kind since the start of the episode
    (
        "arrived",
        np.int64,
    ),  # others' market orders, and limit orders that met ours, since the counters were cleared, lots
    ("pressure", np.float64),  # lots bought less lots sold by others' market orders, fading with their age
    ("pressed", np.float64),  # the time at which `pressure` was up to date
    ("reference", np.int64),  # the price that anchored flows count distances from
]


def fields(flow: OrderFlow, size: OrderSize) -> list[Any]:
    """What the events of a flow keep of a book."""
    return [*FIELDS, ("excitement", np.float64, (flow.memories,)), ("sizes", np.float64, size.table().shape)]


def empty_books(kind: Any, num_books: int, size: OrderSize) -> NDArray[Any]:
    """Books with nothing in them but the table of sizes, a record array (num_books,)."""
    books = np.zeros(num_books, kind).view(np.recarray)
    books["sizes"] = size.table()
    return books


class Drawn(NamedTuple):
    """The noise of one event: an exponential of mean 1 for its waiting time, and uniforms."""

    block: int
    waiting: float
    kind: float
    size: float
    place: float


@scalar
def _draw(key: Any, block: int) -> Drawn:
    waiting, kind, size, place = uniforms(key[0], key[1], key[2], key[3], block)
    return Drawn(block, -log(waiting), kind, size, place)


@routine
def advance(venue: Any, table: Any, book: Any, weights: Any, key: Any, until: float, pace: int) -> None:
    """Let events happen until the time is `until`; if `pace` is 1 only until one has, if 2 until a best price has changed.

    `key` is (seed, lane, episode, step), of which the noise is a function. `weights` are the rates of all events: by kind in
    weights[:6], and behind by side, kind and distance.
    """
    set_edges(venue, book)  # our orders may have moved what distances are counted from
    bid, ask = venue.touch(book, BID), venue.touch(book, ASK)
    weigh(venue, table, book, weights, BID)
    weigh(venue, table, book, weights, ASK)
    following = _draw(key, int(book.next))
    watching = book.time < until
    while watching:
        total = 0.0
        for kind in range(6):
            total += venue.flow.rate(table, kind, weights[kind], venue.flow.excited(table, book.excitement, kind))
        if venue.flow.expires():
            total += venue.flow.expiry() * excited(book)
        drawn = following if following.block == book.next else _draw(key, int(book.next))  # an event may take noise too
        book.next += 1
        following = _draw(key, int(book.next))  # the next one's noise is made while this one's branches are decided
        wait = drawn.waiting / total if total > 0.0 else np.inf
        if book.time + wait >= until:
            _pass_time(venue, table, book, until - book.time)
            break
        _pass_time(venue, table, book, wait)
        kind, share = _choose(venue, table, book, weights, drawn.kind * total)
        if kind < 6:
            size = int(venue.size.draw_of(book.sizes, kind, drawn.size))
            happen(venue, table, book, weights, key, kind, share, size, drawn.place)
            moved = bid != venue.touch(book, BID) or ask != venue.touch(book, ASK)
            watching = pace == 0 or (pace == 2 and not moved)
            bid, ask = venue.touch(book, BID), venue.touch(book, ASK)
        elif venue.flow.expires():
            expire(book, drawn.place)
            watching = pace != 1


@scalar
def excited(book: Any) -> float:
    """The excitement of all kinds."""
    total = 0.0
    for kind in range(6):
        total += book.excitement[kind]
    return total


@routine
def expire(book: Any, share: float) -> None:
    """One unit of excitement is gone: that of the kind at `share` of all."""
    point, found = share * excited(book), 6
    for kind in range(6):
        if found == 6 and point < book.excitement[kind]:
            found = kind
        point -= book.excitement[kind]
    if found < 6:
        book.excitement[found] -= 1.0


@scalar
def origin(venue: Any, book: Any, side: int) -> int:
    """The price from which the distances of a side's orders are counted."""
    return book.reference + 1 - side if venue.flow.anchored() else venue.facing(book, 1 - side)


@routine
def weigh(venue: Any, table: Any, book: Any, weights: Any, side: int) -> None:
    """Write the rates of a side's events."""
    levels, start, out = int(venue.levels), origin(venue, book, side), 2 * side - 1
    first, joining, leaving = 6 + 2 * levels * side, 0.0, 0.0
    for distance in range(1, levels + 1):
        join, leave = _rates(venue, table, book, side, distance, start + out * distance)
        weights[first + distance - 1] = join
        weights[first + levels + distance - 1] = leave
        joining += join
        leaving += leave
    weights[LIMIT + side], weights[CANCEL + side] = joining, leaving
    weights[MARKET + side] = _taking(venue, table, book, side, start)


@routine
def _reweigh(venue: Any, table: Any, book: Any, weights: Any, side: int, price: int) -> None:
    """As `weigh`, where nothing of that side has changed but the queue at one price."""
    levels, start, out = int(venue.levels), origin(venue, book, side), 2 * side - 1
    distance = (price - start) * out
    if distance >= 1 and distance <= levels:
        place = 6 + 2 * levels * side + distance - 1
        join, leave = _rates(venue, table, book, side, distance, price)
        weights[LIMIT + side] += join - weights[place]
        weights[CANCEL + side] += leave - weights[place + levels]
        weights[place], weights[place + levels] = join, leave
    weights[MARKET + side] = _taking(venue, table, book, side, start)


@scalar
def _rates(venue: Any, table: Any, book: Any, side: int, distance: int, price: int) -> tuple[float, float]:
    """Rates of limit orders and of cancellations at one price. Of the latter those that would fall on our order are none."""
    theirs = lots(book, price)
    ours = venue.made_at(book, side, price)
    queue = (theirs + ours) / venue.size.mean()
    share = theirs / (theirs + ours) if ours > 0 else (1.0 if theirs > 0 else 0.0)
    if not venue.flow.sees_best():
        return venue.flow.limit(table, distance, queue), share * venue.flow.cancel(table, distance, queue)
    out = 2 * side - 1
    best = (venue.facing(book, side) - price) * out + distance
    joining = venue.flow.limit_by(table, distance, queue, best)
    return joining, share * venue.flow.cancel_by(table, distance, queue, best)


@scalar
def _taking(venue: Any, table: Any, book: Any, side: int, start: int) -> float:
    """The rate of market orders against a side."""
    best = venue.touch(book, side)
    queue = (lots(book, best) if best == book.best[side] else 0) + venue.made_at(book, side, best)
    distance = max(1, min(int(venue.levels), (best - start) * (2 * side - 1)))
    return venue.flow.market(table, distance, queue / venue.size.mean())


@routine
def _choose(venue: Any, table: Any, book: Any, weights: Any, point: float) -> tuple[int, float]:
    """The kind of event at `point` of all rates laid end to end, and where within that kind's rate; kind 6 is none."""
    kind = 0
    while kind < 6:
        rate = venue.flow.rate(table, kind, weights[kind], venue.flow.excited(table, book.excitement, kind))
        if point < rate:
            return kind, point / rate
        point -= rate
        kind += 1
    return kind, 0.0


@routine
def happen(
    venue: Any, table: Any, book: Any, weights: Any, key: Any, kind: int, share: float, size: int, place: float
) -> None:
    """An event of that kind, at the price at `share` of its rates; a cancellation at `place` of the queue there."""
    side, levels, middle = kind % 2, int(venue.levels), mid_twice(book)
    out, start, opposite = 2 * side - 1, origin(venue, book, side), origin(venue, book, 1 - side)
    price, ours = venue.touch(book, side), venue.standing(book)
    book.counts[kind] += 1
    if kind >= MARKET:
        venue.market(book, side, size)
        book.arrived += size
        book.pressure = pressure(venue, book) + size * out
        book.pressed = book.time
    elif weights[kind] > 0.0:
        distance = _distance(weights, 6 + levels * (2 * side + kind // 2), levels, share * weights[kind])
        price = start + out * distance
        if distance > 0 and kind >= CANCEL:  # where rounding alone has left a rate there is no distance
            gone = venue.size.leaving(lots(book, price), size)
            venue.cancel(book, side, price, venue.size.place(lots(book, price), gone, place), gone)
        elif distance > 0:
            _offer(venue, book, side, price, size)
    if venue.flow.remembers():
        venue.flow.excite(table, book.excitement, kind)
    if venue.flow.anchored() and mid_twice(book) != middle:
        _follow(venue, table, book, key, 1 if mid_twice(book) > middle else -1)
    if (
        opposite != origin(venue, book, 1 - side)
        or start != origin(venue, book, side)
        or ours != venue.standing(book)
        or (venue.flow.anchored() and mid_twice(book) != middle)  # walked, perhaps through more than one queue
    ):
        set_edges(venue, book)
        weigh(venue, table, book, weights, BID)
        weigh(venue, table, book, weights, ASK)
    else:
        _reweigh(venue, table, book, weights, side, price)


@routine
def _offer(venue: Any, book: Any, side: int, price: int, size: int) -> None:
    """Another's limit order; as far as it meets our order it has come to trade, like a market order."""
    before = venue.filled(book, 1 - side)
    venue.limit(book, side, price, size)
    book.arrived += venue.filled(book, 1 - side) - before


@scalar
def pressure(venue: Any, book: Any) -> float:
    """Lots bought less lots sold by others' market orders, each fading as exp(-age / flow_memory)."""
    return book.pressure * exp((book.pressed - book.time) / venue.flow_memory)


@scalar
def _distance(weights: Any, first: int, levels: int, point: float) -> int:
    """The distance at `point` of a kind's rates laid end to end; the last with a rate, where rounding runs past it."""
    distance, found = 0, 0
    while distance < levels and point >= 0.0:
        weight = weights[first + distance]
        point -= weight
        distance += 1
        if weight > 0.0:
            found = distance
    return found


@routine
def _pass_time(venue: Any, table: Any, book: Any, dt: float) -> None:
    book.time += dt
    if venue.flow.remembers():
        venue.flow.forget(table, book.excitement, dt)


@routine
def set_edges(venue: Any, book: Any) -> None:
    """Withdraw what stands further out than the book reaches."""
    for side in range(2):
        venue.keep_within(book, side, origin(venue, book, side) + (2 * side - 1) * int(venue.levels))


@routine
def _follow(venue: Any, table: Any, book: Any, key: Any, way: int) -> None:
    """The mid has moved up (1) or down (-1): let the reference follow, if it does."""
    if not may_follow(venue, book, way):
        return
    whether, renewed, entering, _ = uniforms(key[0], key[1], key[2], key[3], int(book.next))
    book.next += 1
    if whether < venue.flow.follow():
        follow(venue, book, way)
        if renewed < venue.flow.renew():
            renew(venue, table, book, key)
        else:
            _refill(venue, table, book, ASK if way > 0 else BID, int(venue.levels), entering)


@scalar
def may_follow(venue: Any, book: Any, way: int) -> bool:
    """Whether nobody stands next to the reference on the side to which the mid has moved."""
    side = ASK if way > 0 else BID
    nearest = book.reference + side
    return lots(book, nearest) == 0 and venue.made_at(book, side, nearest) == 0


@routine
def follow(venue: Any, book: Any, way: int) -> None:
    """The reference moves by a tick."""
    book.reference += way
    set_edges(venue, book)


@routine
def renew(venue: Any, table: Any, book: Any, key: Any) -> None:
    """Draw all of others' queues anew; our orders stay, no further back than they were."""
    wipe(book)
    for side in range(2):
        for distance in range(int(venue.levels), 0, -1):
            uniform, _, _, _ = uniforms(key[0], key[1], key[2], key[3], int(book.next))
            book.next += 1
            _refill(venue, table, book, side, distance, uniform)
    venue.keep_places(book)


@routine
def _refill(venue: Any, table: Any, book: Any, side: int, distance: int, uniform: float) -> None:
    refill(venue, book, side, distance, venue.flow.fresh(table, distance, uniform))


@routine
def wipe(book: Any) -> None:
    """All of others' orders leave."""
    for slot in range(book.volume.shape[0]):
        book.volume[slot] = 0


@routine
def refill(venue: Any, book: Any, side: int, distance: int, orders: float) -> None:
    """So many orders of the mean size come to where nobody stood."""
    size = int(orders * venue.size.mean() + 0.5)
    if size > 0:
        _offer(venue, book, side, origin(venue, book, side) + (2 * side - 1) * distance, size)


@routine
def open_book(venue: Any, table: Any, book: Any, weights: Any, key: Any, middle: int) -> None:
    """A book from the stationary law, its mid within a tick above `middle`: run for the venue's `warm_up` from one order at
    each price (from stationary queues, if the flow has them), then moved as a whole."""
    for slot in range(book.volume.shape[0]):
        book.volume[slot] = 0
    book.reference, book.time, book.next, book.pressure, book.pressed = middle, 0.0, FIRST_BLOCK, 0.0, 0.0
    for slot in range(book.excitement.shape[0]):
        book.excitement[slot] = 0.0
    for side in range(2):
        book.best[side] = middle + side
        book.edge[side] = middle + 1 - side + (2 * side - 1) * int(venue.levels)
    venue.clear_orders(book)
    if venue.flow.anchored():
        renew(venue, table, book, key)
    else:
        for side in range(2):
            for distance in range(1, int(venue.levels) + 1):
                venue.limit(book, side, middle + 1 - side + (2 * side - 1) * distance, int(venue.size.mean() + 0.5))
    advance(venue, table, book, weights, key, venue.warm_up, 0)
    shift = middle - mid_twice(book) // 2
    move_lots(book, weights, shift)
    venue.move_orders(book, shift)
    book.pressed -= book.time
    book.time = 0.0
    for kind in range(6):
        book.counts[kind] = 0
    clear_counters_of(venue, book)


@routine
def clear_counters_of(venue: Any, book: Any) -> None:
    """Start counting what makers' orders and others' market orders trade, of as many makers as the venue has."""
    book.next, book.arrived = FIRST_BLOCK, 0
    venue.clear_fills(book)


@routine
def clear_counters(book: Any) -> None:
    """Start counting what our orders and others' market orders trade."""
    book.next, book.arrived = FIRST_BLOCK, 0
    clear_fills(book)


@routine
def move(book: Any, weights: Any, shift: int) -> None:
    """Move the whole book by `shift` ticks."""
    move_lots(book, weights, shift)
    move_orders(book, shift)


@routine
def move_lots(book: Any, weights: Any, shift: int) -> None:
    """Move all but our orders by `shift` ticks."""
    low, mask = book.edge[BID], book.volume.shape[0] - 1
    prices = book.edge[ASK] - low + 1
    for i in range(prices):
        weights[i] = book.volume[(low + i) & mask]
    for slot in range(mask + 1):
        book.volume[slot] = 0
    for i in range(prices):
        book.volume[(low + i + shift) & mask] = int(weights[i])
    book.reference += shift
    for side in range(2):
        book.best[side] += shift
        book.edge[side] += shift
