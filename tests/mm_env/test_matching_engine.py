"""The order-by-order engine that the ladder is held to, scene by scene."""

import pytest

from tests.mm_env.matching_engine import ASK, BID, OTHERS, US, MatchingEngine


@pytest.fixture
def engine():
    """Bids 3 + 2 at 99 and 4 at 98; asks 5 at 101 and 1 at 103."""
    made = MatchingEngine((99, 101))
    for side, price, size in ((BID, 99, 3), (BID, 98, 4), (BID, 99, 2), (ASK, 101, 5), (ASK, 103, 1)):
        made.limit(side, price, size)
    return made


def sizes(engine, side):
    return [(order.owner, order.price, order.size) for order in engine.queue(side)]


def test_price_comes_before_time(engine):
    assert sizes(engine, BID) == [(OTHERS, 99, 3), (OTHERS, 99, 2), (OTHERS, 98, 4)]
    assert sizes(engine, ASK) == [(OTHERS, 101, 5), (OTHERS, 103, 1)]
    assert engine.best == [99, 101]
    assert engine.volume(99) == 5


def test_a_market_order_walks_the_book_through_ours(engine):
    engine.quote(BID, 99, 2)  # behind 5
    engine.limit(BID, 99, 1)  # behind us
    assert engine.ahead(BID) == 5
    engine.market(BID, 6)
    assert sizes(engine, BID) == [(US, 99, 1), (OTHERS, 99, 1), (OTHERS, 98, 4)]
    assert (engine.filled, engine.value, engine.gained) == ([1, 0], [99, 0], [2, 0])
    assert (engine.shares, engine.cash) == ({US: 1, OTHERS: -1}, {US: -99, OTHERS: 99})
    engine.market(BID, 3)
    assert sizes(engine, BID) == [(OTHERS, 98, 3)]
    assert (engine.filled, engine.value, engine.best) == ([2, 0], [198, 0], [98, 101])
    engine.clear()
    assert (engine.filled, engine.value, engine.gained, engine.shares[US]) == ([0, 0], [0, 0], [0, 0], 2)


def test_what_finds_nothing_is_void_and_an_empty_side_keeps_its_price(engine):
    engine.market(ASK, 100)
    assert sizes(engine, ASK) == []
    assert engine.best == [99, 103]
    engine.market(ASK, 1)
    engine.limit(ASK, 107, 2)
    assert engine.best == [99, 107]
    assert engine.shares[OTHERS] == 0  # among themselves


def test_the_price_of_an_empty_side_gives_way(engine):
    engine.market(ASK, 6)
    engine.limit(BID, 103, 1)
    assert engine.best == [103, 104]
    engine.market(BID, 100)
    engine.limit(ASK, 97, 1)
    assert engine.best == [96, 97]


def test_a_limit_order_trades_with_what_it_crosses_and_the_rest_joins(engine):
    engine.quote(ASK, 102, 2)
    engine.limit(BID, 102, 9)
    assert sizes(engine, BID)[0] == (OTHERS, 102, 2)
    assert sizes(engine, ASK) == [(OTHERS, 103, 1)]
    assert (engine.filled, engine.value, engine.cash[US]) == ([0, 2], [0, 204], 204)
    assert engine.gained == [0, 8]  # two ticks from a mid of 100
    engine.limit(ASK, 99, 3)
    assert sizes(engine, BID)[0] == (OTHERS, 99, 2)  # after 2 at 102 and 1 at 99


def test_cancellations_ahead_of_us_and_behind_us(engine):
    engine.quote(BID, 99, 1)
    engine.limit(BID, 99, 4)  # lots 5, ..., 8
    engine.cancel(BID, 99, 4, 2)  # the last of the second order, the first of the third
    assert sizes(engine, BID)[:4] == [(OTHERS, 99, 3), (OTHERS, 99, 1), (US, 99, 1), (OTHERS, 99, 3)]
    assert engine.ahead(BID) == 4
    engine.cancel(BID, 99, 6, 10)  # one exists
    assert (engine.volume(99), engine.ahead(BID)) == (6, 4)
    engine.cancel(BID, 99, 0, 4)
    assert (engine.volume(99), engine.ahead(BID)) == (2, 0)
    engine.cancel(BID, 99, 0, 2)
    assert engine.best == [98, 101]  # of others
    engine.cancel(BID, 97, 0, 1)
    assert sizes(engine, BID) == [(US, 99, 1), (OTHERS, 98, 4)]


def test_keeping_a_quote_keeps_its_place_and_moving_it_loses_it(engine):
    engine.quote(BID, 99, 3)
    engine.limit(BID, 99, 1)
    engine.quote(BID, 99, 2)
    assert (engine.ahead(BID), engine.ours(BID).size) == (5, 2)
    engine.quote(BID, 99, 5)
    assert (engine.ahead(BID), engine.ours(BID).size) == (5, 2)  # not topped up
    engine.quote(BID, 98, 2)
    assert engine.ahead(BID) == 4
    engine.quote(BID, 99, 2)
    assert engine.ahead(BID) == 6
    engine.quote(BID, 99, 0)
    assert (engine.ours(BID), engine.ahead(BID)) == (None, 0)


def test_quotes_are_post_only(engine):
    engine.quote(BID, 105, 1)
    assert engine.ours(BID).price == 100
    engine.quote(ASK, 90, 1)
    assert engine.ours(ASK).price == 101  # our own bid is in the way too
    engine.market(ASK, 100)
    engine.quote(BID, 105, 1)
    assert engine.ours(BID).price == 105  # nobody stands there any more
    assert engine.shares[US] == -1


def test_a_hedge_trades_with_others_only(engine):
    engine.quote(BID, 99, 2)
    engine.limit(BID, 99, 1)
    assert engine.hedge(BID, 5) == (5, 495)
    assert engine.ours(BID) is not None  # not yet its turn
    assert engine.hedge(BID, 2) == (2, 99 + 98)
    assert sizes(engine, BID) == [(OTHERS, 98, 3)]
    assert engine.hedge(ASK, 7) == (6, 5 * 101 + 103)
    assert (engine.shares[US], engine.cash[US]) == (-1, 495 + 197 - 608)
    assert engine.filled == [0, 0]


def test_what_stands_too_far_out_is_withdrawn(engine):
    engine.quote(ASK, 104, 1)
    engine.keep_within(BID, 99)
    engine.keep_within(ASK, 103)
    assert sizes(engine, BID) == [(OTHERS, 99, 3), (OTHERS, 99, 2)]
    assert sizes(engine, ASK) == [(OTHERS, 101, 5), (OTHERS, 103, 1)]
    engine.keep_within(BID, 100)
    assert engine.best == [100, 101]


def test_what_all_hold_together_is_nothing(engine):
    engine.quote(BID, 99, 2)
    engine.market(BID, 20)
    engine.hedge(ASK, 3)
    engine.limit(BID, 120, 20)
    assert sum(engine.shares.values()) == sum(engine.cash.values()) == 0
    assert engine.shares[US] == 5
