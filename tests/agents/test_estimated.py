"""What is estimated of an order book for the closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from agents import CarteaJaimungal, StrategyPolicy
from agents.policy import play
from agents.strategies.estimated import REACH, Fills, decay, estimate_book, rehearsal, widest
from mm_env import Drawn, FiniteHorizon, FromBook, InTurn, InventoryPenalty, Market, Replay, Touch
from mm_env.competitions import book_duopoly
from mm_env.markets import amzn, amzn_book, cont_stoikov_talreja, zero_intelligence
from tests.mm_env.recorded_days import random_day

MARKET = cont_stoikov_talreja()
TICKS = 0.01 * (np.arange(30) + 0.5)


def fills(rate, time=1e5):
    """What quotes at TICKS come to at the rates that a function of depth gives, on average."""
    return [Fills(d, rate(d) * time, time) for d in TICKS]


@pytest.mark.parametrize("k", [0.5, 12.1, 300.0])
def test_an_exponential_decay_is_found_from_any_depths(k):
    whole = fills(lambda d: 0.2 * np.exp(-k * d))
    for some in (whole[:2], whole[3:7], whole):
        assert decay(some) == pytest.approx((0.2, k), rel=1e-7)


def test_the_fit_is_the_likeliest_for_poisson_numbers():
    random = np.random.default_rng(0)
    time = random.uniform(50.0, 150.0, len(TICKS))
    number = random.poisson(time * np.exp(-10.0 * TICKS))
    rate, k = decay([Fills(*each) for each in zip(TICKS, number, time)])

    def likelihood(rate, k):
        mean = rate * np.exp(-k * TICKS) * time
        return (number * np.log(mean) - mean).sum()

    around = [(1.01, 1.0), (0.99, 1.0), (1.0, 1.01), (1.0, 0.99), (1.01, 1.01), (0.99, 0.99)]
    assert all(likelihood(rate * a, k * b) < likelihood(rate, k) for a, b in around)


def test_fills_at_the_first_depth_alone_decay_at_once_and_those_that_do_not_have_no_k():
    assert decay([Fills(0.5, 7.0, 1.0), Fills(1.5, 0.0, 1.0)])[1] == np.inf
    assert decay([Fills(0.5, 7.0, 1.0), Fills(1.5, 8.0, 1.0)])[1] == 0.0
    for never in (
        [],
        [Fills(0.5, 7.0, 1.0)],
        [Fills(0.5, 7.0, 1.0), Fills(1.5, 0.0, 1.0)],
        [Fills(d, 1.0, 1.0) for d in TICKS],
    ):
        with pytest.raises(ValueError, match="fills that decay with depth"):
            widest(never)


def test_as_many_depths_are_fitted_as_the_fit_itself_quotes():
    """Flat within the spread, steep beyond: the nearest depths alone say nothing of those that are quoted."""
    curve = fills(lambda d: 0.2 * np.exp(-((d / 0.05) ** 2)))
    rate, k = widest(curve)
    fitted = next(n for n in range(2, len(curve)) if decay(curve[:n]) == (rate, k))
    assert k * TICKS[fitted - 1] <= REACH < decay(curve[: fitted + 1])[1] * TICKS[fitted]
    assert k > 2.0 * decay(curve[:2])[1]


@pytest.mark.slow
def test_in_the_book_of_amzn_fills_decay_as_they_do_where_quotes_stand_and_the_closed_form_earns_by_it():
    """Over half a tick to four and a half ticks k is 18.8, by which it earns 1.24."""
    market = amzn_book()
    found = estimate_book(market)
    assert 23.0 < found.k < 28.0
    assert 0.19 < found.rate < 0.24
    form = CarteaJaimungal(found.rate, found.k, phi=1e-4, alpha=0.0, horizon=300.0, max_inventory=20)
    assert play(market, StrategyPolicy(form, market), 1_000, 1).objective.mean() > 1.5


def test_what_is_known_of_a_recorded_days_windows_in_turn_is_what_came_before_them(tmp_path):
    day = random_day(tmp_path / "day.zip", seed=1, levels=25, events=3000)

    def market(window):
        venue = Replay(path=str(day), window=window, span=0.1)
        return Market(FromBook(), venue, FiniteHorizon(0.1, 2), Touch(), InventoryPenalty())

    held_out, drawn, first = (market(w) for w in (InTurn(0.5, 0.9), Drawn(0.1, 0.4), InTurn(0.05, 0.9)))
    assert rehearsal(held_out) == market(Drawn(0.0, 0.5))
    assert rehearsal(drawn) == drawn
    assert rehearsal(first) == first  # nothing came before
    assert rehearsal(MARKET) == MARKET


def test_a_book_that_is_twice_as_busy_has_twice_the_variance_and_rate_and_fills_decay_alike():
    """The same events at half the times: everything scales to rounding."""
    clock = replace(MARKET.clock, horizon=10.0)
    flow = replace(MARKET.venue.flow, activity=2.0)
    slow, fast = (
        estimate_book(MARKET),
        estimate_book(replace(MARKET, clock=clock, venue=replace(MARKET.venue, flow=flow, warm_up=5.0))),
    )
    assert fast.sigma**2 == pytest.approx(2.0 * slow.sigma**2, rel=1e-9)
    assert fast.rate == pytest.approx(2.0 * slow.rate, rel=1e-9)
    assert fast.k == pytest.approx(slow.k, rel=1e-9)


def test_prices_are_in_the_units_of_the_tick():
    cents = estimate_book(replace(MARKET, initial_mid=10.0, venue=replace(MARKET.venue, tick=0.01)))
    ticks = estimate_book(MARKET)
    assert np.allclose([100.0 * cents.sigma, cents.rate, 0.01 * cents.k], ticks, rtol=1e-9)


def test_a_dealer_is_not_measured():
    with pytest.raises(ValueError, match="only an order book is estimated, got a Dealer"):
        estimate_book(amzn())


@pytest.mark.slow
def test_a_book_of_several_makers_is_estimated_with_one():
    assert estimate_book(book_duopoly()) == estimate_book(zero_intelligence())
