"""LOBSTER days: every visible message turns a row into the next, and what is wrong is said by file, line and value."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from mm_env.core import engine
from mm_env.data.lobster import read
from mm_env.data.lobster_files import messages, orderbook
from mm_env.data.lobster_find import find
from mm_env.data.rows import AGREES, DIFFERS, FIRST, REVEALS, check_rows
from tests.recordings import ASK, BID, EMPTY, OPEN, Tape, zero_intelligence_tape, zipped

HOUR = 3600 * 10**9


HEADINGS = "time,type,id,size,price,direction"


def small(close: float = OPEN + 100) -> Tape:
    """Ten seconds apart: a book of two levels a side, an order that walks through two prices, a hidden execution."""
    tape = Tape(3, close=close)
    for side in (BID, ASK):
        tape.preload(side, 1_000_000 - side * 300, 5)
        tape.preload(side, 1_000_000 - side * 500, 7)
    tape.new(OPEN + 10, BID, 999_900, 2)
    tape.new(OPEN + 20, ASK, 1_000_100, 4)
    tape.execute(OPEN + 30, ASK, 1_000_100, 4)
    tape.execute(OPEN + 30, ASK, 1_000_300, 1)
    tape.other(OPEN + 40, 5, 1_000_050, 9)
    tape.cancel(OPEN + 50, BID, 999_900, 1)
    tape.execute(OPEN + 60, BID, 999_900, 1)
    tape.execute(OPEN + 60, ASK, 1_000_300, 1)
    tape.delete(OPEN + 70, BID, 999_700, 5)
    return tape


def saved(tmp_path, tape, edit=lambda messages, rows: (messages, rows)):
    """The tape's zip with its two lists of lines edited."""
    texts = ("\n".join(lines) for lines in edit(*(text.splitlines() for text in tape.texts())))
    return zipped(tmp_path / "edited.zip", dict(zip(tape.names(), texts, strict=True)))


def same(one, other):
    """Whether two recordings hold the same."""
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


# what is read


def test_a_day_is_what_its_messages_say(tmp_path):
    day = read(small().save(tmp_path))
    assert (day.instrument, day.day, day.source) == ("TEST", "2012-06-21", "LOBSTER")
    assert day.tick == pytest.approx(0.01)  # 1e-4 dollars x the largest step of 999,900, 1,000,100, 1,000,300, ...
    assert day.length == 90 * 10**9  # from the first line to the end of the session
    names = ("messages", "new", "partial", "delete", "execute", "hidden", "cross", "halt")
    assert [day.counts[name] for name in names] == [9, 2, 1, 1, 4, 1, 0, 0]
    seconds = day.quotes.time // 10**9
    assert seconds.tolist() == [0, 10, 20, 20, 30, 40, 50, 50, 60]
    assert day.quotes.bid.tolist() == [9999] * 6 + [9997] * 2 + [9995]
    assert day.quotes.ask.tolist() == [10003, 10001, 10003, 10003, 10003, 10003, 10003, 10003, 10003]
    assert day.quotes.bid_size.tolist() == [2, 2, 2, 2, 2, 1, 5, 5, 7]


def test_executions_of_one_stamp_and_side_are_one_market_order(tmp_path):
    orders = read(small().save(tmp_path)).orders
    assert (orders.time // 10**9).tolist() == [20, 50, 50]
    assert orders.side.tolist() == [1, -1, 1]  # who takes an ask buys
    assert orders.size.tolist() == [5, 1, 1]
    assert orders.worst.tolist() == [10003, 9999, 10003]
    assert orders.prices.tolist() == [2, 1, 1]


def test_levels_that_do_not_exist_are_no_prices(tmp_path):
    day = read(small().save(tmp_path))
    assert day.messages is not None
    assert day.messages.asks[0].tolist() == [10003, 10005, 0]
    assert day.messages.ask_sizes[0].tolist() == [5, 7, 0]


def test_a_zip_and_its_unpacked_files_hold_the_same(tmp_path):
    tape = small()
    for name, text in zip(tape.names(), tape.texts(), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert same(read(tape.save(tmp_path)), read(tmp_path / tape.names()[0]))


def test_a_halt_is_cut_out_of_time(tmp_path):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, 999_900, 5)
    tape.preload(ASK, 1_000_100, 5)
    tape.new(OPEN, BID, 999_800, 1)
    tape.execute(OPEN + 10, BID, 999_900, 1)
    tape.other(OPEN + 20, 7, -1, 0, -1)
    tape.other(OPEN + 40, 7, 0, 0, -1)
    tape.execute(OPEN + 45, BID, 999_900, 1)
    tape.other(OPEN + 50, 7, 1, 0, -1)
    tape.execute(OPEN + 60, BID, 999_900, 1)
    day = read(tape.save(tmp_path))
    assert day.length == 70 * 10**9
    assert (day.orders.time // 10**9).tolist() == [10, 30]
    assert (day.counts["halt"], day.counts["during halts"]) == (3, 1)
    assert day.cuts.tolist() == [20 * 10**9]
    starts = day.starts(15 * 10**9) // 10**9
    assert starts.tolist() == [0, 30, 45]  # not the one from 15 to 30
    assert day.messages is not None
    assert day.messages.kind.tolist() == [1, 4, 0, 0, 0, 7, 4]


def test_a_halt_that_does_not_end_is_the_end_of_the_day(tmp_path):
    tape = small()
    tape.other(OPEN + 75, 7, -1, 0, -1)
    assert read(tape.save(tmp_path)).length == 65 * 10**9


def test_crossed_and_one_sided_rows_give_no_quote_and_are_counted(tmp_path):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, 999_900, 5)
    tape.new(OPEN, ASK, 1_000_100, 5)
    tape.delete(OPEN + 10, ASK, 1_000_100, 5)
    tape.new(OPEN + 20, ASK, 999_900, 5)
    tape.delete(OPEN + 30, ASK, 999_900, 5)
    tape.new(OPEN + 40, ASK, 1_000_200, 5)
    day = read(tape.save(tmp_path))
    assert (day.counts["one-sided rows"], day.counts["crossed rows"]) == (2, 1)
    assert (day.quotes.time // 10**9).tolist() == [0, 40]


def test_headings_a_seventh_column_and_blank_lines_are_passed_over_and_counted(tmp_path):
    def edit(messages, rows):
        seventh = [f"{line},null" for line in messages]
        return ["\ufeff" + HEADINGS + ",mpid", "", *seventh[:4], "", *seventh[4:], "", ""], [
            "ap1,as1,bp1,bs1,ap2,as2,bp2,bs2,ap3,as3,bp3,bs3",
            *rows,
        ]

    day, plain = read(saved(tmp_path, small(), edit)), read(small().save(tmp_path))
    assert same(replace(day, counts=plain.counts, notes=()), plain)
    assert [day.counts[name] for name in ("heading lines", "columns not read", "blank lines")] == [2, 1, 3]
    assert day.notes == ("Passed over: 1 columns not read, 2 heading lines, 3 blank lines",)


def test_the_tick_is_a_cent_at_a_dollar_or_more_whatever_the_prices_have_in_common(tmp_path):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, 999_500, 5)
    tape.new(OPEN, ASK, 1_000_500, 5)
    tape.new(OPEN + 1, ASK, 1_000_500, 5)
    day = read(tape.save(tmp_path))
    assert (day.tick, day.quotes.ask.tolist(), day.notes) == (0.01, [10_005, 10_005], ())
    coarse = read(tape.save(tmp_path), tick=0.05)
    assert (coarse.tick, coarse.quotes.ask.tolist(), coarse.notes) == (pytest.approx(0.05), [2_001, 2_001], ())


@pytest.mark.parametrize(
    ("prices", "tick"), [((999_950, 1_000_050), 0.005), ((4_800, 5_200), 0.04), ((4_801, 10_100), 1e-4)]
)
def test_another_tick_is_the_common_step_and_called_a_guess(tmp_path, prices, tick):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, prices[0], 5)
    tape.new(OPEN, ASK, prices[1], 5)
    day = read(tape.save(tmp_path))
    assert day.tick == pytest.approx(tick)
    assert day.notes[0].startswith(f"The tick of {tick:g} is a guess")


@pytest.mark.parametrize(("tick", "message"), [
    (0.05, "price must be a whole number of ticks of 0.05, got 99.99; the largest step of all prices is 0.01"),
    (3e-5, "tick must be a whole number of the file's 0.0001, got 3e-05"),
    (0, "tick must be a number > 0, got 0"),
    ("a", "tick must be a number > 0, got 'a'"),
])  # fmt: skip
def test_a_tick_that_is_not_the_files_is_refused(tmp_path, tick, message):
    with pytest.raises(ValueError, match=r".") as refused:
        read(small().save(tmp_path), tick=tick)
    assert message in str(refused.value)


def test_how_long_a_book_was_locked_or_lacked_a_side_is_said(tmp_path):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, 999_900, 5)
    tape.new(OPEN, ASK, 1_000_100, 5)
    tape.new(OPEN + 20, ASK, 999_900, 5)  # locked for ten seconds
    tape.delete(OPEN + 30, ASK, 999_900, 5)
    tape.delete(OPEN + 50, ASK, 1_000_100, 5)  # no ask for twenty
    tape.new(OPEN + 70, ASK, 1_000_100, 5)
    tape.new(OPEN + 80, ASK, 999_800, 5)  # crossed to the end
    day = read(tape.save(tmp_path))
    assert day.without_quote == {"locked or crossed": (0.3, 20.0), "one-sided": (0.2, 20.0)}


def test_a_day_without_a_quote_is_refused(tmp_path):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, 999_900, 5)
    for second in range(3):
        tape.new(OPEN + second, ASK, 999_900, 5)
    with pytest.raises(
        ValueError, match=r"a bid below an ask, got none: 3 of 3 rows are locked or crossed, the others lack"
    ):
        read(tape.save(tmp_path))


def test_a_check_that_compared_nothing_says_so(tmp_path):
    tape = Tape(2, close=OPEN + 100)
    tape.preload(BID, 999_900, 5)
    tape.new(OPEN, ASK, 1_000_100, 5)
    tape.other(OPEN + 10, 5, 1_000_000)
    day = read(tape.save(tmp_path))
    assert "visible messages whose row differs" not in day.checks
    assert day.notes == ("No visible message was compared with its row: none follows another line",)


# the check of the rows


def parts(path):
    """What `check_rows` takes."""
    files = find(path)
    columns = messages(files)
    book = orderbook(files, len(columns["time"]))
    prices, sizes = np.stack([book[:, 2::4], book[:, 0::4]], 1), np.stack([book[:, 3::4], book[:, 1::4]], 1)
    return (
        *(columns[name] for name in ("type", "direction", "size", "price")),
        prices,
        sizes,
        np.array([-EMPTY, EMPTY]),
    )


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_a_book_that_keeps_itself_agrees_with_every_row(tmp_path, levels):
    tape = zero_intelligence_tape(0, 60.0, (2.0, 1.5, 1.0), (0.7, 0.8, 0.6), 1.0, levels)
    day = read(tape.save(tmp_path))
    assert day.counts["messages"] > 300
    assert day.checks["visible messages whose row differs"] == day.checks["other messages whose row differs"] == 0
    assert day.checks["rows where a level came into view"] > 20


@pytest.mark.parametrize("levels", [1, 5])
def test_any_number_of_a_row_that_is_changed_is_noticed_unless_it_came_into_view(tmp_path, levels):
    tape = zero_intelligence_tape(1, 20.0, (2.0, 1.5, 1.0), (0.7, 0.8, 0.6), 1.0, levels)
    arguments = parts(tape.save(tmp_path))
    clean, random = check_rows(*arguments), np.random.default_rng(0)
    assert clean[0] == FIRST
    assert set(clean[1:].tolist()) == {AGREES, REVEALS}
    for row in random.choice(np.arange(1, len(clean) - 1), 60, replace=False):
        which, side, level = random.integers(2), random.integers(2), random.integers(levels)
        arguments[4 + which][row, side, level] += 1  # prices or sizes
        outcome = check_rows(*arguments)
        arguments[4 + which][row, side, level] -= 1
        touched = 0 if arguments[1][row] > 0 else 1
        revealed = clean[row] == REVEALS and level == levels - 1 and side == touched
        assert outcome[row] == DIFFERS or revealed
        assert outcome[row + 1] == DIFFERS or level == levels - 1  # which may go out of view again
        others = np.delete(np.arange(len(clean)), [row, row + 1])
        assert np.array_equal(outcome[others], clean[others])


def test_the_compiled_check_is_the_one_that_is_written(tmp_path):
    tape = zero_intelligence_tape(2, 10.0, (2.0, 1.5, 1.0), (0.7, 0.8, 0.6), 1.0, 3)
    arguments = parts(tape.save(tmp_path))
    arguments[5][7, 0, 1] += 1
    assert np.array_equal(engine.run(check_rows, *arguments), check_rows(*arguments))


@pytest.mark.parametrize(("line", "message"), [
    (3, "10,1,1,5,999800,1"),  # a size that is not the one that came
    (4, "20,1,9,4,1000200,-1"),  # a price where nothing came
    (5, "30,4,9,5,1000100,-1"),  # more than there was
    (5, "30,4,9,4,1000200,-1"),  # of a level that does not exist
    (5, "30,4,9,4,1000100,1"),  # of the other side
])  # fmt: skip
def test_a_message_that_does_not_make_the_next_row_is_counted(tmp_path, line, message):
    def edit(messages, rows):
        time, _, rest = message.partition(",")
        return [*messages[: line - 2], f"{OPEN + int(time)}.0,{rest}", *messages[line - 1 :]], rows

    assert read(saved(tmp_path, small(), edit)).checks["visible messages whose row differs"] == 1


def test_a_hidden_execution_that_changes_a_row_is_counted_apart(tmp_path):
    path = saved(tmp_path, small(), lambda messages, rows: (messages, [*rows[:4], rows[5], *rows[5:]]))
    checks = read(path).checks
    assert checks["other messages whose row differs"] == 1
    assert checks["visible messages whose row differs"] == 1  # the next one finds nothing left to do


# what is refused


def broken(line, **columns):
    """Put something else into columns of a line (1, 2, ...) of the messages."""
    names = ("time", "type", "id", "size", "price", "direction")

    def edit(messages, rows):
        parts = messages[line - 1].split(",")
        changed = [str(columns.get(name, part)) for name, part in zip(names, parts, strict=True)]
        return [*messages[: line - 1], ",".join(changed), *messages[line:]], rows

    return edit


@pytest.mark.parametrize(("edit", "message"), [
    (broken(2, time="nan"), "message_3.csv, line 2: time must be a number of seconds, got nan"),
    (broken(2, time="abc"), "message_3.csv, line 2: time must be a number, got abc"),
    (broken(3, time=OPEN + 5), "message_3.csv, line 3: time must be not before that of the line above, got 34205.0"),
    (broken(1, time=100), "message_3.csv, line 1: time must be from 34200 to 34300, the session of its name, got 100.0"),
    (broken(3, type=9), "message_3.csv, line 3: type must be one of [1, 2, 3, 4, 5, 6, 7], got 9"),
    (broken(3, size=0), "message_3.csv, line 3: size must be > 0, got 0"),
    (broken(3, size="1.5"), "message_3.csv, line 3: size must be a whole number, got 1.5"),
    (broken(3, price=-5), "message_3.csv, line 3: price must be > 0, got -5"),
    (broken(3, direction=0), "message_3.csv, line 3: direction must be 1 or -1, got 0"),
    (broken(2, type=7, price=4), "message_3.csv, line 2: price must be -1, 0 or 1 in a halt, got 4"),
    (broken(2, type=7, price=1), "a trading halt must start (price -1) and end (price 1) in turn, got 1 while open"),
    (lambda m, r: ([*m[:-1], m[-1][:16]], r), "line 9: type must be a whole number, got nothing (the line is cut short)"),
    (lambda m, r: (m[:-1], r), "orderbook_3.csv must have a row for each of 8 messages, got 9"),
    (lambda m, r: (m, [*r[:-1], r[-1][:20]]), "line 9: ask size 2 must be a whole number, got nothing"),
    (lambda m, r: ([x + ",0,0" for x in m], r), "message_3.csv must have 6 columns, got 8"),
    (lambda m, r: (m, [x + ",0" for x in r]), "orderbook_3.csv must have 12 columns, got 13"),
    (lambda m, r: (["", HEADINGS, *m[:3], "", m[3].replace(",", ";")], r), "message_3.csv, line 7: time must be a number"),
    (lambda m, r: ([HEADINGS, HEADINGS, *m], r), "message_3.csv, line 2: time must be a number, got time"),
    (lambda m, r: ([*m[:3], m[3] + ",0,0", *m[4:]], r), "message_3.csv is no whole CSV file"),
    (lambda m, r: ([], r), "message_3.csv must hold messages, got an empty file"),
    (lambda m, r: (m, []), "orderbook_3.csv must hold messages, got an empty file"),
    (lambda m, r: (["garbage"], r), "message_3.csv must have 6 columns, got 1"),
    (lambda m, r: (m, [x.replace(",9999999999", ",3") for x in r]), ""),
    (lambda m, r: (m, [r[0].replace(",7,", ",-7,"), *r[1:]]), "orderbook_3.csv, line 1: ask size 2 must be >= 0, got -7"),
])  # fmt: skip
def test_a_file_that_breaks_a_rule_is_refused_by_file_line_and_value(tmp_path, edit, message):
    path = saved(tmp_path, small(), edit)
    if not message:  # nonsense that is a number: the check says so
        assert read(path).checks["visible messages whose row differs"] > 0
        return
    with pytest.raises(ValueError, match=r".") as refused:
        read(path)
    assert message in str(refused.value)


def test_what_is_no_lobster_day_is_refused(tmp_path):
    whole = small().save(tmp_path)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:200])
    lonely = tmp_path / small().names()[0]
    lonely.write_text(small().texts()[0], encoding="utf-8")
    named = tmp_path / "notes.csv"
    named.write_text("1,2,3\n", encoding="utf-8")
    empty = tmp_path / "empty.zip"
    empty.touch()
    other = zipped(tmp_path / "other.zip", {"notes.csv": "1"})
    mixed = zipped(tmp_path / "mixed.zip", {small().names()[0]: "1", Tape(3, "OTHER").names()[1]: "1"})
    corrupt = tmp_path / "corrupt.zip"
    corrupt.write_bytes(whole.read_bytes()[:120] + b"\0" * 60 + whole.read_bytes()[180:])
    for path, message in [
        (tmp_path / "nowhere.zip", "which is no file"),
        (tmp_path, "must hold two files of one day, got TEST_2012"),
        (cut, "cut.zip is no whole zip file"),
        (empty, "empty.zip is no whole zip file"),
        (corrupt, "corrupt.zip is no whole zip file"),
        (lonely, f"must have {small().names()[1]} beside it, got none"),
        (named, "a CSV called TICKER_DATE_START_END_message_LEVEL.csv, got notes.csv"),
        (other, "must hold TICKER_DATE_START_END_message_LEVEL.csv and its orderbook, got ['notes.csv']"),
        (mixed, "must hold two files of one day"),
    ]:
        with pytest.raises(ValueError, match=r".") as refused:
            read(path)
        assert message in str(refused.value)
