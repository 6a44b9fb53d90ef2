"""How far market orders push the mid, and how soon that is gone: the answer of a replay to our own trades."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from experiments.calibration.blocks import BLOCKS, Floats, Measured, block_of
from mm_env.data.recording import SECOND, Recording

DECAYS = np.geomspace(1e-3, 10.0, 81)  # per second
LEAST = 100  # market orders
CHOSEN = 1 / 60  # per second: the decay where none is told


class Transient(NamedTuple):
    """dm = strength dx + lasting v + noise with dx = -decay x dt + v: least squares, errors by the blocks of the day."""

    strength: Measured  # price per unit of the file, which fades
    decay: float  # per second: of the least squares
    lasting: Measured  # price per unit of the file, which stays: what the orders knew
    push: Measured  # price per unit of the file: both, as they are when the orders have come

    @property
    def told(self) -> bool:
        """Whether orders push the mid at all, above 0 by more than two standard errors."""
        return self.push.value > 2.0 * self.push.error

    @property
    def fades(self) -> bool:
        """Whether the part that fades is above 0 by more than two standard errors."""
        return self.strength.value > 2.0 * self.strength.error

    def answer(self, unit: float) -> tuple[float, float]:
        """`strength` per unit of so many of the file's, and `decay`, of TransientImpact: our orders know nothing, and all of
        their push fades, at the rate of others' where that is told."""
        return unit * self.push.value, self.decay if self.fades else CHOSEN


def transient(recording: Recording, step: float) -> Transient:
    """The two parts of the mid's answer to visible market orders, of signed volume and moves over `step` seconds.

    Raises: ValueError for fewer than LEAST market orders.
    """
    if len(recording.orders.time) < LEAST:
        raise ValueError(f"a recording must hold {LEAST} market orders, got {len(recording.orders.time)}")
    moves, volume, blocks = _grid(recording, step)
    fits = ((*_fitted(moves, volume, decay, step), decay) for decay in DECAYS)
    columns, found, left, decay = min(fits, key=lambda fit: float((fit[2] ** 2).sum()))
    covariance = _covariance(columns, left, blocks)
    parts = (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.ones(2))
    fading, lasting, push = (Measured(float(part @ found), float(np.sqrt(part @ covariance @ part))) for part in parts)
    return Transient(fading, float(decay), lasting, push)


def _grid(recording: Recording, step: float) -> tuple[Floats, Floats, np.ndarray]:
    """Moves of the mid, lots bought less lots sold, and blocks, of each stretch of `step` seconds."""
    length, quotes, orders = round(step * SECOND), recording.quotes, recording.orders
    starts = recording.starts(length)
    ends = quotes.twice_mid[quotes.at(starts + length)] - quotes.twice_mid[quotes.at(starts)]
    summed = np.bincount(orders.time // length, orders.side * orders.size, minlength=recording.length // length + 1)
    moves, volume = (np.asarray(each, np.float64) for each in (0.5 * recording.tick * ends, summed[starts // length]))
    return moves, volume, block_of(recording, starts)


def _fitted(moves: Floats, volume: Floats, decay: float, step: float) -> tuple[Floats, Floats, Floats]:
    """(n, 2) what fades and what stays, their (2,) coefficients, and (n,) what they leave of the moves."""
    x = lfilter([1.0], [1.0, -np.exp(-decay * step)], volume)
    columns = np.stack((np.diff(x, prepend=0.0), volume), axis=1)
    found = np.asarray(np.linalg.lstsq(columns, moves, rcond=None)[0], np.float64)
    return columns, found, moves - columns @ found


def _covariance(columns: Floats, residuals: Floats, blocks: np.ndarray) -> Floats:
    """(2, 2) of the coefficients, which holds whatever the residuals' variance and their dependence within a block are."""
    inverse = np.linalg.pinv(columns.T @ columns)
    scores = np.zeros((BLOCKS, 2))
    np.add.at(scores, blocks, columns * residuals[:, None])
    return inverse @ (scores.T @ scores) @ inverse
