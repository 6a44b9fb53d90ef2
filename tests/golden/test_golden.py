"""Yesterday's bits hold today's: what each named market brings, and the exact objectives, are those of the golden file."""

import json

import pytest

from mm_env.envs.registration import IDS
from tests.golden.made import FILE, MARKETS, digests, objectives

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def test_every_registered_market_is_held():
    assert set(IDS.values()) <= set(GOLDEN) == set(MARKETS)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_market_brings_what_it_brought(name):
    market = MARKETS[name]
    assert digests(market) | objectives(market, name) == GOLDEN[name]
