"""The ladder against the order-by-order engine, to the bit, over streams of operations that hypothesis searches for."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env.core import engine
from mm_env.venue.order_book.ladder import cancel, fields, hedge, keep_within, limit, market, quote
from tests.mm_env.matching_engine import ASK, BID, OTHERS, US, MatchingEngine
from tests.worlds import same_bits

REACH, MIDDLE = 6, 1000
LIMIT, CANCEL, MARKET, QUOTE, HEDGE, KEEP_WITHIN = range(6)
STATE = 7 * 2 + 2  # numbers in a row before the volumes


def new_books():
    """One empty book, around MIDDLE."""
    books = np.zeros(1, np.dtype(fields(REACH), align=True)).view(np.recarray)
    for side in (BID, ASK):
        books[0].best[side] = MIDDLE + side
        books[0].edge[side] = MIDDLE + 1 - side + (2 * side - 1) * REACH
    return books


def new_engine():
    return MatchingEngine((MIDDLE, MIDDLE + 1), (MIDDLE + 1 - REACH, MIDDLE + REACH))


def replay(books, operations, rows):
    """Do the operations and write what the book looks like after each; runs as plain Python and compiled."""
    book = books[0]
    for i in range(operations.shape[0]):
        kind, side, price, position, size = operations[i]
        traded, value = 0, 0
        if kind == LIMIT:
            limit(book, side, price, size)
        elif kind == CANCEL:
            cancel(book, side, price, position, size)
        elif kind == MARKET:
            market(book, side, size)
        elif kind == QUOTE:
            quote(book, side, price, size)
        elif kind == HEDGE:
            traded, value = hedge(book, side, size)
        else:
            keep_within(book, side, price)
        rows[i, 0], rows[i, 1] = traded, value
        for s in range(2):
            stands = 1 if book.left[s] > 0 else 0
            rows[i, 2 + s] = book.best[s]
            rows[i, 4 + s] = book.price[s] * stands
            rows[i, 6 + s] = book.left[s]
            rows[i, 8 + s] = book.ahead[s] * stands
            rows[i, 10 + s] = book.filled[s]
            rows[i, 12 + s] = book.value[s]
            rows[i, 14 + s] = book.gained[s]
        for slot in range(book.volume.shape[0]):
            rows[i, 16 + slot] = book.volume[slot]


def expected(made, traded, slots):
    """The row of `replay` from the engine."""
    ours = [made.ours(side) for side in (BID, ASK)]
    row = [*traded, *made.best, *(order.price if order else 0 for order in ours)]
    row += [*(order.size if order else 0 for order in ours), made.ahead(BID), made.ahead(ASK)]
    row += [*made.filled, *made.value, *made.gained, *[0] * slots]
    for order in made.queue(BID, OTHERS) + made.queue(ASK, OTHERS):
        row[STATE + order.price % slots] += order.size
    return row


def happen(made, operation):
    """The operation in the engine: what a hedge traded."""
    kind, side, price, position, size = operation
    if kind == HEDGE:
        return made.hedge(side, size)
    if kind == LIMIT:
        made.limit(side, price, size)
    elif kind == CANCEL:
        made.cancel(side, price, position, size)
    elif kind == MARKET:
        made.market(side, size)
    elif kind == QUOTE:
        made.quote(side, price, size)
    else:
        made.keep_within(side, price)
    return 0, 0


def placed(made, drawn, slots):
    """A drawn operation with its price: `away` ticks further out than others' best price or, for limit orders and for edges,
    than the best of the other side. Others' orders are within the edges, which lie less than `slots` apart."""
    kind, side, away, position, size = drawn
    out, own, facing = 2 * side - 1, made.best[side], made.touch(1 - side)
    if kind == LIMIT:
        price = min(max(facing + out * away, made.edge[BID]), made.edge[ASK])
    elif kind == CANCEL:
        price = own + out * min(abs(away), abs(made.edge[side] - own))
    elif kind == KEEP_WITHIN:
        far = made.edge[1 - side] + out * (slots - 1)
        price = facing + out * max(1, abs(away))
        price = max(price, far) if side == BID else min(price, far)
    else:
        price = own + out * away
    return kind, side, price, position, max(size, 0 if kind == QUOTE else 1)


DRAWN = st.tuples(
    st.sampled_from([LIMIT, LIMIT, LIMIT, CANCEL, MARKET, QUOTE, QUOTE, HEDGE, KEEP_WITHIN]),
    st.sampled_from([BID, ASK]),
    st.sampled_from([0, 1, -1, 2, -2, 3, 4, REACH]),
    st.integers(0, 5),
    st.integers(0, 6),
)
FULL = [  # two prices a side, our orders at the best with three lots before them and some behind
    *((LIMIT, side, away, 0, 3) for side in (BID, ASK) for away in (1, 2)),
    *((QUOTE, side, 0, 0, 2) for side in (BID, ASK)),
    *((LIMIT, side, 1, 0, 2) for side in (BID, ASK)),
]
DEEP = [(LIMIT, side, 1, 0, 1) for side in (BID, ASK)] + [(QUOTE, side, 1, 0, 2) for side in (BID, ASK)]  # ours behind
STARTS = st.sampled_from([FULL, DEEP, []])
STREAMS = st.builds(lambda start, drawn: start + drawn, STARTS, st.lists(DRAWN, min_size=1, max_size=50))


def story(drawn):
    """Of a drawn stream: operations, the engine's row after each, and the engine."""
    made, slots = new_engine(), len(new_books()[0].volume)
    operations, rows = [], []
    for each in drawn:
        operations.append(placed(made, each, slots))
        rows.append(expected(made, happen(made, operations[-1]), slots))
    return np.array(operations, np.int64), np.array(rows, np.int64), made


@cache
def machine_code():
    books, numbers = new_books(), np.zeros((1, 5), np.int64)
    return engine.compiled(replay, books, numbers, numbers)


def held_to_the_engine(drawn):
    """The stream as the ladder and the engine see it: operations, rows and the engine."""
    operations, rows, made = story(drawn)
    for run in (replay, machine_code()):
        found = np.zeros_like(rows)
        run(new_books(), operations, found)
        differing = np.argwhere(found != rows)
        assert same_bits(found, rows), f"{run}: first apart at {differing[0]} after {operations[: differing[0, 0] + 1]}"
    return operations, rows, made


def keeps_the_laws(operations, rows, made):
    """What holds in every book, whoever keeps it."""
    slots = len(new_books()[0].volume)
    best, price, left, ahead = (rows[:, 2 + 2 * i : 4 + 2 * i] for i in range(4))
    assert (best[:, BID] < best[:, ASK]).all()
    assert (rows[:, STATE:] >= 0).all()
    both = (left > 0).all(axis=1)
    assert (price[both, BID] < price[both, ASK]).all()
    volume = rows[:, STATE:]
    for side in (BID, ASK):
        facing, stands = best[:, 1 - side], left[:, side] > 0
        theirs = volume[np.arange(len(rows)), facing % slots] > 0
        out = 2 * side - 1
        assert ((price[:, side] - facing) * out > 0)[stands & theirs].all()  # our order does not meet another's
        assert (ahead[:, side] >= 0).all()
        assert (ahead[:, side] <= volume[np.arange(len(rows)), price[:, side] % slots])[stands].all()
        back = np.flatnonzero(np.diff(ahead[:, side]) > 0) + 1
        assert (operations[back, :2] == (QUOTE, side)).all()  # we lose our place by our own action only
    sign = np.where(operations[:, 1] == ASK, 1, -1)  # a hedge against the asks buys
    filled, value = rows[-1, 10:12], rows[-1, 12:14]
    assert made.shares[US] == filled[BID] - filled[ASK] + sign @ rows[:, 0]
    assert made.cash[US] == value[ASK] - value[BID] - sign @ rows[:, 1]
    assert sum(made.shares.values()) == sum(made.cash.values()) == 0


@settings(max_examples=200)
@given(STREAMS)
def test_streams(drawn):
    keeps_the_laws(*held_to_the_engine(drawn))


@pytest.mark.slow
@settings(max_examples=20_000)
@given(STREAMS)
def test_many_streams(drawn):
    keeps_the_laws(*held_to_the_engine(drawn))


@pytest.mark.parametrize("seed", range(3))
def test_a_long_stream(seed):
    """Long enough for all volumes, and for the book to wander around its slots."""
    random = np.random.default_rng(seed)
    kinds = random.choice(
        [LIMIT, CANCEL, MARKET, QUOTE, HEDGE, KEEP_WITHIN], 4_000, p=[0.45, 0.15, 0.12, 0.15, 0.03, 0.1]
    )
    columns = random.integers([0, -2, 0, 0], [2, REACH + 1, 6, 7], (4_000, 4))
    operations, rows, made = held_to_the_engine(np.column_stack([kinds, columns]).tolist())
    keeps_the_laws(operations, rows, made)
    assert np.ptp(rows[:, 2]) > rows.shape[1] - STATE  # best bids, over more prices than there are slots
    assert (rows[-1, 10:12] > 100).all()  # lots we traded
