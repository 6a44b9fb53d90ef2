"""Binance's archives: the documented columns, in zips as they are served, with headings or without."""

from __future__ import annotations

import numpy as np
import pytest

from mm_env.data import days, read
from mm_env.data.binance_vision import bands
from tests.recordings import zipped

TICKER = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
ROWS = [
    (1, "27077.3", "19.35", "27077.4", "8.6", 1684237787209),
    (2, "27077.3", "19.34", "27077.4", "8.6", 1684237787218),
    (4, "27077.4", "1.0", "27077.5", "5.0", 1684237787224),
    (3, "27077.3", "9.0", "27077.4", "9.0", 1684237787220),  # out of turn
    (5, "27077.4", "1.0", "27077.5", "5.0", 1684237787230),  # nothing new
]
AGGREGATES = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
AGGREGATED = [
    (26129, "27077.4", "0.5", 1, 1, 1684237787218, "false"),
    (26130, "27077.3", "2", 2, 3, 1684237787224, "true"),
]
TRADED = [(1, "27077.4", "0.2", "5415.48", 1684237787218), (2, "27077.4", "0.3", "8123.22", 1684237787218)]


def text(rows, *last) -> str:
    return "".join(",".join(map(str, (*row, *last))) + "\n" for row in rows)


def ticker(folder, zip_it=True):
    body, name = (
        TICKER + "".join(",".join(map(str, (*row, row[5] + 5))) + "\n" for row in ROWS),
        "BTCUSDT-bookTicker-2023-05-16",
    )
    if zip_it:
        return zipped(folder / f"{name}.zip", {f"{name}.csv": body})
    (folder / f"{name}.csv").write_text(body, encoding="utf-8")
    return folder / f"{name}.csv"


def test_quotes_and_market_orders_are_those_of_the_rows(tmp_path):
    ticker(tmp_path)
    name = "BTCUSDT-aggTrades-2023-05-16"
    zipped(tmp_path / f"{name}.zip", {f"{name}.csv": AGGREGATES + text(AGGREGATED)})
    (tmp_path / f"{name}.zip.CHECKSUM").write_text("0" * 64 + f"  {name}.zip\n", encoding="utf-8")
    day = read(tmp_path)
    assert (day.instrument, day.day, day.source, day.messages) == ("BTCUSDT", "2023-05-16", "Binance Vision", None)
    assert (day.quotes.time // 10**6).tolist() == [0, 9, 15]
    assert np.round(day.quotes.bid * day.tick, 9).tolist() == [27077.3, 27077.3, 27077.4]
    assert day.quotes.bid_size.tolist() == [19.35, 19.34, 1.0]
    assert (day.orders.side.tolist(), day.orders.size.tolist()) == ([1, -1], [0.5, 2.0])
    assert day.counts["tickers out of turn"] == 1


@pytest.mark.parametrize(("unit", "flags"), [(1, ("False", "True")), (1000, ("False", "True")), (1, ("false",))])
def test_spot_s_tables_have_no_headings_and_may_be_in_microseconds(tmp_path, unit, flags):
    ticker(tmp_path, zip_it=False)
    rows = [(*row[:4], row[4] * unit) for row in TRADED]
    (tmp_path / "BTCUSDT-trades-2023-05-16.csv").write_text(text(rows, *flags), encoding="utf-8")
    day = read(tmp_path)
    assert (day.orders.time // 10**6).tolist() == [9]  # one order: one side, one stamp
    assert day.orders.size.tolist() == [0.5]
    assert day.orders.prices.tolist() == [1]


def test_the_depth_within_bands_is_no_book(tmp_path):
    path = tmp_path / "BTCUSDT-bookDepth-2024-01-15.csv"
    path.write_text(
        "timestamp,percentage,depth,notional\n2024-01-15 00:00:06,-5,9000.5,370000000\n2024-01-15 00:00:06,5,8000,350000000\n",
        encoding="utf-8",
    )
    found = bands(path)
    assert found.time.tolist() == [1_705_276_806 * 10**9] * 2
    assert (found.percentage.tolist(), found.depth.tolist()) == ([-5.0, 5.0], [9000.5, 8000.0])
    with pytest.raises(ValueError, match=r"path must name a day of .*, which holds no recording"):
        days(path)


def test_trades_without_quotes_are_refused(tmp_path):
    (tmp_path / "BTCUSDT-aggTrades-2023-05-16.csv").write_text(AGGREGATES + text(AGGREGATED), encoding="utf-8")
    with pytest.raises(
        ValueError, match="BTCUSDT must have a bookTicker table, which alone gives its quotes, got aggTrades"
    ):
        read(tmp_path)


def test_a_zip_of_two_tables_is_refused(tmp_path):
    path = zipped(tmp_path / "BTCUSDT-bookTicker-2023-05-16.zip", {"a.csv": TICKER + text(ROWS, 0), "b.csv": "x\n"})
    with pytest.raises(ValueError, match=r"must hold one table, got a\.csv, b\.csv"):
        read(path)
