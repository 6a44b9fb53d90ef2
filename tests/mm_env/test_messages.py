"""Messages of simulated books: they are those of the simulation, turn each row into the next, and obey first in, first out."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env.clock import EveryEvent
from mm_env.data.rows import AGREES, DIFFERS, REVEALS, check_rows
from mm_env.markets import market_named
from mm_env.messages import messages_of, record
from mm_env.messages.queues import UNKNOWN
from mm_env.quote import NOWHERE, Unbounded
from mm_env.simulation import Simulation
from mm_env.venue.order_book.listed_size import ListedSize
from mm_env.venue.order_book.size import GeometricSize
from tests.mm_env.reactive_flow import reactive_market

BOOKS = {"poisson": ("zero_intelligence", 12.0), "hawkes": ("hawkes", 25.0), "queue-reactive": ("queue_reactive", 15.0)}


def market(name):
    made = reactive_market() if name == "reactive" else market_named(name)
    return replace(made, venue=replace(made.venue, warm_up=2.0))


@pytest.mark.parametrize(("name", "until"), [*BOOKS.values(), ("reactive", 20.0)], ids=[*BOOKS, "reactive"])
def test_they_are_those_of_a_simulation_that_stops_at_every_event(name, until):
    rows = record(market(name), 2, until, seed=3, interpreted=True)[1]
    still = replace(market(name), clock=EveryEvent(horizon=1e9, steps=2**20), quote=Unbounded())
    simulation = Simulation(still, 2, interpreted=True)
    simulation.start(3)
    seen = {}
    while (book := simulation.books[1]).time < until:
        seen[float(book.time)] = tuple(book.best), book.counts.sum()
        simulation.step(np.full(4, NOWHERE))
    assert len(rows.time) > 20
    for time, size in zip(rows.time, rows.size):
        (bid, ask), _ = seen[float(time)]
        if name != "queue_reactive" and (size[:, 0] > 0).all() and time != rows.time[-1]:
            last = np.flatnonzero(rows.time == time)[-1]
            assert (rows.price[last, 0, 0], rows.price[last, 1, 0]) == (bid, ask)


@pytest.mark.parametrize("size", [None, GeometricSize(3.0), ListedSize((1, 5), (1, 5), (2, 9), average=3.0, whole=2.0)])
def test_each_message_turns_the_row_before_it_into_its_own(size):
    made = market("zero_intelligence")
    made = made if size is None else replace(made, venue=replace(made.venue, size=size))
    rows = record(made, 1, 15.0, seed=1, levels=4, interpreted=True)[0]
    found = messages_of(rows)
    prices, lots = np.stack([found.bids, found.asks], 1), np.stack([found.bid_sizes, found.ask_sizes], 1).astype(int)
    changed = np.r_[True, (np.diff(lots, axis=0) != 0).any((1, 2)) | (np.diff(prices, axis=0) != 0).any((1, 2))]
    outcome = check_rows(found.kind[changed], found.side[changed], found.size[changed].astype(int), found.price[changed],
                         prices[changed], lots[changed], np.zeros(2, int))  # fmt: skip
    assert (outcome == AGREES).sum() > 100
    assert (outcome == REVEALS).sum() > 10
    assert (outcome == DIFFERS).sum() == 0


@pytest.mark.parametrize("size", [None, GeometricSize(3.0)])
def test_an_order_arrives_once_and_leaves_no_more_than_it_brought(size):
    made = market("zero_intelligence")
    made = made if size is None else replace(made, venue=replace(made.venue, size=size))
    found = messages_of(record(made, 1, 20.0, seed=2, interpreted=True)[0])
    born = {}
    for kind, order, lots in zip(found.kind, found.order, found.size):
        if kind == 1:
            assert order not in born
            born[order] = lots
        elif kind == 4 and order != UNKNOWN:
            born[order] -= lots
            assert born[order] >= 0


def test_executions_take_the_oldest_order_of_their_price():
    found = messages_of(record(market("zero_intelligence"), 1, 30.0, seed=4, interpreted=True)[0])
    queue, taken = {}, 0
    for kind, side, price, order in zip(found.kind, found.side, found.price, found.order):
        there = queue.setdefault((side, price), [])
        if kind == 1:
            there.append(order)
        elif order in there:
            taken += kind == 4
            assert kind != 4 or there[0] == order
            there.remove(order)
    assert taken > 5


def test_time_and_size_are_in_the_units_that_are_asked_for():
    rows = record(market("zero_intelligence"), 1, 3.0, seed=1, interpreted=True)[0]
    plain, scaled = messages_of(rows), messages_of(rows, seconds=60.0, units=81.0)
    np.testing.assert_allclose(scaled.time, 60.0 * plain.time, atol=60)
    assert (scaled.size == 81.0 * plain.size).all()
    assert (scaled.ask_sizes == 81.0 * plain.ask_sizes).all()


def test_a_market_without_a_drawn_book_is_refused_by_name():
    with pytest.raises(TypeError, match="Book or UnnoticedBook to have its messages recorded, got Dealer"):
        record(market_named("amzn"), 1, 1.0, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zero_intelligence", "reactive"])
def test_machine_code_records_the_same_to_the_bit(name):
    fast, slow = (record(market(name), 2, 8.0, seed=5, interpreted=each) for each in (False, True))
    for one, other in zip(fast, slow, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
