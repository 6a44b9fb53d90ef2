"""The chances of Cont, Stoikov & Talreja: their Table 3, a joint chain solved state by state, and plain simulation."""

import random
from math import comb

import numpy as np
import pytest

from agents.exact.cont_stoikov_talreja import PoissonBook
from tests.worlds import within

SKY_PERFECT = PoissonBook([1.85, 1.51, 1.09, 0.88, 0.77], [0.71, 0.81, 0.68, 0.56, 0.47], 0.94)
HASTY = PoissonBook([0.3, 0.2, 0.4], [2.0, 1.5, 1.0], 0.9)  # queues so short that a joint chain is small
TABLE_3 = [
    [0.5, 0.335173, 0.259018, 0.215789, 0.187823],
    [0.664827, 0.5, 0.406887, 0.347890, 0.307199],
    [0.740982, 0.593113, 0.5, 0.436552, 0.390594],
    [0.784211, 0.652110, 0.563448, 0.5, 0.452337],
    [0.812177, 0.692801, 0.609406, 0.547663, 0.5],
]
CUT = 9  # orders in a queue of the joint chain


def chance(start, moves):
    """P[it comes to True | start] of a chain whose `moves(state)` are (rate, state or True or False); solved densely."""
    states, system, right = [start], {}, {}
    for state in states:
        for rate, following in moves(state):
            system[state, state] = system.get((state, state), 0.0) + rate
            if isinstance(following, bool):
                right[state] = right.get(state, 0.0) + rate * following
                continue
            system[state, following] = system.get((state, following), 0.0) - rate
            if following not in states:
                states.append(following)
    place = {state: i for i, state in enumerate(states)}
    matrix, vector = np.zeros((len(states), len(states))), np.zeros(len(states))
    for (one, other), value in system.items():
        matrix[place[one], place[other]] = value
    for state, value in right.items():
        vector[place[state]] = value
    return np.linalg.solve(matrix, vector)[0]


def up_moves(book, spread):
    def moves(state):
        bids, asks = state
        limit, cancel, inside = book.limit[spread - 1], book.cancel[spread - 1], sum(book.limit[: spread - 1])
        yield from ((limit, (bids + 1, asks)), (limit, (bids, asks + 1))) if max(state) < CUT else ()
        yield book.market + cancel * bids, (bids - 1, asks) if bids > 1 else False
        yield book.market + cancel * asks, (bids, asks - 1) if asks > 1 else True
        yield from ((inside, True), (inside, False))

    return moves


def bid_moves(book, spread):
    def moves(state):
        place, asks = state
        limit, cancel, inside = book.limit[spread - 1], book.cancel[spread - 1], sum(book.limit[: spread - 1])
        yield from [(limit, (place, asks + 1))] if asks < CUT else []
        yield book.market + cancel * asks, (place, asks - 1) if asks > 1 else False
        yield book.market + cancel * (place - 1), (place - 1, asks) if place > 1 else True
        yield 2 * inside, False

    return moves


def both_moves(book):
    def moves(state):
        """`state`: (our place or 0, orders behind) of the bids and of the asks."""
        for side in (0, 1):
            (place, behind), other = state[side], state[1 - side]

            def after(*queue, other=other, side=side):
                if queue[0] == other[0] == 0:
                    return True
                return (queue, other)[:: 1 - 2 * side] if sum(queue) else False

            if behind < CUT - 5:
                yield book.limit[0], after(place, behind + 1)
            if behind:
                yield book.cancel[0] * behind + book.market * (place == 0), after(place, behind - 1)
            if place:
                yield book.cancel[0] * (place - 1) + book.market, after(place - 1, behind)

    return moves


def test_table_3():
    np.testing.assert_allclose(SKY_PERFECT.next_move_up(), TABLE_3, atol=5e-7)


@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize(("b", "a"), [(1, 1), (1, 3), (3, 2)])
def test_against_the_joint_chain(b, a, spread):
    up, bid = HASTY.next_move_up(3, spread)[b - 1, a - 1], HASTY.bid_executed(3, spread)[b - 1, a - 1]
    assert up == pytest.approx(chance((b, a), up_moves(HASTY, spread)), abs=1e-6)
    assert bid == pytest.approx(chance((b, a), bid_moves(HASTY, spread)), abs=1e-6)


@pytest.mark.parametrize(("b", "a"), [(1, 1), (1, 2), (2, 3)])
def test_both_sides_against_the_joint_chain(b, a):
    expected = chance(((b, 0), (a, 0)), both_moves(HASTY))
    assert HASTY.both_executed(3)[b - 1, a - 1] == pytest.approx(expected, abs=1e-5)


def played(b, a, ours, rng):
    """One life of the two best queues of SKY_PERFECT, order by order, until the mid moves: (it moves up, our sides executed).

    The last order of each side in `ours` is our own and is never cancelled.
    """
    limit, cancel, market = SKY_PERFECT.limit[0], SKY_PERFECT.cancel[0], SKY_PERFECT.market
    queues = [["another's"] * b, ["another's"] * a]
    for side in ours:
        queues[side][-1] = "ours"
    executed = set()
    while queues[0] and queues[1]:
        others = [(side, i) for side in (0, 1) for i, owner in enumerate(queues[side]) if owner != "ours"]
        kinds = ["limit"] * 2 + ["market"] * 2 + ["cancel"] * len(others)
        weights = [limit] * 2 + [market] * 2 + [cancel] * len(others)
        event = rng.choices(range(len(kinds)), weights)[0]
        if kinds[event] == "limit":
            queues[event].append("another's")
        elif kinds[event] == "cancel":
            side, i = others[event - 4]
            del queues[side][i]
        elif queues[event - 2].pop(0) == "ours":
            executed.add(event - 2)
    return not queues[1], executed


@pytest.mark.parametrize(("b", "a"), [(1, 2), (3, 2)])
def test_against_plain_simulation(b, a):
    rng, lives = random.Random(b), range(6_000)
    nobody, bid, ask, both = ([played(b, a, ours, rng) for _ in lives] for ours in ((), (0,), (1,), (0, 1)))
    executed = SKY_PERFECT.bid_executed()
    assert within(np.array([up for up, _ in nobody]), SKY_PERFECT.next_move_up()[b - 1, a - 1])
    assert within(np.array([0 in done for _, done in bid]), executed[b - 1, a - 1])
    unfilled = np.array([1 not in done for _, done in ask])  # of our ask: what Table 4 prints in the place of our bid's
    assert within(unfilled, 1.0 - executed.T[b - 1, a - 1])
    assert within(np.array([len(done) == 2 for _, done in both]), SKY_PERFECT.both_executed()[b - 1, a - 1])


def test_nothing_but_market_orders():
    """With neither limit orders nor cancellations the first to come b or a times decides: fair coins."""
    book = PoissonBook([0.0], [0.0], 3.0)
    first = [
        [sum(comb(b + a - 1, k) for k in range(a, b + a)) / 2 ** (b + a - 1) for a in (1, 2, 3)] for b in (1, 2, 3)
    ]
    np.testing.assert_allclose(book.next_move_up(3), first, atol=1e-14)
    np.testing.assert_allclose(book.bid_executed(3), np.transpose(first), atol=1e-14)
    np.testing.assert_allclose(book.both_executed(3), 0.0, atol=1e-14)  # the first to be executed empties its side


@pytest.mark.parametrize("spread", [1, 2, 5])
def test_laws(spread):
    up, bid = SKY_PERFECT.next_move_up(6, spread), SKY_PERFECT.bid_executed(6, spread)
    np.testing.assert_allclose(up + up.T, 1.0, atol=1e-12)
    assert (np.diff(up, axis=0) > 0).all()
    assert (np.diff(up, axis=1) < 0).all()
    assert (np.diff(bid, axis=0) < 0).all()
    assert (np.diff(bid, axis=1) > 0).all()
    np.testing.assert_allclose(up[:2, :2], SKY_PERFECT.next_move_up(2, spread), atol=1e-11)


def test_an_own_ask_keeps_the_mid_in_place():
    """Never cancelled, it lets our bid live longer: P[both] >= P[bid] + P[ask] - 1, each of these without the other."""
    bid, both = SKY_PERFECT.bid_executed(6), SKY_PERFECT.both_executed(6)
    np.testing.assert_allclose(both, both.T, atol=1e-12)
    assert (both >= bid + bid.T - 1.0).all()
    assert both[4, 0] > bid[4, 0]  # by so much that both are likelier than a bid alone


def test_a_longer_cut_changes_nothing(monkeypatch):
    book = PoissonBook([2.0], [0.1], 1.0)  # queues of some ten orders
    short = book.next_move_up(), book.bid_executed(), book.both_executed(2)
    monkeypatch.setattr("agents.exact.cont_stoikov_talreja.NEGLIGIBLE", 1e-30)
    for before, after in zip(short, (book.next_move_up(), book.bid_executed(), book.both_executed(2))):
        np.testing.assert_allclose(before, after, rtol=0.0, atol=2e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoissonBook([-1.0], [1.0], 1.0), r"PoissonBook.limit must be finite numbers >= 0, got \[-1.0\]"),
        (lambda: PoissonBook([1.0], [], 1.0), r"PoissonBook.cancel must be"),
        (lambda: PoissonBook([1.0], [1.0], 0.0), "PoissonBook.market must be > 0, got 0.0"),
        (lambda: SKY_PERFECT.next_move_up(spread=6), r"spread must lie in 1..5, where rates are known, got 6"),
        (lambda: SKY_PERFECT.bid_executed(0), r"longest must lie in 1..1000, got 0"),
        (lambda: PoissonBook([2.0], [0.0], 1.0).next_move_up(), "queues must empty before they hold 1000 orders"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()
