"""The learning curve of a run, as a file."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.learning.durable import put_text

CURVE = "curve.csv"
_HEADING = "steps,seconds,skill,objective\n"


class Curve:
    """`curve.csv` of a run: lane-steps trained, seconds spent on it (evaluations left out) and what was reached by then.

    A run that goes on after an interruption keeps the rows up to where it takes up again.
    """

    def __init__(self, folder: Path, steps_done: int) -> None:
        self.path = folder / CURVE
        rows = [row for row in read_curve(folder) if row[0] <= steps_done]
        self.seconds, self.since = max((float(row[1]) for row in rows), default=0.0), time.perf_counter()
        put_text(self.path, _HEADING + "".join(_line(row) for row in rows if row[0] < steps_done))

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
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(row))


def read_curve(folder: Path) -> NDArray[np.float64]:
    """The curve of a run, (rows, 4): steps, seconds, skill, objective; no rows if it has none.

    A last line that was cut off is not there. Raises: ValueError naming the file if anything else is wrong with it.
    """
    path = folder / CURVE
    text = path.read_bytes().decode(errors="replace") if path.is_file() else ""
    whole = text[: text.rfind("\n") + 1]
    if not whole and (not text or _HEADING.startswith(text)):
        return np.empty((0, 4))
    try:
        heading, *lines = whole.splitlines(keepends=True)
        rows = [[float(number) for number in line.split(",")] for line in lines]
        if heading != _HEADING or any(len(row) != 4 or not math.isfinite(row[0]) for row in rows):
            raise ValueError
    except ValueError as error:
        raise ValueError(
            f"{path} was cut off or damaged: delete it, and model.zip, to have the run made again"
        ) from error
    return np.array(rows, np.float64).reshape(-1, 4)


def _line(row: Sequence[float] | NDArray[np.float64]) -> str:
    return f"{int(row[0])},{row[1]:.3f},{row[2]:.6g},{row[3]:.8g}\n"
