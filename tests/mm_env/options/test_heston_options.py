"""Heston's options: QuantLib's by quadrature, and a table for rules with its errors."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env.core import engine
from mm_env.options.black_scholes import CALL, PUT, black_scholes
from mm_env.options.heston_integral import SquareRootVariance, heston, mean_variance
from mm_env.options.heston_table import HestonTable, heston_option
from tests.mm_env.options import quantlib
from tests.worlds import same_bits

LAW = SquareRootVariance(kappa=1.5768, theta=0.0398, vol=0.5751, rho=-0.5711)
LAWS = st.builds(
    SquareRootVariance, st.floats(0.3, 6.0), st.floats(0.01, 0.2), st.floats(0.05, 1.5), st.floats(-0.9, 0.9)
)
table = cache(lambda *size: HestonTable(*LAW, 1.0, 0.36, *size).numbers)


def test_the_call_of_the_literature():
    assert heston(LAW, CALL, 100.0, 100.0, 1.0, 0.0175).price == pytest.approx(5.78515543, abs=5e-9)


@settings(max_examples=60)
@given(LAWS, st.sampled_from([CALL, PUT]), st.sampled_from([7, 30, 100, 365, 1000]), st.floats(0.002, 0.3),
       st.floats(-3.0, 3.0))  # fmt: skip
def test_prices_are_quantlibs(law, side, days, v, away):
    strike = 100.0 * math.exp(away * math.sqrt(mean_variance(law, days / 365.0, v)))
    known = quantlib.heston(law, side, 100.0, strike, days, v, 0.03, 0.01)
    assert heston(law, side, 100.0, strike, days / 365.0, v, 0.03, 0.01).price == pytest.approx(known, abs=1e-9)


def test_greeks_are_derivatives_of_the_price():
    def price(spot=95.0, root=0.2):
        return heston(LAW, PUT, spot, 100.0, 0.5, root * root, 0.03, 0.01)

    h = 1e-5
    assert price().delta == pytest.approx((price(95.0 + h).price - price(95.0 - h).price) / (2.0 * h), abs=1e-8)
    assert price().gamma == pytest.approx((price(95.0 + h).delta - price(95.0 - h).delta) / (2.0 * h), abs=1e-8)
    slopes = [(price(root=0.2 + h).price - price(root=0.2 - h).price) / (2.0 * h) for h in (2e-4, 1e-4)]
    assert price().vega == pytest.approx((4.0 * slopes[1] - slopes[0]) / 3.0, abs=1e-8)


def test_little_volatility_of_the_variance_is_black_and_scholes():
    calm = LAW._replace(vol=1e-5, theta=0.04)
    found, plain = heston(calm, CALL, 100.0, 105.0, 0.7, 0.04), black_scholes(CALL, 100.0, 105.0, 0.7, 0.2, 0.0, 0.0)
    assert found[:2] == pytest.approx(plain[:2], abs=1e-4)


# the table


def fill_options(options, numbers, found):
    """Compiled below."""
    for i in range(options.shape[0]):
        side, strike, time_left, v = options[i, 0], options[i, 1], options[i, 2], options[i, 3]
        greeks = heston_option(side, 100.0, strike, time_left, v, 0.02, 0.01, numbers)
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = greeks.price, greeks.delta, greeks.vega, greeks.gamma


def options(n, seed=0):
    """Sides, strikes, times and variances, (n, 4), within four standard deviations of the money."""
    random = np.random.default_rng(seed)
    time_left, v = random.uniform(0.02, 1.0, n), random.uniform(0.0, 0.6, n) ** 2
    strike = 100.0 * np.exp(random.uniform(-4.0, 4.0, n) * np.sqrt(mean_variance(LAW, time_left, v)))
    return np.stack([random.choice([CALL, PUT], n), strike, time_left, v], axis=1)


def errors(numbers, drawn):
    """Of price, delta, vega and gamma, (n, 4)."""
    found = np.zeros((len(drawn), 4))
    engine.run(fill_options, drawn, numbers, found)
    return found - np.array([heston(LAW, side, 100.0, *rest, 0.02, 0.01) for side, *rest in drawn.tolist()])


def test_a_table_tells_prices_to_a_millionth_of_the_underlying():
    worst = np.abs(errors(table(), options(300))).max(axis=0)
    assert (worst <= [1e-4, 2e-4, 1e-2, 2e-4]).all()  # at a price of 100
    drawn = options(60, seed=1)
    near_expiry = np.abs(errors(table(), np.stack([*drawn.T[:2], 0.02 * drawn[:, 2], drawn[:, 3]], axis=1)))
    assert (near_expiry.max(axis=0)[:2] <= [2e-4, 2e-3]).all()


def test_a_table_says_how_far_it_is_off():
    said, found = HestonTable(*LAW, 1.0, 0.36, 13, 33, 17).errors(150), errors(table(13, 33, 17), options(150))
    assert said.shape == (150, 3)
    assert np.sqrt((said**2).mean(axis=0)) == pytest.approx(
        np.sqrt((found[:, :3] ** 2).mean(axis=0)) / [100, 1, 100], rel=0.6
    )


def test_prices_by_table_are_quantlibs():
    for side, days, strike, v in ((CALL, 365, 100.0, 0.0175), (PUT, 91, 90.0, 0.09), (CALL, 30, 104.0, 0.01)):
        known = quantlib.heston(LAW, side, 100.0, strike, days, v, 0.02, 0.01)
        told = heston_option(side, 100.0, strike, days / 365.0, v, 0.02, 0.01, table())
        assert told.price == pytest.approx(known, abs=5e-5)


def test_errors_of_a_table_fall_with_the_fourth_power_of_its_nodes():
    coarse, fine = (
        np.sqrt((errors(table(*size), options(150)) ** 2).mean(axis=0)) for size in ((13, 33, 17), (25, 65, 33))
    )
    assert coarse[0] / fine[0] > 12.0
    assert (coarse / fine > [12.0, 4.0, 4.0, 2.0]).all()


def test_greeks_by_table_are_derivatives_of_its_price():
    numbers = table(13, 33, 17)

    def told(spot=100.0, root=0.25):
        return heston_option(CALL, spot, 104.0, 0.4, root * root, 0.02, 0.01, numbers)

    h = 1e-5
    assert told().delta == pytest.approx((told(100.0 + h).price - told(100.0 - h).price) / (2.0 * h), abs=1e-8)
    assert told().gamma == pytest.approx((told(100.0 + h).delta - told(100.0 - h).delta) / (2.0 * h), abs=1e-8)
    assert told().vega == pytest.approx((told(root=0.25 + h).price - told(root=0.25 - h).price) / (2.0 * h), abs=1e-6)


def test_a_call_less_a_put_is_the_forward_and_expiry_is_exact():
    numbers = table(13, 33, 17)
    for _, strike, time_left, v in options(40).tolist():
        call, put = (heston_option(side, 100.0, strike, time_left, v, 0.02, 0.01, numbers) for side in (CALL, PUT))
        forward = 100.0 * math.exp(-0.01 * time_left) - strike * math.exp(-0.02 * time_left)
        assert call.price - put.price == pytest.approx(forward, abs=1e-12)
        paid = heston_option(PUT, 100.0, strike, 0.0, v, 0.02, 0.01, numbers)
        assert paid.price == pytest.approx(max(strike - 100.0, 0.0), abs=1e-9)


def test_machine_code_gives_the_same_bits_as_python():
    drawn = options(40)
    drawn[::5, 2], drawn[::7, 3] = 0.0, 0.0
    drawn[3, 3], drawn[4, 1] = 2.0, 1e4  # beyond the table's ends
    plain, fast = np.zeros((2, 40, 4))
    fill_options(drawn, table(13, 33, 17), plain)
    engine.run(fill_options, drawn, table(13, 33, 17), fast)
    assert np.isfinite(plain).all()
    assert same_bits(fast, plain)


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match=r"HestonTable.rho must be in \[-1, 1\], got 2"):
        HestonTable(*LAW._replace(rho=2.0), 1.0, 0.36)
    with pytest.raises(ValueError, match=r"HestonTable.times, strikes and variances must be >= 8"):
        HestonTable(*LAW, 1.0, 0.36, times=4)
