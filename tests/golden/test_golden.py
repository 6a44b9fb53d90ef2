"""Yesterday's bits hold today's: what each named market brings, and the exact objectives, are those of the golden file."""

import json

import pytest

from mm_env.envs.registration import DESK_IDS, IDS, WORLD_IDS
from tests.golden.made import FILE, MARKETS, SUMMED, digests, objectives, sums
from tests.worlds import thinned

QUICK = {
    "amzn",
    "cartea_jaimungal",
    "heston",
    "small_book",
    "sides, taker fees, market orders",
}  # each takes seconds to compile
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def test_every_registered_market_is_held():
    assert {*IDS.values(), *DESK_IDS.values(), *WORLD_IDS.values()} <= set(GOLDEN) == set(MARKETS)


@pytest.mark.parametrize("name", sorted(SUMMED))
def test_what_a_market_brings_sums_to_what_it_did(name):
    for what, total in sums(MARKETS[name]).items():
        assert float(total) == pytest.approx(float(GOLDEN[name][what]), rel=1e-9), what


@pytest.mark.parametrize("name", sorted(set(GOLDEN) - SUMMED))
def test_a_market_brings_what_it_brought(name):
    assert digests(MARKETS[name]).items() <= GOLDEN[name].items()


@pytest.mark.parametrize("name", thinned(sorted(GOLDEN), set(GOLDEN) - QUICK))
def test_its_exact_objectives_are_what_they_were(name):
    assert objectives(MARKETS[name], name) == {k: v for k, v in GOLDEN[name].items() if k in ("optimum", "best_fixed")}
