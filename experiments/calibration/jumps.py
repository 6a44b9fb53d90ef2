"""Realised variance and what of it is jumps: bipower variation (Barndorff-Nielsen & Shephard 2004), and jumps one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gamma, ndtr

from experiments.calibration.blocks import Floats, Measured
from experiments.calibration.volatility import moves
from mm_env.data.recording import SECOND, Recording

FEWEST = 40  # returns: fewer tell neither variance
WINDOW = 40  # returns around each that say how large the others are
CHANCE = 0.01  # of taking any return of a day without jumps for one
STILL = 0.1  # the share of returns of 0 beyond which the mid's steps are too coarse for bipower variation


@dataclass(frozen=True)
class Jumps:
    """Realised variance over bipower variance, of returns over `horizon` seconds; price units."""

    horizon: float
    returns: int
    seconds: float  # that they are of
    realised: Measured  # sum of squares, price^2; its error is that of a day without jumps
    bipower: Measured  # pi/2 sum |r_i||r_(i+1)| n/(n-1), price^2: what diffuses
    share: Measured  # 1 - bipower / realised; its error is that of a day without jumps
    found: Floats  # (m,) the returns that are jumps, each told from all others
    zeros: float  # the share of returns of 0

    @property
    def statistic(self) -> float:
        """Standard normal on a day without jumps (the ratio test of Huang & Tauchen 2005)."""
        return self.share.value / self.share.error

    @property
    def p_value(self) -> float:
        """Of the statistic, one-sided."""
        return float(ndtr(-self.statistic))

    @property
    def rate(self) -> Measured:
        """Jumps found a second."""
        count = len(self.found)
        return Measured(count / self.seconds, max(count, 1) ** 0.5 / self.seconds)

    @property
    def size(self) -> float:
        """Their root mean square, price units; NaN if there is none."""
        return float(np.sqrt((self.found**2).mean())) if len(self.found) else np.nan

    @property
    def sigma(self) -> Measured:
        """Of what is not jumps: the realised variance less that of the jumps found, price / sqrt(second)."""
        left = max(self.realised.value - float((self.found**2).sum()), 0.0)
        value = float(np.sqrt(left / self.seconds))
        return Measured(value, 0.5 * self.realised.error / self.realised.value * value)

    @property
    def remark(self) -> str:
        """What is to be known about it; empty where nothing is."""
        if self.zeros <= STILL:
            return ""
        return (
            f"{self.zeros:.0%} of the moves over {self.horizon:g} s are 0: the tick, not jumps, takes from bipower variance; "
            "a longer settings.sampling tells jumps"
        )


def jumps(recording: Recording, horizon: float) -> Jumps:
    """Both variances of a recording and the jumps in it. Raises: ValueError where it holds too few returns."""
    return of_returns(moves(recording, round(horizon * SECOND))[0], horizon)


def of_returns(returns: Floats, horizon: float) -> Jumps:
    """Both variances of returns (n,) over `horizon` seconds each, and the jumps in them.

    The share's error is sqrt(max(1, Q / B^2) (pi^2/4 + pi - 5) / n), B bipower variance and Q tripower quarticity.
    """
    n, size = len(returns), np.abs(returns)
    if n < FEWEST or np.count_nonzero(returns) < FEWEST // 2:
        still = np.count_nonzero(returns)
        raise ValueError(
            f"{FEWEST} returns of {horizon:g} s and {FEWEST // 2} other than 0 are needed, got {n} and {still}"
        )
    realised = float((returns**2).sum())
    bipower = multipower(size, 2, 1.0)
    quarticity = n * multipower(size, 3, 4.0 / 3.0)
    if bipower == 0.0:
        raise ValueError(f"no two returns of {horizon:g} s in a row differ from 0")
    theta = np.pi**2 / 4.0 + np.pi - 5.0
    share = Measured(1.0 - bipower / realised, float(np.sqrt(theta / n * max(1.0, quarticity / bipower**2))))
    return Jumps(
        horizon,
        n,
        n * horizon,
        Measured(realised, float(np.sqrt(2.0 * quarticity / n))),
        Measured(bipower, float(np.sqrt((2.0 + theta) * quarticity / n))),
        share,
        detected(returns),
        float((returns == 0.0).mean()),
    )


def multipower(size: Floats, terms: int, power: float) -> float:
    """mu^-terms n/(n - terms + 1) sum of the products of `terms` neighbouring |returns|^power, mu = E|Z|^power."""
    mean = 2.0 ** (power / 2.0) * gamma((power + 1.0) / 2.0) / gamma(0.5)
    n = len(size) - terms + 1
    product = np.prod([size[i : i + n] ** power for i in range(terms)], axis=0)
    return float(product.sum() * len(size) / n / mean**terms)


def detected(returns: Floats) -> Floats:
    """The returns that are beyond the largest that a diffusion has, but with probability CHANCE (Lee & Mykland 2008).

    The local volatility is that of bipower variation over WINDOW returns around each.
    """
    products = np.pad(0.5 * np.pi * np.abs(returns[1:] * returns[:-1]), (0, 1), mode="edge")
    width = min(WINDOW, len(returns))
    total = np.r_[0.0, np.cumsum(products)]
    start = np.clip(np.arange(len(returns)) - width // 2, 0, len(returns) - width)
    local = np.sqrt((total[start + width] - total[start]) / width)
    log = np.log(len(returns))
    center = np.sqrt(2.0 * log) - (np.log(np.pi) + np.log(log)) / (2.0 * np.sqrt(2.0 * log))
    beyond = center - np.log(-np.log1p(-CHANCE)) / np.sqrt(2.0 * log)
    return returns[np.abs(returns) > beyond * local]
