"""Binance logs as they are recorded: what is no message of the log's streams is counted and passed over, what would be taken
for something else is refused."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest

from mm_env.data import binance
from mm_env.data.binance import read
from tests.mm_env.data.test_binance import log
from tests.mm_env.data.test_lobster import same
from tests.recordings import binance_log, stream

SECOND = 10**9
NOW = log()[0][0]
BLANK, BOM = "", "\ufeff"


def text(lines):
    return "".join(f"{time} {json.dumps(message)}\n" for time, message in lines)


def written(tmp_path, lines):
    """A log of lines of text or of (time, message)."""
    path = tmp_path / "log.txt"
    path.write_bytes(b"".join(line.encode() if isinstance(line, str) else text([line]).encode() for line in lines))
    return path


def which(lines, name, number):
    """The place of the n-th message of a stream."""
    return [i for i, (_, message) in enumerate(lines) if name in message.get("stream", "")][number]


def market(futures, lines):
    """The log with the marks of its market."""
    marks = {
        "bookTicker": {"E": 1, "T": 1, "e": "bookTicker"} if futures else {},
        "trade": {"X": "MARKET"} if futures else {"M": True},
        "depth": {"pu": 0} if futures else {},
    }
    made = []
    for time, message in lines:
        name = message.get("stream", "").partition("@")[2].partition("@")[0]
        extra = marks[name] | ({"pu": message["data"]["U"] - 1} if name == "depth" and futures else {}) if name else {}
        made.append(
            (time, {**message, "data": message["data"] | extra} if name else message | ({"E": 1} if futures else {}))
        )
    return made


@pytest.fixture(autouse=True, params=["machine code", "line by line"])
def way(request, monkeypatch):
    """Small logs are read line by line unless they are told to be large."""
    monkeypatch.setattr(binance, "LARGE", 0 if request.param == "machine code" else 1 << 40)
    return request.param


# what is passed over


@pytest.mark.parametrize(("extra", "count"), [
    (BLANK + "\n", "blank lines"),
    ("   \r\n", "blank lines"),
    (f'{NOW} {{"result":null,"id":1}}\n', "acknowledgements"),
    (f'{NOW} {{"error":{{"code":2,"msg":"x"}},"id":1}}\n', "error messages"),
    (f'{NOW} {{"code":-1121,"msg":"Invalid symbol."}}\n', "error messages"),
    (f'{NOW} "pong"\n', "other messages"),
    (f"{NOW} pong\n", "other messages"),
    (f'{NOW} {{"ping":1723161253}}\n', "other messages"),
    (f"{NOW} [1,2]\n", "other messages"),
    (text([(NOW, stream("aggTrade", p="1"))]), "aggTrade"),
    (text([(NOW, stream("depth20@100ms", bids=[], asks=[]))]), "depth20"),
    (text([(NOW, {"stream": "!markPrice@arr", "data": []})]), "!markPrice"),
    (text([(NOW, {"stream": "!bookTicker", "data": {"u": 1, "s": "ETHUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}})]),
     "!bookTicker"),
    (text([(NOW, {"stream": "ethusdt@aggTrade", "data": {"s": "ETHUSDT"}})]), "aggTrade"),
    (text([(NOW, {"e": "kline", "s": "BTCUSDT", "k": {}})]), "kline"),
])  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, -1])
def test_what_is_no_message_of_the_streams_is_counted_and_passed_over(tmp_path, extra, count, place):
    lines = [*log()]
    plain = read(binance_log(tmp_path / "plain.gz", lines))
    if place == -1:
        extra = extra.replace(str(NOW), str(lines[-1][0]))
    lines.insert(place if place >= 0 else len(lines), extra)
    day = read(written(tmp_path, lines))
    assert day.counts == plain.counts | {"lines": plain.counts["lines"] + 1, count: 1}
    assert f"Passed over: 1 {count}" in day.notes
    assert same(replace(day, counts=plain.counts, notes=plain.notes), plain)


def test_a_mark_of_the_encoding_other_ends_of_lines_and_spaces_are_nothing(tmp_path):
    plain, body = read(binance_log(tmp_path / "plain.gz", log())), text(log())
    for other in (
        BOM + body,
        body.replace("\n", "\r\n"),
        body[:-1],
        body.replace("}\n", "} \n"),
        body.replace(", ", ","),
    ):
        assert same(read(written(tmp_path, [other])), plain)


def test_streams_without_the_wrapper_that_names_them_are_taken(tmp_path):
    names = {"depth": "depthUpdate", "trade": "trade"}
    lines = []
    for time, message in log():
        name = message.get("stream", "@").partition("@")[2].partition("@")[0]
        lines.append((time, {**({"e": names[name]} if name in names else {}), **message["data"]} if name else message))
    assert same(read(binance_log(tmp_path / "bare.gz", lines)), read(binance_log(tmp_path / "plain.gz", log())))


# what comes twice


@pytest.mark.parametrize(("name", "counted"), [
    ("bookTicker", "repeated tickers"), ("trade", "repeated trades"), ("depth", "repeated differences"),
])  # fmt: skip
@pytest.mark.parametrize("later", [1, 20])
def test_what_comes_again_is_taken_once(tmp_path, name, counted, later):
    lines = log()
    plain, place = read(binance_log(tmp_path / "plain.gz", lines)), which(lines, name, 12)
    lines.insert(place + later, (lines[place + later - 1][0], lines[place][1]))
    day = read(binance_log(tmp_path / "log.gz", lines))
    assert day.counts == plain.counts | {name: plain.counts[name] + 1, "lines": plain.counts["lines"] + 1, counted: 1}
    assert same(replace(day, counts=plain.counts, notes=plain.notes), plain)


def test_all_that_a_reconnection_brings_again_is_taken_once(tmp_path):
    lines = log()
    plain = read(binance_log(tmp_path / "plain.gz", lines))
    again = [(lines[119][0], message) for _, message in lines[70:120]]
    day = read(binance_log(tmp_path / "log.gz", [*lines[:120], *again, *lines[120:]]))
    assert same(replace(day, counts=plain.counts, notes=plain.notes), plain)
    assert day.counts["lines"] == plain.counts["lines"] + 50
    assert sum(day.counts[f"repeated {what}"] for what in ("tickers", "trades", "differences")) == 50


def test_trades_that_agree_in_all_but_the_id_are_two(tmp_path):
    def edit(lines):
        place = which(lines, "trade", 1)
        lines.insert(place + 1, (lines[place][0], stream("trade", **lines[place][1]["data"] | {"t": 10**9})))
        return lines

    day, plain = (read(binance_log(tmp_path / "log.gz", log(edit=e))) for e in (edit, None))
    assert day.orders.size.sum() == plain.orders.size.sum() + 0.5
    assert len(day.orders.time) == len(plain.orders.time)


def test_a_ticker_of_an_older_update_that_says_something_else_is_refused(tmp_path):
    lines = log()
    place = which(lines, "bookTicker", 9)
    other = stream("bookTicker", **lines[place][1]["data"] | {"B": "77"})
    with pytest.raises(ValueError, match=r"line 41: the bookTicker's update id must rise, got \d+ after \d+"):
        read(binance_log(tmp_path / "log.gz", [*lines[:40], (lines[39][0], other), *lines[40:]]))


# time


@pytest.mark.parametrize(("unit", "name"), [(10**3, "us"), (10**6, "ms"), (10**9, "s")])
def test_times_in_another_unit_are_told_by_their_digits_and_noted(tmp_path, unit, name):
    lines = log()
    day = read(binance_log(tmp_path / "log.gz", [(time // unit, message) for time, message in lines]))
    whole = read(binance_log(tmp_path / "ns.gz", [(time // unit * unit, message) for time, message in lines]))
    assert same(replace(day, notes=whole.notes), whole)
    assert day.day == "2024-08-08"
    assert f"The times of receipt of {len(lines)} lines are in {name}, and known no closer" in day.notes


def test_files_may_count_time_in_different_units_but_a_file_has_one(tmp_path):
    lines = [(time // 10**6 * 10**6, message) for time, message in log()]
    parts = [(time // 10**6, message) for time, message in lines[:100]], lines[100:]
    paths = [binance_log(tmp_path / f"{n}.gz", part) for n, part in enumerate(parts)]
    whole = read(binance_log(tmp_path / "whole.gz", lines))
    assert same(replace(read(paths), notes=whole.notes), whole)
    with pytest.raises(ValueError, match=r"line 101: a time of receipt must be in ms as in the lines above, got 1723"):
        read(binance_log(tmp_path / "log.gz", [*parts[0], *parts[1]]))


# one market


def test_the_marks_of_a_market_change_nothing(tmp_path):
    plain = read(binance_log(tmp_path / "plain.gz", log()))
    for futures in (False, True):
        assert same(read(binance_log(tmp_path / "log.gz", market(futures, log()))), plain)


@pytest.mark.parametrize("name", ["bookTicker", "trade", "depth", "snapshot"])
@pytest.mark.parametrize("futures", [False, True])
def test_spot_and_futures_are_not_one_log(tmp_path, name, futures):
    lines, others = market(futures, log()), market(not futures, log())
    late = max(which(lines, stream, 8) for stream in ("bookTicker", "trade", "depth"))
    place = late if name != "snapshot" else 0
    found = next(i for i in range(place, len(lines)) if name in lines[i][1].get("stream", "snapshot@"))
    lines[found] = others[found]
    if name == "snapshot":
        lines.append((lines[-1][0], market(futures, log())[found][1]))
    with pytest.raises(ValueError, match=r"a log must be of one market, got a \w+ of (spot|futures) after messages of"):
        read(binance_log(tmp_path / "log.gz", lines))


def test_a_spot_trade_among_futures_that_show_none_is_refused(tmp_path):
    lines = [line for line in market(True, log()) if "trade" not in line[1].get("stream", "")]
    trade = market(False, log())[which(log(), "trade", 0)][1]
    for mixed in ([*lines, (lines[-1][0], trade)], [(lines[0][0], trade), *lines]):
        with pytest.raises(ValueError, match="a log must be of one market"):
            read(binance_log(tmp_path / "log.gz", mixed))


def test_futures_whose_ids_are_shared_with_other_symbols_are_rebuilt(tmp_path):
    """Ids rise by three, so that a difference starts after the id at which the one before ended."""

    def edit(lines):
        for _, message in lines:
            data = message.get("data", message)
            for key in ("u", "lastUpdateId"):
                if key in data:
                    data[key] *= 3
            if "U" in data:
                data["pu"], data["U"] = 3 * (data["U"] - 1), 3 * data["U"] - 1
        return lines

    checks, plain = (read(binance_log(tmp_path / "log.gz", log(edit=e))).checks for e in (edit, None))
    assert checks == plain


# sides and ticks


def test_a_ticker_without_a_side_gives_no_quote_and_is_counted(tmp_path):
    def edit(lines):
        for number in (0, 7, 8, 9):
            lines[which(lines, "bookTicker", number)][1]["data"].update({"a": "0.00000000", "A": "0.00000000"})
        return lines

    day, plain = (read(binance_log(tmp_path / "log.gz", log(edit=e))) for e in (edit, None))
    assert day.counts["one-sided tickers"] == 4
    assert day.without_quote["one-sided"] == pytest.approx((4 * SECOND / day.length, 3.0))
    kept = np.delete(np.arange(len(plain.quotes.time)), [0, 7, 8, 9])
    assert np.array_equal(day.quotes.time, plain.quotes.time[kept])


@pytest.mark.parametrize(
    ("ask", "size", "why"),
    [("0", "0", "none of 62: 62 lack a side, 0 are"), (None, "1", "0 lack a side, 62 are locked")],
)
def test_a_log_without_a_quote_is_refused(tmp_path, ask, size, why):
    def edit(lines):
        for _, message in lines:
            if "Ticker" in message.get("stream", ""):
                message["data"].update({"a": ask or message["data"]["b"], "A": size})
        return lines

    with pytest.raises(ValueError, match="a ticker with a bid below an ask, got") as refused:
        read(binance_log(tmp_path / "log.gz", log(edit=edit)))
    assert why in str(refused.value)


def test_the_tick_holds_the_prices_of_the_book_too_and_is_called_a_guess(tmp_path):
    def coarse(lines):
        for _, message in lines:
            if "stream" in message and "depth" not in message["stream"]:
                data = message["data"]
                data.update({key: f"{2 * float(data[key]):.8f}" for key in "bap" if key in data})
        return lines

    lines = log(edit=coarse)
    assert read(binance_log(tmp_path / "log.gz", lines)).tick == pytest.approx(0.01)
    alone = [line for line in lines if "depth" not in line[1].get("stream", "") and "lastUpdateId" not in line[1]]
    day = read(binance_log(tmp_path / "log.gz", alone))
    assert day.tick == pytest.approx(0.02)
    assert day.notes[0].startswith("The tick of 0.02 is a guess")
    given = read(binance_log(tmp_path / "log.gz", alone), tick=0.01)
    assert given.tick == pytest.approx(0.01)
    assert np.array_equal(given.quotes.bid, 2 * day.quotes.bid)
    assert not any("guess" in note for note in given.notes)
    with pytest.raises(
        ValueError, match=r"price must be a whole number of ticks of 0.03, got .* step of all prices is 0.02"
    ):
        read(binance_log(tmp_path / "log.gz", alone), tick=0.03)


# pieces


@pytest.mark.parametrize("size", [100, 1000])
def test_pieces_of_a_file_that_cut_lines_hold_the_same(tmp_path, monkeypatch, size):
    path = binance_log(tmp_path / "log.gz", log())
    whole = read(path)
    monkeypatch.setattr("mm_env.data.lines.PIECE", size)
    assert same(read(path), whole)
    cut = tmp_path / "cut.txt"
    cut.write_bytes(gzip.decompress(path.read_bytes())[:-1000])
    with pytest.raises(ValueError, match=r"cut\.txt, line \d+: a message must be JSON, and may be cut short"):
        read(cut)
