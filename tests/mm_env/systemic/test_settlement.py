"""Claims between makers, cleared when their episodes have ended."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mm_env.systemic.clearing import clear
from mm_env.systemic.settlement import settle

RING = np.array([[0.0, 6.0, 0.0], [0.0, 0.0, 6.0], [6.0, 0.0, 0.0]])  # each owes the next


def test_one_who_lost_more_than_its_capital_takes_who_lives_on_its_payment_along():
    """Maker 0 is 3 below nothing: of 6 it gets, 9 are due, so its creditors get 2/3: maker 1, with 1, then lacks 1 of its 6."""
    found = settle([-7.0, -3.0, 8.0], 4.0, RING)
    assert found.round_of_default.tolist() == [1, 2, 0]
    assert found.payments == pytest.approx([6.0, 5.0, 6.0])
    assert found.equity == pytest.approx([0.0, 0.0, 4.0 + 8.0 + 5.0 - 6.0])


def test_nobody_fails_who_keeps_its_capital():
    assert not settle(np.full((5, 3), -3.9), 4.0, RING).defaults.any()


@given(arrays(np.float64, (4, 3), elements=st.floats(-20.0, 20.0)), st.floats(0.0, 10.0))
def test_without_bankruptcy_costs_claims_move_money_and_make_none(profits, capital):
    """What all own in the end is what they own, less what outsiders get of those who are below nothing."""
    found, worth = settle(profits, capital, RING), capital + profits
    due = np.maximum(-worth, 0.0)
    to_outsiders = found.payments * due / (due + RING.sum(axis=1))
    assert found.equity.sum(axis=-1) == pytest.approx((np.maximum(worth, 0.0) - to_outsiders).sum(axis=-1), abs=1e-8)


def test_it_is_the_clearing_of_what_they_own():
    profits = np.array([[-5.0, 1.0, 2.0], [3.0, -9.0, -1.0]])
    found = settle(profits, [4.0, 5.0, 6.0], RING, 0.8, 0.7)
    worth = profits + [4.0, 5.0, 6.0]
    known = clear(RING, np.maximum(worth, 0.0), np.maximum(-worth, 0.0), 0.8, 0.7)
    assert np.array_equal(found.payments, known.payments)


@pytest.mark.parametrize(("profits", "capital", "said"), [
    ([np.nan, 0.0, 0.0], 1.0, "profits must be finite"),
    ([0.0, 0.0, 0.0], -1.0, "capital must be finite and >= 0, got -1"),
    ([0.0, 0.0], 1.0, r"one for each of \(3,\) makers"),
])  # fmt: skip
def test_what_cannot_be_settled_is_refused(profits, capital, said):
    with pytest.raises(ValueError, match=said):
        settle(profits, capital, RING)
