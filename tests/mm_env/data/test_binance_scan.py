"""Plain lines of Binance logs are read by machine code, to the same bits as line by line."""

import numpy as np
import pytest

from mm_env.data import binance
from mm_env.data.binance import read
from mm_env.data.binance_log import Log
from tests.mm_env.data.test_binance import log
from tests.mm_env.data.test_binance_streams import market, text, written
from tests.mm_env.data.test_lobster import same
from tests.recordings import real


def both_ways(monkeypatch, paths):
    """What is read by machine code where lines are plain, what line by line, and how many lines were plain."""
    plain, add = [], Log.add_plain

    def counted(self, data, start):
        found = add(self, data, start)
        plain.append(found[1])
        return found

    monkeypatch.setattr(Log, "add_plain", counted)
    monkeypatch.setattr(binance, "LARGE", 0)
    fast = read(paths)
    monkeypatch.setattr(binance, "LARGE", 1 << 40)
    return fast, read(paths), sum(plain)


ODD = [
    lambda data: data | {"b": str(float(data["b"]))},
    lambda data: data | {"A": f"{float(data['A']):.18f}"},
    lambda data: data | {"B": "12345678901.12345678"},
    lambda data: data | {"B": 2, "a": float(data["a"])},
    lambda data: data | {"a": "0", "A": "0.000"},
    lambda data: data | {"note": '}\\"'},
    lambda data: data | {"note": {"u": 3}},
    lambda data: dict(reversed(data.items())),
    lambda data: data | {"b": f"{float(data['b']):e}"},
    lambda data: {"ps": "BTCUSDT", **data},
]


@pytest.mark.parametrize("seed", range(3))
def test_plain_lines_are_read_by_machine_code_to_the_same_bits_as_line_by_line(tmp_path, monkeypatch, seed):
    random, lines = np.random.default_rng(seed), market(seed == 1, log(seed))
    for _, message in lines:
        if "Ticker" in message.get("stream", "") and random.random() < 0.5:
            message["data"] = ODD[int(random.integers(len(ODD)))](message["data"])
    body = [text([line]) for line in lines]
    for place in sorted(random.choice(len(body), 20), reverse=True):
        body.insert(place, ["\n", body[place - 1] if place else "\n", body[place][:19] + " pong\r\n"][place % 3])
    path = written(tmp_path, body)
    fast, slow, plain = both_ways(monkeypatch, path)
    assert same(fast, slow)
    assert plain > 30


@pytest.mark.parametrize("names", [("spot_btcusdt_20240808", "spot_btcusdt_20240809"), ("usdm_btcusdt_20240808",)])
def test_real_logs_are_read_to_the_same_bits_as_line_by_line(monkeypatch, names):
    paths = [real(f"binance/{name}.gz") for name in names]
    fast, slow, plain = both_ways(monkeypatch, paths)
    assert same(fast, slow)
    assert plain > 0.9 * fast.counts["lines"]
