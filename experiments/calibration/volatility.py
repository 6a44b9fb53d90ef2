"""sigma of the mid by horizon: the signature plot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import Floats, Measured, block_of, ratio, sums
from mm_env.data.recording import SECOND, Ints, Recording

FEW = 5  # moves of the mid: fewer say too little of how much it moves


@dataclass(frozen=True)
class Volatility:
    """How much the mid moves within `horizon` seconds; not known (NaN) where it moved in fewer than five stretches."""

    horizon: float
    sigma: Measured  # price / sqrt(second): sqrt(mean of squared moves / horizon)
    kurtosis: float  # of the moves, in excess of the normal's; 0 for a Brownian mid
    moves: int  # how many moves it is the mean of
    moved: int  # how many of them were not 0

    @property
    def missing(self) -> str:
        """Why it is not known; empty where it is."""
        if self.moved >= FEW:
            return ""
        return f"the mid moved in {self.moved} of {self.moves} stretches of {self.horizon:g} s, and {FEW} are needed"


def moves(recording: Recording, length: int) -> tuple[Floats, Ints]:
    """(moves of the mid in price units, blocks) over stretches of `length` ns, end to end from the first line on."""
    starts = recording.starts(length)
    quotes = recording.quotes
    change = quotes.twice_mid[quotes.at(starts + length)] - quotes.twice_mid[quotes.at(starts)]
    return np.asarray(change * (0.5 * recording.tick), np.float64), block_of(recording, starts)


def volatility(recording: Recording, horizon: float) -> Volatility:
    """sigma(h)^2 = mean of (mid(t + h) - mid(t))^2 / h at t = 0, h, 2h, ...; its error by batch means of the squares."""
    dx, blocks = moves(recording, round(horizon * SECOND))
    moved = int(np.count_nonzero(dx))
    if moved < FEW:
        return Volatility(horizon, Measured(np.nan, np.nan), np.nan, len(dx), moved)
    variance = ratio(sums(blocks, dx**2), sums(blocks) * horizon)
    sigma = float(np.sqrt(variance.value))
    fourth = float((dx**4).mean() / (dx**2).mean() ** 2)
    return Volatility(horizon, Measured(sigma, variance.error / (2.0 * sigma)), fourth - 3.0, len(dx), moved)


def signature(recording: Recording, horizons: Iterable[float]) -> list[Volatility]:
    """sigma for each horizon of which the recording holds at least twenty."""
    return [volatility(recording, h) for h in horizons if len(recording.starts(round(h * SECOND))) >= 20]
