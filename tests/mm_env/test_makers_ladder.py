"""The ladder of several makers against the order-by-order engine, to the bit, over streams that hypothesis searches for."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env.core import engine
from mm_env.venue.order_book import ladder
from mm_env.venue.order_book.several import (
    before,
    beside,
    best_beside,
    cancel,
    fields,
    hedge,
    keep_within,
    limit,
    made_at,
    market,
    quote,
    touch,
)
from tests.mm_env.makers_engine import MakersEngine
from tests.mm_env.matching_engine import ASK, BID, OTHERS
from tests.worlds import same_bits

REACH, MIDDLE = 6, 1000
LIMIT, CANCEL, MARKET, QUOTE, HEDGE, KEEP_WITHIN = range(6)
SHARED, OWN = 6, 9  # numbers in a row that all have in common, and of each maker and side


def new_books(makers):
    """One empty book of so many makers, around MIDDLE."""
    books = np.zeros(1, np.dtype(fields(REACH, makers), align=True)).view(np.recarray)
    for side in (BID, ASK):
        books[0].best[side] = MIDDLE + side
        books[0].edge[side] = MIDDLE + 1 - side + (2 * side - 1) * REACH
    return books


def new_engine(makers):
    return MakersEngine(makers, (MIDDLE, MIDDLE + 1), (MIDDLE + 1 - REACH, MIDDLE + REACH))


def replay(books, operations, rows):
    """Do the operations and write what the book looks like after each; runs as plain Python and compiled."""
    book, makers = books[0], books[0].left.shape[1]
    for i in range(operations.shape[0]):
        kind, side, price, position, size, maker = operations[i]
        traded, value = 0, 0
        if kind == LIMIT:
            limit(book, side, price, size)
        elif kind == CANCEL:
            cancel(book, side, price, position, size)
        elif kind == MARKET:
            market(book, side, size)
        elif kind == QUOTE:
            quote(book, side, maker, price, size)
        elif kind == HEDGE:
            traded, value = hedge(book, side, maker, size)
        else:
            keep_within(book, side, price)
        rows[i, 0], rows[i, 1] = traded, value
        for s in range(2):
            rows[i, 2 + s], rows[i, 4 + s] = book.best[s], touch(book, s)
            for d in range(makers):
                at, stands = SHARED + OWN * (2 * d + s), 1 if book.left[s, d] > 0 else 0
                best, _ = best_beside(book, s, d)
                rows[i, at], rows[i, at + 1] = book.price[s, d] * stands, book.left[s, d]
                rows[i, at + 2], rows[i, at + 3] = book.ahead[s, d] * stands, before(book, s, d)
                rows[i, at + 4], rows[i, at + 5], rows[i, at + 6] = (
                    book.filled[s, d],
                    book.value[s, d],
                    book.gained[s, d],
                )
                rows[i, at + 7] = best
                within = book.edge[0] <= best and best <= book.edge[1]
                rows[i, at + 8] = beside(book, s, best, d) if within else 0
        first, slots = SHARED + OWN * 2 * makers, book.volume.shape[0]
        for slot in range(slots):
            rows[i, first + slot] = book.volume[slot]
            for s in range(2):
                rows[i, first + (1 + s) * slots + slot] = made_at(book, s, slot)


def expected(made, traded, slots):
    """The row of `replay` from the engine."""
    row = [*traded, *made.best, made.touch(BID), made.touch(ASK)]
    for maker in range(made.makers):
        for side in (BID, ASK):
            own, best = made.own(side, maker), made.best_beside(side, maker)
            there = [order.size for order in made.queue(side) if order.price == best and order.owner != maker]
            row += [own.price if own else 0, own.size if own else 0]
            row += [made.lots_before(side, maker, True), made.lots_before(side, maker, False)]
            row += [tally[maker][side] for tally in (made.filled, made.value, made.gained)]
            row += [best, sum(there)]
    volumes = [0] * (3 * slots)
    for order in made.orders:
        volumes[order.price % slots + (0 if order.owner == OTHERS else (1 + order.side) * slots)] += order.size
    return row + volumes


def happen(made, operation):
    """The operation in the engine: what a maker's market order traded."""
    kind, side, price, position, size, maker = operation
    if kind == HEDGE:
        return made.hedge_of(side, maker, size)
    if kind == LIMIT:
        made.limit(side, price, size)
    elif kind == CANCEL:
        made.cancel(side, price, position, size)
    elif kind == MARKET:
        made.market(side, size)
    elif kind == QUOTE:
        made.quote_of(side, maker, price, size)
    else:
        made.keep_within(side, price)
    return 0, 0


def placed(made, drawn, slots):
    """A drawn operation with its price, `away` ticks further out than others' best price or, for limit orders and for edges,
    than the best of the other side."""
    kind, side, away, position, size, maker = drawn
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
    return kind, side, price, position, max(size, 0 if kind == QUOTE else 1), maker % made.makers


DRAWN = st.tuples(
    st.sampled_from([LIMIT, LIMIT, LIMIT, CANCEL, MARKET, MARKET, QUOTE, QUOTE, QUOTE, HEDGE, KEEP_WITHIN]),
    st.sampled_from([BID, ASK]),
    st.sampled_from([0, 0, 1, -1, 2, -2, 3, 4, REACH]),
    st.integers(0, 5),
    st.integers(0, 6),
    st.integers(0, 3),
)
FULL = [  # makers one after the other at the best prices, others' lots before, between and behind them
    *((LIMIT, side, away, 0, 3, 0) for side in (BID, ASK) for away in (1, 2)),
    *(
        one
        for d in range(4)
        for side in (BID, ASK)
        for one in ((QUOTE, side, 0, 0, 2, d), (LIMIT, side, 1, 0, d + 1, 0))
    ),
]
STREAMS = st.builds(
    lambda start, drawn: start + drawn, st.sampled_from([FULL, []]), st.lists(DRAWN, min_size=1, max_size=50)
)


def story(drawn, makers):
    """Of a drawn stream: operations, the engine's row after each, and the engine."""
    made, slots = new_engine(makers), len(new_books(makers)[0].volume)
    operations, rows = [], []
    for each in drawn:
        operations.append(placed(made, each, slots))
        rows.append(expected(made, happen(made, operations[-1]), slots))
    return np.array(operations, np.int64), np.array(rows, np.int64), made


@cache
def machine_code(makers):
    books, numbers = new_books(makers), np.zeros((1, 6), np.int64)
    return engine.compiled(replay, books, numbers, numbers)


def held_to_the_engine(drawn, makers):
    """The stream as the ladder and the engine see it: operations, rows and the engine."""
    operations, rows, made = story(drawn, makers)
    for run in (replay, machine_code(makers)):
        found = np.zeros_like(rows)
        run(new_books(makers), operations, found)
        differing = np.argwhere(found != rows)
        assert same_bits(found, rows), f"{run}: first apart at {differing[0]} after {operations[: differing[0, 0] + 1]}"
    return operations, rows, made


def keeps_the_laws(operations, rows, made):
    """What holds in every book: it is never crossed, lots and cash are conserved, and nobody loses its place but by its own
    action."""
    sign = np.where(operations[:, 1] == ASK, 1, -1)  # a market order against the asks buys
    assert sum(made.shares.values()) == sum(made.cash.values()) == 0
    for maker in range(made.makers):
        own = rows[:, SHARED + 2 * OWN * maker : SHARED + 2 * OWN * (maker + 1)].reshape(-1, 2, OWN)
        hedged = np.where((operations[:, 0] == HEDGE) & (operations[:, 5] == maker), sign, 0)
        filled, value = own[-1, :, 4], own[-1, :, 5]
        assert made.shares[maker] == filled[BID] - filled[ASK] + hedged @ rows[:, 0]
        assert made.cash[maker] == value[ASK] - value[BID] - hedged @ rows[:, 1]
        for side in (BID, ASK):
            back = np.flatnonzero(np.diff(own[:, side, 3]) > 0) + 1
            assert (operations[back, :2] == (QUOTE, side)).all()
            assert (operations[back, 5] == maker).all()
            stands = own[:, side, 1] > 0
            for rival in range(made.makers):
                theirs = rows[:, SHARED + OWN * (2 * rival + 1 - side)]
                facing = stands & (rows[:, SHARED + OWN * (2 * rival + 1 - side) + 1] > 0)
                assert ((own[:, side, 0] - theirs) * (2 * side - 1) > 0)[facing].all()


@settings(max_examples=150)
@given(drawn=STREAMS, makers=st.integers(1, 4))
def test_streams(drawn, makers):
    keeps_the_laws(*held_to_the_engine(drawn, makers))


@pytest.mark.slow
@settings(max_examples=10_000)
@given(drawn=STREAMS, makers=st.integers(1, 4))
def test_many_streams(drawn, makers):
    keeps_the_laws(*held_to_the_engine(drawn, makers))


@pytest.mark.parametrize("makers", [2, 4])
def test_a_long_stream(makers):
    """Long enough for all volumes, and for the book to wander around its slots."""
    random = np.random.default_rng(makers)
    kinds = random.choice(
        [LIMIT, CANCEL, MARKET, QUOTE, HEDGE, KEEP_WITHIN], 3_000, p=[0.4, 0.12, 0.15, 0.2, 0.05, 0.08]
    )
    columns = random.integers([0, -2, 0, 0, 0], [2, REACH + 1, 6, 7, makers], (3_000, 5))
    operations, rows, made = held_to_the_engine(np.column_stack([kinds, columns]).tolist(), makers)
    keeps_the_laws(operations, rows, made)
    assert np.ptp(rows[:, 2]) > len(new_books(1)[0].volume)  # best bids, over more prices than there are slots
    assert all(sum(made.filled[maker]) > 200 / makers for maker in range(makers))


@settings(max_examples=100)
@given(STREAMS)
def test_one_maker_is_the_ladder_of_one_to_the_bit(drawn):
    operations, _, _ = story(drawn, 1)
    one = np.zeros(1, np.dtype(ladder.fields(REACH), align=True)).view(np.recarray)[0]
    many = new_books(1)[0]
    one.best[:], one.edge[:] = many.best, many.edge
    for kind, side, price, position, size, _ in operations.tolist():
        if kind == QUOTE:
            ladder.quote(one, side, price, size), quote(many, side, 0, price, size)
        elif kind == HEDGE:
            assert ladder.hedge(one, side, size) == hedge(many, side, 0, size)
        else:
            name, told = [
                ("limit", (side, price, size)), ("cancel", (side, price, position, size)), ("market", (side, size)), None,
                None, ("keep_within", (side, price)),
            ][kind]  # fmt: skip  # pyright: ignore
            getattr(ladder, name)(one, *told)
            {"limit": limit, "cancel": cancel, "market": market, "keep_within": keep_within}[name](many, *told)
        for shared in ("volume", "best", "edge"):
            assert np.array_equal(one[shared], many[shared])
        for own in ("left", "filled", "value", "gained"):
            assert np.array_equal(one[own], many[own][:, 0])
        standing = one.left > 0
        for placed_at in ("price", "ahead"):
            assert np.array_equal(one[placed_at][standing], many[placed_at][standing, 0])
