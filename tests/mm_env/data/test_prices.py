"""Prices are whole numbers, exactly as they are written."""

from decimal import Decimal

import numpy as np
import pytest

from mm_env.data.prices import NO_PRICE, tick_in, units


def test_a_price_is_what_is_written_however_large():
    random = np.random.default_rng(0)
    for whole, part in zip(
        random.integers(0, 10**10, 500).tolist(), random.integers(0, 10**8, 500).tolist(), strict=True
    ):
        text = f"{whole}.{part:08d}"
        assert units(text) == int(Decimal(text) * 10**8)


@pytest.mark.parametrize(("text", "value"), [
    ("0.00000001", 1), ("1", 10**8), ("1.", 10**8), ("1.10", 11 * 10**7), ("1e-7", 10), ("0.1000000000", 10**7),
    (2.5, 25 * 10**7), (3, 3 * 10**8), ("0.000", 0),
])  # fmt: skip
def test_other_ways_to_write_a_number_are_read(text, value):
    assert units(text) == value


@pytest.mark.parametrize("text", ["", "abc", "NaN", "inf", "-1", "1.000000001", "1.2.3", None, "1,5"])
def test_what_is_no_price_is_none(text):
    assert units(text) == NO_PRICE


def test_a_tick_is_a_whole_number_of_units():
    assert [tick_in(1e-4, tick) for tick in (None, 0.01, 1e-4, 0.05, 1)] == [None, 100, 1, 500, 10_000]
