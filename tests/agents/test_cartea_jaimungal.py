"""Cartea, Jaimungal & Penalva 2015, ch. 10: published values, the HJB equation, every digit of ln omega."""

import math
from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigvalsh_tridiagonal

import agents.strategies.cartea_jaimungal
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary

ONE_SIDED = CarteaJaimungal(
    rate=8.0, kappa=2.0, phi=0.02, alpha=0.02, horizon=1.0, max_inventory=4, jump=0.1, ask_rate=11.0
)
markets = st.builds(
    CarteaJaimungal,
    rate=st.floats(0.1, 1e3),
    kappa=st.floats(0.1, 20),
    phi=st.floats(0, 10),
    alpha=st.floats(0, 2),
    horizon=st.floats(1e-2, 1e3),
    max_inventory=st.integers(1, 30),
    jump=st.floats(0, 1),
    ask_rate=st.none() | st.floats(0.1, 1e3),
)


@pytest.mark.parametrize(("rate", "kappa", "printed"), [(140.0, 1.5, 68.25583476), (50.0, 2.0, 18.21929052)])
def test_the_optimum_is_worth_what_is_published(rate, kappa, printed):
    optimum = CarteaJaimungal(rate, kappa, phi=0.01, alpha=0.001, horizon=1.0, max_inventory=100)
    assert optimum.value(0, 1.0) == pytest.approx(printed, abs=1e-7)


def levels(model):
    return np.arange(-model.max_inventory, model.max_inventory + 1.0)


def exact_value(model, seconds_left):
    """h at every level by a Taylor series in 40 digits: slow, and nothing in it can cancel or underflow."""
    with localcontext(prec=40, Emin=-(10**9), Emax=10**9):
        ask_rate = model.rate if model.ask_rate is None else model.ask_rate
        kappa, jump, phi, t = (Decimal(x) for x in (model.kappa, model.jump, model.phi, seconds_left))
        qs = range(-model.max_inventory, model.max_inventory + 1)
        drift = jump * (Decimal(ask_rate) - Decimal(model.rate))
        diagonal = [kappa * (drift * q - phi * q * q) for q in qs]
        sell, buy = (Decimal(rate) * (-1 - kappa * jump).exp() for rate in (ask_rate, model.rate))
        lowest, omega = min(diagonal), [(-Decimal(model.alpha) * kappa * q * q).exp() for q in qs]
        parts = 1 + int((max(diagonal) - lowest + sell + buy) * t / 50)
        for _ in range(parts):
            term, order = omega, 0
            while order <= len(omega) + 50 or any(x * 10**30 > total for x, total in zip(term, omega)):
                order += 1
                term = [
                    ((d - lowest) * x + sell * left + buy * right) * t / parts / order
                    for d, x, left, right in zip(diagonal, term, [0, *term[:-1]], [*term[1:], 0])
                ]
                omega = [total + x for total, x in zip(omega, term)]
        return np.array([float((total.ln() + lowest * t) / kappa) for total in omega])


@pytest.mark.parametrize(
    ("model", "seconds_left", "decades"),
    [
        (CarteaJaimungal(140.0, 1.5, 0.01, 0.001, 1.0, 100), 1.0, 30),
        (CarteaJaimungal(140.0, 1.5, 0.01, 1.0, 1.0, 100), 0.005, 200),
        (CarteaJaimungal(140.0, 1.5, 0.01, 1.0, 1.0, 100), 1e-6, 500),
        (CarteaJaimungal(140.0, 1.5, 1000.0, 0.0, 1.0, 60), 0.0005, 150),
        (CarteaJaimungal(20.0, 1.5, 0.1, 0.01, 1.0, 40, 0.3, 35.0), 1.0, 80),
        (CarteaJaimungal(2.0, 1.5, 0.0, 0.0, 1.0, 40, 0.3, 35.0), 1.0, 200),
        (CarteaJaimungal(2.0, 8.0, 0.0, 1.0, 4.0, 30, 1.0, 1.0), 4.0, 300),  # E underflows where y is largest
        (ONE_SIDED, 0.3, 0.1),
    ],
)
def test_every_digit_holds_however_many_decades_omega_spans(model, seconds_left, decades):
    exact = exact_value(model, seconds_left)
    assert np.ptp(exact) * model.kappa / math.log(10) > decades
    check_digits(model, seconds_left, exact)


@settings(max_examples=25, deadline=None)
@given(model=markets, turnover=st.floats(1e-3, 200))
def test_every_digit_holds_in_any_market(model, turnover):
    model = replace(model, max_inventory=min(model.max_inventory, 12))
    rates = model.rate + (model.ask_rate or model.rate)
    fastest = rates * (1 + model.kappa * model.jump * model.max_inventory)
    seconds_left = min(turnover / (fastest + model.kappa * model.phi * model.max_inventory**2), model.horizon)
    check_digits(model, seconds_left, exact_value(model, seconds_left))


def check_digits(model, seconds_left, exact):
    """To 1e-11 in ln omega, and to 1e-12 of it where it is large."""
    q, tolerance = levels(model), 1e-11 / model.kappa + 1e-12 * np.abs(exact).max()
    np.testing.assert_allclose(model.value(q, seconds_left), exact, rtol=0, atol=tolerance)
    bid = 1 / model.kappa + model.jump - np.diff(exact)
    np.testing.assert_allclose(model.depths(q, seconds_left)[:-1, 0], bid, rtol=0, atol=tolerance)


@pytest.mark.parametrize("model", [ONE_SIDED, CarteaJaimungal(30.0, 1.5, 0.1, 0.01, 2.0, 6)])
def test_the_value_solves_the_hjb_equation_and_the_depths_attain_its_maximum(model):
    q, now, dt = levels(model), 0.4, 1e-5
    h = model.value(q, now)
    growth = (model.value(q, now + dt) - model.value(q, now - dt)) / (2 * dt)
    ask_rate = model.rate if model.ask_rate is None else model.ask_rate
    drift = model.jump * (ask_rate - model.rate) * q - model.phi * q**2

    def gain(depths):  # of a fill at these depths, price units per second; a closed side has none
        bid, ask = depths.T
        bought = model.rate * np.exp(-model.kappa * bid[:-1]) * (bid[:-1] - model.jump + np.diff(h))
        sold = ask_rate * np.exp(-model.kappa * ask[1:]) * (ask[1:] - model.jump - np.diff(h))
        return np.concatenate([bought, [0.0]]) + np.concatenate([[0.0], sold])

    best = model.depths(q, now)
    np.testing.assert_allclose(growth, drift + gain(best), rtol=1e-6, atol=1e-6)
    for away in ([0.01, 0.0], [-0.01, 0.0], [0.0, 0.01], [0.0, -0.01]):
        assert (gain(best + away) <= gain(best)).all()


def test_a_dealer_who_quotes_the_depths_earns_the_value():
    """Event by event, with one-sided flow and orders that move the mid by an exponential of mean `jump`."""
    earned, shallowest = simulated_reward(ONE_SIDED, lanes=40_000)
    error = earned.std() / math.sqrt(earned.size)
    assert abs(earned.mean() - ONE_SIDED.value(0, 1.0)) < 4 * error
    assert error < 0.02
    assert shallowest > 0  # so that exp(-kappa depth) is a probability


def simulated_reward(model, lanes):
    random, q, cash, mid = np.random.default_rng(10), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    penalty, clock, grid = np.zeros(lanes), np.zeros(lanes), np.linspace(0.0, model.horizon, 801)
    orders = model.rate + model.ask_rate
    table = model.depths(levels(model)[None, :], grid[:, None])
    while (clock < model.horizon).any():
        before, clock = clock, np.minimum(clock + random.exponential(1 / orders, lanes), model.horizon)
        penalty += model.phi * q**2 * (clock - before)
        buys = random.random(lanes) < model.ask_rate / orders
        row, column = np.rint((model.horizon - clock) * 800).astype(int), q.astype(int) + model.max_inventory
        sign, depth = np.where(buys, 1.0, -1.0), table[row, column, buys.astype(int)]
        is_open = (clock < model.horizon) & (q * sign > -model.max_inventory)
        filled = is_open & (random.random(lanes) < np.exp(-model.kappa * depth))
        cash += filled * sign * (mid + sign * depth)
        q -= filled * sign
        mid += (clock < model.horizon) * sign * random.exponential(model.jump, lanes)
    shallowest = min(table[:, :-1, 0].min(), table[:, 1:, 1].min())
    return cash + q * (mid - model.alpha * q) - penalty, shallowest


@settings(max_examples=60, deadline=None)
@given(model=markets, fraction=st.floats(0, 1))
def test_whatever_the_market_depths_are_finite_and_deepen_with_inventory(model, fraction):
    depths = model.depths(levels(model), fraction * model.horizon)
    assert np.isfinite(depths).all()
    slack = 1e-9 * max(1.0, np.abs(depths).max())
    assert (np.diff(depths[:, 0]) >= -slack).all()
    assert (np.diff(depths[:, 1]) <= slack).all()


@settings(max_examples=40, deadline=None)
@given(model=markets, fraction=st.floats(0, 1))
def test_exchanging_buyers_and_sellers_exchanges_bid_and_ask(model, fraction):
    ask_rate = model.rate if model.ask_rate is None else model.ask_rate
    arguments = (model.kappa, model.phi, model.alpha, model.horizon, model.max_inventory, model.jump)
    mirror = CarteaJaimungal(ask_rate, *arguments, ask_rate=model.rate)
    depths = model.depths(levels(model), fraction * model.horizon)
    reflected = mirror.depths(-levels(model), fraction * model.horizon)[:, ::-1]
    np.testing.assert_allclose(depths, reflected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("jump", [0.0, 0.2])
def test_without_penalties_the_depth_is_one_over_kappa_and_the_jump(jump):
    free = CarteaJaimungal(rate=5.0, kappa=1.5, phi=0.0, alpha=0.0, horizon=1.0, max_inventory=60, jump=jump)
    np.testing.assert_allclose(free.depths(np.arange(-20.0, 21.0), 1.0), 1 / 1.5 + jump, atol=1e-12)


def test_at_the_horizon_the_value_is_the_terminal_penalty():
    q = levels(ONE_SIDED)
    np.testing.assert_allclose(ONE_SIDED.value(q, 0.0), -ONE_SIDED.alpha * q**2, atol=1e-15)


def test_times_can_come_in_any_order_and_any_company():
    q, random = np.arange(-4.0, 5.0), np.random.default_rng(3)
    times = np.concatenate([random.random(20), [0.0, 1.0, 1e-12], np.arange(1, 9) / 8])
    random.shuffle(times)
    together = CarteaJaimungal(8.0, 2.0, 0.05, 0.02, 1.0, 4).depths(q[:, None], times)
    alone = [CarteaJaimungal(8.0, 2.0, 0.05, 0.02, 1.0, 4).depths(q, time) for time in times]
    np.testing.assert_allclose(together, np.stack(alone, axis=1), atol=1e-12)


def test_an_even_grid_costs_one_matrix_exponential_and_a_known_time_none(monkeypatch):
    spent, taylor = [], agents.strategies.cartea_jaimungal._log_taylor
    monkeypatch.setattr(agents.strategies.cartea_jaimungal, "_log_taylor", lambda *a: spent.append(a) or taylor(*a))
    model, times = CarteaJaimungal(140.0, 1.5, 0.01, 0.001, 1.0, 10), 1.0 - 0.005 * np.arange(201)
    grid = model.depths(np.arange(-10.0, 11.0)[None, :], times[:, None])
    assert len(spent) == 1
    lanes = model.depths(np.full(64, 3.0), np.full(64, times[17]))
    np.testing.assert_array_equal(lanes, np.tile(grid[17, 13], (64, 1)))
    assert len(spent) == 1


def test_more_times_than_are_remembered_are_still_answered(monkeypatch):
    monkeypatch.setattr(agents.strategies.cartea_jaimungal, "_REMEMBERED_TIMES", 5)
    model = CarteaJaimungal(8.0, 2.0, 0.05, 0.02, 1.0, 4)
    first = model.depths(1.0, np.arange(4) / 4)
    model.depths(1.0, np.arange(9) / 9)
    np.testing.assert_array_equal(model.depths(1.0, np.arange(4) / 4), first)


def test_inventory_is_rounded_and_clipped_and_closed_sides_report_the_nearest_open_level():
    depths = ONE_SIDED.depths(np.array([-99.0, -4.0, -3.0, 0.4, 0.0, 3.0, 4.0, 99.0]), 0.5)
    np.testing.assert_array_equal(depths[0], depths[1])
    np.testing.assert_array_equal(depths[3], depths[4])
    np.testing.assert_array_equal(depths[6], depths[7])
    assert depths[6, 0] == depths[5, 0]
    assert depths[1, 1] == depths[2, 1]
    assert depths[6, 1] < depths[5, 1]


@pytest.mark.parametrize("max_inventory", [1, 10, 100])
@pytest.mark.parametrize("phi", [0.0, 1e-6, 0.01, 1.0, 1e3, 1e8])
def test_stationary_depths_solve_the_eigenvalue_equation_level_by_level(phi, max_inventory):
    """With A omega = mu omega, phi kappa q^2 + mu = hop (omega_{q-1} + omega_{q+1}) / omega_q at every q."""
    strategy = CarteaJaimungalStationary(140.0, 1.5, phi, max_inventory, jump=0.1)
    q, hop = np.arange(-max_inventory, max_inventory + 1.0), 140.0 * math.exp(-1 - 1.5 * 0.1)
    ratios = hop * np.exp(1 - 1.5 * (strategy.depths(q, 0.0) - 0.1))  # hop omega_{q+1} / omega_q, and q-1
    ratios[-1, 0] = ratios[0, 1] = 0.0
    eigenvalue = 1.5 * strategy.average_reward
    np.testing.assert_allclose(ratios.sum(-1), phi * 1.5 * q**2 + eigenvalue, rtol=1e-9)
    largest = eigvalsh_tridiagonal(-phi * 1.5 * q**2, np.full(len(q) - 1, hop))[-1]
    assert eigenvalue == pytest.approx(largest, rel=1e-9, abs=1e-15 * phi * 1.5 * max_inventory**2)


def test_a_long_horizon_tends_to_the_stationary_strategy():
    stationary = CarteaJaimungalStationary(rate=30.0, kappa=1.5, phi=0.1, max_inventory=6, jump=0.05)
    long = CarteaJaimungal(30.0, 1.5, 0.1, 0.01, 40.0, 6, jump=0.05)
    q = np.arange(-6.0, 7.0)
    np.testing.assert_allclose(stationary.depths(q, 0.0), long.depths(q, 40.0), atol=1e-11)
    earned = (long.value(q, 40.0) - long.value(q, 30.0)) / 10
    np.testing.assert_allclose(earned, stationary.average_reward, rtol=1e-11)


@pytest.mark.parametrize(("jump", "ask_rate", "phi"), [
    (0.05, 20.0, 0.1), (0.05, 300.0, 0.1), (0.0, 4.0, 0.0), (0.1, 4.0, 0.0), (0.02, 90.0, 5.0), (0.0, 30.0, 0.1),
])  # fmt: skip
def test_a_long_horizon_tends_to_the_stationary_strategy_of_unequal_rates(jump, ask_rate, phi):
    stationary = CarteaJaimungalStationary(30.0, 1.5, phi, 6, jump, ask_rate)
    longer = 3.0 * stationary._limit.horizon
    long, q = CarteaJaimungal(30.0, 1.5, phi, 0.01, longer, 6, jump, ask_rate), np.arange(-6.0, 7.0)
    np.testing.assert_allclose(stationary.depths(q, 0.0), long.depths(q, longer), atol=1e-11)
    earned = (long.value(q, longer) - long.value(q, 0.5 * longer)) / (0.5 * longer)
    np.testing.assert_allclose(earned, stationary.average_reward, rtol=1e-11)


def test_equal_rates_named_twice_are_the_same_strategy_to_the_bit():
    once, twice = (CarteaJaimungalStationary(30.0, 1.5, 0.1, 6, 0.05, rate) for rate in (None, 30.0))
    np.testing.assert_array_equal(once.depths(np.arange(-6, 7), 0.0), twice.depths(np.arange(-6, 7), 0.0))
    assert once.average_reward == twice.average_reward


def test_the_stationary_sides_are_each_others_mirror_image():
    q = np.arange(-6, 7)
    one, other = (
        CarteaJaimungalStationary(*rates, 6, 0.05, ask)
        for rates, ask in (((30.0, 1.5, 0.1), 20.0), ((20.0, 1.5, 0.1), 30.0))
    )
    np.testing.assert_allclose(one.depths(q, 0.0), other.depths(-q, 0.0)[:, ::-1], atol=1e-12)
    assert one.average_reward == pytest.approx(other.average_reward, rel=1e-12)


def test_what_double_precision_cannot_solve_is_refused():
    with pytest.raises(ValueError, match=r"^CarteaJaimungal\.horizon must be <= .* here, got 1e\+18$"):
        CarteaJaimungal(140.0, 1.5, 0.01, 0.0, horizon=1e18, max_inventory=10)
    with pytest.raises(ValueError, match=r"^CarteaJaimungalStationary\.jump must be <= .* here, got 900\.0$"):
        CarteaJaimungalStationary(140.0, 1.5, 0.01, 10, jump=900.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, True, "12", np.ones(3)])
def test_a_bad_ask_rate_is_refused(bad):
    with pytest.raises((ValueError, TypeError), match=r"^CarteaJaimungal\.ask_rate must be"):
        CarteaJaimungal(8.0, 2.0, 0.05, 0.02, 1.0, 4, ask_rate=bad)
    with pytest.raises((ValueError, TypeError), match=r"^CarteaJaimungalStationary\.ask_rate must be"):
        CarteaJaimungalStationary(8.0, 2.0, 0.05, 4, ask_rate=bad)


@pytest.mark.parametrize("seconds_left", [1.01, -0.01, math.nan, math.inf])
def test_times_beyond_the_horizon_are_refused(seconds_left):
    with pytest.raises(ValueError, match="seconds_left must be"):
        ONE_SIDED.depths(0.0, np.array([0.5, seconds_left]))
    np.testing.assert_array_equal(ONE_SIDED.depths(0.0, 1.0 + 1e-12), ONE_SIDED.depths(0.0, 1.0))
