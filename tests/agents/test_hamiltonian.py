"""What a request is worth at best: closed forms, derivatives, and a search that agrees with them."""

import re

import numpy as np
import pytest
from scipy.special import lambertw

from agents.strategies.hamiltonian import Quoter, best_depths, hamiltonian
from mm_env import Exponential, Fill, Linear, Logistic, PowerLaw, Real, rule
from mm_env.core.maths import exp

COSTS = np.linspace(-1.5, 1.5, 13)


class Shifted(Fill):
    """A fill of a user's own, which is searched."""

    by: Real

    @rule
    def take(self, depth: float) -> float:
        return 1.0 / (1.0 + exp((depth - self.by) / 0.2))


def test_logistic_fills_have_lambert_s_function():
    found, w = hamiltonian(Logistic(0.06, 0.2), COSTS), lambertw(np.exp(-1.0 - (COSTS - 0.06) / 0.2)).real
    np.testing.assert_allclose(found.depth, COSTS + 0.2 * (1.0 + w), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(found.value, 0.2 * w, rtol=1e-12)
    np.testing.assert_allclose(found.slope, -w / (1.0 + w), rtol=1e-12)
    np.testing.assert_allclose(found.curvature, w / (0.2 * (1.0 + w) ** 3), rtol=1e-5)


def test_exponential_fills_are_a_markup():
    found = hamiltonian(Exponential(1.5), COSTS)
    np.testing.assert_allclose(found.depth, COSTS + 1.0 / 1.5)
    np.testing.assert_allclose(found.value, np.exp(-1.5 * COSTS - 1.0) / 1.5)
    np.testing.assert_allclose(found.curvature, 1.5 * np.exp(-1.5 * COSTS - 1.0), rtol=1e-5)


@pytest.mark.parametrize(("searched", "known"), [(Shifted(0.06), Logistic(0.06, 0.2))], ids=["own"])
def test_a_search_finds_what_closed_forms_say(searched, known):
    np.testing.assert_allclose(best_depths(searched, COSTS, (-5.0, 5.0))[0], best_depths(known, COSTS)[0], atol=1e-6)


def test_a_linear_fill_is_quoted_half_way():
    """(1 - depth / reach) (depth - p) is greatest at (p + reach) / 2, where that is beyond the mid."""
    np.testing.assert_allclose(
        best_depths(Linear(2.0), COSTS, (0.0, 3.0))[0], np.maximum(COSTS + 2.0, 0.0) / 2, atol=1e-6
    )


def test_depths_stay_within_their_bounds():
    assert best_depths(Exponential(1.0), COSTS, (0.9, 1.1))[0].min() == 0.9
    assert best_depths(PowerLaw(1.0, 2.0), COSTS, (0.0, 1.1))[0].max() <= 1.1


def test_the_slope_is_what_the_value_changes_by():
    fill = Logistic(0.4, 0.3)
    found, near = hamiltonian(fill, COSTS), [hamiltonian(fill, COSTS + step).value for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(found.slope, (near[0] - near[1]) / 2e-5, rtol=1e-7)


@pytest.mark.parametrize(("ask", "said"), [
    (lambda: best_depths(Exponential(1.0), 0.0, (1.0, 1.0)), "bounds must be a low and a high depth, low < high, got 1, 1"),
    (lambda: hamiltonian(Exponential(1.0), np.nan), "cost must be finite numbers, got nan"),
    (lambda: Quoter([Exponential(1.0), Linear(1.0)]), "fills must be of one class, got Exponential, Linear"),
])  # fmt: skip
def test_mistakes(ask, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        ask()
