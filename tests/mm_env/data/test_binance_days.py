"""A log that follows another over midnight: its book goes on from what the day before left, and from nothing else."""

import numpy as np
import pytest

from mm_env.data import read
from mm_env.data.recording import SECOND
from tests.mm_env.data import test_binance
from tests.recordings import binance_log, real

HOUR = 3600 * SECOND


def log():
    """A log whose events say what they are, as Binance's do."""
    names, lines = {"depth": "depthUpdate", "trade": "trade"}, []
    for time, message in test_binance.log():
        name = names.get(message.get("stream", "@").partition("@")[2].partition("@")[0])
        lines.append((time, {**message, "data": {"e": name, **message["data"]}} if name else message))
    return lines


def split(folder, lines, at, without=()):
    """The log in two files, the second an hour later, of the next day."""
    later = [(time + HOUR, message) for number, (time, message) in enumerate(lines[at:]) if number not in without]
    return [binance_log(folder / f"{name}.gz", part) for name, part in (("first", lines[:at]), ("second", later))]


def columns(messages, rows):
    return [
        getattr(messages, name)[rows]
        for name in ("kind", "side", "size", "price", "bids", "asks", "bid_sizes", "ask_sizes")
    ]


def test_the_book_of_a_day_without_a_snapshot_is_that_of_the_day_before(tmp_path):
    lines = log()
    half = len(lines) // 2
    whole = read(binance_log(tmp_path / "whole.gz", lines), depth=True)
    both = read(split(tmp_path, lines, half), depth=True)
    assert both.day == "2024-08-08..2024-08-09"
    first = int((both.messages.time < both.day_starts[1]).sum())
    rest = len(both.messages.time) - first
    assert min(first, rest) > 10
    ours, theirs = columns(both.messages, slice(-rest + 1, None)), columns(whole.messages, slice(-rest + 1, None))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_without_the_log_before_the_message_names_the_cure(tmp_path):
    _, second = split(tmp_path, log(), len(log()) // 2)
    with pytest.raises(ValueError, match=r"^second.gz: no snapshot tells what .*: give the log before it too"):
        read(second, depth=True)


def test_a_log_that_does_not_go_on_from_the_one_before_is_refused(tmp_path):
    lines = log()
    half = len(lines) // 2
    first_difference = next(i for i, (_, m) in enumerate(lines[half:]) if "depth" in m.get("stream", ""))
    with pytest.raises(ValueError, match=r"^second.gz: no snapshot tells what .*: give the log before it too"):
        read(split(tmp_path, lines, half, without=(first_difference,)), depth=True)


def test_the_real_log_over_midnight_is_one_replay():
    both = read([real(f"binance/spot_btcusdt_2024080{day}.gz") for day in (8, 9)], depth=True)
    messages, at = both.messages, both.quotes.at(both.messages.time)
    second = messages.time > both.day_starts[1] + SECOND
    close = (
        np.abs(messages.bids[second, 0] - both.quotes.bid[at][second]) <= 100
    )  # a dollar: differences come each 100 ms
    assert second.sum() > 100_000
    assert close.mean() > 0.97
