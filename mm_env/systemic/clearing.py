"""Who pays whom when claims between dealers are cleared: Eisenberg & Noe 2001, and with bankruptcy costs Rogers & Veraart 2013.

Limited liability: nobody pays more than it has. Absolute priority: who does not pay in full keeps nothing. Proportionality: a
dealer's payment is split among its creditors as its debts are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.systemic.arrays import ROUNDING, Floats, amounts, claims, share


class Clearing(NamedTuple):
    """What came of a clearing in each scenario. A dealer that defaults in round 1 fails by itself, later ones by others."""

    payments: Floats  # (..., dealers): what each pays to all its creditors together
    equity: Floats  # (..., dealers): what is left to its owners
    round_of_default: NDArray[np.int64]  # (..., dealers): 0 of who pays in full
    costs: Floats  # (...): what bankruptcies destroy

    @property
    def defaults(self) -> NDArray[np.bool_]:
        """Who does not pay in full, (..., dealers)."""
        return self.round_of_default > 0

    @property
    def contagious(self) -> NDArray[np.bool_]:
        """Who would pay in full if all others did, and does not, (..., dealers)."""
        return self.round_of_default > 1


def clear(liabilities: Any, outside: Any, to_outsiders: Any = 0.0, alpha: float = 1.0, beta: float = 1.0) -> Clearing:
    """The greatest clearing vector p of each scenario, and the order of defaults.

    p_i = due_i where outside_i + sum_j share_ji p_j >= due_i, else alpha outside_i + beta sum_j share_ji p_j. `liabilities`
    (..., dealers, dealers) are what the row's dealer owes the column's, `outside` (..., dealers) the assets that are no claims
    on dealers, `to_outsiders` what is owed to others than dealers; leading axes are scenarios and are broadcast.
    Found by the fictitious defaults of Eisenberg & Noe 2001, sec. 3.1 (Rogers & Veraart 2013, sec. 3.1, with costs): all are
    taken to pay in full, who cannot is in default, and what defaulters pay is solved for exactly until nobody joins them:
    at most one round a dealer. alpha = beta = 1 is clearing without bankruptcy costs.

    Raises: ValueError for amounts that are negative or not finite, a matrix that is not square or has debts of dealers to
    themselves, or an alpha or beta outside [0, 1].
    """
    owed, alpha, beta = claims("liabilities", liabilities), share("alpha", alpha), share("beta", beta)
    n = owed.shape[-1]
    outside, beyond = amounts("outside", outside, 1), amounts("to_outsiders", to_outsiders, 0)
    shape = np.broadcast_shapes(owed.shape[:-1], outside.shape, beyond.shape)
    if shape[-1] != n:
        raise ValueError(f"outside and to_outsiders must be of {n} dealers, got shapes {outside.shape}, {beyond.shape}")
    due = np.broadcast_to(owed.sum(axis=-1) + beyond, shape).reshape(-1, n)
    owed = np.broadcast_to(owed, (*shape, n)).reshape(-1, n, n)
    assets = np.broadcast_to(outside, shape).reshape(-1, n)
    inward = relative(owed, due).transpose(0, 2, 1)
    payments, rounds = _fictitious_defaults(inward, due, assets, alpha, beta)
    claimed, failed = _received(inward, payments), rounds > 0
    equity = np.where(failed, 0.0, np.maximum(assets + claimed - due, 0.0))
    costs = np.where(failed, (1.0 - alpha) * assets + (1.0 - beta) * claimed, 0.0).sum(axis=-1)
    return Clearing(payments.reshape(shape), equity.reshape(shape), rounds.reshape(shape), costs.reshape(shape[:-1]))


def relative(owed: Floats, due: Floats) -> Floats:
    """The share of a dealer's payment that goes to each other, (..., dealers, dealers); rows of who owes nothing are 0."""
    return owed / np.where(due > 0.0, due, 1.0)[..., None]


def _fictitious_defaults(
    inward: Floats, due: Floats, assets: Floats, alpha: float, beta: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Payments and rounds of default, (scenarios, dealers)."""
    payments, rounds = due.copy(), np.zeros(due.shape, np.int64)
    going = np.arange(len(due))  # scenarios in which somebody defaulted in the last round
    for number in range(1, due.shape[1] + 1):
        value = assets[going] + _received(inward[going], payments[going])
        fails = (value < due[going] - ROUNDING * (value + due[going])) & (rounds[going] == 0)
        going, fails = going[fails.any(axis=1)], fails[fails.any(axis=1)]
        if len(going) == 0:
            break
        rounds[going] += number * fails
        failed = rounds[going] > 0
        system = np.eye(due.shape[1]) - beta * failed[:, :, None] * inward[going]
        given = np.where(failed, alpha * assets[going], due[going])
        solved = np.linalg.solve(system, given[:, :, None])[:, :, 0]
        payments[going] = np.clip(solved, 0.0, due[going])  # rounding aside it lies there
    return payments, rounds


def _received(inward: Floats, payments: Floats) -> Floats:
    """What dealers get of others' payments, (scenarios, dealers)."""
    return np.matmul(inward, payments[:, :, None])[:, :, 0]
