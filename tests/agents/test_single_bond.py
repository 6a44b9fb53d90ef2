"""One bond in the long run: the exact optimum of a desk and of a market, symmetry, and what is refused."""

import numpy as np
import pytest

from agents.exact.desk import DeskProblem, Instrument, Stream, ergodic_optimum
from agents.strategies.single_bond import SingleBond
from mm_env import JohnsonSU, Logistic

BOND = SingleBond(JohnsonSU(0.4, 0.6, 0.096, 0.086), rate=0.275, size=7_000.0, sigma=0.07, gamma=0.05, max_inventory=5)


def test_without_risk_it_is_a_desk_of_one():
    one = SingleBond(Logistic(0.1, 0.05), rate=2.0, size=10.0, sigma=0.1, gamma=0.0, max_inventory=3)
    desk = DeskProblem((Instrument.symmetric([Stream(one.fill, 2.0, 10.0)], lot=10.0, limit=30.0),), [[0.01]])
    found = [ergodic_optimum(desk, dt) for dt in (0.01, 0.005)]
    assert 2.0 * found[1].rate - found[0].rate == pytest.approx(4.0 * one.average_reward, rel=1e-4)
    limit = 2.0 * found[1].depths[:, :, 0] - found[0].depths[:, :, 0]
    theory = one.depths(np.arange(-3, 4))
    np.testing.assert_allclose(limit[:-1, 0], theory[:-1, 0], rtol=1e-3)
    np.testing.assert_allclose(limit[1:, 1], theory[1:, 1], rtol=1e-3)


def test_quotes_lean_against_the_position_and_are_symmetric():
    depths = BOND.depths(np.arange(-5, 6))
    np.testing.assert_allclose(depths[:, 0], depths[::-1, 1], rtol=1e-6)
    assert (np.diff(depths[:, 0]) >= 0.0).all()
    assert BOND.depths([[0.0], [9.0]], [1.0, 2.0]).shape == (2, 2, 2)


def test_its_parameters_are_checked():
    with pytest.raises(ValueError, match=r"SingleBond.rate must be > 0, got 0.0"):
        SingleBond(BOND.fill, 0.0, 1.0, 1.0, 1.0, 1)
    with pytest.raises(TypeError, match=r"SingleBond.fill must be a Fill"):
        SingleBond(None, 1.0, 1.0, 1.0, 1.0, 1)  # pyright: ignore[reportArgumentType]
