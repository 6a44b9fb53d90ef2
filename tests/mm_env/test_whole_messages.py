"""Whole records of simulated books: rebuilt from their messages alone, the book is the simulator's own after every event."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from mm_env.clock import EveryEvent
from mm_env.core.component import rule
from mm_env.markets import market_named
from mm_env.messages import record
from mm_env.messages.queues import UNKNOWN, of_orders
from mm_env.messages.told import Rows, Told, write_rest
from mm_env.quote import NOWHERE, Unbounded
from mm_env.simulation import Simulation
from mm_env.venue.order_book.book import Book, UnnoticedBook
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET
from mm_env.venue.order_book.queue_reactive import QueueReactive
from mm_env.venue.order_book.size import GeometricSize
from tests.mm_env.reactive_flow import reactive_market

RECORDER = importlib.import_module("mm_env.messages.record")  # the package gives its function this name
UNTIL = {"cont_stoikov_talreja": 5.0, "hawkes": 80.0, "queue_reactive": 60.0, "amzn_book": 8.0, "reactive": 20.0,
         "thin": 100.0, "large": 5.0}  # fmt: skip
THIN = QueueReactive(
    arrival=((0.5, 0.2, 0.0),) * 2,
    cancellation=((0.0, 0.5, 0.8),) * 2,
    taking=((0.0, 0.6, 0.6),) * 2,
    following=0.7,
    renewal=0.3,
)


def market(name):
    """A market whose book empties on a side now and then, one of large orders, or a named one."""
    if name == "thin":
        made = market_named("queue_reactive")
        made = replace(made, venue=replace(made.venue, flow=THIN, size=GeometricSize(2.0), levels=3, observed=3))
    elif name == "large":
        made = market_named("zero_intelligence")
        made = replace(made, venue=replace(made.venue, size=GeometricSize(6.0)))
    else:
        made = reactive_market() if name == "reactive" else market_named(name)
    return replace(made, venue=replace(made.venue, warm_up=2.0))


def played(made, until, seed):
    """(time, book, lots that a market order took of each side) at the start without us, and after each event."""
    still = replace(made, clock=EveryEvent(horizon=1e9, steps=2**20), quote=Unbounded(), initial_inventory=0.0)
    simulation = Simulation(still, 1, interpreted=True)
    simulation.start(seed)
    book = simulation.book_of(0)
    yield 0.0, lots_of(book), [0, 0]
    while True:
        before, counts = lots_of(book), book.counts.copy()
        simulation.step(np.full(2, NOWHERE))
        book = simulation.book_of(0)
        if book.time >= until:
            return
        came = book.counts - counts
        there = [sum(lots for (side, _), lots in before.items() if side == s) for s in range(2)]
        yield float(book.time), lots_of(book), [int(came[MARKET + s] * min(book.arrived, there[s])) for s in range(2)]


def lots_of(book):
    """(side, price) -> lots of all that stand."""
    prices = range(int(book.edge[0]), int(book.edge[1]) + 1)
    lots = {price: int(book.volume[price & (len(book.volume) - 1)]) for price in prices}
    return {(int(price > book.best[0]), price): size for price, size in lots.items() if size}


def nearest(book, levels):
    """(2, 2, levels): prices and lots of a rebuilt book's sides, best first."""
    shown = np.zeros((2, 2, levels), np.int64)
    for side in range(2):
        prices = sorted((p for s, p in book if s == side), reverse=side == 0)[:levels]
        shown[0, side, : len(prices)] = prices
        shown[1, side, : len(prices)] = [book[side, price] for price in prices]
    return shown


def retold(rows):
    """(time, book, lots executed of each side) after the last row of each time, each row checked on the way."""
    book, executed = {}, [0, 0]
    for i, (kind, side, price, size, place, before) in enumerate(rows.said.tolist()):
        there = book.get((side, price), 0)
        assert before == there
        book[side, price] = there + (size if kind == LIMIT else -size)
        assert 0 <= place <= book[side, price] or kind == LIMIT
        executed[side] += size * (kind == MARKET)
        book = {at: lots for at, lots in book.items() if lots}
        np.testing.assert_array_equal(nearest(book, rows.price.shape[2]), [rows.price[i], rows.size[i]])
        if i + 1 == len(rows.time) or rows.time[i + 1] > rows.time[i]:
            yield float(rows.time[i]), dict(book), executed
            executed = [0, 0]


@pytest.mark.parametrize("name", UNTIL)
def test_they_make_the_simulator_s_own_book_after_every_event(name):
    rows = record(market(name), 1, UNTIL[name], seed=3, levels=4, whole=True, interpreted=True)[0]
    told = {time: (book, executed) for time, book, executed in retold(rows)}
    now, seen = {}, 0
    for time, book, executed in played(market(name), UNTIL[name], seed=3):
        now, traded = told.get(time, (now, [0, 0]))
        assert now == book
        assert traded == executed
        seen += time in told
    assert seen == len(told) > 20


def test_books_that_are_drawn_anew_and_sides_that_empty_are_among_them():
    rows = record(market("queue_reactive"), 1, 60.0, seed=3, whole=True, interpreted=True)[0]
    _, many = np.unique(rows.time[rows.time > 0.0], return_counts=True)
    assert many.max() > 5
    thin = record(market("thin"), 1, 100.0, seed=3, whole=True, interpreted=True)[0]
    assert (thin.size[thin.time > 0.0, :, 0] == 0).any(axis=0).all()


@pytest.mark.parametrize("up", [1, 8], ids=["a price changes side", "a slot is another price's"])
def test_what_stood_at_a_place_leaves_before_something_else_comes_there(up):
    book = market("thin").venue.memory(1)[0][0]
    assert len(book.volume) == 8
    lots = np.zeros(8, np.int64)
    lots[[10 % 8, 11 % 8]] = 5, 4
    told = Told(lots, np.array([10, 11]), np.array([9, 12]))
    book.best[:], book.edge[:] = (10 + up, 11 + up), (9 + up, 12 + up)
    book.volume[[(10 + up) % 8, (11 + up) % 8]] = 2, 3
    out = Rows(np.zeros(9), np.zeros((9, 6), np.int64), *np.zeros((2, 9, 2, 1), np.int64))
    assert write_rest(book, told, out, 0) == 4
    left, came = [[CANCEL, 0, 10, 5], [CANCEL, 1, 11, 4]], [[LIMIT, 0, 10 + up, 2], [LIMIT, 1, 11 + up, 3]]
    assert out.said[:4, :4].tolist() == left + came
    np.testing.assert_array_equal(told.lots, book.volume)


@pytest.mark.parametrize("name", ["queue_reactive", "large", "reactive"])
@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("whole", [False, True])
def test_nothing_is_lost_where_a_chunk_fills_within_an_event(name, rows, whole, monkeypatch):
    given = {"books": 1, "until": UNTIL[name], "seed": 3, "whole": whole, "interpreted": True}
    at_once = record(market(name), **given)[0]
    monkeypatch.setattr(RECORDER, "ROWS", rows)
    for one, other in zip(at_once, record(market(name), **given)[0], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", UNTIL)
def test_the_first_rows_of_each_event_are_those_that_are_told_without_the_rest(name):
    plain, whole = (
        record(market(name), 2, UNTIL[name], seed=4, whole=each, interpreted=True)[1] for each in (False, True)
    )
    events, first, many = np.unique(plain.time, return_index=True, return_counts=True)
    begins = np.searchsorted(whole.time, events)
    same = np.concatenate([np.arange(begin, begin + n) for begin, n in zip(begins, many, strict=True)])
    np.testing.assert_array_equal(whole.time[same], plain.time)
    np.testing.assert_array_equal(whole.said[same], plain.said)
    rest = np.setdiff1d(np.flatnonzero(whole.time > 0.0), same)
    assert (whole.said[rest, 0] != MARKET).all()
    assert np.isin(whole.time[rest], events).all()
    assert first[0] == 0


@pytest.mark.parametrize("name", ["queue_reactive", "large", "reactive"])
def test_every_order_is_known_and_leaves_as_much_as_it_brought_at_most(name):
    rows = record(market(name), 1, UNTIL[name], seed=5, whole=True, interpreted=True)[0]
    row, kind, order, size, _ = of_orders(rows, apart=True)
    left = {}
    for what, number, lots in zip(kind.tolist(), order.tolist(), size.tolist(), strict=True):
        assert number != UNKNOWN
        left[number] = lots if what == 1 else left[number] - lots
        assert left[number] > 0 if what in (1, 2) else left[number] >= 0
        assert what != 3 or left[number] == 0
    totals = np.bincount(row, size, len(rows.time))
    np.testing.assert_array_equal(totals, rows.said[:, 3])


def test_a_cancellation_of_several_orders_is_told_of_the_first_or_of_each():
    said = np.array([[LIMIT, 0, 9, 3, 0, 0], [LIMIT, 0, 9, 2, 0, 3], [LIMIT, 0, 9, 4, 0, 5], [CANCEL, 0, 9, 6, 1, 9]])
    rows = Rows(np.arange(4.0), said, *np.zeros((2, 4, 2, 0), np.int64))
    together, apart = (np.transpose(of_orders(rows, apart=each)[1:4])[3:].tolist() for each in (False, True))
    assert together == [[2, 1, 6]]
    assert apart == [[2, 1, 2], [3, 2, 2], [2, 3, 2]]


class Own(Book):
    """As `UnnoticedBook`, by a user."""

    @rule
    def facing(self, book, side: int) -> int:
        return book.best[side]


class Deaf(Book):
    """A book in which no market order trades."""

    @rule
    def market(self, book, side: int, size: int) -> None:
        pass


def of_kind(kind, **changed):
    made = market("large")
    return replace(made, venue=kind(**{**made.venue.__dict__, **changed}))


def test_a_book_of_one_s_own_is_recorded_if_orders_come_to_it_as_to_any_other():
    one, other = (record(of_kind(kind), 1, 3.0, seed=1, interpreted=True)[0] for kind in (Own, UnnoticedBook))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(
        TypeError, match="limit, market and cancel from, Book or UnnoticedBook to have its messages recorded, got Deaf"
    ):
        record(of_kind(Deaf), 1, 3.0, seed=1, interpreted=True)


def test_a_record_may_be_shorter_than_our_orders_take():
    step = market("large").clock.step_length
    one, other = (record(of_kind(Book, latency=late), 1, 0.5 * step, 1, interpreted=True)[0] for late in (0.0, step))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["thin", "queue_reactive", "reactive"])
def test_machine_code_records_the_same_to_the_bit(name):
    fast, slow = (record(market(name), 2, 30.0, seed=5, whole=True, interpreted=each) for each in (False, True))
    for one, other in zip(fast, slow, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
