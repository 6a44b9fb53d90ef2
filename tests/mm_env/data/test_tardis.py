"""Tardis's tables: rows as its documentation shows them, and the books that follow by hand."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from mm_env.data import days, read, store

BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
START = 1_585_699_200_245_000  # us: 2020-04-01, of the documentation's rows


def line(us: int, *rest: object) -> str:
    return ",".join(map(str, ("deribit", "BTC-PERPETUAL", START + us, START + us + 110, *rest))) + "\n"


UPDATES = BOOK + "".join(
    [
        line(0, "true", "ask", 6421.5, 18640),
        line(0, "true", "bid", 6421.0, 10000),
        line(0, "true", "bid", 6420.5, 550),
        line(1_000_000, "false", "bid", 6421.0, 12000),  # 2000 join
        line(2_000_000, "false", "bid", 6421.0, 9000),  # 3000 leave, 2500 of them by a trade
        line(3_000_000, "false", "bid", 6421.0, 0),  # all leave: the next bid is the best
        line(4_000_000, "false", "ask", 6421.0, 40),
        line(5_000_000, "true", "bid", 6400.0, 7),  # a new snapshot
        line(5_000_000, "true", "ask", 6400.5, 8),
        line(6_000_000, "false", "ask", 6400.5, 8),  # says nothing new
    ]
)
TRADED = TRADES + line(1_900_000, "t1", "sell", 6421.0, 2500) + line(5_500_000, "t2", "unknown", 6400.0, 1)


@pytest.fixture(params=["plain", "gzip"])
def folder(request, tmp_path):
    for name, text in (("deribit_incremental_book_L2_2020-04-01_BTC-PERPETUAL.csv", UPDATES), ("a_trades.csv", TRADED)):
        data = text.encode() if request.param == "plain" else gzip.compress(text.encode(), mtime=0)
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / (name + ".gz" * (request.param == "gzip"))).write_bytes(data)
    return tmp_path / "in"


def test_books_and_messages_are_those_found_by_hand(folder):
    day = read(folder, levels=2)
    messages = day.messages
    assert (day.instrument, day.day, day.source, day.tick) == ("BTC-PERPETUAL", "2020-04-01", "Tardis", 0.5)
    assert (messages.time / 1e9).tolist() == [0, 1, 2, 2, 3, 4, 5]
    assert messages.kind.tolist() == [0, 1, 4, 2, 3, 1, 0]
    assert messages.size.tolist() == [0, 2000, 2500, 500, 9000, 40, 0]
    assert messages.side.tolist()[1:6] == [1, 1, 1, 1, -1]
    assert (messages.bids * day.tick).tolist() == [[6421, 6420.5]] * 4 + [[6420.5, 0], [6420.5, 0], [6400, 0]]
    assert messages.bid_sizes.tolist() == [
        [10000, 550], [12000, 550], [9500, 550], [9000, 550], [550, 0], [550, 0], [7, 0]
    ]  # fmt: skip
    assert (messages.asks[:, 0] * day.tick).tolist() == [6421.5] * 5 + [6421, 6400.5]
    assert len(set(messages.order.tolist())) == len(messages.order)


def test_trades_are_the_market_orders_and_what_is_passed_over_is_counted(folder):
    day = read(folder)
    assert (day.orders.side.tolist(), day.orders.size.tolist()) == ([-1], [2500])
    assert (day.orders.worst * day.tick).tolist() == [6421]
    assert day.counts["trades of unknown side"] == 1
    assert day.checks["levels told again as they were"] == 1
    assert day.tick_guessed
    assert any("is a guess" in note for note in day.notes)


def test_quotes_are_those_after_each_time(folder):
    quotes = read(folder).quotes
    assert (quotes.time / 1e9).tolist() == [0, 1, 2, 3, 4, 5]
    assert quotes.bid_size.tolist() == [10000, 12000, 9000, 550, 550, 7]


def test_a_stored_day_is_the_day_that_was_read(folder, tmp_path):
    kept = store(folder, tmp_path / "days", levels=2)[0]
    one, other = read(folder, levels=2), kept.recording()
    for part in ("quotes", "orders", "messages"):
        for name, column in vars(getattr(one, part)).items():
            np.testing.assert_array_equal(column, getattr(getattr(other, part), name), f"{part}.{name}")
    for name in ("instrument", "day", "tick", "length", "began", "checks", "notes", "without_quote"):
        assert getattr(one, name) == getattr(other, name), name
    assert [day.day for day in days(tmp_path / "days")] == ["2020-04-01"]
    with pytest.raises(ValueError, match="holds this day already: overwrite=true"):
        store(folder, tmp_path / "days")


def test_of_a_stored_day_a_part_is_read_with_the_book_before_it(folder, tmp_path):
    kept = store(folder, tmp_path / "days", levels=2)[0]
    whole, part = kept.recording().messages, kept.recording(2.5, 4.5).messages
    np.testing.assert_array_equal(part.time, whole.time[3:6])
    np.testing.assert_array_equal(part.bids, whole.bids[3:6])


def test_a_snapshot_table_gives_quotes_and_no_messages(tmp_path):
    head = "exchange,symbol,timestamp,local_timestamp," + ",".join(
        f"asks[{i}].price,asks[{i}].amount,bids[{i}].price,bids[{i}].amount" for i in range(2)
    )
    rows = [
        line(0, "50001.0", "1.0", "49999.0", "1.5", "50002.0", "2.0", "49998.0", "2.5"),
        line(10, "50001.5", "1.1", "49999.5", "1.6", "", "", "49998.5", "2.6"),
    ]
    (tmp_path / "s.csv").write_text(head + "\n" + "".join(rows), encoding="utf-8")
    day = read(tmp_path / "s.csv")
    assert day.messages is None
    assert (day.quotes.bid * day.tick).tolist() == [49999.0, 49999.5]
    assert day.quotes.ask_size.tolist() == [1.0, 1.1]


@pytest.mark.parametrize(("wrong", "said"), [
    (line(-5, "false", "bid", 1, 1), "line 12: local_timestamp must be not before that of the line above"),
    (line(7_000_000, "maybe", "bid", 1, 1), "line 12: is_snapshot must be true or false, got maybe"),
    (line(7_000_000, "false", "buy", 1, 1), "line 12: side must be one of bid, ask, got buy"),
    (line(7_000_000, "false", "bid", 1, -1), "line 12: amount must be a number >= 0, got -1"),
    (line(7_000_000, "false", "bid", "x", 1), "line 12: price must be a number, got x"),
    (line(7_000_000, "false", "bid", "0.123456789", 1), "line 12: price must be a number >= 0 of at most eight decimals"),
])  # fmt: skip
def test_a_line_that_is_wrong_is_named(tmp_path, wrong, said):
    (tmp_path / "book.csv").write_text(UPDATES + wrong, encoding="utf-8")
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        read(tmp_path)


def test_trades_alone_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text(TRADED, encoding="utf-8")
    with pytest.raises(ValueError, match="must have incremental_book_L2, book_snapshot or quotes beside its trades"):
        read(tmp_path)
