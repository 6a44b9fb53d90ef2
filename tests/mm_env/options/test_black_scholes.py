"""Black & Scholes: QuantLib's numbers, parity, derivatives, limits, and the same bits once compiled."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env.core import engine
from mm_env.options.black_scholes import CALL, PUT, black_scholes
from tests.mm_env.options import quantlib
from tests.worlds import same_bits

SIDES = st.sampled_from([CALL, PUT])
PRICES, RATES = st.floats(1.0, 500.0), st.floats(-0.1, 0.2)
TIMES, VOLATILITIES = st.floats(1e-4, 5.0), st.floats(0.01, 2.0)
OPTIONS = st.tuples(SIDES, PRICES, PRICES, TIMES, VOLATILITIES, RATES, RATES)


@given(OPTIONS)
def test_price_and_greeks_are_quantlibs(option):
    _, spot, strike, time_left, sigma, *_ = option
    found, known = np.array(black_scholes(*option)), np.array(quantlib.european(*option))
    spread = sigma * math.sqrt(time_left)
    scale = np.array([spot + strike, 1.0, 1.0 / (spot * spread), spot, (spot + strike) * (1.0 + sigma**2 / spread)])
    assert (np.abs(found - known) <= 1e-13 / min(spread, 1.0) * scale).all()


@given(OPTIONS)
def test_a_call_less_a_put_is_the_forward(option):
    _, spot, strike, time_left, _, rate, dividend = option
    call, put = (black_scholes(side, *option[1:]) for side in (CALL, PUT))
    growth, discount = math.exp(-dividend * time_left), math.exp(-rate * time_left)
    assert call.price - put.price == pytest.approx(spot * growth - strike * discount, abs=1e-14 * (spot + strike))
    assert call.delta - put.delta == pytest.approx(growth, rel=1e-15)
    assert (call.gamma, call.vega) == (put.gamma, put.vega)


@pytest.mark.parametrize("side", [CALL, PUT])
def test_greeks_are_derivatives_of_the_price(side):
    def price(spot=95.0, time_left=0.5, sigma=0.3):
        return black_scholes(side, spot, 100.0, time_left, sigma, 0.03, 0.01)

    def slope(function, h):
        return (function(h) - function(-h)) / (2.0 * h)

    exact = price()
    assert exact.delta == pytest.approx(slope(lambda h: price(spot=95.0 + h).price, 1e-4), abs=1e-8)
    assert exact.gamma == pytest.approx(slope(lambda h: price(spot=95.0 + h).delta, 1e-4), abs=1e-8)
    assert exact.vega == pytest.approx(slope(lambda h: price(sigma=0.3 + h).price, 1e-5), abs=1e-7)
    assert exact.theta == pytest.approx(-slope(lambda h: price(time_left=0.5 + h).price, 1e-5), abs=1e-7)


@given(SIDES, PRICES, PRICES)
def test_at_expiry_it_is_exactly_what_is_in_the_money(side, spot, strike):
    for sigma in (0.0, 0.4):
        found = black_scholes(side, spot, strike, 0.0, sigma, 0.05, 0.02)
        assert found.price == max(side * (spot - strike), 0.0)
        if spot != strike:
            assert found.delta == (side if side * (spot - strike) > 0.0 else 0.0)
        assert (found.gamma, found.vega) == (0.0, 0.0)


@given(SIDES, PRICES, PRICES, TIMES)
def test_without_volatility_or_rates_it_is_exactly_what_is_in_the_money(side, spot, strike, time_left):
    assert black_scholes(side, spot, strike, time_left, 0.0, 0.0, 0.0).price == max(side * (spot - strike), 0.0)


def test_at_the_money_its_limits_are_those_of_a_straddle():
    found = black_scholes(CALL, 100.0, 100.0, 0.0, 0.2, 0.0, 0.0)
    assert (found.price, found.delta) == (0.0, pytest.approx(0.5, rel=1e-15))
    assert black_scholes(CALL, 100.0, 100.0, 0.25, 0.0, 0.0, 0.0).vega == pytest.approx(
        50.0 / math.sqrt(2.0 * math.pi), rel=1e-15
    )


def fill_prices(options, found):
    """Compiled below."""
    for i in range(options.shape[0]):
        greeks = black_scholes(options[i, 0], options[i, 1], options[i, 2], options[i, 3], options[i, 4], 0.03, 0.01)
        found[i, 0], found[i, 1], found[i, 2] = greeks.price, greeks.delta, greeks.gamma
        found[i, 3], found[i, 4] = greeks.vega, greeks.theta


def test_machine_code_gives_the_same_bits_as_python():
    random = np.random.default_rng(0)
    options = np.stack([random.choice([1.0, -1.0], 500), *random.uniform(50.0, 150.0, (2, 500)),
                        *random.uniform(0.0, 1.0, (2, 500))], axis=1)  # fmt: skip
    options[::7, 3] = 0.0
    plain, fast = np.zeros((2, 500, 5))
    fill_prices(options, plain)
    engine.run(fill_prices, options, fast)
    assert same_bits(fast, plain)
