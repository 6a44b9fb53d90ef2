"""Files that a reader cannot take are named."""

import gzip
import zipfile

import pytest

from mm_env.data.binance import read
from mm_env.data.formats import described

TARDIS = (
    "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\nbinance,BTCUSDT,1,1,false,bid,100,1\n"
)
FILES = {
    "book.csv.gz": (
        gzip.compress(TARDIS.encode(), mtime=0),
        "a table of Tardis (tardis.dev), which data=recording reads",
    ),
    "book.csv": (TARDIS.encode(), "a table of Tardis"),
    "BTCUSDT-trades-2024-08-08.csv": (b"1,100,0.1,10,1723161256000,True,True\n", "a table of Binance's archive"),
    "BTCUSDT-bookTicker.csv": (b"update_id,best_bid_price,best_bid_qty\n", "a table of Binance's archive"),
    "BTCUSDT-1m.csv": (b"open_time,open,high,low\n", "a table of Binance's archive"),
    "GOOG_2012-06-21_34200000_57600000_message_10.csv": (
        b"34200.015105074,3,1,18,5853300,1\n",
        "LOBSTER's message file",
    ),
    "x.dbn.zst": (b"\x28\xb5\x2f\xfd\x04\x00", "Databento's binary format (DBN), which is not read"),
    "x.dbn": (b"DBN\x01", "Databento's binary format (DBN), which is not read"),
    "x.csv.zst": (b"\x28\xb5\x2f\xfd\x04\x00", "compressed by zstd, to be unpacked first (zstd -d FILE)"),
    "x.parquet": (b"PAR1\x15\x04", "a Parquet table, which data=recording reads"),
    "x.7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive, to be unpacked first (7z x FILE)"),
    "x.txt": (b'{"stream":"btcusdt@trade","data":{}}\n', "JSON without a time of receipt before each message"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_log_is_named_with_what_is_taken(tmp_path, name):
    data, what = FILES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=r".") as refused:
        read(tmp_path / name)
    assert str(refused.value).startswith(f"{name} is {what}")
    assert "a message of Binance's websocket as JSON are taken, plain or .gz" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_zip_is_named_by_what_it_holds(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2024-08-08.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(6):
            archive.writestr(f"{number}.csv", "1")
    assert described(path) == (
        "a zip archive of Binance's archive (data.binance.vision) that holds 0.csv, 1.csv, 2.csv, 3.csv and 2 more"
    )


@pytest.mark.parametrize("data", [b"", b"\n", b"# notes\n", b"\x1f\x8b", b"PK", bytes(range(256))])
def test_what_is_nothing_known_has_no_name(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    assert described(tmp_path / "file") == ""


def test_a_folder_is_no_log(tmp_path):
    with pytest.raises(ValueError, match=r"path must name a Binance log, got .*, which is a folder: give its files in"):
        read(tmp_path)
