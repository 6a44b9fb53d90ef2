"""A recorded day in the kernel against the order-by-order replay, to the bit, and the rules that the docs state."""

from __future__ import annotations

from functools import cache
from zipfile import ZipFile

import numpy as np
import pytest

from mm_env import Exact, InTurn, Pessimistic, Proportional, Replay
from mm_env.core import engine
from mm_env.core.component import record
from mm_env.venue.order_book.ladder import quote
from mm_env.venue.replay.messages import FIELDS, open_tape, play, take
from tests.mm_env.recorded_days import ASK, BID, HIDDEN, Exchange, OrderByOrder, random_day
from tests.recordings import real
from tests.worlds import same_bits

MODELS = {"number": Exact(), "back": Pessimistic(), "proportion": Proportional()}
AMZN = "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
FOREVER, ONE_STAMP, BEST_MOVES, KEEP = 1e18, 1, 2, -1


def venue_of(path, leaving="number", **parts):
    window = InTurn(begins=0.0, ends=0.1)
    return Replay(path=str(path), window=window, span=0.1, position=MODELS[leaving], **parts)


def follow(venue, table, books, operations, rows):
    """Before each stamp's messages quote what `operations` (n, 3) say: side (or KEEP), price, size. A row of `rows` is the book
    after it; runs as plain Python and compiled."""
    book = books[0]
    open_tape(venue, table, book, 0)
    for i in range(operations.shape[0]):
        side, price, size = operations[i]
        if side >= 0:
            quote(book, side, price, size)
        play(venue, table, book, FOREVER, ONE_STAMP)
        rows[i, 0] = book.cursor
        for s in range(2):
            stands = 1 if book.left[s] > 0 else 0
            rows[i, 1 + s] = book.left[s]
            rows[i, 3 + s] = book.price[s] * stands
            rows[i, 5 + s] = book.ahead[s] * stands
            rows[i, 7 + s] = book.filled[s]
            rows[i, 9 + s] = book.value[s]
            rows[i, 11 + s] = book.gained[s]
            rows[i, 13 + s] = book.best[s]
        for slot in range(book.volume.shape[0]):
            rows[i, 15 + slot] = book.volume[slot]


def story(venue, leaving, seed, share, near, most=4, last=None):
    """Random quotes within `near` ticks of the best prices, before a `share` of the stamps: the operations, and the rows that
    the order-by-order replay expects. What falls back behind the second price is withdrawn, lest it go out of view."""
    random, messages = np.random.default_rng(seed), venue.recording.messages
    made, row, last = OrderByOrder(messages, 0, leaving), 1, last or len(messages.time)
    slots = venue.memory(1)[0].volume.shape[1]
    operations, rows = [], []
    while row < last:
        side, price, size = KEEP, 0, 0
        if random.random() < share:
            side, size = int(random.integers(0, 2)), int(random.integers(0, most + 1))
            price = made.best(side) + (2 * side - 1) * int(random.integers(-2, near + 1))
        for behind in made.falling_back():
            side, price, size = behind, made.ours[behind][0], 0
        if side != KEEP:
            made.quote(side, price, size)
        operations.append((side, price, size))
        stamp = messages.time[row]
        while row < last and messages.time[row] == stamp:
            made.happen(row)
            row += 1
        rows.append(expected(made, row, slots))
    return np.array(operations, np.int64), np.array(rows, np.int64)


def expected(made, row, slots):
    ours = [made.ours[side] for side in (BID, ASK)]
    volume = [0] * slots
    for side in (BID, ASK):
        for price, lots in made.others(side).items():
            volume[price % slots] += lots
    return [
        row, *(o[1].size if o else 0 for o in ours), *(o[0] if o else 0 for o in ours), made.ahead(BID), made.ahead(ASK),
        *made.filled, *made.value, *made.gained, made.best(BID), made.best(ASK), *volume,
    ]  # fmt: skip


@cache
def machine_code(leaving, levels):
    kind = record(venue_of(__file__, leaving))
    from mm_env.venue.order_book import ladder
    from mm_env.venue.replay import tape

    books = np.zeros(1, np.dtype([*ladder.fields(150), *FIELDS], align=True)).view(np.recarray)
    table = np.zeros(1, np.dtype(tape.fields(levels), align=True)).view(np.recarray)
    numbers = np.zeros((1, 1), np.int64)
    return engine.compiled(follow, kind, table, books, numbers, numbers)


@pytest.mark.parametrize("leaving", MODELS)
@pytest.mark.parametrize("seed", range(6))
def test_our_orders_in_a_random_day_fare_as_order_by_order(tmp_path, leaving, seed):
    venue = venue_of(random_day(tmp_path / "day.zip", seed, levels=25), leaving)
    operations, rows = story(venue, leaving, seed, share=0.4, near=4)
    for run in (follow, machine_code(leaving, 25)):
        books, table = venue.memory(1)
        found = np.zeros_like(rows)
        run(record(venue), table, books, operations, found)
        apart = np.argwhere(found != rows)
        assert same_bits(found, rows), f"{run}: row {apart[0]}, {found[apart[0][0], :15]} for {rows[apart[0][0], :15]}"
    assert (rows[-1, 7:9] > 20).all()  # lots we traded


@pytest.mark.parametrize("leaving", MODELS)
def test_our_orders_in_a_real_day_fare_as_order_by_order(leaving):
    venue = venue_of(real(AMZN), leaving)
    operations, rows = story(venue, leaving, 1, share=0.5, near=0, most=200, last=40_000)
    books, table = venue.memory(1)
    found = np.zeros_like(rows)
    machine_code(leaving, 5)(record(venue), table, books, operations, found)
    assert same_bits(found, rows)
    assert (rows[-1, 7:9] > 1_000).all()  # shares we traded


def test_without_our_orders_the_book_is_the_recorded_one_at_every_message():
    venue = venue_of(real(AMZN))
    messages = venue.recording.messages
    books, table = venue.memory(1)
    slots, last = books.volume.shape[1], len(messages.time)
    stamps = np.unique(messages.time[1:]).size
    found = np.zeros((stamps, 15 + slots), np.int64)
    machine_code("number", 5)(record(venue), table, books, np.full((stamps, 3), KEEP), found)
    after = found[:, 0] - 1
    assert after[-1] == last - 1
    wanted = np.zeros((stamps, slots), np.int64)
    for prices, sizes in ((messages.bids, messages.bid_sizes), (messages.asks, messages.ask_sizes)):
        np.add.at(wanted, (np.arange(stamps)[:, None], prices[after] % slots), sizes[after].astype(np.int64))
    assert np.array_equal(found[:, 15:], wanted)
    assert np.array_equal(found[:, 13:15], np.stack([messages.bids[after, 0], messages.asks[after, 0]], -1))


# the rules one by one, on days written by hand: bids at 99, 98, ..., asks at 101, 102, ..., ten lots each


def exchange(levels=3, prices=3):
    made = Exchange(levels)
    for away in range(1, prices + 1):
        for side in (BID, ASK):
            made.place(side, 100 + (2 * side - 1) * away, 10)
    made.write(0, HIDDEN, 0, 1, 100, BID)  # a first line, so that all that comes is after it
    return made


class Lane:
    """One book of a day that was written by hand, played as plain Python."""

    def __init__(self, made, folder, leaving="number"):
        venue = venue_of(made.save(folder / "day.zip", 1), leaving)
        (self.books, self.table), self.venue = venue.memory(1), record(venue)
        self.book = self.books[0]
        open_tape(self.venue, self.table, self.book, 0)

    def play(self, until=FOREVER, pace=0):
        play(self.venue, self.table, self.book, until, pace)
        return self.book

    def stamp(self):
        return self.play(pace=ONE_STAMP)


def test_an_execution_meets_us_as_far_as_it_goes_beyond_the_lots_ahead(tmp_path):
    made = exchange()
    made.new(1, BID, 99, 10)  # behind us
    made.hit(2, BID, 8)
    made.hit(3, BID, 4)
    lane = Lane(made, tmp_path)
    quote(lane.book, BID, 99, 5)
    assert (lane.stamp().left[BID], lane.book.ahead[BID]) == (5, 10)
    assert (lane.stamp().left[BID], lane.book.ahead[BID]) == (5, 2)
    assert (lane.stamp().left[BID], lane.book.ahead[BID]) == (3, 0)  # two lots of the four were ahead of us
    assert (lane.book.filled[BID], lane.book.value[BID], lane.book.gained[BID]) == (2, 2 * 99, 2 * 2)
    assert lane.book.volume[99 & 511] == 8  # what we traded is missing to nobody


def test_an_execution_at_a_worse_price_or_an_order_that_crosses_ours_fills_us_up_to_its_size(tmp_path):
    made = exchange()
    made.hit(1, BID, 2)
    made.new(2, ASK, 100, 1)
    made.new(3, ASK, 101, 1)
    lane = Lane(made, tmp_path)
    quote(lane.book, BID, 100, 4)  # inside the spread
    assert lane.stamp().left[BID] == 2  # executed at 99
    assert lane.stamp().left[BID] == 1  # offered at 100
    assert lane.stamp().left[BID] == 1  # offered at 101
    assert lane.book.value[BID] == 3 * 100


def test_a_limit_order_that_meets_ours_has_arrived_as_far_as_it_does(tmp_path):
    made = exchange()
    made.new(1, ASK, 100, 7)
    made.new(2, ASK, 100, 7)
    made.new(3, BID, 99, 9)
    lane = Lane(made, tmp_path)
    quote(lane.book, BID, 100, 10)
    seen = [(int(b.filled[BID]), int(b.arrived), int(b.counts[4])) for b in (lane.stamp(), lane.stamp(), lane.stamp())]
    assert seen[-1] == (10, 10, 0)  # seven, then three of seven, and no market order at all


def test_hidden_executions_fill_nobody(tmp_path):
    made = exchange()
    made.write(1, HIDDEN, 0, 5, 98, BID)
    lane = Lane(made, tmp_path)
    quote(lane.book, BID, 100, 4)
    assert (lane.stamp().left[BID], lane.book.counts.sum()) == (4, 0)


@pytest.mark.parametrize(("leaving", "ahead"), [("number", [10, 6]), ("back", [10, 10]), ("proportion", [9, 7])])
def test_who_leaves_is_ahead_or_behind_as_the_model_says(tmp_path, leaving, ahead):
    made = exchange()
    made.new(1, BID, 99, 10)
    made.cancel(2, BID, len(made.orders[BID]) - 1, 2)  # of those behind us: 2 of 20
    made.cancel(3, BID, 0, 4)  # of those ahead: 4 of 18
    lane = Lane(made, tmp_path, leaving)
    quote(lane.book, BID, 99, 5)
    lane.stamp()
    assert [lane.stamp().ahead[BID] for _ in range(2)] == ahead


def test_an_order_out_of_view_waits_blindly_behind_all_that_comes_into_view_with_its_price(tmp_path):
    made = exchange(levels=2)
    made.place(BID, 97, 5)  # nobody sees 97, where 15 lots stand
    made.hit(1, BID, 10)
    made.new(2, BID, 97, 1)
    lane = Lane(made, tmp_path)
    quote(lane.book, BID, 97, 5)
    assert (lane.book.ahead[BID], lane.book.far[BID]) == (0, 98)
    assert (lane.stamp().ahead[BID], lane.book.far[BID]) == (15, 97)
    assert lane.stamp().ahead[BID] == 15


def test_an_order_that_goes_out_of_view_keeps_its_place_and_moves_up_no_further_than_is_seen(tmp_path):
    made = exchange(levels=2)
    made.new(1, BID, 100, 1)  # 98 goes out of view
    made.cancel(1, BID, 1, 4)  # nobody sees that four leave, of 10 at 98
    made.new(1, BID, 98, 9)  # nor who comes
    made.hit(2, BID, 1)  # 98 is back, with 15
    made.cancel(3, BID, 1, 6)  # who these were nobody can tell: those behind us first, five, then one ahead
    made.cancel(4, BID, len(made.orders[BID]) - 1, 5)  # and now all nine are ahead
    lane = Lane(made, tmp_path)
    quote(lane.book, BID, 98, 5)
    seen = [int(lane.stamp().ahead[BID]) for _ in range(4)]
    assert [lane.book.far[BID] <= 98, *seen] == [True, 10, 10, 9, 4]


def test_messages_of_one_stamp_are_one_event(tmp_path):
    made = exchange()
    made.hit(1, BID, 25)  # three executions
    made.hit(2, ASK, 1)
    lane = Lane(made, tmp_path)
    assert (lane.stamp().best[BID], lane.book.counts[4]) == (97, 3)
    assert (lane.book.time, lane.book.arrived, lane.book.pressure) == (1e-3, 25, pytest.approx(-25))


def test_the_clock_may_wait_for_a_best_price_to_change(tmp_path):
    made = exchange()
    made.new(1, BID, 98, 1)
    made.hit(2, BID, 10)
    made.hit(3, BID, 1)
    lane = Lane(made, tmp_path)
    assert lane.play(pace=BEST_MOVES).time == 2e-3
    assert lane.play(until=0.01, pace=BEST_MOVES).time == 0.01


def test_a_message_at_the_very_time_of_a_decision_comes_after_it(tmp_path):
    made = exchange()
    made.hit(5, BID, 10)
    lane = Lane(made, tmp_path)
    assert (lane.play(until=5e-3).best[BID], lane.play(until=6e-3).best[BID]) == (99, 98)


def test_our_market_order_walks_what_is_in_view_and_leaves_it_as_it_was(tmp_path):
    lane = Lane(exchange(levels=2), tmp_path)
    quote(lane.book, BID, 99, 5)
    before = lane.book.volume.copy()
    assert take(lane.book, BID, 15) == (15, 10 * 99 + 5 * 98)
    assert take(lane.book, ASK, 25) == (20, 10 * 101 + 10 * 102)
    assert same_bits(lane.book.volume, before)
    assert lane.book.left[BID] == 0  # our own order stood in the way


def test_a_book_that_the_levels_do_not_reach_is_refused_with_the_number_that_does(tmp_path):
    made = exchange(prices=1)
    made.new(10, BID, 80, 3)
    made.hit(20, BID, 10)  # 80 is the best bid for ten milliseconds: a spread of 21
    made.new(30, BID, 99, 3)
    made.new(150, BID, 97, 1)
    path = made.save(tmp_path / "day.zip", 1)
    with pytest.raises(
        ValueError, match=r"Replay.levels must be >= 21, the widest spread in the windows in ticks, got 20"
    ):
        venue_of(path, levels=20).memory(1)
    assert (venue_of(path, levels=21).memory(1)[1].known > 0).all()
    late = Replay(path=str(path), window=InTurn(begins=0.1, ends=0.2), span=0.1, levels=3)
    assert late.memory(1)[1].known[-1].tolist() == [1, 1]  # what windows do not show does not count


def test_the_tape_holds_numbers_of_31_bits_and_refuses_others(tmp_path):
    made = exchange()
    made.new(1, BID, 99, 2**31)
    with pytest.raises(
        ValueError, match="a replay needs prices in ticks and sizes up to 2,147,483,647, got 2,147,483,658"
    ):
        venue_of(made.save(tmp_path / "day.zip", 1)).memory(1)


def test_a_day_in_a_folder_is_the_day(tmp_path):
    path = exchange().save(tmp_path / "day.zip", 1)
    with ZipFile(path) as archive:
        archive.extractall(tmp_path / "day")
    assert same_bits(venue_of(tmp_path / "day").memory(1)[1].prices, venue_of(path).memory(1)[1].prices)


@pytest.mark.parametrize(("around", "ticks", "wrong"), [
    (1000, {0.01: 1010, 0.05: 202, 0.1: 101}, {0.001: 0.01, 0.03: 0.01}),  # the recording's is a cent
    (50, {0.01: 60, 0.005: 120, 0.1: 6}, {0.03: 0.1}),  # below a dollar 0.1 is a guess
])  # fmt: skip
def test_a_tick_is_that_of_the_recording_or_one_that_its_prices_allow(tmp_path, around, ticks, wrong):
    made = Exchange(2)
    for side in (BID, ASK):
        made.place(side, around + 10 * (2 * side - 1), 10)
    made.write(0, HIDDEN, 0, 1, around, BID)
    made.new(10, BID, around, 3)
    path = made.save(tmp_path / "day.zip", 1)
    for tick, ask in ticks.items():
        assert venue_of(path, tick=tick).recording.quotes.ask.tolist() == [ask, ask]
    for tick, found in wrong.items():
        with pytest.raises(ValueError, match=f"Replay.tick must be the recording's {found}, got {tick}"):
            venue_of(path, tick=tick).memory(1)


def test_a_row_without_a_side_shows_the_book_of_the_row_before(tmp_path):
    made = exchange(prices=1)
    made.hit(1, BID, 10)
    made.new(2, BID, 98, 3)
    lane = Lane(made, tmp_path)
    assert (lane.stamp().best[BID], lane.book.volume[99 & 511]) == (99, 10)
    assert (lane.stamp().best[BID], lane.book.volume[99 & 511], lane.book.volume[98 & 511]) == (98, 0, 3)
