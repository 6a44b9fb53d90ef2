"""Gueant, Lehalle & Fernandez-Tapia 2013: exact quotes, their map onto Cartea & Jaimungal's, asymptotics."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from agents.strategies.glft import GLFT, GLFTAsymptotic

FIGURES = {"gamma": 0.01, "sigma": 0.3, "k": 0.3, "A": 0.9}  # the paper's figures; T = 600 s
ANY_MARKET = {
    "gamma": st.floats(1e-4, 5),
    "sigma": st.floats(0, 3),
    "k": st.floats(0.1, 5),
    "A": st.floats(0.1, 100),
}


def coefficients(model):
    """alpha and eta of v_q' = alpha q^2 v_q - eta (v_{q-1} + v_{q+1}), and the constant mark-up."""
    alpha = model.k / 2 * model.gamma * model.sigma**2
    eta = model.A * (1 + model.gamma / model.k) ** -(1 + model.k / model.gamma)
    return alpha, eta, math.log(1 + model.gamma / model.k) / model.gamma


def quoted(model, log_v):
    """The paper's bid depths at q < Q and ask depths at q > -Q, from ln v."""
    rise, markup = np.diff(log_v) / model.k, coefficients(model)[2]
    return markup - rise, markup + rise


def check_quotes(model, seconds_left, log_v, tolerance):
    depths = model.depths(np.arange(-model.max_inventory, model.max_inventory + 1), seconds_left)
    bid, ask = quoted(model, log_v)
    np.testing.assert_allclose(depths[:-1, 0], bid, atol=tolerance)
    np.testing.assert_allclose(depths[1:, 1], ask, atol=tolerance)


@settings(max_examples=40, deadline=None)
@given(**ANY_MARKET, Q=st.integers(1, 5))
def test_quotes_are_those_of_the_papers_matrix_exponential(gamma, sigma, k, A, Q):
    model = GLFT(gamma, sigma, k, A, horizon=1.0, max_inventory=Q)
    (alpha, eta, _), q = coefficients(model), np.arange(-Q, Q + 1.0)
    grown = expm(0.1 * (eta * (np.eye(2 * Q + 1, k=1) + np.eye(2 * Q + 1, k=-1)) - np.diag(alpha * q**2)))
    check_quotes(model, 0.1, np.log(grown.sum(axis=1)), tolerance=1e-9)


@settings(max_examples=40, deadline=None)
@given(**ANY_MARKET)
def test_it_maps_onto_cartea_and_jaimungal(gamma, sigma, k, A):
    model = GLFT(gamma, sigma, k, A, horizon=2.0, max_inventory=7)
    twin, shift = model.as_cartea_jaimungal()
    alpha, eta, markup = coefficients(model)
    assert twin.phi * twin.kappa == pytest.approx(alpha, rel=1e-12)
    assert twin.rate / math.e == pytest.approx(eta, rel=1e-9)
    assert shift == pytest.approx(markup - 1 / k, abs=1e-9)
    q, times = np.arange(-7, 8)[None, :], np.array([0.0, 0.3, 2.0])[:, None]
    np.testing.assert_allclose(model.depths(q, times), twin.depths(q, times) + shift, atol=1e-9)


def test_without_risk_aversion_it_is_cartea_and_jaimungals_market_itself():
    twin, shift = GLFT(1e-9, 2.0, 1.5, 140.0, 1.0, 5).as_cartea_jaimungal()
    assert twin.rate == pytest.approx(140.0, rel=1e-8)
    assert shift == pytest.approx(0.0, abs=1e-8)


@pytest.fixture(scope="module")
def trap():
    """Where the paper says double precision breaks down: at |q| = 30 v is 1e-31 of v_0 after 600 s."""
    return GLFT(gamma=0.01, sigma=1.0, k=0.3, A=0.2, horizon=600.0, max_inventory=30)


def test_quotes_hold_where_double_precision_breaks_down(trap):
    """The oracle integrates ln v, which spans no decades: w' = eta (e^(w_{q-1} - w_q) + ...) - alpha q^2."""
    (alpha, eta, _), q = coefficients(trap), np.arange(-30.0, 31.0)

    def growth(_, log_v):
        rise = np.exp(np.diff(log_v))
        return eta * (np.append(rise, 0.0) + np.insert(1 / rise, 0, 0.0)) - alpha * q**2

    accuracy = {"method": "Radau", "rtol": 1e-9, "atol": 1e-9}
    solved = solve_ivp(growth, (0.0, 600.0), np.zeros(61), t_eval=[3.0, 600.0], **accuracy)
    for seconds_left, log_v in zip(solved.t, solved.y.T, strict=True):
        check_quotes(trap, seconds_left, log_v, tolerance=1e-6)


@pytest.mark.parametrize("seconds_left", [60.0, 600.0])
def test_quotes_there_are_smooth_and_monotone(trap, seconds_left):
    bid, ask = trap.depths(np.arange(-30, 31), seconds_left).T
    steps = np.diff(bid[:-1])
    assert (steps > 0).all()
    np.testing.assert_allclose(ask, bid[::-1], atol=1e-11)
    assert np.abs(np.diff(steps)).max() < 0.1 * steps.max()  # a lost digit at one level would be a kink


def test_the_plain_spectral_solution_does_break_down_there(trap):
    """The reason for the solver: at |q| = 30 v is beneath the rounding of v_0, and comes out as noise."""
    (alpha, eta, _), q = coefficients(trap), np.arange(-30.0, 31.0)
    values, vectors = np.linalg.eigh(eta * (np.eye(61, k=1) + np.eye(61, k=-1)) - np.diag(alpha * q**2))
    plain = vectors @ (np.exp((values - values[-1]) * 600.0) * vectors.sum(axis=0))
    fall = 0.3 * (coefficients(trap)[2] - trap.depths(q, 600.0)[30:-1, 0]).sum()  # ln of v_30 / v_0
    assert fall < math.log(1e-17)
    assert abs(plain[-1] / plain[30] / math.exp(fall) - 1) > 0.1


def test_the_spread_is_least_and_the_skew_none_at_no_inventory():
    depths = GLFT(**FIGURES, horizon=600.0, max_inventory=30).depths(np.arange(-29, 30), 600.0)
    assert depths[29, 0] == pytest.approx(depths[29, 1], abs=1e-12)


@pytest.mark.parametrize("inventory", [0, 3, 10])
def test_the_asymptotic_quotes_are_the_limit_of_a_long_horizon(inventory):
    exact = GLFT(**FIGURES, horizon=600.0, max_inventory=60).depths(inventory, 600.0)
    np.testing.assert_allclose(GLFTAsymptotic(**FIGURES).depths(inventory, 0.0), exact, atol=2e-3)


def test_the_asymptotic_error_falls_with_the_square_of_the_volatility():
    """The approximation takes q for continuous; the exact eigenvector widens as sigma falls, and looks it."""
    errors = []
    for sigma in (0.3, 0.15, 0.075):
        market = {**FIGURES, "sigma": sigma}
        exact = GLFT(**market, horizon=2e5, max_inventory=100).depths(0, 2e5)
        errors.append(abs(exact - GLFTAsymptotic(**market).depths(0, 0.0))[0])
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.02)


def test_asymptotic_quotes_are_the_papers_formula():
    slope = math.sqrt(0.3**2 * 0.01 / (2 * 0.3 * 0.9) * (1 + 0.01 / 0.3) ** (1 + 0.3 / 0.01))
    bid, ask = GLFTAsymptotic(**FIGURES).depths(4, 0.0)
    assert bid == pytest.approx(100 * math.log(1 + 0.01 / 0.3) + 9 / 2 * slope, rel=1e-12)
    assert ask == pytest.approx(100 * math.log(1 + 0.01 / 0.3) - 7 / 2 * slope, rel=1e-12)


def test_times_beyond_the_horizon_are_refused():
    with pytest.raises(ValueError, match=r"seconds_left must be in \[0, 600\], got 601"):
        GLFT(**FIGURES, horizon=600.0, max_inventory=30).depths(0, 601.0)
