"""DebtRank: distress that is handed on before anybody defaults."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mm_env.systemic.arrays import Floats, amounts, claims

_SETTLED, _MOST = 1e-14, 1_000_000  # a round that moves no distress by more than this is the last; rounds at most


class Distress(NamedTuple):
    """The share of its equity that each dealer has lost, and what that is of the whole beyond the shock itself."""

    distress: Floats  # (..., dealers), in [0, 1]
    loss: Floats  # (...): sum of values x (distress at the end - distress at the start)


def impacts(liabilities: Any, equity: Any) -> Floats:
    """W_ij = min(1, what i owes j / equity_j): the share of j's equity that is lost with i, (..., dealers, dealers)."""
    owed, worth = claims("liabilities", liabilities), amounts("equity", equity, 1)
    if not (worth > 0.0).all():
        raise ValueError(f"equity must be > 0, got {worth[worth <= 0.0][0]:g}")
    return np.minimum(owed / worth[..., None, :], 1.0)


def debt_rank(impact: Any, shock: Any, values: Any) -> Distress:
    """The distress after a `shock` (..., dealers), the share of its equity that each dealer loses first.

    h_j(t) = min(1, h_j(t - 1) + sum of W_ij h_i(t - 1) over the i that became distressed in the last round): each dealer hands
    its distress on once (Battiston, Puliga, Kaushik, Tasca & Caldarelli 2012). `impact` W (dealers, dealers), `values` the
    dealers' economic values as shares of the whole.
    """
    weights, distress, value = _checked(impact, shock, values)
    start, fresh, done = distress, distress > 0.0, np.zeros(distress.shape, bool)
    while fresh.any():
        distress = np.minimum(1.0, distress + (distress * fresh) @ weights)
        done, fresh = done | fresh, (distress > 0.0) & ~(done | fresh)
    return Distress(distress, (distress - start) @ value)


def differential_debt_rank(impact: Any, shock: Any, values: Any, rounds: int = _MOST) -> Distress:
    """As `debt_rank`, but every further loss is handed on as well, once.

    h(t + 1) = min(1, h(t) + (h(t) - h(t - 1)) W) from h(0) = 0, h(1) = `shock` (Bardoscia, Battiston, Caccioli & Caldarelli
    2015): the least h = min(1, shock + h W), (I - W')^-1 shock where nobody fails. Ends after `rounds`, or with the first round
    that moves nothing by more than 1e-14.
    """
    weights, start, value = _checked(impact, shock, values)
    distress = start
    for _ in range(rounds):
        after = np.minimum(1.0, start + distress @ weights)
        moved = float((after - distress).max())
        distress = after
        if moved <= _SETTLED:
            break
    return Distress(distress, (distress - start) @ value)


def _checked(impact: Any, shock: Any, values: Any) -> tuple[Floats, Floats, Floats]:
    weights, hit, value = claims("impact", impact), amounts("shock", shock, 1), amounts("values", values, 1)
    if weights.ndim != 2 or hit.shape[-1] != len(weights) or value.shape != (len(weights),):
        raise ValueError(
            f"impact must be one matrix, shock (..., dealers) and values (dealers,) of as many, got shapes {weights.shape}, "
            f"{hit.shape} and {value.shape}"
        )
    if (hit > 1.0).any():
        raise ValueError(f"shock must lie in [0, 1], got {hit.max():g}")
    return weights, hit, value
