"""Closed forms at the ends of what is allowed: finite quotes, or one error that names the form itself and a parameter of it."""

import itertools
import warnings
from dataclasses import fields

import numpy as np
import pytest

from agents.strategies.avellaneda_stoikov import (
    AvellanedaStoikov,
    AvellanedaStoikovStationary,
    AvellanedaStoikovSymmetric,
    log1p_ratio,
    markup,
)
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.glft import GLFT, GLFTAsymptotic

ENDS, FROM_ZERO = [1e-300, 1e-12, 1.0, 1e12, 1e300], [0.0, 1e-300, 1e-12, 1.0, 1e12, 1e300]
OPTIONAL, LIMITS = [None, *ENDS], [1, 5]
FORMS = {
    FixedSymmetric: [FROM_ZERO],
    LinearSkew: [FROM_ZERO, FROM_ZERO],
    AvellanedaStoikov: [ENDS, FROM_ZERO, ENDS, ENDS],
    AvellanedaStoikovSymmetric: [ENDS, FROM_ZERO, ENDS, ENDS],
    AvellanedaStoikovStationary: [ENDS, ENDS, ENDS, LIMITS, OPTIONAL],
    GLFT: [ENDS, FROM_ZERO, ENDS, ENDS, ENDS, LIMITS],
    GLFTAsymptotic: [ENDS, FROM_ZERO, ENDS, ENDS],
    CarteaJaimungal: [ENDS, ENDS, FROM_ZERO, FROM_ZERO, ENDS, LIMITS, FROM_ZERO, OPTIONAL],
    CarteaJaimungalStationary: [ENDS, ENDS, FROM_ZERO, LIMITS, FROM_ZERO, OPTIONAL],
}
TRIED = 60


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_extreme_parameters_give_finite_quotes_or_an_error_of_the_forms_own(form):
    cases = list(itertools.product(*FORMS[form]))
    picked = np.random.default_rng(1).permutation(len(cases))[:TRIED]
    names = {f"{form.__name__}.{field.name}" for field in fields(form)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = [quoted_or_refused(form, cases[i]) for i in picked]
    assert all(found in names if isinstance(found, str) else np.isfinite(found).all() for found in said)


def quoted_or_refused(form, parameters):
    """The quotes and what else it computes, or what the error names."""
    try:
        strategy = form(*parameters)
        horizon = getattr(strategy, "horizon", 1.0)
        depths = strategy.depths(np.array([[-1.0], [0.0], [1.0]]), np.array([0.0, horizon / 3.0, horizon]))
        return np.append(depths, getattr(strategy, "average_reward", 0.0))
    except ValueError as error:
        return str(error).split(" must be ")[0]


GLFTS = {"gamma": 0.01, "sigma": 0.3, "k": 0.3, "A": 0.9, "horizon": 600.0, "max_inventory": 30}
CARTEA = {"rate": 30.0, "kappa": 1.5, "phi": 0.1, "max_inventory": 6}


@pytest.mark.parametrize(("form", "parts", "name"), [
    (GLFT, GLFTS | {"gamma": 1e300}, "gamma"),
    (GLFT, GLFTS | {"sigma": 1e300}, "sigma"),
    (GLFT, GLFTS | {"horizon": 1e300}, "horizon"),
    (GLFT, GLFTS | {"A": 1e300}, "A"),
    (AvellanedaStoikov, {"gamma": 1e300, "sigma": 1e10, "k": 1.5, "horizon": 1.0}, "gamma"),
    (AvellanedaStoikovSymmetric, {"gamma": 0.1, "sigma": 1e300, "k": 1.5, "horizon": 1.0}, "sigma"),
    (AvellanedaStoikovStationary, {"gamma": 0.1, "sigma": 1e300, "k": 1.5, "q_max": 5, "omega": 1.0}, "sigma"),
    (GLFTAsymptotic, {"gamma": 0.1, "sigma": 1e300, "k": 1e-300, "A": 1e-300}, "sigma"),
    (CarteaJaimungal, CARTEA | {"alpha": 0.0, "horizon": 1.0, "phi": 1e300}, "phi"),
    (CarteaJaimungal, CARTEA | {"alpha": 1e308, "horizon": 1.0}, "alpha"),
    (CarteaJaimungal, CARTEA | {"alpha": 0.0, "horizon": 1.0, "rate": 1e300}, "rate"),
    (CarteaJaimungalStationary, CARTEA | {"rate": 1e-300}, "rate"),
    (CarteaJaimungalStationary, CARTEA | {"ask_rate": 1e300, "jump": 1.0}, "ask_rate"),
    (CarteaJaimungalStationary, CARTEA | {"kappa": 1e300, "jump": 0.1}, "kappa"),
    (LinearSkew, {"half_spread": 1.7e308, "skew": 1e308}, "half_spread"),
])  # fmt: skip
def test_the_parameter_that_is_out_of_the_way_is_named_as_the_user_wrote_it(form, parts, name):
    with pytest.raises(
        ValueError, match=rf"^{form.__name__}\.{name} must be .* got {parts[name]:g}$".replace("+", r"\+")
    ):
        form(**parts).depths(np.array([-1.0, 0.0, 1.0]), 0.5)


def test_ratios_beyond_the_largest_number_have_their_limits():
    assert log1p_ratio(1e300, 1e-300) == pytest.approx(600.0 * np.log(10.0), rel=1e-14)
    assert markup(1e-300, 2.0) == 0.5
    assert markup(1e-320, 3.0) == 1.0 / 3.0
    assert markup(0.1, 1.5) == np.log1p(0.1 / 1.5) / 0.1


def test_the_papers_choice_of_omega_does_not_depend_on_the_scale_of_risk():
    """With omega = gamma^2 sigma^2 (q_max + 1)^2 / 2 the risk cancels: gamma times the reservation price is the same."""
    q = np.arange(-3.0, 4.0)
    tiny, plain = (AvellanedaStoikovStationary(1.0, sigma, 1.5, 5).depths(q, 0.0) for sigma in (1e-200, 1.0))
    np.testing.assert_allclose(tiny, plain, rtol=1e-12)
