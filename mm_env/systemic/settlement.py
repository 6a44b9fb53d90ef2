"""What makers of one market owe each other, cleared when their episodes have ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.systemic.arrays import amounts
from mm_env.systemic.clearing import Clearing, clear


def settle(profits: Any, capital: Any, liabilities: Any, alpha: float = 1.0, beta: float = 1.0) -> Clearing:
    """The clearing of claims between makers who end their episodes with `capital` + `profits`, price units.

    Profits (..., makers), capital (makers,) or one number, `liabilities` (..., makers, makers) of the row's maker to the
    column's. Who has lost more than its capital owes the rest to others than makers, at the same rank. A maker that defaults in
    round 1 fails by its own losses, later ones by those of others; alpha and beta as `clear` has them.

    Raises: ValueError as `clear` does, for a capital that is negative, or profits that are not finite.
    """
    gained, dealers = np.asarray(profits, np.float64), np.shape(liabilities)[-1:]
    if gained.shape[-1:] != dealers or not np.isfinite(gained).all():
        raise ValueError(f"profits must be finite, one for each of {dealers} makers, got shape {gained.shape}")
    worth = amounts("capital", capital, 0) + gained
    return clear(liabilities, np.maximum(worth, 0.0), np.maximum(-worth, 0.0), alpha, beta)
