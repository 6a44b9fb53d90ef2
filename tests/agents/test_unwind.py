"""Schedules to unwind by: the best of all, its limits, cost and variance as they are simulated, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from agents.strategies.unwind import AlmgrenChriss, twap
from tests.worlds import within

FAST = AlmgrenChriss(sigma=0.95, temporary=2.5e-6, risk_aversion=1e-6, horizon=5.0, steps=10, permanent=2.5e-7,
                     half_spread=0.0625)  # fmt: skip
SHARES = 1e6


def test_no_schedule_is_better():
    def objective(held):
        return FAST.cost(held) + FAST.risk_aversion * FAST.variance(held)

    best, rng = FAST.schedule(SHARES), np.random.default_rng(0)
    for _ in range(20):
        other = best + np.pad(1e4 * rng.standard_normal(9), 1)
        assert objective(other) > objective(best)


def test_positions_follow_a_hyperbolic_sine():
    times = np.linspace(0.0, 5.0, 11)
    expected = SHARES * np.sinh(FAST.urgency * (5.0 - times)) / np.sinh(5.0 * FAST.urgency)
    np.testing.assert_allclose(FAST.schedule(SHARES), expected, rtol=1e-10, atol=1e-6)


def test_without_aversion_it_is_even_and_with_much_at_once():
    np.testing.assert_allclose(replace(FAST, risk_aversion=0.0).schedule(SHARES), twap(SHARES, 10), atol=1e-6)
    np.testing.assert_allclose(
        replace(FAST, risk_aversion=1e-16).schedule(SHARES), twap(SHARES, 10), rtol=1e-6, atol=1e-6
    )
    hasty = replace(FAST, risk_aversion=1e9).schedule(SHARES)
    assert hasty[1] < 1.0
    assert hasty[-1] == 0.0


def test_cost_and_variance_are_those_of_simulated_prices():
    held, tau = FAST.schedule(SHARES), 0.5
    sold, rng = -np.diff(held), np.random.default_rng(1)
    moves = FAST.sigma * np.sqrt(tau) * rng.standard_normal((20_000, 10)) - FAST.permanent * sold
    mids = np.concatenate([np.zeros((20_000, 1)), np.cumsum(moves, axis=1)[:, :-1]], axis=1)
    costs = (sold * (FAST.half_spread + FAST.temporary * sold / tau - mids)).sum(axis=1)
    assert within(costs, FAST.cost(held))
    assert within((costs - FAST.cost(held)) ** 2, FAST.sigma**2 * tau * (held[1:-1] ** 2).sum())
    assert FAST.variance(held) == pytest.approx(FAST.sigma**2 * tau * (held[1:-1] ** 2).sum())


@pytest.mark.parametrize(("make", "said"), [
    (lambda: replace(FAST, permanent=1e-4), "AlmgrenChriss.temporary must be > permanent x 0.5 / 2, got 2.5e-06"),
    (lambda: replace(FAST, steps=0), "AlmgrenChriss.steps must be a whole number"),
    (lambda: FAST.left(0.0), "steps_left must be >= 1, got 0"),
])  # fmt: skip
def test_mistakes(make, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        make()
