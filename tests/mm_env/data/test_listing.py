"""Days from files, folders, globs and lists; what is no recording; several days as one; a reader and a schema of one's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env.data import days, listing, read, recognise, register
from mm_env.data.archive import Archive
from mm_env.data.events import LEVEL, SHOWN, TRADE, events
from mm_env.data.join import _numbered
from mm_env.data.recording import SECOND, Orders, Quotes, Recording
from mm_env.data.tables import REAL, tables
from mm_env.venue.replay.window import Drawn, InTurn

HEAD = "time,event,side,price,size\n"
START = 1_700_000_000 * SECOND


def rows(day: int = 0, price: float = 10.0) -> str:
    start = START + day * 86_400 * SECOND
    told = [(0, "shown", "buy", price, 5), (0, "shown", "sell", price + 0.1, 5), (SECOND, "new", "buy", price, 1)]
    told += [(2 * SECOND, "execute", "sell", price + 0.1, 2), (3 * SECOND, "delete", "buy", price, 6)]
    told += [(3 * SECOND, "new", "buy", price - 0.1, 2)]
    return HEAD + "".join(f"{start + t},{what},{side},{p:.2f},{s}\n" for t, what, side, p, s in told)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("one", "two", "three")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ACME.csv").write_text(rows(number), encoding="utf-8")
    return tmp_path


def test_a_folder_a_glob_and_a_list_hold_the_same_days(folder):
    whole = [day.day for day in days(folder)]
    assert whole == ["2023-11-14", "2023-11-15", "2023-11-16"]
    assert [day.day for day in days(f"{folder}/*/ACME.csv")] == whole
    assert [day.day for day in days([folder / "three", folder / "one", str(folder / "two" / "ACME.csv")])] == whole
    assert [day.day for day in days(folder, day="2023-11-15")] == ["2023-11-15"]


def test_days_are_read_as_one_recording_with_cuts_between(folder):
    whole = read(folder)
    assert (whole.day, whole.tick) == ("2023-11-14..2023-11-16", 0.1)
    assert whole.day_starts.tolist() == [0, 3 * SECOND + 1, 6 * SECOND + 2]
    assert whole.length == 9 * SECOND + 2
    assert len(whole.messages.time) == 15
    assert len(np.unique(whole.messages.order)) == 15
    assert whole.messages.order.max() < 0  # this table names no orders
    assert whole.starts(SECOND).tolist()[:3] == [0, SECOND, 2 * SECOND]
    assert not whole.whole(np.array([2 * SECOND]), np.array([4 * SECOND]))[0]


def test_numbers_that_a_reader_made_up_stay_below_zero_and_apart(folder):
    """A level feed tells no orders: joined, it must not look like one that does (`calibrate` goes by the sign)."""

    def numbered(one, numbers):
        return replace(one, messages=replace(one.messages, order=numbers(len(one.messages.time))))

    read_days = [one.recording() for one in days(folder)]
    made_up = [numbered(one, lambda n: -1 - np.arange(n)) for one in read_days]
    real = [numbered(one, lambda n: 7 + np.arange(n)) for one in read_days]
    for parts, signs in ((made_up, [-1, -1, -1]), ([real[0], made_up[1], real[2]], [1, -1, 1])):
        found = [part.order for part in _numbered(parts)]
        assert [np.unique(np.sign(order)).tolist() for order in found] == [[sign] for sign in signs]
        assert len(np.unique(np.concatenate(found))) == sum(map(len, found))


@pytest.mark.parametrize(("make", "said"), [
    (lambda f: f / "nowhere", "path must name recorded days, got .*nowhere, which is no file"),
    (lambda f: [], "path must name files, got an empty list"),
    (lambda f: f, "ACME of 2023-11-14 must be there once, got it in .*again.* and in"),
])  # fmt: skip
def test_what_holds_nothing_or_a_day_twice_is_refused(folder, make, said):
    (folder / "again").mkdir()
    (folder / "again" / "ACME.csv").write_text(rows(), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        days(make(folder))


def test_what_is_no_recording_names_what_it_is_and_what_is_taken(tmp_path):
    for name, data, what in (
        ("a.csv", b"open_time,open,high\n", "a table of Binance's archive"),
        ("b.bin", b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive, to be unpacked first"),
        ("c.csv", b"date,close\n2020-01-01,1\n", "a text that begins with 'date,close'"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name} is {what}.*Databento's MBO as CSV.* are taken"):
            days(tmp_path / name)


@pytest.mark.parametrize("form", ["csv", "csv.gz", "csv.zst", "parquet"])
def test_a_table_of_one_s_own_is_read_by_its_schema(tmp_path, form):
    frame = pl.DataFrame({
        "stamp": [36_000_000, 36_000_500, 36_001_000], "type": ["S", "S", "X"], "way": ["B", "O", "B"],
        "px": ["9.5", "9.75", "9.5"], "qty": [3, 4, 1],
    })  # fmt: skip
    path = tmp_path / f"mine.{form}"
    if form == "parquet":
        frame.write_parquet(path)
    else:
        compressed = {"csv": {}, "csv.gz": {"compression": "gzip"}, "csv.zst": {"compression": "zstd"}}[form]
        frame.lazy().sink_csv(path, **compressed)
    (tmp_path / "schema.yaml").write_text(
        "time: {column: stamp, unit: ms}\nevent: {column: type, values: {S: new, X: partial}}\n"
        "side: {column: way, values: {B: buy, O: sell}}\nprice: px\nsize: qty\nday: 2024-02-01\ninstrument: MINE\n",
        encoding="utf-8",
    )
    day = read(path, schema=str(tmp_path / "schema.yaml"), levels=1)
    assert (day.instrument, day.day, day.began, day.tick) == ("MINE", "2024-02-01", 36_000 * SECOND, 0.25)
    assert day.messages.bid_sizes.tolist() == [[3], [3], [2]]
    assert (day.messages.asks * day.tick).tolist() == [[0], [9.75], [9.75]]


@pytest.mark.parametrize(("text", "said"), [
    ("tme: x\n", r"must name only .*, got \['tme'\]"),
    ("time: {column: stamp, unit: h}\n", "time.unit must be one of s, ms, us, ns, got 'h'"),
    ("event: {column: type, values: {S: begin}}\n", "event.values must be of new, .*, got 'begin'"),
    ("price: {column: px, values: {}}\n", "price must have only column, got"),
])  # fmt: skip
def test_a_schema_that_is_wrong_is_named(tmp_path, text, said):
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "d.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        days(tmp_path / "d.csv", schema=str(tmp_path / "s.yaml"))


def test_a_reader_of_one_s_own_takes_one_function_and_one_registration(tmp_path, monkeypatch):
    monkeypatch.setattr(recognise, "OWN", {})
    monkeypatch.setattr(listing, "MAKERS", dict(listing.MAKERS))
    (tmp_path / "XYZ_2024-05-06.txt").write_text(
        "ns;bid;ask\n1000;1.0;1.5\n2000;1.25;1.5\n".replace(";", ","), encoding="utf-8"
    )

    def mine(files, instrument):
        def stream():
            for file in files[""]:
                for chunk in tables(file, ("ns", "bid", "ask")):
                    time = np.repeat(chunk.column("ns", "a whole number") + START, 2)
                    price = np.stack([chunk.prices("bid"), chunk.prices("ask")], 1).ravel()
                    assert chunk.column("bid", REAL).dtype == np.float64
                    yield events(
                        time, np.full(len(time), SHOWN), np.tile([1, -1], len(time) // 2), np.ones(len(time)), price
                    )

        return Archive(instrument, "mine", stream)

    register(
        "mine", lambda path, line: "" if line == "ns,bid,ask" else None, mine, lambda path: tuple(path.stem.split("_"))
    )
    day = read(tmp_path)
    assert (day.instrument, day.source, day.quotes.bid.tolist()) == ("XYZ", "mine", [4, 5])
    assert LEVEL != TRADE


# train and test windows


def of_days(lengths: list[int]) -> Recording:
    """A recording of so many ns a day that holds nothing."""
    none = np.zeros(0, np.int64)
    starts = np.cumsum([0, *(length + 1 for length in lengths[:-1])]).astype(np.int64)
    quotes, orders = Quotes(none, none, none, np.zeros(0), np.zeros(0)), Orders(none, none, np.zeros(0), none, none)
    return Recording(
        "X", "", "", 1.0, int(starts[-1]) + lengths[-1], quotes, orders, cuts=starts[1:], day_starts=starts
    )


def windows(window, recording, span):
    try:
        return window.starts(recording, span)
    except ValueError:
        return np.zeros(0, np.int64)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=8),
    st.floats(0.05, 0.95),
    st.floats(0.1, 20.0),
    st.floats(0.01, 3.0),
)
def test_train_and_test_windows_by_day_share_no_time_and_lie_each_in_one_day(lengths, share, span, apart):
    recording = of_days([length * SECOND for length in lengths])
    train = windows(Drawn(0.0, 1e9, 0.0, share, apart=apart), recording, span)
    test = windows(InTurn(0.0, 1e9, share, 1.0), recording, span)
    check_apart(recording, train, test, span)
    days_of = [set(np.searchsorted(recording.day_starts, starts, side="right").tolist()) for starts in (train, test)]
    assert not days_of[0] & days_of[1]


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
    st.floats(0.1, 40.0),
    st.floats(0.0, 5.0),
    st.floats(0.1, 20.0),
)
def test_train_and_test_windows_within_days_share_no_time(lengths, cut, gap, span):
    recording = of_days([length * SECOND for length in lengths])
    train, test = Drawn(0.0, cut, apart=0.5), InTurn(cut + gap, 1e9)
    check_apart(recording, windows(train, recording, span), windows(test, recording, span), span)
    assert not train.meets(test, len(lengths))


def check_apart(recording, train, test, span):
    length = round(span * SECOND)
    for starts in (train, test):
        day = np.searchsorted(recording.day_starts, starts, side="right")
        np.testing.assert_array_equal(day, np.searchsorted(recording.day_starts, starts + length, side="right"))
    if len(train) and len(test):
        assert not ((train[:, None] < test[None] + length) & (test[None] < train[:, None] + length)).any()
