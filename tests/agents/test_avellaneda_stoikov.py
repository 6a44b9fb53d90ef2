"""Avellaneda & Stoikov 2008: printed spreads and profits, indifference, and the misprint in the ask."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.strategies.avellaneda_stoikov import (
    AvellanedaStoikov,
    AvellanedaStoikovStationary,
    AvellanedaStoikovSymmetric,
    markup,
)

PAPER = {"sigma": 2.0, "k": 1.5, "horizon": 1.0}
PRINTED_SPREAD = {0.1: 1.49, 0.01: 1.35, 1.0: 3.02}
PRINTED_PROFIT = [  # gamma, strategy, mean and standard deviation of the profit, of the final inventory
    (0.1, AvellanedaStoikov, 65.0, 6.6, 2.9),
    (0.1, AvellanedaStoikovSymmetric, 68.4, 12.7, 8.4),
    (0.01, AvellanedaStoikov, 68.6, 8.7, 5.1),
    (0.01, AvellanedaStoikovSymmetric, 68.8, 12.8, 8.7),
    (1.0, AvellanedaStoikov, 31.4, 5.0, 1.7),
    (1.0, AvellanedaStoikovSymmetric, 44.0, 11.0, 5.1),
]


@pytest.mark.parametrize(("gamma", "printed"), PRINTED_SPREAD.items())
def test_the_average_spread_is_the_printed_one(gamma, printed):
    spread = AvellanedaStoikovSymmetric(gamma, **PAPER).depths(3.0, 0.5).sum()
    assert round(spread, 2) == printed
    spreads = AvellanedaStoikov(gamma, **PAPER).depths(3.0, (np.arange(10_000) + 0.5) / 10_000).sum(-1)
    assert spreads.mean() == pytest.approx(spread, abs=1e-9)


def test_the_printed_average_is_the_integral_not_the_mean_over_the_left_ends_of_the_steps():
    left_ends = 1.0 - np.arange(200) / 200
    assert round(AvellanedaStoikov(1.0, **PAPER).depths(0.0, left_ends).sum(-1).mean(), 2) == 3.03


@given(q=st.floats(-50, 50), seconds_left=st.floats(0, 1), gamma=st.floats(1e-3, 5), sigma=st.floats(0, 5))
def test_quotes_are_centred_on_the_reservation_price(q, seconds_left, gamma, sigma):
    bid, ask = AvellanedaStoikov(gamma, sigma, 1.5, 1.0).depths(q, seconds_left)
    risk = gamma * sigma**2 * seconds_left
    assert (ask - bid) / 2 == pytest.approx(-q * risk, rel=1e-12, abs=1e-9)
    assert ask + bid == pytest.approx(risk + 2 / gamma * math.log(1 + gamma / 1.5), rel=1e-9)


def test_a_dealer_without_risk_aversion_quotes_one_over_k():
    np.testing.assert_allclose(AvellanedaStoikov(1e-12, **PAPER).depths(10.0, 1.0), 1 / 1.5, rtol=1e-9)
    assert markup(1e-300, 1.5) == pytest.approx(1 / 1.5, rel=1e-15)


@pytest.mark.parametrize(("gamma", "strategy", "profit", "std_profit", "std_inventory"), PRINTED_PROFIT)
def test_the_papers_simulation_makes_the_printed_profit(gamma, strategy, profit, std_profit, std_inventory):
    made, inventory = simulated(strategy(gamma, **PAPER), lanes=10_000)
    error = math.hypot(std_profit / math.sqrt(1_000), made.std() / math.sqrt(made.size))
    assert abs(made.mean() - profit) < 4 * error
    # A deviation over 1,000 paths is known to 1 / sqrt(2,000) of itself, and is printed to one decimal.
    assert abs(made.std() - std_profit) < 4 * std_profit / math.sqrt(2_000) + 0.05
    assert abs(inventory.std() - std_inventory) < 4 * std_inventory / math.sqrt(2_000) + 0.05


def simulated(strategy, lanes):
    """Final wealth and inventory of `lanes` episodes of the paper's section 3.3."""
    random, dt = np.random.default_rng(2008), 0.005
    cash, inventory, mid = np.zeros(lanes), np.zeros(lanes), np.full(lanes, 100.0)
    for step in range(200):
        depths = strategy.depths(inventory, np.full(lanes, 1.0 - step * dt))
        bought, sold = (random.random((2, lanes)) < 140 * np.exp(-1.5 * depths.T) * dt).astype(float)
        cash += sold * (mid + depths[:, 1]) - bought * (mid - depths[:, 0])
        inventory += bought - sold
        mid += 2.0 * math.sqrt(dt) * random.choice([-1.0, 1.0], lanes)
    return cash + inventory * mid, inventory


@pytest.mark.parametrize("omega", [None, 30.0])
def test_stationary_reservation_prices_are_indifferent(omega):
    """Section 2.3's value of holding q for ever is unchanged by a trade at the reservation price."""
    gamma, sigma, q_max, mid = 0.1, 2.0, 30, 100.0
    strategy = AvellanedaStoikovStationary(gamma, sigma, 1.5, q_max, omega)
    discount = 0.5 * (gamma * sigma * (q_max + 1)) ** 2 if omega is None else omega

    def value(cash, q):
        return -np.exp(-gamma * (cash + q * mid)) / (discount - 0.5 * (gamma * sigma * q) ** 2)

    q = np.arange(-q_max + 1.0, q_max)
    bid, ask = np.moveaxis(strategy.depths(q, 0.0) - markup(gamma, 1.5), -1, 0)
    np.testing.assert_allclose(value(-(mid - bid), q + 1), value(0.0, q), rtol=1e-9)
    np.testing.assert_allclose(value(mid + ask, q - 1), value(0.0, q), rtol=1e-9)


def test_the_paper_prints_the_ask_right_to_first_order_only():
    gamma, sigma, q_max, q = 0.1, 2.0, 30, np.arange(-20.0, 21.0)
    step, omega = (gamma * sigma) ** 2, 0.5 * (gamma * sigma * (q_max + 1)) ** 2
    small = (1 - 2 * q) * step / (2 * omega - step * q**2)
    printed = np.log1p(small) / gamma
    ask = AvellanedaStoikovStationary(gamma, sigma, 1.5, q_max).depths(q, 0.0)[:, 1] - markup(gamma, 1.5)
    assert (np.abs(printed - ask) <= 1.1 * small**2 / gamma).all()
    assert np.abs(printed - ask).max() > 0.05  # not indifferent: several cents


def test_stationary_sides_close_at_q_max():
    q = np.array([-99.0, -5.0, -4.0, 4.0, 5.0, 99.0])
    depths = AvellanedaStoikovStationary(0.1, 2.0, 1.5, 5).depths(q, 0.0)
    assert np.isfinite(depths).all()
    assert depths[3, 0] == depths[4, 0] == depths[5, 0]
    assert depths[0, 1] == depths[1, 1] == depths[2, 1]
    assert depths[4, 1] < depths[3, 1]


def test_omega_must_keep_the_value_at_q_max_finite():
    bound = 0.5 * (0.1 * 2.0 * 5) ** 2
    with pytest.raises(ValueError, match=r"^AvellanedaStoikovStationary\.omega must be > 0\.5, got 0\.5$"):
        AvellanedaStoikovStationary(0.1, 2.0, 1.5, 5, omega=bound)


@pytest.mark.parametrize("strategy", [AvellanedaStoikov, AvellanedaStoikovSymmetric])
@pytest.mark.parametrize("seconds_left", [1.01, -0.01, math.nan, math.inf])
def test_times_beyond_the_horizon_are_refused(strategy, seconds_left):
    with pytest.raises(ValueError, match="seconds_left must be"):
        strategy(0.1, **PAPER).depths(0.0, np.array([0.5, seconds_left]))
    strategy(0.1, **PAPER).depths(0.0, np.array([1.0 + 1e-12, -1e-12]))  # rounding is forgiven
