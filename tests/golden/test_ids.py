"""An id means one market for ever: what its version stood for when it was registered is what it stands for today."""

from dataclasses import replace

import pytest

from mm_env import markets
from mm_env.envs.manual.text import KNOWN
from mm_env.envs.manual.versions import HISTORY
from tests.golden import ids

HELD = ids.held()
CURE = "register the next version beside it, with its own market, and say so in mm_env/envs/manual/versions.py"


def test_every_registered_id_is_held_and_none_has_gone():
    assert set(HELD) == set(KNOWN) == set(HISTORY), "python -m tests.golden.ids adds new ones"


@pytest.mark.parametrize("name", sorted(HELD))
def test_a_version_of_an_id_means_what_it_meant(name):
    assert ids.changes(name, HELD[name]) == [], CURE


def test_a_changed_parameter_is_seen(monkeypatch):
    other = replace(markets.amzn(), max_inventory=21.0)
    monkeypatch.setitem(markets.MARKETS, "amzn", lambda: other)
    said = ids.changes("mm_env/AMZN-v0", HELD["mm_env/AMZN-v0"])
    assert "mm_env/AMZN-v0: market.max_inventory was 20.0, is 21.0" in said


def test_changed_bits_are_seen(monkeypatch):
    monkeypatch.setattr(ids, "_bits", lambda market: "0")
    (said,) = ids.changes("mm_env/AMZN-v0", HELD["mm_env/AMZN-v0"])
    assert said.startswith("mm_env/AMZN-v0: bits was")
