"""Elo ratings from how often each of several players beats each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SCALE = 400.0 / np.log(10.0)  # so that 400 points are odds of 10 to 1
ROUNDS = 10_000


def elo_ratings(wins: Floats, mean: float = 1500.0) -> Floats:
    """The ratings (n,) of n players under which P(i beats j) = 1 / (1 + 10^((r_j - r_i) / 400)) is most likely.

    `wins` (n, n) are the games, or shares of them, that i won against j, a draw counting half to both; the diagonal counts for
    nothing. The likelihood of Bradley & Terry 1952 by the minorisation of Hunter 2004; each pair counts half a game more won by
    either, so that who never lost has a rating too.

    Raises: ValueError for wins that are negative or of another shape.
    """
    given = np.asarray(wins, np.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not (given >= 0.0).all():
        raise ValueError(f"wins must be (n, n), none negative, got {given.tolist()}")
    apart = ~np.eye(len(given), dtype=bool)
    won = np.where(apart, given + 0.5 * (given + given.T > 0.0), 0.0)
    games, strength = won + won.T, np.ones(len(given))
    for _ in range(ROUNDS):
        expected = (games / (strength[:, None] + strength[None, :])).sum(axis=1)
        better = np.where(expected > 0.0, won.sum(axis=1) / np.maximum(expected, 1e-300), 1.0)
        better /= np.exp(np.log(better).mean())
        if np.abs(np.log(better / strength)).max() < 1e-12:
            break
        strength = better
    return mean + SCALE * np.log(strength)
