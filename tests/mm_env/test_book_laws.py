"""The event loop of the order book against what is known exactly: published chances, laws of queues, moments of counts."""

import numpy as np
import pytest

from agents.exact.cont_stoikov_talreja import PoissonBook
from mm_env import Book, ContStoikovTalreja, GeometricSize, Hawkes, QueueReactive, UnitSize, ZeroIntelligence
from mm_env.core import engine
from mm_env.core.component import record
from mm_env.venue.order_book.birth_death import stationary_queue
from mm_env.venue.order_book.events import advance, clear_counters, open_book, weigh
from mm_env.venue.order_book.hawkes_law import HawkesLaw
from mm_env.venue.order_book.ladder import ASK, BID, limit, lots, quote
from tests.worlds import within

WARMING, FOREVER = 2**32 - 1, 1e9
ONE_EVENT, BEST_MOVES = 1, 2  # what `advance` waits for
SKY_PERFECT = ([1.85, 1.51, 1.09, 0.88, 0.77], [0.71, 0.81, 0.68, 0.56, 0.47], 0.94)
REACTIVE = QueueReactive(
    arrival=((1.0, 0.9, 0.8, 0.5), (1.2, 1.0, 0.7, 0.6)),
    cancellation=((0.0, 0.3, 0.5, 0.6), (0.0, 0.4, 0.9, 0.8)),
    taking=((0.0, 0.8, 0.6, 0.7), (0.0, 0.0, 0.0, 0.0)),  # of the nearest queue only: then all are independent
)
EXCITED = Hawkes(
    base=(1.0, 1.0, 0.5, 0.5, 0.3, 0.2),
    branching=tuple(tuple(0.05 + 0.1 * ((m + 2 * n) % 3 == 0) + 0.2 * (m == n) for n in range(6)) for m in range(6)),
    decay=2.0,
    place=(1.0, 0.5),
)
FLOWS = [
    ContStoikovTalreja(*SKY_PERFECT, scale=1.92, exponent=0.52),
    ZeroIntelligence(arrival=1.0, cancellation=0.5, taking=1.0),
    QueueReactive(REACTIVE.arrival, REACTIVE.cancellation, ((0.0, 3.0, 3.0, 3.0),) * 2, following=0.3, renewal=0.5),
    EXCITED,
]


def opened(flow, levels, size=UnitSize(), warm_up=3.0):  # noqa: B008
    """What the event loop works on: (rules of the venue, table, books, weights)."""
    venue = Book(flow=flow, size=size, levels=levels, warm_up=warm_up, observed=1)
    books, table = venue.memory(1)
    return record(venue), table, books, np.zeros(6 + 4 * levels)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: type(flow).__name__)
@pytest.mark.parametrize("size", [UnitSize(), GeometricSize(4.0)], ids=["unit", "geometric"])
def test_rates_are_what_they_would_be_if_counted_anew(flow, size):
    venue, table, books, weights = opened(flow, 6, size)
    book, random = books[0], np.random.default_rng(0)
    open_book(venue, table, book, weights, (0, 0, 0, WARMING), 1000)
    for step in range(400):
        if step % 9 == 0:
            for side in (BID, ASK):
                price = int(book.best[side]) + (2 * side - 1) * int(random.integers(-1, 3))
                quote(book, side, price, int(random.integers(0, 4)))
        clear_counters(book)
        advance(venue, table, book, weights, (0, 0, 0, step), FOREVER, ONE_EVENT)
        anew = np.zeros_like(weights)
        for side in (BID, ASK):
            weigh(venue, table, book, anew, side)
        np.testing.assert_allclose(weights, anew, atol=1e-12)
    assert (book.counts > 0).all()


def lives(venue, table, books, weights, seed, bids, asks, our_bid, our_ask, ends):
    """From queues at 1000 and 1001, the last order ours where it is said so, until a best price moves.

    Writes whether the asks are gone and whether our bid and our ask were executed.
    """
    book = books[0]
    for run in range(ends.shape[0]):
        open_book(venue, table, book, weights, (seed, run, 0, WARMING), 1000)
        book.volume[:] = 0
        for side in range(2):
            book.best[side], book.edge[side] = 1000 + side, 1001 - side + (2 * side - 1) * int(venue.levels)
            limit(book, side, 999 + 3 * side, 20)  # so that a best price has somewhere to move
        if bids > our_bid:
            limit(book, 0, 1000, bids - our_bid)
        if asks > our_ask:
            limit(book, 1, 1001, asks - our_ask)
        quote(book, 0, 1000, our_bid)
        quote(book, 1, 1001, our_ask)
        advance(venue, table, book, weights, (seed, run, 0, 0), 1e9, 2)
        ends[run, 0] = lots(book, 1001) == 0 and book.left[1] == 0
        ends[run, 1], ends[run, 2] = book.filled[0], book.filled[1]


@pytest.mark.parametrize("bids", range(1, 6))
def test_cont_stoikov_talreja(bids):
    """Tables 3, 4 (as its caption states it) and 5, from the loop that the environment runs."""
    exact, world = PoissonBook(*SKY_PERFECT), opened(ContStoikovTalreja(*SKY_PERFECT), 5, warm_up=0.0)
    up, bid, both, ends = exact.next_move_up(), exact.bid_executed(), exact.both_executed(), np.zeros((10_000, 3))
    for asks in range(1, 6):
        for our_bid, our_ask in ((0, 0), (1, 0), (1, 1)):
            arguments = (*world, 10 * bids + asks, bids, asks, our_bid, our_ask, ends)
            engine.compiled(lives, *arguments)(*arguments)
            if our_ask:
                assert within(ends[:, 1] * ends[:, 2], both[bids - 1, asks - 1])
            elif our_bid:
                assert within(ends[:, 1], bid[bids - 1, asks - 1])
            else:
                assert within(ends[:, 0], up[bids - 1, asks - 1])


def days(venue, table, books, weights, seed, window, counts, excitement, queues):
    """Independent books after their warm-up: excitement and queues at distances 1, 2, ... of the reference, then counts."""
    book = books[0]
    for run in range(counts.shape[0]):
        open_book(venue, table, book, weights, (seed, run, 0, WARMING), 1000)
        excitement[run] = book.excitement
        for side in range(2):
            for i in range(queues.shape[2]):
                queues[run, side, i] = lots(book, book.reference + side + (2 * side - 1) * i)
        advance(venue, table, book, weights, (seed, run, 0, 0), window, 0)
        counts[run] = book.counts


def observed(flow, levels, runs, window, warm_up):
    counts, excitement, queues = np.zeros((runs, 6)), np.zeros((runs, 6)), np.zeros((runs, 2, 2), np.int64)
    arguments = (*opened(flow, levels, warm_up=warm_up), 5, window, counts, excitement, queues)
    engine.compiled(days, *arguments)(*arguments)
    return counts, excitement, queues


def test_hawkes():
    """Rates, and variances and covariances of intensities and of counts in a window."""
    law = HawkesLaw(EXCITED.base, EXCITED.branching, EXCITED.decay)
    counts, excitement, _ = observed(EXCITED, 3, 10_000, 1.5, 25.0)
    for sample, mean, covariance in (
        (excitement + law.base, law.rate, law.intensity_covariance),
        (counts, 1.5 * law.rate, law.count_covariance(1.5)),
    ):
        over = sample - mean
        for m in range(6):
            assert within(sample[:, m], mean[m])
            for n in range(m + 1):
                assert within(over[:, m] * over[:, n], covariance[m, n])


@pytest.mark.parametrize("warm_up", [0.0, 4.0])
def test_queue_reactive(warm_up):
    """All four nearest queues follow their birth-death laws, as they are drawn and after they have run."""
    _, _, queues = observed(REACTIVE, 2, 20_000, 0.0, warm_up)
    for distance in range(2):
        up, down = REACTIVE.arrival[distance], np.add(REACTIVE.cancellation, REACTIVE.taking)[distance]
        law = stationary_queue(up, down)
        for side in (BID, ASK):
            for length, probability in enumerate(law.probability):
                assert within(queues[:, side, distance] == length, probability)
            assert within(queues[:, side, distance] >= len(law.probability), law.beyond)
