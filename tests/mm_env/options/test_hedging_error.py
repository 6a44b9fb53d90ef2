"""What a delta-hedged option brings: by quadrature, in the limit, and with an oracle of paths."""

import math

import numpy as np
import pytest

from mm_env.options import CALL, PUT, black_scholes, derman_kamal, hedging_error_limit, hedging_error_variance

MARKET = (100.0, 105.0, 0.5, 0.25)  # spot, strike, expiry, volatility


def simulated(side, horizon, dates, paths=20_000):
    """The variance over paths hedged by `black_scholes`, and its standard error: a loop."""
    spot, strike, expiry, sigma = MARKET
    random, s, dt = np.random.default_rng(0), np.full(paths, spot), horizon / dates
    price = np.vectorize(lambda s, left: black_scholes(side, s, strike, left, sigma, 0.0, 0.0)[:2])
    gain = -price(s, expiry)[0]
    for i in range(dates):
        after = s * np.exp(sigma * math.sqrt(dt) * random.normal(size=paths) - 0.5 * sigma**2 * dt)
        gain -= price(s, expiry - i * dt)[1] * (after - s)
        s = after
    gain += price(s, max(expiry - horizon, 0.0))[0]
    squares = (gain - gain.mean()) ** 2
    return squares.mean(), squares.std() / math.sqrt(paths)


@pytest.mark.parametrize(("side", "horizon", "dates"), [(CALL, 0.5, 2), (PUT, 0.3, 3)])
def test_the_variance_is_that_of_paths(side, horizon, dates):
    found, error = simulated(side, horizon, dates)
    assert abs(hedging_error_variance(side, *MARKET, horizon, dates) - found) < 4.0 * error


def test_a_put_is_hedged_as_well_as_a_call_and_one_date_is_known():
    assert hedging_error_variance(CALL, *MARKET, 0.4, 4) == pytest.approx(hedging_error_variance(PUT, *MARKET, 0.4, 4))
    far = hedging_error_variance(CALL, 100.0, 1e-3, 0.5, 0.25, 0.5, 1)  # a forward is hedged for good
    assert far == pytest.approx(0.0, abs=1e-12)


def test_before_the_expiry_variance_falls_in_proportion_to_the_interval():
    limit = hedging_error_limit(*MARKET, 0.25)
    ratios = [hedging_error_variance(CALL, *MARKET, 0.25, n) * n / 0.25 / limit for n in (4, 8, 16)]
    away = 1.0 - np.array(ratios)
    assert (np.abs(away) < [0.02, 0.01, 0.005]).all()
    assert away[:-1] / away[1:] == pytest.approx([2.0, 2.0], rel=0.05)


def test_near_the_money_the_limit_is_derman_and_kamals():
    vega = black_scholes(CALL, 100.0, 100.0, 0.25, 0.2, 0.0, 0.0).vega
    limit = hedging_error_limit(100.0, 100.0, 0.25, 0.2, 0.25) * 0.25
    assert derman_kamal(vega, 0.2, 10) == pytest.approx(limit / 10.0, rel=2e-3)


@pytest.mark.parametrize(("arguments", "message"), [
    ((2.0, *MARKET, 0.25, 4), "side must be 1.0, a call, or -1.0, a put, got 2.0"),
    ((CALL, *MARKET, 0.6, 4), "horizon must be <= expiry 0.5, got 0.6"),
    ((CALL, *MARKET, 0.25, 0), "intervals must be a whole number >= 1, got 0"),
    ((CALL, -1.0, *MARKET[1:], 0.25, 4), "spot must be > 0, got -1.0"),
])  # fmt: skip
def test_mistakes(arguments, message):
    with pytest.raises(ValueError, match=message):
        hedging_error_variance(*arguments)
