"""Options quoted by the vega of the book: symmetry, a desk of one option, and what is refused."""

import re

import numpy as np
import pytest

from agents.exact.desk import DeskProblem, Instrument, Stream, finite_optimum
from agents.strategies.hamiltonian import hamiltonian
from agents.strategies.vega_desk import VegaDesk
from mm_env import Logistic

FILL, VEGA, HORIZON = Logistic(0.1, 0.1), 0.5, 1.0
TWO = VegaDesk(
    (Stream(FILL, 3.0, 2.0), Stream(Logistic(0.2, 0.1), 2.0, 1.0)), [0.5, 1.0], 0.0, 0.2, 0.3, HORIZON, 4.0, 41
)


def test_a_short_book_is_quoted_as_a_long_one_turned_round():
    books = np.array([-3.0, -0.7, 0.0, 1.3])
    np.testing.assert_allclose(TWO.depths(books, 0.6), TWO.depths(-books, 0.6)[:, ::-1], rtol=1e-10)
    assert (np.diff(TWO.depths(books, 0.6)[:, 0], axis=0) > 0.0).all()  # the longer, the deeper the bids
    assert TWO.value(1.0, 0.6) == pytest.approx(TWO.value(-1.0, 0.6))
    assert TWO.value(0.0, 0.0) == 0.0


def test_one_option_is_one_instrument():
    """Its position is the book's vega by that of a contract; the desk's steps become short."""
    theory = VegaDesk((Stream(FILL, 4.0, 1.0),), [VEGA], 0.1, 0.2, 0.8, HORIZON, 6.0 * VEGA, 13, 200)
    one = Instrument.symmetric([Stream(FILL, 4.0, 1.0)], lot=1.0, limit=6.0)
    desk = DeskProblem((one,), [[0.2 * VEGA**2]], 0.8, drift=[0.1 * VEGA])
    worth = [finite_optimum(desk, HORIZON, steps).value[0] for steps in (100, 200)]
    found = [theory.value(vega, HORIZON) for vega in theory.grid]
    np.testing.assert_allclose(2.0 * worth[1] - worth[0], found, rtol=3e-4)


def test_risk_that_is_not_minded_leaves_the_spread_alone():
    free = VegaDesk((Stream(FILL, 3.0, 2.0),), [0.1], 0.0, 0.2, 0.0, HORIZON, 100.0, 2001)
    earned = 2.0 * 3.0 * 2.0 * hamiltonian(FILL, 0.0).value * HORIZON  # both sides
    assert free.value(0.0, HORIZON) == pytest.approx(float(earned), rel=1e-9)
    assert free.depths([0.0], 1.0)[0, 0, 0] == pytest.approx(float(hamiltonian(FILL, 0.0).depth))


@pytest.mark.parametrize(("changes", "said"), [
    ({"vegas": [1.0]}, "VegaDesk.vegas must be (2,), one an option, got (1,)"),
    ({"limit": 0.0}, "VegaDesk.limit must be > 0, got 0.0"),
    ({"nodes": 2}, "VegaDesk.nodes must be a whole number >= 3, got 2"),
    ({"variance": -1.0}, "VegaDesk.variance must be >= 0, got -1.0"),
])  # fmt: skip
def test_mistakes(changes, said):
    given = {"requests": TWO.requests, "vegas": [1.0, 1.0], "premium": 0.0, "variance": 1.0, "gamma": 1.0,
             "horizon": 1.0, "limit": 1.0}  # fmt: skip
    with pytest.raises(ValueError, match=re.escape(said)):
        VegaDesk(**{**given, **changes})
