"""One LOBSTER day found wherever its two files lie; of several, none is taken for another."""

import gzip

import pytest

from mm_env.data.lobster import read
from mm_env.data.lobster_find import find
from tests.mm_env.data.test_lobster import same, small
from tests.recordings import BID, OPEN, Tape, zipped

DAY, NEXT = "2012-06-21", "2012-06-22"


def files(ticker="TEST", day=DAY, tape=None):
    """Name -> text of the two files of a day."""
    made = tape or small()
    made.ticker = ticker
    return dict(zip(made.names(day), made.texts(), strict=True))


def other_day():
    tape = Tape(3, close=OPEN + 100)
    tape.preload(BID, 999_900, 5)
    tape.new(OPEN, -BID, 1_000_200, 5)
    return tape


def laid(folder, texts):
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def gzipped(texts):
    return {f"{name}.gz": gzip.compress(text.encode(), mtime=0) for name, text in texts.items()}


def mac(texts):
    """What macOS packs beside the files."""
    return texts | {f"__MACOSX/._{name}": "\0\5\26\7\0\2" for name in texts} | {".DS_Store": "\0", "notes.csv": "1,2"}


CONTAINERS = {
    "zip": lambda home: zipped(home / "day.zip", files()),
    "upper case": lambda home: zipped(home / "DAY.ZIP", {n.replace(".csv", ".CSV"): t for n, t in files().items()}),
    "zip with folders": lambda home: zipped(home / "day.zip", {f"a/b/{n}": t for n, t in files().items()}),
    "zip of macOS": lambda home: zipped(home / "day.zip", mac(files())),
    "folder": lambda home: laid(home / "day", files()),
    "folder of gzipped files": lambda home: laid(home / "day", gzipped(files())),
    "folder of both": lambda home: laid(home / "day", files() | gzipped(files())),
    "message file": lambda home: laid(home / "day", files()) / next(iter(files())),
    "orderbook file": lambda home: laid(home / "day", files()) / list(files())[1],
    "gzipped message file": lambda home: laid(home / "day", gzipped(files())) / f"{next(iter(files()))}.gz",
    "one of two days": lambda home: (
        laid(home / "day", files() | files(day=NEXT, tape=other_day())) / next(iter(files()))
    ),
    "a day and half of another": lambda home: zipped(
        home / "day.zip", files() | dict(list(files(day=NEXT, tape=other_day()).items())[:1])
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_day_is_the_same_wherever_it_lies(tmp_path, container):
    (tmp_path / "plain").mkdir()
    assert same(read(CONTAINERS[container](tmp_path)), read(small().save(tmp_path / "plain")))


def test_of_several_days_and_instruments_one_is_chosen_by_name(tmp_path):
    texts = files() | files(day=NEXT, tape=other_day()) | files("AAAA", tape=other_day())
    path = zipped(tmp_path / "three.zip", texts)
    assert find(path, day=NEXT)[:2] == ("TEST", NEXT)
    assert find(path, instrument="aaaa")[:2] == ("AAAA", DAY)
    assert same(read(path, day=DAY, instrument="TEST"), read(small().save(tmp_path)))


@pytest.mark.parametrize(("asked", "message"), [
    ({}, "three.zip holds 3 LOBSTER days, AAAA of 2012-06-21, TEST of 2012-06-21, TEST of 2012-06-22: choose one by day= and "
     "instrument="),
    ({"day": DAY}, "three.zip holds 3 LOBSTER days"),
    ({"instrument": "TEST"}, "three.zip holds 3 LOBSTER days"),
    ({"day": "2012-06-25"}, "day=2012-06-25 must name a day of three.zip, which holds AAAA of 2012-06-21, TEST of"),
    ({"day": NEXT, "instrument": "AAAA"}, "day=2012-06-22 and instrument=AAAA must name a day of three.zip"),
])  # fmt: skip
def test_several_days_are_not_taken_for_one(tmp_path, asked, message):
    texts = files() | files(day=NEXT, tape=other_day()) | files("AAAA", tape=other_day())
    with pytest.raises(ValueError, match=r".") as refused:
        read(zipped(tmp_path / "three.zip", texts), **asked)
    assert message in str(refused.value)


def test_the_same_day_twice_and_other_levels_are_several(tmp_path):
    twice = {f"{folder}/{name}": text for folder in "ab" for name, text in files().items()}
    levels = files() | files(tape=Tape(4, close=OPEN + 100))
    for texts in (twice, levels):
        with pytest.raises(ValueError, match=r"holds 2 LOBSTER days, TEST of 2012-06-21: choose one"):
            read(zipped(tmp_path / "two.zip", texts))


def test_two_halves_of_different_days_are_refused(tmp_path):
    message, orderbook = next(iter(files())), list(files(day=NEXT))[1]
    with pytest.raises(ValueError, match=f"must hold two files of one day, got {message} and {orderbook}"):
        read(zipped(tmp_path / "two.zip", {message: files()[message], orderbook: "1"}))


@pytest.mark.parametrize(("name", "data", "message"), [
    ("_data_dwn_AMZN_5.7z", b"7z\xbc\xaf\x27\x1c\0\4", "got _data_dwn_AMZN_5.7z, which is a 7z archive, to be unpacked first"),
    ("day.tar.xz", b"\xfd7zXZ\0", "which is compressed by xz, to be unpacked first"),
    ("log.gz", gzip.compress(b'1723161253937085768 {"stream":"x@trade"}\n', mtime=0), "which is a Binance log (data=bin"),
    ("day.parquet", b"PAR1", "which is a Parquet table, which data=recording reads"),
])  # fmt: skip
def test_what_is_no_lobster_day_is_named(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=r".") as refused:
        read(tmp_path / name)
    assert message in str(refused.value)


def test_a_gzipped_file_that_is_cut_short_is_named(tmp_path):
    texts = gzipped(files())
    folder = laid(tmp_path / "day", texts | {next(iter(texts)): next(iter(texts.values()))[:-20]})
    with pytest.raises(ValueError, match=r"message_3\.csv\.gz is no whole gzip file"):
        read(folder)
