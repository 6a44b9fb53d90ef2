"""What may happen in a small order book, state by state: the event loop's own functions on copies of a book."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import load
from mm_env.core.maths import exp, routine
from mm_env.portfolio import Portfolio
from mm_env.venue.order_book.book import exchange, orders, place
from mm_env.venue.order_book.events import clear_counters as clear
from mm_env.venue.order_book.events import (
    excited,
    happen,
    move,
    set_edges,
    weigh,
)
from mm_env.venue.order_book.ladder import ASK, BID, lots, mid_twice, touch
from mm_env.venue.order_book.order_flow import CANCEL, MARKET


def after_orders(
    market: Any, books: Any, inventory: Any, actions: Any, action: Any, weights: Any, out: Any, held: Any, gained: Any
) -> None:
    """The book, the inventory and the change in wealth once each of `actions` (n, flat) is sent in each of `books`.

    Outputs are (books x actions,), action by action within a book.
    """
    count, now = actions.shape[0], market.opening()
    for i in range(books.shape[0]):
        for a in range(count):
            k = i * count + a
            out[k] = books[i]
            book = out[k]
            clear(book)
            before = mid_twice(book)
            bid, ask, units = orders(market, book, inventory[i], load(action, actions, a, 1), now)
            closed, value = place(market, book, inventory[i], bid, ask, units)
            account = exchange(market, Portfolio(0.0, inventory[i], ()), closed, value, False, now)
            set_edges(market.venue, book)
            held[k] = account.inventory
            gained[k] = _wealth(market, account, mid_twice(book)) - _wealth(
                market, Portfolio(0.0, inventory[i], ()), before
            )
            _rest(book, weights)


def after_event(
    market: Any,
    table: Any,
    books: Any,
    inventory: Any,
    weights: Any,
    phi: float,
    out: Any,
    came_of: Any,
    held: Any,
    chance: Any,
    gained: Any,
) -> int:
    """All that may come next in each of `books`, one after the other: book, which of `books` it came of, inventory,
    probability, and the change in wealth less phi q^2 x the expected time until then; how many there are. An event, an end of
    excitement, or that nothing comes within the clock's step."""
    venue, dt, levels, k = market.venue, market.clock.dt(), int(market.venue.levels), 0
    for i in range(books.shape[0]):
        _weigh(venue, table, books[i], weights)
        total = _ending(venue, books[i])
        for kind in range(6):
            total += venue.flow.rate(table, kind, weights[kind], books[i].excitement[kind])
        never = exp(-total * dt)
        wait = (1.0 - never * (1.0 + total * dt)) / total / (1.0 - never)  # until the event, if it comes
        for kind in range(6):
            whole = venue.flow.rate(table, kind, weights[kind], books[i].excitement[kind])
            for distance in range(1, levels + 1 if kind < MARKET else 2):
                rate, share = _part(weights, levels, kind, distance)
                rate = whole if kind >= MARKET else rate
                for behind in range(2 if kind in (CANCEL, CANCEL + 1) else 1):
                    out[k] = books[i]
                    odds = (1.0 - never) * rate * _position(venue, out[k], kind, distance, behind) / total
                    if odds > 0.0:
                        clear(out[k])
                        place = 1.0 - 1e-9 if behind == 1 else 0.0
                        happen(venue, table, out[k], weights, (0, 0, 0, 0), kind, share, 1, place)
                        came_of[k], chance[k] = i, odds
                        _settle(market, out[k], weights, books[i], inventory[i], phi * wait, held, gained, k)
                        k += 1
                        _weigh(venue, table, books[i], weights)
        for kind in range(6):
            if venue.flow.expires() and books[i].excitement[kind] > 0.0:
                out[k] = books[i]
                out[k].excitement[kind] -= 1.0
                chance[k] = (1.0 - never) * venue.flow.expiry() * books[i].excitement[kind] / total
                came_of[k], held[k], gained[k] = i, inventory[i], -phi * wait * inventory[i] * inventory[i]
                k += 1
        out[k] = books[i]
        came_of[k], chance[k], held[k], gained[k] = i, never, inventory[i], -phi * dt * inventory[i] * inventory[i]
        k += 1
    return k


@routine
def _weigh(venue: Any, table: Any, book: Any, weights: Any) -> None:
    weigh(venue, table, book, weights, BID)
    weigh(venue, table, book, weights, ASK)


@routine
def _ending(venue: Any, book: Any) -> float:
    """The rate at which units of excitement end."""
    return venue.flow.expiry() * excited(book) if venue.flow.expires() else 0.0


@routine
def _settle(
    market: Any, book: Any, weights: Any, before: Any, inventory: float, cost: float, held: Any, gained: Any, k: int
) -> None:
    """What came of the fills that the book counts, and the book as it then rests."""
    now, middle = market.opening(), mid_twice(before)
    bought = exchange(market, Portfolio(0.0, inventory, ()), book.filled[BID], book.value[BID], True, now)
    account = exchange(market, bought, -book.filled[ASK], -book.value[ASK], True, now)
    change = _wealth(market, account, mid_twice(book)) - _wealth(market, Portfolio(0.0, inventory, ()), middle)
    held[k], gained[k] = account.inventory, change - cost * account.inventory * account.inventory
    _rest(book, weights)


@routine
def _wealth(market: Any, account: Portfolio, middle: int) -> float:
    return account.cash + account.inventory * 0.5 * market.venue.tick * middle


@routine
def _part(weights: Any, levels: int, kind: int, distance: int) -> tuple[float, float]:
    """The rate of a kind at one distance, and the middle of its share of the kind's rate."""
    if kind >= MARKET:
        return weights[kind], 0.5
    first, before = 6 + levels * (2 * (kind % 2) + kind // 2), 0.0
    for i in range(distance - 1):
        before += weights[first + i]
    rate = weights[first + distance - 1]
    return rate, (before + 0.5 * rate) / weights[kind] if weights[kind] > 0.0 else 0.0


@routine
def _position(venue: Any, book: Any, kind: int, distance: int, behind: int) -> float:
    """P(a cancellation falls behind our order, or before it); 1 for other kinds of events."""
    if kind < CANCEL or kind >= MARKET:
        return 1.0
    side = kind % 2
    price = touch(book, 1 - side) + (2 * side - 1) * distance
    if book.left[side] == 0 or book.price[side] != price or lots(book, price) == 0:
        return float(behind)
    before = book.ahead[side] / lots(book, price)
    return 1.0 - before if behind == 1 else before


@routine
def _rest(book: Any, weights: Any) -> None:
    """Forget what tells two books of the same queues apart: where they stand, time and counters."""
    move(book, weights, -book.best[BID])
    clear(book)
    book.time, book.pressure, book.pressed, book.next = 0.0, 0.0, 0.0, 0
    book.reference = 0
    for kind in range(6):
        book.counts[kind] = 0
    for side in range(2):
        if book.left[side] == 0:
            book.price[side], book.ahead[side] = 0, 0


def rest_all(market: Any, books: Any, weights: Any) -> None:
    """`_rest` of each book."""
    for i in range(books.shape[0]):
        _rest(books[i], weights)
