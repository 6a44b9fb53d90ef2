"""Databento's MBO as CSV: its columns and actions, and the books that follow by hand."""

from __future__ import annotations

import pytest

from mm_env.data import days, read

HEAD = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,channel_id,order_id,flags,ts_in_delta,"
    "sequence,symbol\n"
)
DAY, NS = "2023-09-29T07:06:50.275731572Z", 1_695_971_210_275_731_572


def record(
    ns: int, action: str, side: str, price: str, size: int, order: int, flags: int = 128, symbol="SOFI", by=2
) -> str:
    stamp = NS + ns
    return f"{stamp},{stamp - 168},160,{by},9374,{action},{side},{price},{size},8,{order},{flags},165,1,{symbol}\n"


def decimals(*rows: tuple) -> str:
    return HEAD + "".join(record(*row) for row in rows)


ROWS = [
    (0, "R", "N", "", 0, 0, 8),
    (0, "A", "B", "7.99", 100, 1, 40),
    (0, "A", "A", "8.01", 200, 2, 40),
    (10, "A", "B", "8.00", 50, 3),
    (20, "A", "B", "8.00", 30, 4),
    (30, "T", "A", "8.00", 60, 0, 0),  # a seller trades with orders 3 and 4
    (30, "F", "B", "8.00", 50, 3, 0),
    (30, "F", "B", "8.00", 10, 4, 0),
    (30, "C", "B", "8.00", 50, 3, 0),
    (30, "C", "B", "8.00", 10, 4, 128),
    (40, "M", "B", "8.00", 15, 4),  # smaller at its price: 5 leave
    (50, "M", "B", "7.98", 15, 4),  # elsewhere: withdrawn and new
    (60, "C", "A", "8.01", 80, 2),  # part of it
    (70, "T", "N", "8.00", 5, 0),  # hidden
    (80, "N", "N", "", 0, 0),
]  # fmt: skip


@pytest.mark.parametrize("form", ["ns", "iso", "fixed"])
def test_books_and_messages_are_those_found_by_hand(tmp_path, form):
    text = decimals(*ROWS)
    if form == "iso":
        for ns in {row[0] for row in ROWS}:
            text = text.replace(f"{NS + ns},", f"2023-09-29T07:06:50.{275731572 + ns}Z,", 99)
    if form == "fixed":
        for price in ("7.99", "8.01", "8.00", "7.98"):
            text = text.replace(f",{price},", f",{int(float(price) * 100)}0000000,")
        text = text.replace(",N,,", ",N,9223372036854775807,")
    (tmp_path / "mbo.csv").write_text(text, encoding="utf-8")
    day = read(tmp_path, levels=2)
    messages = day.messages
    assert (day.instrument, day.day, day.tick) == ("SOFI", "2023-09-29", 0.01)
    assert messages.time.tolist() == [0, 10, 20, 30, 30, 40, 50, 50, 60, 70]
    assert messages.kind.tolist() == [0, 1, 1, 4, 4, 2, 3, 1, 2, 5]
    assert messages.size.tolist() == [0, 50, 30, 50, 10, 5, 15, 15, 80, 5]
    assert messages.order.tolist()[1:9] == [3, 4, 3, 4, 4, 4, 4, 2]
    assert messages.bids.tolist() == [
        [799, 0], [800, 799], [800, 799], [800, 799], [800, 799], [800, 799], [799, 0], [799, 798], [799, 798], [799, 798]
    ]  # fmt: skip
    assert messages.bid_sizes[:, 0].tolist() == [100, 50, 80, 30, 20, 15, 100, 100, 100, 100]
    assert messages.ask_sizes[:, 0].tolist() == [200] * 8 + [120] * 2
    assert (day.orders.side.tolist(), day.orders.size.tolist()) == ([-1], [60])
    assert day.counts["actions without effect"] == 1


def test_of_several_symbols_one_is_chosen(tmp_path):
    other = HEAD + "".join(record(*row, symbol="ALLO") for row in [(*row, 128)[:7] for row in ROWS])
    (tmp_path / "mbo.csv").write_text(
        decimals(*ROWS) + other.removeprefix(HEAD).replace(f"{NS}", f"{NS + 100}"), encoding="utf-8"
    )
    assert [day.instrument for day in days(tmp_path)] == ["ALLO", "SOFI"]
    with pytest.raises(ValueError, match="path must hold one instrument, got ALLO, SOFI: choose one by instrument="):
        read(tmp_path)
    assert read(tmp_path, instrument="SOFI").counts["execute"] == 2


def test_two_publishers_are_two_books(tmp_path):
    (tmp_path / "mbo.csv").write_text(decimals(*ROWS) + record(99, "A", "B", "7.90", 1, 9, by=3), encoding="utf-8")
    with pytest.raises(ValueError, match="must hold one publisher's book"):
        read(tmp_path)


def test_an_order_that_was_never_added_takes_from_its_price(tmp_path):
    (tmp_path / "mbo.csv").write_text(
        decimals(*ROWS, (90, "C", "B", "7.99", 40, 77), (95, "C", "B", "7.99", 400, 78)), encoding="utf-8"
    )
    day = read(tmp_path)
    assert day.messages.bid_sizes[-2:, 0].tolist() == [60, 15]
    assert day.checks["messages that take more than there was"] == 1
