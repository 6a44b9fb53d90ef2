"""The learning curve of a run, as a file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CURVE = "curve.csv"


class Curve:
    """`curve.csv` of a run: lane-steps trained, seconds spent on it (watching left out) and what was reached by then.

    A run that goes on after an interruption keeps the rows up to where it takes up again.
    """

    def __init__(self, folder: Path, steps_done: int) -> None:
        self.path = folder / CURVE
        rows = [row for row in read_curve(folder) if row[0] <= steps_done]
        self.seconds, self.since = max((float(row[1]) for row in rows), default=0.0), time.perf_counter()
        self.path.write_text("steps,seconds,skill,objective\n")
        for row in rows:
            if row[0] < steps_done:
                self._append(row)

    def pause(self) -> None:
        """What follows is not training."""
        self.seconds += time.perf_counter() - self.since

    def go_on(self) -> None:
        """What follows is."""
        self.since = time.perf_counter()

    def write(self, steps: int, skill: float | None, objective: float) -> None:
        """Append what was reached after `steps`."""
        self._append((steps, self.seconds, float("nan") if skill is None else skill, objective))

    def _append(self, row: Sequence[float] | NDArray[np.float64]) -> None:
        with self.path.open("a") as file:
            file.write(f"{int(row[0])},{row[1]:.3f},{row[2]:.6g},{row[3]:.8g}\n")


def read_curve(folder: Path) -> NDArray[np.float64]:
    """The curve of a run, (rows, 4): steps, seconds, skill, objective; no rows if it has none."""
    path = folder / CURVE
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2).reshape(-1, 4) if path.is_file() else np.empty((0, 4))
