"""Laws of lambda(depth): parameters back, the one that was drawn from is found, and a misfit is said in words."""

import numpy as np
import pytest

from experiments.calibration.fills import exponential
from experiments.calibration.laws import GAP, best, laws, misfit, named
from mm_env import Exponential, Hyperexponential, Linear, Logistic, PowerLaw
from mm_env.core.component import record
from tests.experiments.calibration.test_fills import DEPTHS, drawn

FILLS = {
    "exponential": Exponential(20.0),
    "power_law": PowerLaw(scale=0.05, exponent=3.0),
    "logistic": Logistic(middle=0.08, width=0.02),
    "linear": Linear(reach=0.2),
    "hyperexponential": Hyperexponential(k=120.0, deep_k=9.0, share=0.7),
}
RATE = 0.6


def quotes(fill, seed=0, n=30_000):
    """Lifetimes of quotes under lambda(depth) = RATE take(depth), by inversion on a fine grid."""
    grid = np.linspace(0.0, 0.6, 6001)
    take = np.array([record(fill).take(depth) for depth in grid.tolist()])

    def reach(random, count):
        return np.interp(-random.uniform(size=count), -take, grid, left=-1.0)

    return drawn(np.random.default_rng(seed), n, RATE, 0.0, law=reach)


@pytest.fixture(scope="module")
def fitted():
    """Name of the law that quotes are drawn from -> (the quotes, all laws fitted to them)."""
    drawn_from = {name: quotes(fill) for name, fill in FILLS.items()}
    return {name: (reach, laws(reach, exponential(reach))) for name, reach in drawn_from.items()}


@pytest.mark.parametrize("name", FILLS)
def test_the_law_that_was_drawn_from_is_found_with_its_parameters(fitted, name):
    reach, found = fitted[name]
    law = named(found, name)
    assert best(found).criterion <= law.criterion + 1e-9
    if name != "exponential":  # others hold it as a limit
        assert best(found).name == name
    assert abs(law.rate.value - RATE) < 4.0 * law.rate.error
    for parameter, one in law.parameters.items():
        if name != "linear":  # whose reach is told by the deepest fill, not by the slope of the likelihood
            assert abs(one.value - getattr(FILLS[name], parameter)) < 4.0 * one.error
    assert misfit(reach, law) == ""


@pytest.mark.parametrize("name", FILLS)
def test_a_fitted_law_is_the_markets_fill(fitted, name):
    law = named(fitted[name][1], name)
    fill = record(type(FILLS[name])(**{key: one.value for key, one in law.parameters.items()}))
    chance = [-np.expm1(-law.rate.value * fill.take(depth)) for depth in DEPTHS.tolist()]
    np.testing.assert_allclose(law.fitted, chance, rtol=1e-9, atol=1e-12)


def test_where_the_exponential_is_off_it_is_said_and_the_law_that_is_not_is_offered():
    reach = quotes(FILLS["logistic"], n=20_000)
    found = laws(reach, exponential(reach))
    plain = named(found, "exponential")
    said = misfit(reach, plain)
    share = reach.fills / len(reach.reached)
    place = int(np.argmax(np.abs(share - plain.fitted)))
    gap = abs(share - plain.fitted)[place]
    assert gap > GAP
    assert said == (
        f"off by {gap:.2f} in the chance of a fill at depth {DEPTHS[place]:.4g} (observed {share[place]:.3f}, "
        f"fitted {plain.fitted[place]:.3f})"
    )
    assert (best(found).name, misfit(reach, best(found))) == ("logistic", "")


def test_a_gap_that_chance_explains_is_not_said():
    reach = quotes(FILLS["exponential"], n=100)
    assert misfit(reach, named(laws(reach, exponential(reach)), "exponential")) == ""


def test_a_law_that_has_no_maximum_is_refused_by_name():
    reach = quotes(FILLS["logistic"])
    with pytest.raises(
        ValueError, match=r"settings\.fill=power_law: its likelihood has no maximum on these quotes, best is"
    ):
        named(laws(reach, exponential(reach)), "power_law")
