"""The closed form for many instruments: its matrices, permutations, and how near it comes to the optimum."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from agents.exact.desk import DeskProblem, Instrument, Stream, finite_optimum, moments
from agents.strategies.hamiltonian import hamiltonian
from agents.strategies.quadratic_desk import QuadraticDesk
from mm_env import Logistic

FILL, HORIZON = Logistic(0.1, 0.1), 2.0
ONE = Instrument.symmetric([Stream(FILL, 3.0, 1.0), Stream(FILL, 1.0, 2.0)], lot=1.0, limit=6.0)
COVARIANCE = np.array([[0.04, 0.01, 0.0], [0.01, 0.02, -0.005], [0.0, -0.005, 0.03]])
THREE = DeskProblem((ONE, ONE, ONE), COVARIANCE, gamma=0.5)


def test_a_riccati_equation_s_solution_is_a_hyperbolic_tangent():
    curvature = 2.0 * 5.0 * hamiltonian(FILL, 0.0).curvature  # rates times sizes: 3 + 2, of two sides
    root = np.real(sqrtm(0.5 * curvature * COVARIANCE))
    values, vectors = np.linalg.eigh(root)
    for left in (0.1, 1.0, 2.0):
        expected = vectors * (values * np.tanh(values * left)) @ vectors.T / (2.0 * curvature)
        a, b = QuadraticDesk(THREE, HORIZON).matrices(left)
        np.testing.assert_allclose(a, expected, rtol=1e-7, atol=1e-10)
        assert (b == 0.0).all()


def test_matrices_solve_their_equations_with_drift_and_sides_that_differ():
    lopsided = Instrument((Stream(FILL, 2.0, 1.0),), (Stream(FILL, 3.0, 2.0),), 1.0, 6.0)
    desk = DeskProblem(
        (ONE, lopsided), COVARIANCE[:2, :2], 0.5, drift=[0.02, -0.01], terminal=[[0.01, 0.0], [0.0, 0.02]]
    )
    theory, h = QuadraticDesk(desk, HORIZON), hamiltonian(FILL, 0.0)
    (a, b), (later, after) = theory.matrices(1.0), theory.matrices(1.0 + 1e-4)
    curvature = h.curvature * np.diag([2 * (3 + 2), 2 + 3 * 2])
    apart = np.array([0.0, (2 - 6) * h.slope + (2 - 12) * h.curvature * a[1, 1]])
    slope = 0.25 * desk.covariance - 2 * a @ curvature @ a
    np.testing.assert_allclose((later - a) / 1e-4, slope, rtol=1e-3, atol=1e-7)
    linear = -desk.drift - 2 * a @ apart - 2 * a @ curvature @ b
    np.testing.assert_allclose((after - b) / 1e-4, linear, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(theory.matrices(0.0)[0], desk.terminal, atol=1e-12)


def test_permuting_instruments_permutes_quotes():
    order, q = [2, 0, 1], np.array([[1.0, -2.0, 0.0]])
    turned = DeskProblem((ONE,) * 3, COVARIANCE[np.ix_(order, order)], 0.5)
    one, other = QuadraticDesk(THREE, HORIZON).depths(q, 1.5), QuadraticDesk(turned, HORIZON).depths(q[:, order], 1.5)
    np.testing.assert_allclose(other.reshape(3, 2, 2), one.reshape(3, 2, 2)[order], rtol=1e-9)
    assert one[0, 0, 0] > one[0, 1, 0]  # long: the bid is deeper


def test_it_comes_within_a_few_tenths_of_a_percent_of_the_optimum():
    desk = DeskProblem((ONE, ONE), COVARIANCE[:2, :2], 0.5)
    theory, trades = QuadraticDesk(desk, HORIZON), np.zeros((len(desk.positions), 2))
    best = finite_optimum(desk, HORIZON, 40).worth((0.0, 0.0))
    quotes = moments(
        desk, HORIZON, 40, lambda s: (theory.depths(desk.positions, HORIZON * (1 - s / 40)), trades), (0, 0)
    )
    assert 0.995 * best < quotes.objective < best


@pytest.mark.parametrize(("positions", "left", "said"), [
    ([0.0, 0.0], 1.0, r"positions must be \(n, 3\), got \(2,\)"),
    ([[0.0, 0.0, np.nan]], 1.0, "positions must be a finite number"),
    ([[0.0, 0.0, 0.0]], 3.0, r"seconds_left must be in \[0, 2\], got 3"),
])  # fmt: skip
def test_mistakes(positions, left, said):
    with pytest.raises(ValueError, match=said):
        QuadraticDesk(THREE, HORIZON).depths(positions, left)
