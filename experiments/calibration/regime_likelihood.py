"""The likelihood of a hidden Markov chain, forward and backward over its observations.

Plain Python as it stands; `mm_env.core.engine.compiled` makes machine code of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def smooth(density: Any, chain: Any, first: Any, forward: Any, weight: Any, moved: Any) -> float:
    """ln L of observations whose densities in each regime are `density` (n, r), with P(regime of the row -> of the column)
    `chain` (r, r) and the law `first` (r,) of the regime at the first one.

    Writes the law of each regime given all observations up to it to `forward` (n, r), given all to `weight` (n, r), and the
    expected number of moves between regimes to `moved` (r, r).
    """
    n, regimes = density.shape
    total = 0.0
    for i in range(n):
        scale = 0.0
        for s in range(regimes):
            before = first[s]
            if i > 0:
                before = 0.0
                for r in range(regimes):
                    before += forward[i - 1, r] * chain[r, s]
            forward[i, s] = before * density[i, s]
            scale += forward[i, s]
        for s in range(regimes):
            forward[i, s] /= scale
        total += np.log(scale)
    moved[:] = 0.0
    weight[n - 1] = forward[n - 1]
    for i in range(n - 2, -1, -1):
        for r in range(regimes):
            weight[i, r] = 0.0
        for s in range(regimes):
            predicted = 0.0
            for r in range(regimes):
                predicted += forward[i, r] * chain[r, s]
            for r in range(regimes):
                pair = forward[i, r] * chain[r, s] * weight[i + 1, s] / predicted if predicted > 0.0 else 0.0
                moved[r, s] += pair
                weight[i, r] += pair
    return total
