"""Lookbacks at dates by table: exact prices at the start and midway, and greeks that are derivatives."""

import numpy as np
import pytest

from mm_env.core import engine
from mm_env.options import CALL, PUT, black_scholes, watched_fixed_lookback, watched_floating_lookback
from mm_env.options.contract import FIXED, FLOATING
from mm_env.options.watched_table import marked_watched, watched_table
from tests.worlds import same_bits

SIGMA, TIMES = 0.2, (0.0, 0.25, 0.3, 0.5)
TABLES = {way: watched_table(way, 0.5, 0.125, SIGMA, TIMES) for way in (1.0, -1.0)}


def told(kind, side, spot, strike, extreme, row=0.0):
    way = -side if kind == FLOATING else side
    return marked_watched(kind, way, spot, strike, extreme, row, TABLES[way], 0)


@pytest.mark.parametrize("side", [CALL, PUT])
def test_prices_are_exact_at_the_start_and_at_a_date(side):
    for extreme in (100.0, 93.0 if side > 0.0 else 106.0):
        for row, left, dates in ((0.0, 0.5, 4), (1.0, 0.25, 2)):
            known = watched_floating_lookback(side, 100.0, extreme, left, SIGMA, 0.0, 0.0, dates)
            assert told(FLOATING, side, 100.0, 0.0, extreme, row).price == pytest.approx(known, abs=1e-5)
            mirror = 200.0 - extreme
            known = watched_fixed_lookback(side, 100.0, 101.0, mirror, left, SIGMA, 0.0, 0.0, dates)
            assert told(FIXED, side, 100.0, 101.0, mirror, row).price == pytest.approx(known, abs=1e-5)


def test_between_dates_a_new_extreme_does_not_count_yet():
    """At 108 and a highest price so far of 100 the put that is watched once more pays max(S_T, 100) - S_T: a European put."""
    table = watched_table(1.0, 0.5, 0.5, SIGMA, (0.1,))
    mark = marked_watched(FLOATING, 1.0, 108.0, 0.0, 100.0, 0.0, table, 0)
    known = black_scholes(PUT, 108.0, 100.0, 0.4, SIGMA, 0.0, 0.0)
    assert mark == pytest.approx((known.price, known.delta, known.gamma, known.vega), abs=2e-5)


def test_greeks_are_derivatives_of_the_price():
    h = 1e-3
    for kind, side, strike, extreme in (
        (FLOATING, CALL, 0.0, 96.0),
        (FLOATING, PUT, 0.0, 103.0),
        (FIXED, CALL, 101.0, 100.0),
    ):
        low, mid, high = (told(kind, side, 100.0 + d, strike, extreme, 2.0) for d in (-h, 0.0, h))
        assert mid.delta == pytest.approx((high.price - low.price) / (2.0 * h), abs=1e-6)
        assert mid.gamma == pytest.approx((high.delta - low.delta) / (2.0 * h), abs=1e-6)
        way = -side if kind == FLOATING else side
        up, down = (watched_table(way, 0.5, 0.125, SIGMA + d, TIMES) for d in (1e-4, -1e-4))
        slope = [marked_watched(kind, way, 100.0, strike, extreme, 2.0, table, 0).price for table in (up, down)]
        assert mid.vega == pytest.approx((slope[0] - slope[1]) / 2e-4, abs=1e-2)


def fill_marks(places, table, found):
    """Compiled below."""
    for i in range(places.shape[0]):
        mark = marked_watched(FLOATING, 1.0, places[i, 0], 0.0, places[i, 1], places[i, 2], table, 0)
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = mark.price, mark.delta, mark.gamma, mark.vega


def test_machine_code_gives_the_same_bits_as_python_even_beyond_the_ends():
    places = np.array(
        [[100.0, 100.0, 0.0], [100.0, 130.0, 1.0], [10.0, 100.0, 2.0], [900.0, 100.0, 2.0], [99.0, 104.0, 3.0]]
    )
    plain, fast = np.zeros((2, 5, 4))
    fill_marks(places, TABLES[1.0], plain)
    engine.run(fill_marks, places, TABLES[1.0], fast)
    assert np.isfinite(plain).all()
    assert same_bits(fast, plain)
