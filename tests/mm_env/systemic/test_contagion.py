"""The chain from a shock to who is left: channels contain each other, money is told in full, no leverage brings no cascade."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import LeverageTarget, LinearSaleImpact, MarginCalls, RandomNetwork
from mm_env.systemic.clearing import clear
from mm_env.systemic.contagion import contagion
from mm_env.systemic.fire_sale import Holders, equilibrium

FEW = settings(max_examples=40, deadline=None)
N = 4


def alike(leverage, overlap):
    held = (1.0 - overlap) * np.eye(N) + overlap / N
    return Holders.of(leverage * held, np.full(N, leverage - 1.0), np.ones(N))


@st.composite
def cases(draw):
    holders = alike(draw(st.floats(1.0, 20.0)), draw(st.floats(0.0, 1.0)))
    owed = RandomNetwork(N, [1.0], draw(st.floats(0.0, 0.5)), 0.5).liabilities(6, draw(st.integers(0, 99)))
    owed = np.minimum(owed, owed.transpose(0, 2, 1))  # so that everybody can pay before the shock
    prices = np.array(draw(st.lists(st.floats(0.7, 1.05), min_size=6 * N, max_size=6 * N))).reshape(6, N)
    return holders, owed, prices


@FEW
@given(cases(), st.sampled_from([0.5, 1.0]), st.sampled_from([None, 1, 4]))
def test_who_fails_through_one_channel_fails_through_both(case, kept, steps):
    found = contagion(*case, MarginCalls(0.04), LinearSaleImpact([0.02]), kept, kept, steps)
    for fewer, more in (
        ("by_shock", "by_claims"),
        ("by_shock", "by_sales"),
        ("by_sales", "in_the_end"),
        ("by_claims", "in_the_end"),
    ):
        assert (getattr(found, fewer) <= getattr(found, more)).all(), (fewer, more)
    assert (found.sale_loss >= -1e-9).all()
    assert (found.whole_loss >= found.direct_loss - 1e-9).all()
    if kept == 1.0:
        assert not found.costs.any()


@FEW
@given(cases())
def test_it_is_sales_and_then_clearing(case):
    holders, owed, prices = case
    rule, impact = LeverageTarget(0.1), LinearSaleImpact([0.01])
    found, sale = contagion(*case, rule, impact, 0.8, 0.9), equilibrium(holders, prices, rule, impact)
    assert (found.prices == sale.prices).all()
    known = clear(owed, sale.equity + holders.debt, holders.debt, 0.8, 0.9)
    assert (found.in_the_end == known.defaults).all()
    assert found.costs == pytest.approx(known.costs)
    assert found.sale_loss == pytest.approx(((prices - sale.prices) @ holders.units.T).sum(axis=-1))


@FEW
@given(cases())
def test_without_leverage_there_is_no_cascade(case):
    _, owed, prices = case
    found = contagion(alike(1.0, 0.5), owed, prices, MarginCalls(0.2), LinearSaleImpact([0.5]), 0.5, 0.5)
    assert not found.in_the_end.any()
    assert found.sale_loss == pytest.approx(0.0, abs=1e-12)


def test_who_cannot_pay_before_the_shock_is_refused():
    owed = [[0.0, 5.0], [0.0, 0.0]]
    with pytest.raises(ValueError, match="every dealer must be able to pay before the shock"):
        contagion(
            Holders.of(2.0 * np.eye(2), [1.0, 1.0], [1.0, 1.0]),
            owed,
            [1.0, 1.0],
            MarginCalls(0.1),
            LinearSaleImpact([0.0]),
        )
