"""Binance logs: the book that is rebuilt from buffered differences is the exchange's, and lost ones are counted."""

import gzip
import json

import numpy as np
import pytest

from mm_env.data import depth
from mm_env.data.binance import read
from mm_env.data.depth import DepthBook, Side
from tests.recordings import binance_log, stream

SECOND = 10**9


def pairs(levels):
    return [[f"{price / 100:.8f}", f"{size:.8f}"] for price, size in levels.items()]


def exchange(seed, changes=300, futures=False):
    """(true books, differences): each difference nets a few changes of one level; U and u number the changes."""
    random = np.random.default_rng(seed)
    books = [({10_000 - i: 1.0 for i in range(1, 8)}, {10_000 + i: 1.0 for i in range(1, 8)})]
    differences, last = [], 0
    while last < changes:
        bids, asks = (dict(side) for side in books[-1])
        first, count, touched = last + 1, int(random.integers(1, 4)), ({}, {})
        for _ in range(count):
            side = int(random.integers(2))
            price = 10_000 + (2 * side - 1) * int(random.integers(1, 9))
            size = float(random.integers(0, 4)) if price not in (9_992, 10_008) else 2.0
            touched[side][price] = size
            (bids, asks)[side][price] = size
        previous, last = last, last + count
        books.append(tuple({p: s for p, s in side.items() if s} for side in (bids, asks)))
        message = {"U": first, "u": last, "b": pairs(touched[0]), "a": pairs(touched[1])}
        differences.append(message | ({"pu": previous} if futures else {}))
    return books, differences


def snapshot(book, u):
    return {"lastUpdateId": u, "bids": pairs(book[0]), "asks": pairs(book[1])}


def bests(book):
    """Best bid and its size, best ask and its size; prices in cents."""
    bid, ask = max(book[0]), min(book[1])
    return bid, book[0][bid], ask, book[1][ask]


CENT = 10**6  # of 1e-8


@pytest.mark.parametrize("futures", [False, True])
@pytest.mark.parametrize("buffered", [0, 1, 10, 40])
def test_differences_that_came_before_the_snapshot_are_not_lost(buffered, futures):
    books, differences = exchange(buffered, futures=futures)
    taken = max(0, buffered - 3)  # the snapshot is older than the last three that wait for it
    book, found = DepthBook(), []
    for message in differences[:buffered]:
        assert book.difference(message) == []
    assert book.waiting == buffered
    found += book.snapshot(snapshot(books[taken], differences[taken - 1]["u"] if taken else 0))
    assert len(found) == buffered - taken
    for message in differences[buffered:]:
        found += book.difference(message)
    rows = [(m["u"], *bests(b)) for m, b in zip(differences[taken:], books[taken + 1 :], strict=True)]
    assert found == [(u, bid * CENT, bids, ask * CENT, asks) for u, bid, bids, ask, asks in rows]
    assert (book.gaps, book.dropped, book.waiting) == (0, taken, 0)


def test_a_snapshot_in_the_middle_of_a_difference_is_overlapped():
    book = DepthBook()
    book.snapshot({"lastUpdateId": 5, "bids": [["1", "1"]], "asks": [["2", "1"]]})
    assert book.difference({"U": 4, "u": 7, "b": [["1", "3"]], "a": []}) == [(7, 10**8, 3.0, 2 * 10**8, 1.0)]


def test_futures_ids_leave_gaps_and_the_first_difference_follows_a_snapshot_within_one():
    book = DepthBook()  # ids 6 and 7 are of other symbols: nothing of this book happened after 5 and up to 8
    book.snapshot({"lastUpdateId": 7, "bids": [["1", "1"]], "asks": [["2", "1"]]})
    assert book.difference({"pu": 5, "U": 8, "u": 9, "b": [["1", "3"]], "a": []}) == [(9, 10**8, 3.0, 2 * 10**8, 1.0)]
    assert book.difference({"pu": 9, "U": 12, "u": 15, "b": [], "a": [["2", "0"], ["3", "1"]]})[0].ask == 3 * 10**8
    assert book.difference({"pu": 16, "U": 18, "u": 20, "b": [], "a": []}) == []
    assert (book.applied, book.gaps, book.waiting) == (2, 1, 1)


def test_what_a_reconnection_repeats_changes_nothing():
    books, differences = exchange(3)
    book = DepthBook()
    book.snapshot(snapshot(books[0], 0))
    for message in differences[:20]:
        book.difference(message)
    assert book.snapshot(snapshot(books[5], differences[4]["u"])) == []  # older than the book
    for message in differences[10:20]:
        assert book.difference(message) == []
    assert book.difference(differences[20])[0].u == differences[20]["u"]
    assert (book.repeated, book.outdated, book.gaps, book.dropped) == (10, 1, 0, 0)


def test_a_side_finds_its_best_price_however_levels_come_and_go():
    random, levels = np.random.default_rng(0), {}
    for sign, best in ((-1, max), (1, min)):
        side, levels = Side({}, sign), {}
        for price, size in zip(
            random.integers(1, 40, 3000).tolist(), random.integers(0, 3, 3000).tolist(), strict=True
        ):
            side.change({price: float(size)})
            levels[price] = size
            there = [p for p, s in levels.items() if s]
            assert not there or side.best() == best(there)


def test_differences_that_wait_for_a_snapshot_are_kept_up_to_a_number(monkeypatch):
    monkeypatch.setattr(depth, "BUFFERED", 5)
    books, differences = exchange(4)
    book = DepthBook()
    for message in differences[:20]:
        book.difference(message)
    assert book.waiting == 20
    assert len(book.snapshot(snapshot(books[17], differences[16]["u"]))) == 3


@pytest.mark.parametrize("futures", [False, True])
def test_a_lost_difference_leaves_no_book_until_the_next_snapshot(futures):
    books, differences = exchange(7, futures=futures)
    book = DepthBook()
    book.snapshot(snapshot(books[0], 0))
    seen = [bool(book.difference(m)) for i, m in enumerate(differences[:20]) if i != 10]
    assert seen == [True] * 10 + [False] * 9
    assert (book.gaps, book.waiting) == (1, 9)
    assert len(book.snapshot(snapshot(books[15], differences[14]["u"]))) == 5


# logs


def log(seed=0, edit=None):
    """A log: the ticker after each change, differences and trades, and the snapshot late. Lines and true books."""
    books, differences = exchange(seed, 120)
    lines, time = [], 1_723_161_253 * SECOND
    for number, (message, book) in enumerate(zip(differences, books[1:], strict=True)):
        bid, bid_size, ask, ask_size = bests(book)
        bid, ask = bid / 100, ask / 100
        best = {"b": f"{bid:.8f}", "B": f"{bid_size:.8f}", "a": f"{ask:.8f}", "A": f"{ask_size:.8f}"}
        lines.append((time, stream("bookTicker", u=message["u"], **best)))
        if number % 4 == 0:
            for trade in range(2):  # a sell of two prices
                price = f"{bid - 0.01 * trade:.8f}"
                lines.append((time + 2 + trade, stream("trade", T=time // 10**6, m=True, p=price, q="0.5", t=number)))
        lines.append((time + 5, stream("depth@100ms", **message)))
        if number == 5:
            lines.append((time + 6, snapshot(books[3], differences[2]["u"])))
        time += SECOND
    return edit(lines) if edit else lines


def test_a_log_is_what_its_streams_say(tmp_path):
    lines = log()
    day = read(binance_log(tmp_path / "log.gz", lines))
    count = sum("depth" in message.get("stream", "") for _, message in lines)
    assert (day.instrument, day.day, day.source) == ("BTCUSDT", "2024-08-08", "Binance")
    assert day.tick == pytest.approx(0.01)
    assert day.length == lines[-1][0] - lines[0][0]
    assert day.counts["depth"] == day.counts["bookTicker"] == len(day.quotes.time) == count
    assert len(day.orders.time) == len(range(0, count, 4))
    assert set(day.orders.side.tolist()) == {-1}
    assert set(day.orders.size.tolist()) == {1.0}
    assert set(day.orders.prices.tolist()) == {2}
    assert (day.orders.time % SECOND).tolist() == [2] * len(day.orders.time)  # when the first trade was received
    at = day.quotes.at(day.orders.time)
    assert np.array_equal(day.orders.worst, day.quotes.bid[at] - 1)
    assert day.checks == {
        "rebuilt books": count - 3,
        "best prices that differ": 0,
        "best prices or sizes that differ": 0,
        "differences applied": count - 3,
        "differences older than the snapshot": 3,
        "differences without a book": 0,
        "breaks in the sequence": 0,
    }


def test_a_book_that_is_not_the_tickers_is_counted(tmp_path):
    def edit(lines):
        kept = [line for line in lines if "depth" in line[1].get("stream", "")]
        kept[60][1]["data"]["b"].append(["99.995", "1.0"])  # above every bid, and it stays
        return lines

    checks = read(binance_log(tmp_path / "log.gz", log(edit=edit))).checks
    assert checks["best prices that differ"] == checks["rebuilt books"] - (60 - 3)


def test_files_that_follow_each_other_are_one_log(tmp_path):
    lines = log()
    whole = read(binance_log(tmp_path / "whole.gz", lines))
    first = binance_log(tmp_path / "first.gz", lines[:101])
    plain = tmp_path / "second.txt"
    plain.write_text("".join(f"{time} {json.dumps(message)}\n" for time, message in lines[101:]), encoding="utf-8")
    parts = read([first, plain])
    assert parts.checks == whole.checks
    assert np.array_equal(parts.quotes.time, whole.quotes.time)
    assert np.array_equal(parts.orders.time, whole.orders.time)


def test_without_a_snapshot_there_is_nothing_to_compare(tmp_path):
    day = read(binance_log(tmp_path / "log.gz", [line for line in log() if "lastUpdateId" not in line[1]]))
    assert day.checks["rebuilt books"] == 0
    assert not any("differ" in name.split() for name in day.checks)  # none were compared
    assert day.checks["differences without a book"] == day.counts["depth"]
    assert "Nothing was compared with the best quotes: the log holds no snapshot" in day.notes[-1]


def test_what_enters_no_estimate_is_counted(tmp_path):
    def edit(lines):
        time = lines[-1][0]
        crossed = {"b": "101.00", "B": "1", "a": "100.00", "A": "1"}
        return [
            *lines,
            (time, stream("trade", T=1, m=True, p="0", q="0", t=1, X="NA")),
            (time, stream("bookTicker", u=10**6, **crossed)),
            (time, stream("kline_1m")),
        ]

    counts = read(binance_log(tmp_path / "log.gz", log(edit=edit))).counts
    assert (counts["trades off the book"], counts["crossed tickers"], counts["kline_1m"]) == (1, 1, 1)


def changed(number, stream_name, **data):
    """Put something else into the n-th message of a stream."""

    def edit(lines):
        chosen = [message for _, message in lines if stream_name in message.get("stream", "")]
        chosen[number]["data"].update(data)
        return lines

    return edit


@pytest.mark.parametrize(("edit", "message"), [
    (changed(2, "bookTicker", b="NaN"), "log.gz, line 7: b must be a number > 0, got NaN"),
    (changed(2, "bookTicker", A="0"), "log.gz, line 7: A must be a number > 0, got 0"),
    (changed(2, "bookTicker", u=1), "log.gz, line 7: the bookTicker's update id must rise, got 1 after"),
    (changed(0, "trade", p="abc"), "log.gz, line 2: could not convert string to float: 'abc'"),
    (changed(9, "depth", b=[["99.99", "nan"]]), "line 27: a level must have a price > 0 of at most 8 decimals and a size"),
    (changed(2, "bookTicker", b="99.123456789"), "line 7: b must have at most 8 decimals, got 99.123456789"),
    (changed(0, "trade", p="-1"), "line 2: p must be a number > 0, got -1"),
    (changed(0, "trade", T=10**30), "log.gz, line 2: "),
    (changed(0, "trade", s=[1]), "log.gz, line 2: "),
    (changed(0, "trade", s="ETHUSDT"), "log.gz, line 2: a log must be of one symbol, got ETHUSDT after BTCUSDT"),
    (lambda lines: [*lines[:3], (5, lines[3][1])], "log.gz, line 4: time must not be before that of the line above, got 5"),
    (lambda lines: [(lines[0][0], {"stream": "btcusdt@trade"})], "log.gz, line 1: has no 'data'"),
    (lambda lines: [(1, lines[0][1])], "log.gz, line 1: a time of receipt must be in ns, us, ms or s since 1970, got 1"),
    (lambda lines: [*lines, (10**19, lines[0][1])], "a time of receipt must be in ns as in the lines above, got 1000"),
    (lambda lines: [line for line in lines if "trade" not in line[1].get("stream", "")], "got no trade in log.gz"),
    (lambda lines: [x for x in lines if "Ticker" not in x[1].get("stream", "")], "got no bookTicker in log.gz"),
])  # fmt: skip
def test_a_log_that_breaks_a_rule_is_refused_by_file_line_and_value(tmp_path, edit, message):
    with pytest.raises(ValueError, match=r".") as refused:
        read(binance_log(tmp_path / "log.gz", log(edit=edit)))
    assert message in str(refused.value)


def test_what_is_no_whole_log_is_refused(tmp_path):
    whole = binance_log(tmp_path / "whole.gz", log()).read_bytes()
    cases = {
        "empty.gz": (b"", "must hold messages, got an empty file"),
        "cut.gz": (whole[: len(whole) // 2], "cut.gz is no whole log"),
        "corrupt.gz": (whole[:300] + b"\0" * 50 + whole[350:], "corrupt.gz"),
        "cut.txt": (gzip.decompress(whole)[:-50], "cut.txt, line 157: a message must be JSON, and may be cut short"),
        "stamps.txt": (b"1723161253\n", "a line must be a time in ns and a message, and may be cut short"),
        "noise.txt": (bytes(range(256)), "noise.txt"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=r".") as refused:
            read(tmp_path / name)
        assert message in str(refused.value)
    with pytest.raises(ValueError, match=r"path must name a Binance log, got nowhere\.gz, which is no file"):
        read("nowhere.gz")
