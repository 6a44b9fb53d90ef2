"""CMA-ES by its laws: it finds optima whatever the scale and the axes, as fast as published, and learns the covariance."""

import numpy as np
import pytest

from agents.exact.evaluation import best_linear_skew
from agents.learning.cma import CMA
from agents.learning.evolved import cma_es
from agents.policy import policy_of
from experiments.evaluation.skill_references import SkillReferences
from mm_env.markets import market_named


def sphere(x):
    return (x**2).sum(axis=1)


def ellipsoid(x):
    return (10.0 ** (6.0 * np.arange(x.shape[1]) / (x.shape[1] - 1)) * x**2).sum(axis=1)


def rotated(x):
    basis, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(x.shape[1],) * 2))
    return ellipsoid(x @ basis)


def rosenbrock(x):
    return (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)


def minimised(function, n, evaluations, seed=0, shift=0.0):
    """Evaluations until f < 1e-9, and the search."""
    search = CMA(np.full(n, 3.0 + shift), 2.0, seed=seed)
    while search.generation * search.size < evaluations:
        candidates = search.ask()
        values = function(candidates - shift)
        if values.min() < 1e-9:
            break
        search.tell(candidates, -values)
    return search.generation * search.size, search


@pytest.mark.parametrize(
    ("function", "most"), [(sphere, 2500), (ellipsoid, 8000), (rotated, 8000), (rosenbrock, 10_000)]
)
def test_ten_dimensions_take_no_more_evaluations_than_published(function, most):
    """Hansen & Ostermeier 2001, fig. 6 and 7 at n = 10: about 2e3 (sphere), 6e3 (ellipsoid) and 7e3 (Rosenbrock), to 1e-9."""
    taken = [minimised(function, 10, 30_000, seed)[0] for seed in range(3)]
    assert np.median(taken) < most


def test_the_covariance_becomes_the_inverse_hessian_up_to_scale():
    _, search = minimised(ellipsoid, 6, 20_000)
    variances = np.sort(np.linalg.eigvalsh(search.covariance))[::-1]
    slopes = np.polyfit(np.arange(6), np.log10(variances), 1)[0]
    assert slopes == pytest.approx(-6.0 / 5.0, abs=0.3)


def test_where_the_origin_is_does_not_matter():
    here, there = (minimised(sphere, 5, 20_000, shift=shift)[1].mean - shift for shift in (0.0, 1000.0))
    np.testing.assert_allclose(here, there, atol=1e-4)


def test_the_same_seed_searches_the_same():
    one, other = (minimised(rosenbrock, 4, 400)[1].mean for _ in range(2))
    assert (one == other).all()


@pytest.mark.slow
def test_what_it_finds_beats_the_best_linear_skew():
    market = market_named("cartea_jaimungal")
    references = SkillReferences.of(market)
    found = references.exact_skill(cma_es(market))
    rival = references.exact_skill(policy_of(best_linear_skew(market), market))
    assert rival < found <= 1.0
