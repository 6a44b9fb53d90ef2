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

Floats = NDArray[np.float64]


def swept(rows: Rows) -> Floats:
    """V (steps + 1, cells) of a table: its expected gains, or under a utility certainty equivalents."""
    problem, axis, steps = rows.problem, rows.problem.axis, rows.problem.market.clock.steps
    gamma, penalties = problem.gamma, problem.penalties
    cells = len(axis.held)
    values, stride = np.zeros((steps + 1, cells)), max(1, CELLS // cells)
    known = _arrays(rows, 0, 1) if len(rows) == 1 else None
    nothing, run = np.zeros((1, cells)), None
    before = axis.look_ahead(nothing, penalties.after(1), gamma)
    for last in progress(range(steps, 0, -stride), "evaluating", f"{stride} steps"):
        first = max(last - stride, 0)
        probability, gain, level = known or _arrays(rows, first, last)
        held = before
        if penalties.timed or axis.timed:
            held = np.concatenate(
                [axis.look_ahead(nothing, penalties.after(step + 1), gamma, step) for step in range(first, last)]
            )
        final = axis.look_ahead(nothing, penalties.after(last), gamma, last - 1)[0]
        arguments = (gamma, probability, gain, level, held, final, values[first : last + 1])
        run = run or engine.compiled(sweep, *arguments)
        run(*arguments)
    return values


def _arrays(rows: Rows, first: int, last: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Probability, gain and cell after it of each row's outcomes, (rows, outcomes, cells)."""
    found = rows.between(first, last)
    gain = found.cash + rows.problem.axis.held[found.level] * found.jump
    return found.probability[:, 0], gain[:, 0], found.level[:, 0]


def sweep(gamma: float, probability: Any, gain: Any, level: Any, held: Any, final: Any, values: Any) -> None:
    """Fill `values` (steps + 1, cells) from its end, given each row's outcomes, (rows, outcomes, cells), and what it brings to
    hold each cell over a step, `held` (rows, cells), and over the last of them, `final` (cells,)."""
    steps, cells = values.shape[0] - 1, values.shape[1]
    holding = np.empty(cells)
    for step in range(steps - 1, -1, -1):
        row = step % probability.shape[0]
        for i in range(cells):
            holding[i] = (final[i] if step == steps - 1 else held[step % held.shape[0], i]) + values[step + 1, i]
        for i in range(cells):
            worst, total = math.inf, 0.0
            for o in range(probability.shape[1]):
                j, chance = level[row, o, i], probability[row, o, i]
                worth = gain[row, o, i] + holding[j]
                total += chance * worth
                worst = min(worst, worth) if chance > 0.0 else worst
            values[step, i] = total
            if gamma > 0.0:
                total = 0.0
                for o in range(probability.shape[1]):
                    j, chance = level[row, o, i], probability[row, o, i]
                    worth = gain[row, o, i] + holding[j]
                    total += chance * exp(gamma * (worst - worth)) if chance > 0.0 else 0.0
                values[step, i] = worst - log(total) / gamma
