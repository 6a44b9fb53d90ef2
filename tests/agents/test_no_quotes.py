"""Who never quotes earns nothing, whatever happens."""

import pytest

from agents import NoQuotes
from agents.policy import play
from mm_env.markets import amzn, market_named


def test_never_quoting_brings_nothing_and_fills_nothing():
    market = market_named("zero_intelligence")
    episodes = play(market, NoQuotes(market), 8, 1)
    assert (episodes.objective == 0.0).all()
    assert (episodes.profit == 0.0).all()
    assert (episodes.fills == 0.0).all()


def test_a_dealer_s_market_has_no_such_row():
    with pytest.raises(ValueError, match="NoQuotes needs an order book, got a Dealer"):
        NoQuotes(amzn())
