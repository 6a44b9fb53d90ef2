"""DebtRank: the paper's rule by hand, bounds, order, the differential one's fixed point and its linear case."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from mm_env.systemic.debt_rank import debt_rank, differential_debt_rank, impacts

FEW = settings(max_examples=60, deadline=None)
W, VALUES = np.array([[0.0, 0.4, 0.2], [0.1, 0.0, 0.5], [0.3, 0.1, 0.0]]), (0.5, 0.3, 0.2)


@st.composite
def cases(draw):
    n = draw(st.integers(2, 6))
    unit = st.floats(0.0, 1.0).map(lambda x: round(x, 3))
    weights = draw(hn.arrays(float, (n, n), elements=unit)) * (1.0 - np.eye(n))
    value = draw(hn.arrays(float, (n,), elements=unit))
    return weights, draw(hn.arrays(float, (n,), elements=unit)), value / max(value.sum(), 1.0)


def by_hand(weights, shock):
    """Each dealer is undistressed, distressed or inactive (Battiston et al. 2012, eq. 1 and 2)."""
    n, h = len(shock), [float(x) for x in shock]
    state = ["D" if x > 0.0 else "U" for x in h]
    while "D" in state:
        after = [min(1.0, h[j] + sum(weights[i][j] * h[i] for i in range(n) if state[i] == "D")) for j in range(n)]
        state = ["I" if s in "DI" else ("D" if x > 0.0 else "U") for s, x in zip(state, after, strict=True)]
        h = after
    return h


@FEW
@given(cases())
def test_distress_goes_round_as_by_hand(case):
    weights, shock, value = case
    found = debt_rank(weights, shock, value)
    assert found.distress == pytest.approx(by_hand(weights, shock), abs=1e-12)
    assert found.loss == pytest.approx((found.distress - shock) @ value, abs=1e-12)


@FEW
@given(cases())
def test_distress_is_bounded_and_whoever_hands_on_more_than_once_loses_no_less(case):
    weights, shock, value = case
    once, always = debt_rank(weights, shock, value), differential_debt_rank(weights, shock, value, 20_000)
    for found in (once, always):
        assert (found.distress >= shock - 1e-12).all()
        assert (found.distress <= 1.0).all()
        assert -1e-12 <= found.loss <= value.sum() + 1e-12
    assert (always.distress >= once.distress - 1e-9).all()


@FEW
@given(cases())
def test_the_differential_ones_are_the_least_fixed_point(case):
    weights, shock, value = case
    found = differential_debt_rank(weights, shock, value, 20_000).distress
    assert np.minimum(1.0, shock + found @ weights) == pytest.approx(found, abs=1e-7)
    smaller = differential_debt_rank(weights, 0.5 * shock, value, 20_000).distress
    assert (smaller <= found + 1e-9).all()


def test_where_nobody_fails_it_is_linear():
    """(I - W')^-1 shock (Bardoscia et al. 2015)."""
    shock = np.array([0.05, 0.1, 0.02])
    found = differential_debt_rank(W, shock, VALUES)
    assert found.distress == pytest.approx(np.linalg.solve(np.eye(3) - W.T, shock), rel=1e-12)
    path = [differential_debt_rank(W, shock, VALUES, rounds).distress for rounds in (0, 1, 2)]
    assert path[0] == pytest.approx(shock)
    assert path[1] == pytest.approx(shock + shock @ W)
    assert path[2] == pytest.approx(shock + shock @ W + shock @ W @ W)


def test_many_shocks_at_once():
    shocks = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.0, 0.3]])
    for rank in (debt_rank, differential_debt_rank):
        together = rank(W, shocks, VALUES)
        for shock, distress, loss in zip(shocks, *together, strict=True):
            assert rank(W, shock, VALUES).distress == pytest.approx(distress, abs=1e-12)
            assert rank(W, shock, VALUES).loss == pytest.approx(loss, abs=1e-12)


def test_impacts_are_of_what_is_owed_on_the_creditors_equity():
    assert impacts([[0.0, 3.0], [10.0, 0.0]], [5.0, 4.0]).tolist() == [[0.0, 0.75], [1.0, 0.0]]
    with pytest.raises(ValueError, match="equity must be > 0, got 0"):
        impacts([[0.0, 3.0], [10.0, 0.0]], [5.0, 0.0])


@pytest.mark.parametrize(("shock", "said"), [
    ([1.5, 0.0, 0.0], "shock must lie in .0, 1., got 1.5"),
    ([-0.5, 0.0, 0.0], "shock must be finite and >= 0, got -0.5"),
    ([0.5, 0.0], "impact must be one matrix, shock"),
])  # fmt: skip
def test_a_shock_that_is_none_is_refused(shock, said):
    with pytest.raises(ValueError, match=said):
        debt_rank(W, shock, VALUES)
