"""A day written in another format and read back is the same day: messages, books, quotes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mm_env.data import export, lobster, read
from mm_env.data.recording import Recording
from tests.mm_env.recorded_days import random_day
from tests.recordings import real

COLUMNS = ("time", "kind", "side", "size", "price", "bids", "asks", "bid_sizes", "ask_sizes")
MOVES = [1, 2, 3, 4]  # the kinds of messages that change a book


def written(recording: Recording, form: str, folder):
    if form == "tardis":
        export.to_tardis(recording, folder)
        return folder
    if form == "databento":
        return export.to_databento(recording, folder / "day.csv")
    if form == "lobster":
        export.to_lobster(recording, folder)
        return folder
    return export.to_generic(recording, folder / f"{recording.instrument}.{form}")


def check_same(before: Recording, after: Recording, first: int, columns=COLUMNS, kinds=None) -> None:
    """From message `first` on the two say the same; the first of some kinds alone is one that a snapshot shows."""
    one, other = before.messages, after.messages
    kept = slice(None) if kinds is None else np.isin(one.kind, kinds)
    there = slice(None) if kinds is None else np.isin(other.kind, kinds)
    for column in columns:
        mine, theirs = (
            getattr(one, column)[kept][first:],
            getattr(other, column)[there][first if kinds is None else 0 :],
        )
        told = one.order[kept][first:] > 0 if column == "order" else slice(None)  # hidden executions name no order
        np.testing.assert_array_equal(mine[told], theirs[told], column)


def check_books(before: Recording, after: Recording, unit: int = 1) -> None:
    """After each time at which an order moved the books are the same."""
    views = []
    for recording in (before, after):
        messages = recording.messages
        time, moves = (recording.began + messages.time) // unit, np.isin(messages.kind, MOVES)
        last = np.r_[np.diff(time) > 0, True] & np.isin(time, [time[0], *time[moves]])
        views.append([time[last], *(getattr(messages, name)[last] for name in COLUMNS[5:])])
    for one, other in zip(*views, strict=True):
        np.testing.assert_array_equal(one, other)


def check_executions(before: Recording, after: Recording) -> None:
    """At each time as much was executed at each price: levels do not tell in how many parts, nor what went first."""
    totals = []
    for recording, first in ((before, 1), (after, 0)):
        messages: Any = recording.messages
        total: dict[tuple[int, int, int], float] = {}
        executed = np.flatnonzero(messages.kind == 4)
        for i in executed[executed >= first]:
            key = (int(recording.began + messages.time[i]) // 1000, int(messages.side[i]), int(messages.price[i]))
            total[key] = total.get(key, 0.0) + messages.size[i]
        totals.append(total)
    assert totals[0] == totals[1]


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> Recording:
    return lobster.read(random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=3, events=400, levels=3))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_our_own_form_gives_back_every_message_and_book(day, form, tmp_path):
    after = read(written(day, form, tmp_path), tick=day.tick, levels=3)
    check_same(day, after, 0, (*COLUMNS, "order"))
    assert (after.day, after.began, after.instrument) == (day.day, day.began, day.instrument)


def test_lobster_s_form_gives_back_every_message_book_and_quote(day, tmp_path):
    after = read(written(day, "lobster", tmp_path), tick=day.tick)
    check_same(day, after, 0, (*COLUMNS, "order"))
    for name in ("time", "bid", "ask", "bid_size", "ask_size"):
        np.testing.assert_array_equal(getattr(day.quotes, name), getattr(after.quotes, name))
    assert after.checks == day.checks


def test_databento_s_form_gives_back_every_message_and_book(day, tmp_path):
    after = read(written(day, "databento", tmp_path), tick=day.tick, levels=3)
    columns = [name for name in (*COLUMNS, "order") if name != "kind"]  # what an order had that came before is not told
    check_same(day, after, int(day.messages.kind[0] in MOVES), columns, MOVES)  # nor the side of a hidden execution
    numbers, first = np.unique(day.messages.order, return_index=True)
    born = np.isin(day.messages.order, numbers[(day.messages.kind[first] == 1) & (first > 0)])
    np.testing.assert_array_equal(day.messages.kind[born], after.messages.kind[born])


def test_tardis_s_form_gives_back_every_book_and_execution(day, tmp_path):
    after = read(written(day, "tardis", tmp_path), tick=day.tick, levels=3)
    check_books(day, after, 1000)
    check_executions(day, after)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "databento", "tardis", "lobster"])
def test_amazon_s_day_comes_back(form, tmp_path):
    day = lobster.read(real("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"))
    after = read(written(day, form, tmp_path), tick=day.tick, levels=5)
    if form == "tardis":
        check_books(day, after, 1000)
        check_executions(day, after)
    else:
        columns = [name for name in COLUMNS if form != "databento" or name != "kind"]
        first = int(form == "databento" and day.messages.kind[0] in MOVES)
        check_same(day, after, first, columns, MOVES if form == "databento" else None)
