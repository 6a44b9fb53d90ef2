"""Lookbacks: published prices, QuantLib's, the laws of the extreme, and prices at dates by two methods."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env.core import engine
from mm_env.options.black_scholes import CALL, PUT, black_scholes
from mm_env.options.lookback import fixed_lookback, floating_lookback
from mm_env.options.max_drawdown import max_drawdown_cover, max_drawdown_probability
from mm_env.options.watched_lookback import (
    expected_excess,
    expected_extreme,
    watched_fixed_lookback,
    watched_floating_lookback,
)
from tests.mm_env.options import quantlib
from tests.worlds import same_bits, within

SIDES = st.sampled_from([CALL, PUT])
DAYS, VOLATILITIES, RATES = st.integers(1, 1_000), st.floats(0.02, 1.0), st.floats(-0.1, 0.2)
AWAY = st.floats(0.0, 0.5)  # how far the extreme is from the price, in logarithms
CARRIED = st.tuples(RATES, RATES).filter(lambda pair: abs(pair[0] - pair[1]) > 0.02)  # QuantLib divides by it


@given(SIDES, AWAY, DAYS, VOLATILITIES, CARRIED)
def test_floating_strikes_are_quantlibs(side, away, days, sigma, rates):
    extreme = 100.0 * math.exp(-side * away)
    found = floating_lookback(side, 100.0, extreme, days / 365.0, sigma, *rates).price
    assert found == pytest.approx(quantlib.floating_lookback(side, 100.0, extreme, days, sigma, *rates), abs=2e-8)


@given(SIDES, st.floats(60.0, 160.0), AWAY, DAYS, VOLATILITIES, CARRIED)
def test_fixed_strikes_are_quantlibs(side, strike, away, days, sigma, rates):
    extreme = 100.0 * math.exp(side * away)
    found = fixed_lookback(side, 100.0, strike, extreme, days / 365.0, sigma, *rates).price
    known = quantlib.fixed_lookback(side, 100.0, strike, extreme, days, sigma, *rates)
    assert found == pytest.approx(known, abs=2e-8)


@given(SIDES, AWAY, st.floats(0.05, 2.0), st.floats(0.05, 1.0), st.floats(-0.002, 0.002))
def test_no_carry_is_a_limit_like_any_other(side, away, time_left, sigma, carry):
    """The price is smooth in the carry: by its values around, the middle one is known to the fourth order."""
    extreme = 100.0 * math.exp(-side * away)

    def price(i):
        return floating_lookback(side, 100.0, extreme, time_left, sigma, 0.02 + carry + 0.004 * i, 0.02).price

    around = (4.0 * (price(1) + price(-1)) - (price(2) + price(-2))) / 6.0
    assert price(0) == pytest.approx(
        around, abs=100.0 * (0.01 * time_left / min(1.0, sigma * math.sqrt(time_left))) ** 4
    )


@pytest.mark.parametrize("side", [CALL, PUT])
def test_without_carry_it_is_the_published_limit(side):
    """Garman's: a European option of the extreme's strike and S s (n(x) + x N(x))."""
    at_money = floating_lookback(side, 100.0, 100.0, 1.0, 0.2, 0.0, 0.0).price
    s, x = 0.2, -side * 0.1
    cdf, pdf = 0.5 * math.erfc(-x / math.sqrt(2.0)), math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    european = black_scholes(side, 100.0, 100.0, 1.0, s, 0.0, 0.0).price
    assert at_money == pytest.approx(european + 100.0 * s * (pdf + x * cdf), rel=1e-14)


@given(
    SIDES, st.floats(0.01, 0.5), st.floats(0.05, 2.0), st.floats(0.1, 1.0), st.sampled_from([0.0, 1e-3, 0.05, -0.05])
)
def test_delta_is_the_derivative(side, away, time_left, sigma, carry):
    extreme, h = 100.0 * math.exp(-side * away), 1e-3

    def at(spot):
        return floating_lookback(side, spot, extreme, time_left, sigma, 0.02 + carry, 0.02)

    assert at(100.0).delta == pytest.approx((at(100.0 + h).price - at(100.0 - h).price) / (2.0 * h), abs=1e-6)


@pytest.mark.parametrize("side", [CALL, PUT])
@pytest.mark.parametrize("carry", [0.0, 0.03])
def test_at_the_extreme_nothing_depends_on_it(side, carry):
    """There dV/dM = 0, so that V = S f: delta is the price a unit of the price."""
    found = floating_lookback(side, 80.0, 80.0, 0.7, 0.3, carry, 0.0)
    assert found.delta == pytest.approx(found.price / 80.0, rel=1e-12)


@given(SIDES, AWAY)
def test_at_expiry_it_is_exactly_what_it_pays(side, away):
    extreme = 100.0 * math.exp(-side * away)
    assert floating_lookback(side, 100.0, extreme, 0.0, 0.2, 0.05, 0.0).price == pytest.approx(
        side * (100.0 - extreme), abs=0.0
    )
    assert fixed_lookback(-side, 100.0, 104.0, extreme, 0.0, 0.2, 0.05, 0.0).price == pytest.approx(
        max(side * (104.0 - extreme), 0.0), abs=2e-14
    )


def fill_lookbacks(places, found):
    """Compiled below."""
    for i in range(places.shape[0]):
        side, extreme, time_left, carry = places[i, 0], places[i, 1], places[i, 2], places[i, 3]
        floating = floating_lookback(side, 100.0, extreme, time_left, 0.3, carry, 0.0)
        fixed = fixed_lookback(side, 100.0, 98.0, extreme, time_left, 0.3, carry, 0.0)
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = floating.price, floating.delta, fixed.price, fixed.delta


def test_machine_code_gives_the_same_bits_as_python():
    random = np.random.default_rng(0)
    places = np.stack([random.choice([1.0, -1.0], 400), random.uniform(80.0, 120.0, 400),
                       random.uniform(0.0, 1.0, 400), random.choice([0.0, 1e-4, 0.05], 400)], axis=1)  # fmt: skip
    places[::9, 2] = 0.0
    plain, fast = np.zeros((2, 400, 4))
    fill_lookbacks(places, plain)
    engine.run(fill_lookbacks, places, fast)
    assert same_bits(fast, plain)


# watched at dates


@pytest.mark.parametrize(("dates", "call", "put"), [(12, 14.68184272, 10.87711118), (52, 15.93647362, 12.54494543)])
def test_prices_at_dates_are_spitzers(dates, call, put):
    for side, known in ((CALL, call), (PUT, put)):
        found = watched_floating_lookback(side, 100.0, 100.0, 1.0, 0.2, 0.05, 0.0, dates)
        assert found == pytest.approx(known, abs=5e-9)


@pytest.mark.parametrize("side", [CALL, PUT])
@pytest.mark.parametrize(("dates", "sigma", "growth"), [(1, 0.3, 0.0), (12, 0.2, 0.004), (40, 0.5, -0.002)])
def test_quadrature_from_the_extreme_is_spitzers_recursion(side, dates, sigma, growth):
    by_recursion = abs(expected_extreme(side, sigma, growth, 1.0 / 12.0, dates) - 1.0)
    assert expected_excess(side, 0.0, sigma, growth, 1.0 / 12.0, dates) == pytest.approx(by_recursion, rel=1e-9)


@pytest.mark.parametrize("side", [CALL, PUT])
def test_prices_midway_are_those_of_simulated_paths(side):
    steps = np.random.default_rng(1).normal((0.04 - 0.01 - 0.045) * 0.1, 0.3 * math.sqrt(0.1), (200_000, 6))
    mids = 100.0 * np.exp(np.cumsum(steps, axis=1))
    lowest, highest = np.minimum(mids.min(axis=1), 97.0), np.maximum(mids.max(axis=1), 105.0)
    paid = mids[:, -1] - lowest if side > 0.0 else highest - mids[:, -1]
    extreme = 97.0 if side > 0.0 else 105.0
    price = watched_floating_lookback(side, 100.0, extreme, 0.6, 0.3, 0.04, 0.01, 6)
    assert within(paid * math.exp(-0.04 * 0.6), price)
    over = np.maximum(highest - 108.0, 0.0) if side > 0.0 else np.maximum(96.0 - lowest, 0.0)
    strike, extreme = (108.0, 105.0) if side > 0.0 else (96.0, 97.0)
    assert within(
        over * math.exp(-0.04 * 0.6), watched_fixed_lookback(side, 100.0, strike, extreme, 0.6, 0.3, 0.04, 0.01, 6)
    )


@pytest.mark.parametrize("side", [CALL, PUT])
def test_ever_more_dates_come_to_a_price_watched_continuously(side):
    """The gap falls with sqrt(dt) (Broadie, Glasserman & Kou 1999); extrapolated by that and by dt it is the closed form."""
    a, b, c = (watched_floating_lookback(side, 100.0, 100.0, 1.0, 0.2, 0.05, 0.0, n) for n in (50, 200, 800))
    continuous = floating_lookback(side, 100.0, 100.0, 1.0, 0.2, 0.05, 0.0).price
    assert a < b < c < continuous
    assert (4.0 * (2.0 * c - b) - (2.0 * b - a)) / 3.0 == pytest.approx(continuous, abs=3e-4)


def test_one_date_far_from_the_extreme_is_a_european_option():
    forward = 110.0 * math.exp(-0.05) - 100.0
    beyond = black_scholes(CALL, 100.0, 110.0, 1.0, 0.2, 0.05, 0.0).price
    found = watched_floating_lookback(PUT, 100.0, 110.0, 1.0, 0.2, 0.05, 0.0, 1)
    assert found == pytest.approx(forward + beyond, rel=1e-12)


@pytest.mark.parametrize(("change", "said"), [
    ({"side": 2.0}, "side must be 1.0, a call, or -1.0, a put, got 2.0"),
    ({"sigma": 0.0}, "sigma must be > 0, got 0"),
    ({"dates": 0}, "dates must be a whole number >= 1, got 0"),
])  # fmt: skip
def test_what_is_no_lookback_is_refused(change, said):
    option = {"side": CALL, "spot": 100.0, "extreme": 100.0, "time_left": 1.0, "sigma": 0.2, "rate": 0.05, "dividend": 0.0,
              "dates": 12}  # fmt: skip
    with pytest.raises(ValueError, match=said):
        watched_floating_lookback(**{**option, **change})


# the maximum drawdown


def test_the_mean_of_the_maximum_drawdown_is_levys():
    assert max_drawdown_cover(0.0, 2.0, 3.0) == pytest.approx(
        math.sqrt(math.pi / 2.0) * 2.0 * math.sqrt(3.0), rel=1e-13
    )


def test_its_two_series_are_one_law():
    levels = np.linspace(0.2, 4.0, 39)
    law = max_drawdown_probability(levels, 1.0, 1.0)
    assert (np.diff(law) < 0.0).all()
    assert max_drawdown_probability(1.4 - 1e-12, 1.0, 1.0) == pytest.approx(
        max_drawdown_probability(1.4, 1.0, 1.0), abs=2e-12
    )
    assert max_drawdown_probability([0.0, 50.0], 1.0, 1.0).tolist() == [1.0, 0.0]


def test_cover_falls_by_the_probability_that_it_is_used():
    h = 1e-4
    slope = (max_drawdown_cover(1.0 + h, 0.5, 4.0) - max_drawdown_cover(1.0 - h, 0.5, 4.0)) / (2.0 * h)
    assert slope == pytest.approx(-max_drawdown_probability(1.0, 0.5, 4.0), rel=1e-6)
    with pytest.raises(ValueError, match="level must be >= 0, got -1"):
        max_drawdown_cover(-1.0, 0.5, 4.0)
