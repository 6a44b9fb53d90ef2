"""Two regimes of volatility: a hidden Markov chain fitted to returns by expectation and maximisation (Hamilton 1989).

A return over `horizon` is normal of mean 0 and variance sigma_r^2 horizon; the regime r is a Markov chain that moves once a
return.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import Floats, Measured, ratio, sums
from experiments.calibration.em import SAME, STARTS, density, errors, maximised, rates, swapped
from experiments.calibration.volatility import moves
from mm_env.core import engine
from mm_env.data.recording import SECOND, Recording

FEWEST = 100  # returns
HALF_TICK_VARIANCE = 1.0 / 48.0  # of tick^2: rounding to half ticks, below which no variance is told from 0


@dataclass(frozen=True)
class Regimes:
    """The two regimes, the calm one first."""

    horizon: float  # seconds
    returns: int
    sigma: tuple[Measured, Measured]  # price / sqrt(second)
    rate: tuple[Measured, Measured]  # 1 / second: out of the calm one, out of the turbulent one
    orders: tuple[Measured, Measured] | None  # market orders a second in each
    log_likelihood: float
    one_regime: float  # ln L of a single normal
    turbulent: Floats  # (n,) the probability of the turbulent one given all returns
    start: Floats  # (n,) seconds at which each return starts
    at_best: int  # starts that ended at the best
    still: bool  # whether the calm variance is no more than the rounding of the mid

    @property
    def likelihood_ratio(self) -> float:
        """2 ln(L / L of one regime)."""
        return 2.0 * (self.log_likelihood - self.one_regime)

    @property
    def criterion(self) -> float:
        """Schwarz's of one regime less that of two (three parameters more): two are told apart where it is above 0."""
        return self.likelihood_ratio - 3.0 * float(np.log(self.returns))

    @property
    def share(self) -> float:
        """The share of time in the turbulent regime in the long run."""
        out, back = (one.value for one in self.rate)
        return out / (out + back) if out + back > 0.0 else float("nan")

    @property
    def remarks(self) -> list[str]:
        """Why no price can be made of it, a line each: not two regimes, or a parameter that its error is larger than."""
        found = []
        if self.criterion <= 0.0:
            found.append("two regimes are not told from one by Schwarz's criterion")
        if self.still:
            found.append("the calm regime is a mid that stands still: a longer settings.sampling looks past its tick")
        if not all(one.error < one.value for one in (*self.sigma, *self.rate)):
            found.append("the likelihood is flat in some direction: a rate or sigma is not told from 0")
        return found


def regimes(recording: Recording, horizon: float) -> Regimes:
    """Of a recording's mid. Raises: ValueError where it holds too few returns."""
    length = round(horizon * SECOND)
    returns, block = moves(recording, length)
    starts = recording.starts(length)
    found = of_returns(returns, horizon, HALF_TICK_VARIANCE * recording.tick**2)
    edges = np.searchsorted(recording.orders.time, np.r_[starts, starts + length]).reshape(2, -1)
    count, turbulent = edges[1] - edges[0], found.turbulent
    orders = [ratio(sums(block, w * count), sums(block, w) * horizon) for w in (1.0 - turbulent, turbulent)]
    return Regimes(**{**vars(found), "orders": tuple(orders), "start": starts / SECOND})


def of_returns(returns: Floats, horizon: float, floor: float = 0.0) -> Regimes:
    """Of returns (n,) over `horizon` seconds each; no variance is taken for less than `floor`."""
    if len(returns) < FEWEST or np.count_nonzero(returns) < FEWEST // 2:
        still = np.count_nonzero(returns)
        raise ValueError(
            f"{FEWEST} returns of {horizon:g} s and {FEWEST // 2} other than 0 are needed, got {len(returns)} and {still}"
        )
    with engine.settled():
        ended = sorted(
            (maximised(returns, *start, floor)[0] for start in STARTS), key=lambda path: -path.log_likelihood
        )
        best = ended[0] if ended[0].variance[0] <= ended[0].variance[1] else swapped(ended[0])
        values = np.r_[np.sqrt(best.variance / horizon), rates(best.chain, horizon)]
        found = errors(returns, values, horizon)
    measured = [Measured(*pair) for pair in zip(values.tolist(), found.tolist())]
    variance = float((returns**2).mean())
    return Regimes(
        horizon,
        len(returns),
        (measured[0], measured[1]),
        (measured[2], measured[3]),
        None,
        best.log_likelihood,
        float(np.log(density(returns, np.array([variance]))).sum()),
        best.weight[:, 1],
        np.asarray(horizon * np.arange(len(returns)), np.float64),
        sum(path.log_likelihood > best.log_likelihood - SAME for path in ended),
        bool(best.variance[0] <= 1.001 * floor),
    )
