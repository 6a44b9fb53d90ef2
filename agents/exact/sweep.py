"""The recursion of a table's value where nothing but time and inventory matters, as one compiled loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.outcomes import CELLS, Rows
from agents.exact.room import progress
from mm_env.core import engine
from mm_env.core.maths import exp, log
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]


def swept(rows: Rows, gamma: float, held: Floats, due: Floats) -> Floats:
    """V (steps + 1, levels) of a table: its expected gains, or certainty equivalents if gamma > 0.

    `held` (levels,) is what it brings to hold an inventory over a step, `due` what is paid for it at the end.
    """
    steps, levels = rows.market.clock.steps, len(held)
    values, stride = np.zeros((steps + 1, levels)), max(1, CELLS // levels)
    known = _arrays(rows) if len(rows) == 1 else None
    run = None
    for last in progress(range(steps, 0, -stride), "evaluating", f"{stride} steps"):
        first = max(last - stride, 0)
        probability, gain, level = known or _arrays(rows.between(first, last))
        arguments = (gamma, probability, gain, level, held, due, float(last == steps), values[first : last + 1])
        run = run or engine.compiled(sweep, *arguments)
        run(*arguments)
    return values


def _arrays(rows: Rows) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Probability, gain and level after it of each row's outcomes, (rows, outcomes, levels)."""
    outcomes, q = rows.together(), inventory_levels(rows.market)
    probability = np.stack([o.probability[:, 0] for o in outcomes], axis=1)
    gain = np.stack([(o.cash + q[o.level] * o.jump)[:, 0] for o in outcomes], axis=1)
    return probability, gain, np.stack([o.level[:, 0] for o in outcomes], axis=1)


def sweep(
    gamma: float, probability: Any, gain: Any, level: Any, held: Any, due: Any, ends: float, values: Any
) -> None:  # fmt: skip
    """Fill `values` (steps + 1, levels) from its end, given each row's outcomes, (rows, outcomes, levels).

    With `ends` the last of the steps is the last of the episode.
    """
    steps, levels = values.shape[0] - 1, values.shape[1]
    for step in range(steps - 1, -1, -1):
        row, ended = step % probability.shape[0], ends if step == steps - 1 else 0.0
        for i in range(levels):
            worst, total = math.inf, 0.0
            for o in range(probability.shape[1]):
                j, chance = level[row, o, i], probability[row, o, i]
                worth = gain[row, o, i] + held[j] - ended * due[j] + values[step + 1, j]
                total += chance * worth
                worst = min(worst, worth) if chance > 0.0 else worst
            values[step, i] = total
            if gamma > 0.0:
                total = 0.0
                for o in range(probability.shape[1]):
                    j, chance = level[row, o, i], probability[row, o, i]
                    worth = gain[row, o, i] + held[j] - ended * due[j] + values[step + 1, j]
                    total += chance * exp(gamma * (worst - worth)) if chance > 0.0 else 0.0
                values[step, i] = worst - log(total) / gamma
