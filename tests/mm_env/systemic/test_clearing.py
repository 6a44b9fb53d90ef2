"""Clearing: Eisenberg & Noe's rules, the greatest vector by other ways, order of defaults, bankruptcy costs, mistakes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mm_env.systemic.clearing import clear, relative
from tests.mm_env.systemic.books import consistent, systems

SHARES = st.sampled_from([0.0, 0.3, 0.8, 1.0])
FEW = settings(max_examples=60, deadline=None)
OWED = np.array([[0, 20, 10, 0], [15, 0, 15, 10], [10, 10, 0, 20], [0, 5, 10, 0]], float)
BEYOND, OUTSIDE = np.array([30.0, 20.0, 15.0, 25.0]), 0.8 * np.array([30.0, 32.0, 28.0, 18.0])


def received(owed, beyond, payments):
    due = owed.sum(axis=-1) + beyond
    return np.einsum("...ij,...i->...j", relative(owed, due), payments)


@FEW
@given(systems(), SHARES, SHARES)
def test_payments_are_a_fixed_point_with_limited_liability_and_absolute_priority(system, alpha, beta):
    owed, outside, beyond = system
    found, due = clear(*system[:2], beyond, alpha, beta), owed.sum(axis=1) + beyond
    claimed = received(owed, beyond, found.payments)
    value = outside + claimed
    assert (found.payments <= value + 1e-9).all()
    assert (found.payments <= due).all()
    wanted = np.where(found.defaults, alpha * outside + beta * claimed, due)
    assert found.payments == pytest.approx(wanted, abs=1e-9)
    assert (np.where(found.defaults, value < due, value >= due - 1e-9)).all()
    assert (found.equity[found.payments < due - 1e-9] == 0.0).all()


@FEW
@given(systems(), SHARES, SHARES)
def test_no_set_of_defaulters_that_is_consistent_pays_anybody_more(system, alpha, beta):
    ways = consistent(*system, alpha, beta)
    found = clear(*system, alpha, beta).payments
    assert (ways.max(axis=0) <= found + 1e-7).all()
    assert (np.abs(ways - found).max(axis=1) < 1e-7).any()


@FEW
@given(systems())
def test_without_costs_it_pays_as_much_as_can_be_paid(system):
    """Eisenberg & Noe 2001, lemma 4: it solves the linear programme of the largest sum of payments."""
    owed, outside, beyond = system
    due = owed.sum(axis=1) + beyond
    inward = relative(owed, due).T
    solved = linprog(-np.ones(len(due)), np.eye(len(due)) - inward, outside, bounds=[(0.0, d) for d in due])
    assert clear(*system).payments.sum() == pytest.approx(-solved.fun, abs=1e-6)


@FEW
@given(systems(), SHARES, SHARES)
def test_money_is_conserved_but_for_what_bankruptcies_destroy(system, alpha, beta):
    owed, outside, beyond = system
    found, due = clear(*system, alpha, beta), owed.sum(axis=1) + beyond
    outsiders = (found.payments * beyond / np.where(due > 0.0, due, 1.0)).sum()
    assert outside.sum() == pytest.approx(found.equity.sum() + outsiders + found.costs, abs=1e-8)
    if alpha == beta == 1.0:
        assert found.costs == 0.0


@FEW
@given(systems(), systems())
def test_more_assets_outside_hurt_nobody(system, other):
    """Payments and equity are monotone in outside assets, with bankruptcy costs or without."""
    owed, outside, beyond = system
    more = outside + np.resize(other[1], len(outside))
    for alpha, beta in ((1.0, 1.0), (0.5, 0.7)):
        one, two = (clear(owed, assets, beyond, alpha, beta) for assets in (outside, more))
        assert (two.payments >= one.payments - 1e-8).all()
        assert (two.equity >= one.equity - 1e-8).all()


@FEW
@given(systems(), systems())
def test_what_owners_and_outsiders_get_is_non_expansive_in_assets_outside(system, other):
    """|gets(e) - gets(e')| <= |e - e'| in sums of absolute values, as gets only rise with e and no money is lost."""
    owed, outside, beyond = system
    elsewhere, due = np.resize(other[1], len(outside)), owed.sum(axis=1) + beyond
    gets = []
    for assets in (outside, elsewhere):
        found = clear(owed, assets, beyond)
        gets.append(np.concatenate([found.equity, found.payments * beyond / np.where(due > 0.0, due, 1.0)]))
    assert np.abs(gets[1] - gets[0]).sum() <= np.abs(elsewhere - outside).sum() + 1e-8


@FEW
@given(systems(), SHARES, SHARES)
def test_costs_only_lower_payments_and_all_may_be_renumbered(system, alpha, beta):
    owed, outside, beyond = system
    found = clear(owed, outside, beyond, alpha, beta)
    assert (found.payments <= clear(owed, outside, beyond).payments + 1e-9).all()
    order = np.random.default_rng(1).permutation(len(outside))
    other = clear(owed[np.ix_(order, order)], outside[order], beyond[order], alpha, beta)
    assert other.payments == pytest.approx(found.payments[order], abs=1e-8)
    assert (other.round_of_default == found.round_of_default[order]).all()


@FEW
@given(systems())
def test_contagion_stays_within_the_bound_of_glasserman_and_young(system):
    """Who fails because one alone was hit, has no more net worth together than that one's shortfall to dealers can take.

    Glasserman & Young 2015, prop. 1: sum of w_j over them <= beta_i (X_i - w_i), X_i what i lost, beta_i its share of debts to
    dealers.
    """
    owed, outside, beyond = system
    due = owed.sum(axis=1) + beyond
    worth = outside + owed.sum(axis=0) - due
    if (worth < 1e-6).any() or (due == 0.0).any():
        return
    after = outside * (1.0 - np.eye(len(due)))
    for i, found in enumerate(clear(owed, after, beyond).defaults):
        others = found & (np.arange(len(due)) != i)
        if others.any():
            assert worth[others].sum() <= owed[i].sum() / due[i] * (outside[i] - worth[i]) + 1e-8


def test_a_known_system_defaults_in_its_order():
    found = clear(OWED, OUTSIDE, BEYOND)
    assert found.payments == pytest.approx([48.05, 56.533333333, 54.541666667, 40.0], abs=1e-8)
    assert found.round_of_default.tolist() == [1, 2, 3, 0]
    assert found.contagious.tolist() == [False, True, True, False]


def test_outsiders_may_be_a_dealer_that_owes_nothing():
    sink = np.zeros((5, 5))
    sink[:4, :4], sink[:4, 4] = OWED, BEYOND
    for costs in ((1.0, 1.0), (0.8, 0.8)):
        whole, apart = clear(sink, np.append(OUTSIDE, 0.0), 0.0, *costs), clear(OWED, OUTSIDE, BEYOND, *costs)
        assert whole.payments[:4] == pytest.approx(apart.payments, rel=1e-14)
        assert whole.equity[4] == pytest.approx((apart.payments * BEYOND / (OWED.sum(1) + BEYOND)).sum(), rel=1e-14)


def test_of_many_clearing_vectors_the_greatest_is_taken():
    """Two who owe each other 1 and have nothing else may pay each other anything alike; in full is the most."""
    found = clear([[0.0, 1.0], [1.0, 0.0]], [0.0, 0.0])
    assert found.payments.tolist() == [1.0, 1.0]
    assert not found.defaults.any()
    third = [[0.0, 1.0 / 3.0, 0.0], [0.0, 0.0, 1.0 / 3.0], [1.0 / 3.0, 0.0, 0.0]]
    assert not clear(third, [0.0, 0.0, 0.0]).defaults.any()
    both = clear(
        [[0.0, 1.0], [1.0, 0.0]], [0.1, 0.1], 0.2, 0.5, 0.5
    )  # either paying in full or hardly anything is consistent
    assert both.defaults.any()
    assert clear([[0.0, 1.0], [1.0, 0.0]], [0.2, 0.2], 0.2, 0.5, 0.5).payments == pytest.approx([1.2, 1.2])


def test_scenarios_do_not_know_of_each_other():
    random = np.random.default_rng(2)
    outside, owed = random.uniform(0.0, 40.0, (50, 4)), random.uniform(0.0, 15.0, (50, 4, 4)) * (1 - np.eye(4))
    together = clear(owed, outside, BEYOND, 0.7, 0.9)
    for i in range(50):
        alone = clear(owed[i], outside[i], BEYOND, 0.7, 0.9)
        assert (together.payments[i] == alone.payments).all()
        assert (together.round_of_default[i] == alone.round_of_default).all()
    one_network = clear(OWED, outside.reshape(5, 10, 4), BEYOND)
    assert one_network.payments.shape == (5, 10, 4)
    assert one_network.costs.shape == (5, 10)
    assert (one_network.payments.reshape(50, 4)[7] == clear(OWED, outside[7], BEYOND).payments).all()


@pytest.mark.parametrize(("change", "said"), [
    ({"liabilities": [[0.0, -1.0], [0.0, 0.0]]}, "liabilities must be finite and >= 0, got -1"),
    ({"liabilities": [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]}, "liabilities must be square"),
    ({"liabilities": [[2.0, 1.0], [0.0, 0.0]]}, "liabilities must be 0 on the diagonal, as nobody owes itself, got 2"),
    ({"outside": [1.0, np.nan]}, "outside must be finite and >= 0, got nan"),
    ({"outside": [1.0, 1.0, 1.0]}, "broadcast|of 2 dealers"),
    ({"outside": [1.0]}, None),
    ({"alpha": 1.5}, "alpha must lie in .0, 1., got 1.5"),
    ({"beta": -0.1}, "beta must lie in .0, 1., got -0.1"),
])  # fmt: skip
def test_what_cannot_be_cleared_is_refused_by_name(change, said):
    given_ = {"liabilities": [[0.0, 1.0], [0.0, 0.0]], "outside": [0.5, 0.5]} | change
    if said is None:
        assert clear(**given_).payments == pytest.approx([1.0, 0.0])
        return
    with pytest.raises(ValueError, match=said):
        clear(**given_)
