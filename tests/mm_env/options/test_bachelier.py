"""Bachelier's options: QuantLib's numbers, parity, derivatives, and what is paid at expiry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env.options import CALL, PUT, bachelier
from tests.mm_env.options import quantlib

SIDES, PRICES = st.sampled_from([CALL, PUT]), st.floats(-50.0, 150.0)
TIMES, VOLATILITIES = st.floats(1e-3, 5.0), st.floats(0.1, 30.0)


@given(SIDES, PRICES, PRICES, TIMES, VOLATILITIES)
def test_price_and_delta_are_quantlibs(side, spot, strike, time_left, sigma):
    found = bachelier(side, spot, strike, time_left, sigma)
    assert found[:2] == pytest.approx(quantlib.bachelier(side, spot, strike, time_left, sigma), rel=1e-12, abs=1e-12)


@given(PRICES, PRICES, TIMES, VOLATILITIES)
def test_a_call_less_a_put_is_the_forward(spot, strike, time_left, sigma):
    call, put = (bachelier(side, spot, strike, time_left, sigma) for side in (CALL, PUT))
    assert call.price - put.price == pytest.approx(spot - strike, abs=1e-12)
    assert call.delta - put.delta == pytest.approx(1.0, rel=1e-15)
    assert call[2:] == put[2:]


@pytest.mark.parametrize("side", [CALL, PUT])
def test_greeks_are_derivatives_of_the_price(side):
    def at(spot=97.0, time_left=0.5, sigma=9.0):
        return bachelier(side, spot, 100.0, time_left, sigma)

    def slope(function, h):
        return (function(h) - function(-h)) / (2.0 * h)

    assert at().delta == pytest.approx(slope(lambda h: at(spot=97.0 + h).price, 1e-4), abs=1e-8)
    assert at().gamma == pytest.approx(slope(lambda h: at(spot=97.0 + h).delta, 1e-4), abs=1e-8)
    assert at().vega == pytest.approx(slope(lambda h: at(sigma=9.0 + h).price, 1e-4), abs=1e-8)
    assert at().theta == pytest.approx(-slope(lambda h: at(time_left=0.5 + h).price, 1e-5), abs=1e-7)


@given(SIDES, PRICES, PRICES)
def test_at_expiry_it_is_exactly_what_is_in_the_money(side, spot, strike):
    found = bachelier(side, spot, strike, 0.0, 5.0)
    assert found.price == max(side * (spot - strike), 0.0)
    assert (found.gamma, found.vega, found.theta) == (0.0, 0.0, 0.0)
