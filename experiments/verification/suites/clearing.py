"""Claims between dealers: clearing vectors and order of defaults, DebtRank, and where many vectors clear."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from experiments.verification.suite import Asked, Row, suite
from mm_env.systemic.arrays import Floats
from mm_env.systemic.clearing import clear, relative
from mm_env.systemic.debt_rank import debt_rank, differential_debt_rank

OWED = np.array(
    [[0, 20, 10, 0, 30], [15, 0, 15, 10, 20], [10, 10, 0, 20, 15], [0, 5, 10, 0, 25], [0, 0, 0, 0, 0]], float
)
OUTSIDE = 0.8 * np.array([30.0, 32.0, 28.0, 18.0, 0.0])
WITHOUT_COSTS = (48.05, 56.53333333, 54.54166667, 40.0, 0.0)
ROUNDS = (1, 2, 3, 0, 0)  # of default, 0 of who pays in full
COSTS, WITH_COSTS = 0.8, (31.576397, 36.606562, 34.753707, 26.511044, 0.0)
IMPACT, VALUES = np.array([[0.0, 0.4, 0.2], [0.1, 0.0, 0.5], [0.3, 0.1, 0.0]]), (0.5, 0.3, 0.2)
FAILED, DISTRESS, LOSS = (1.0, 0.0, 0.0), (1.0, 0.42, 0.40), 0.206


@suite(
    "eisenberg_noe_2001",
    "exact: five dealers, outside assets less 20 %; by defaults, by iteration, by enumeration",
    0.1,
)
def eisenberg_noe(_: Asked) -> Iterator[Row]:
    """Payments with the rounds of default, and what other ways find; of many clearing vectors the greatest."""
    found = clear(OWED, OUTSIDE)
    for i, (paid, number) in enumerate(zip(WITHOUT_COSTS, ROUNDS)):
        yield Row(f"payment of dealer {i}", paid, found.payments[i], 5e-9)
        yield Row(f"round in which dealer {i} defaults", number, found.round_of_default[i], 0.0)
    yield from other_ways(found.payments, 1.0)
    both = clear([[0.0, 1.0], [1.0, 0.0]], [0.0, 0.0]).payments
    yield Row("two that owe each other 1 and have nothing: the greatest vector", 2.0, both.sum(), 0.0)


@suite(
    "rogers_veraart_2013", "exact: the same dealers, alpha = beta = .8; by defaults, by iteration, by enumeration", 0.1
)
def rogers_veraart(_: Asked) -> Iterator[Row]:
    """Payments with bankruptcy costs, other ways to them, and that nothing is lost but the costs."""
    found = clear(OWED, OUTSIDE, 0.0, COSTS, COSTS)
    for i, paid in enumerate(WITH_COSTS):
        yield Row(f"payment of dealer {i}", paid, found.payments[i], 5e-7)
    yield from other_ways(found.payments, COSTS)
    yield Row("assets less equity and costs", 0.0, OUTSIDE.sum() - found.equity.sum() - found.costs, 1e-12)
    both = clear([[0.0, 1.0], [1.0, 0.0]], [0.2, 0.2], 0.2, 0.5, 0.5).payments
    yield Row("two that can pay if the other does, and 0.2 if not: the greatest vector", 2.4, both.sum(), 1e-12)


def other_ways(payments: Floats, kept: float) -> Iterator[Row]:
    """The furthest that iteration from above, and the greatest vector among all sets of defaulters, are off."""
    yield Row("iterated from above, furthest off", 0.0, float(np.abs(iterated(kept) - payments).max()), 1e-9)
    yield Row(
        "greatest of all sets of defaulters, furthest off", 0.0, float(np.abs(greatest(kept) - payments).max()), 1e-9
    )


def iterated(kept: float) -> Floats:
    """p <- who can pay pays in full, who cannot pays `kept` of what it has, from full payments on."""
    due = OWED.sum(axis=1)
    inward, paid = relative(OWED, due).T, due
    for _ in range(2000):
        value = OUTSIDE + inward @ paid
        paid = np.where(value >= due, due, kept * value)
    return paid


def greatest(kept: float) -> Floats:
    """The largest payments of each dealer over all sets of defaulters that are consistent with themselves."""
    due = OWED.sum(axis=1)
    inward, found = relative(OWED, due).T, []
    for failed in map(np.array, product((0.0, 1.0), repeat=len(due))):
        system = np.eye(len(due)) - kept * failed[:, None] * inward
        paid = np.linalg.solve(system, np.where(failed > 0.0, kept * OUTSIDE, due))
        short = OUTSIDE + inward @ paid < due - 1e-9
        if (short == (failed > 0.0)).all():
            found.append(paid)
    return np.max(found, axis=0)


@suite("debt_rank_2012", "exact: Battiston et al. 2012's rule by hand, three dealers, the first fails", 0.1)
def debt_ranks(_: Asked) -> Iterator[Row]:
    """Distress and systemic loss; of the differential one the linear case of Bardoscia et al. 2015."""
    found = debt_rank(IMPACT, FAILED, VALUES)
    for i, known in enumerate(DISTRESS):
        yield Row(f"distress of dealer {i}", known, found.distress[i], 1e-12)
    yield Row("systemic loss", LOSS, float(found.loss), 1e-12)
    shock = np.array([0.05, 0.1, 0.02])
    linear = np.linalg.solve(np.eye(3) - IMPACT.T, shock)
    for i, known in enumerate(linear):
        source = "exact: (I - W')^-1 shock, where nobody fails (Bardoscia et al. 2015)"
        yield Row(f"differential distress of dealer {i}", known, differential_debt_rank(IMPACT, shock, VALUES).distress[i],
                  1e-12, source=source)  # fmt: skip
