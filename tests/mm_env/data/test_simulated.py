"""A simulated order book as a recorded day, and as LOBSTER's files, which give back the same books."""

from __future__ import annotations

import numpy as np
import pytest

from mm_env import messages
from mm_env.data import export, lobster
from mm_env.markets import market_named
from mm_env.simulated_day import record

BOOKS = ["zero_intelligence", "queue_reactive"]
NAMES = ("time", "kind", "side", "size", "price", "order", "bids", "asks", "bid_sizes", "ask_sizes")


@pytest.fixture(scope="module", params=BOOKS)
def day(request):
    return record(market_named(request.param), 3.0, seed=5, levels=3, instrument="SIM")


def test_lobster_s_files_of_a_simulated_book_are_read_back_to_the_same_messages_and_books(day, tmp_path):
    export.to_lobster(day, tmp_path)
    back = lobster.read(tmp_path, tick=day.tick)
    shown = np.flatnonzero(in_view(day))
    for name in NAMES:
        column = getattr(day.messages, name)[shown]
        np.testing.assert_array_equal(
            getattr(back.messages, name), column - column[0] if name == "time" else column, name
        )


def in_view(day):
    """Which messages change a visible level; the first row shows how the book was."""
    views = [
        tuple(map(tuple, (bids, asks, sizes, others)))
        for bids, asks, sizes, others in zip(
            day.messages.bids.tolist(),
            day.messages.asks.tolist(),
            day.messages.bid_sizes.tolist(),
            day.messages.ask_sizes.tolist(),
        )
    ]
    return [False, *(views[i] != views[i - 1] for i in range(1, len(views)))]


def test_every_message_turns_one_book_into_the_next(day, tmp_path):
    export.to_lobster(day, tmp_path)
    checks = lobster.read(tmp_path, tick=day.tick).checks
    assert checks["visible messages whose row differs"] == 0
    assert day.checks["messages that take more than there was"] == 0


def test_executions_take_the_oldest_order_and_as_much_as_market_orders_took(day):
    messages = day.messages
    executed = messages.kind == 4
    assert day.orders.size.sum() == messages.size[executed].sum()
    born = {}
    for kind, side, price, order in zip(messages.kind, messages.side, messages.price, messages.order):
        queue = born.setdefault((side, price), [])
        if kind == 1:
            queue.append(order)
        elif kind == 4 and order in queue:
            assert order == queue[0]
        if kind == 3 and order in queue:
            queue.remove(order)
        if kind == 4 and order in queue:
            queue.remove(order)  # orders are of one lot


@pytest.mark.parametrize("name", BOOKS)
def test_its_books_are_the_simulator_s_from_the_first_on(name):
    market = market_named(name)
    day = record(market, 3.0, seed=5, levels=3)
    rows = messages.record(market, 1, 3.0, seed=5, levels=3, whole=True)[0]
    last = np.r_[np.diff(rows.time) > 0.0, True]
    ends = np.r_[np.diff(day.messages.time) > 0, True]
    assert ends.sum() == last.sum() > 10
    for side, (prices, sizes) in enumerate((("bids", "bid_sizes"), ("asks", "ask_sizes"))):
        np.testing.assert_array_equal(getattr(day.messages, prices)[ends], rows.price[last, side])
        np.testing.assert_array_equal(getattr(day.messages, sizes)[ends], rows.size[last, side] * market.venue.lot)
    assert day.counts["rest"] == (rows.time == 0.0).sum()
