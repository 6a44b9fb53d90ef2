"""Volatility by the time of the day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.calibration.blocks import Measured
from experiments.calibration.volatility import FEW, moves
from mm_env.data.recording import SECOND, Recording


class Stretch(NamedTuple):
    """A part of the day and its volatility."""

    start: float  # seconds of trading since the first line
    end: float
    sigma: Measured  # price / sqrt(second), NaN where the mid moved less than five times

    @property
    def label(self) -> str:
        """From when to when, in minutes."""
        return f"{self.start / 60.0:g} to {self.end / 60.0:g} min"


def by_time_of_day(recording: Recording, horizon: float, width: float) -> list[Stretch]:
    """sigma of moves over `horizon` seconds in each part of `width` seconds; errors by the spread of their squares."""
    length = round(horizon * SECOND)
    squares = moves(recording, length)[0] ** 2
    part = recording.starts(length) // round(width * SECOND)
    found = []
    for number in range(int(part[-1]) + 1 if len(part) else 0):
        here = squares[part == number]
        if len(here) < 2:
            continue
        end = min((number + 1) * width, recording.length / SECOND)
        found.append(Stretch(number * width, end, _sigma(here, horizon)))
    return found


def _sigma(squares: np.ndarray, horizon: float) -> Measured:
    """sqrt(mean / horizon) by the delta method."""
    if np.count_nonzero(squares) < FEW:
        return Measured(np.nan, np.nan)
    mean, error = float(squares.mean()), float(squares.std(ddof=1)) / len(squares) ** 0.5
    sigma = (mean / horizon) ** 0.5
    return Measured(sigma, 0.5 * error / mean * sigma)
