"""What is measured in an order book for the closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from agents.measured import measured
from mm_env.markets import amzn, cont_stoikov_talreja

MARKET = cont_stoikov_talreja()


def test_a_book_that_is_twice_as_busy_has_twice_the_variance_and_rate_and_fills_decay_alike():
    """The same events at half the times: everything scales to rounding."""
    clock = replace(MARKET.clock, horizon=10.0)
    flow = replace(MARKET.venue.flow, activity=2.0)
    slow, fast = (
        measured(MARKET),
        measured(replace(MARKET, clock=clock, venue=replace(MARKET.venue, flow=flow, warm_up=5.0))),
    )
    assert fast.sigma**2 == pytest.approx(2.0 * slow.sigma**2, rel=1e-9)
    assert fast.rate == pytest.approx(2.0 * slow.rate, rel=1e-9)
    assert fast.k == pytest.approx(slow.k, rel=1e-9)


def test_prices_are_in_the_units_of_the_tick():
    cents = measured(replace(MARKET, initial_mid=10.0, venue=replace(MARKET.venue, tick=0.01)))
    ticks = measured(MARKET)
    assert np.allclose([100.0 * cents.sigma, cents.rate, 0.01 * cents.k], ticks, rtol=1e-9)


def test_a_dealer_is_not_measured():
    with pytest.raises(ValueError, match="only an order book is measured, got a Dealer"):
        measured(amzn())
