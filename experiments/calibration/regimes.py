"""Two regimes of volatility: a hidden Markov chain fitted to returns by expectation and maximisation (Hamilton 1989).

A return over `horizon` is normal of mean 0 and variance sigma_r^2 horizon; the regime r is a Markov chain that moves once a
return.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import Floats, Measured, ratio, sums
from experiments.calibration.regime_likelihood import smooth
from experiments.calibration.volatility import moves
from mm_env.core import engine
from mm_env.data.recording import SECOND, Recording

FEWEST = 100  # returns
STARTS = (
    (1.5, 0.02),
    (2.0, 0.1),
    (3.0, 0.02),
    (3.0, 0.3),
    (5.0, 0.1),
    (8.0, 0.02),
)  # ratio of sigmas, chance of a move
MOST = 1_000  # iterations of a start
GAIN = 1e-7  # of ln L, at which a start has ended
SAME = 1e-3  # of ln L: what ended within it ended at the best
FLAT = 1e-9  # of the largest eigenvalue of the information: what is less is 0
STEP = 1e-3  # of second differences, of the logarithms of the parameters
HALF_TICK_VARIANCE = 1.0 / 48.0  # of tick^2: rounding to half ticks, below which no variance is told from 0


@dataclass(frozen=True)
class Path:
    """What EM holds: variances a return, the chain and what it implies."""

    variance: Floats  # (2,) price^2
    chain: Floats  # (2, 2)
    weight: Floats  # (n, 2) the probability of each regime given all returns
    moved: Floats  # (2, 2)
    log_likelihood: float


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
        return out / (out + back)

    @property
    def remarks(self) -> list[str]:
        """What a reader should know before using it, a line each."""
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
        best = ended[0] if ended[0].variance[0] <= ended[0].variance[1] else _swapped(ended[0])
        values = np.r_[np.sqrt(best.variance / horizon), _rates(best.chain, horizon)]
        errors = _errors(returns, values, horizon)
    measured = [Measured(*pair) for pair in zip(values.tolist(), errors.tolist())]
    variance = float((returns**2).mean())
    return Regimes(
        horizon,
        len(returns),
        (measured[0], measured[1]),
        (measured[2], measured[3]),
        None,
        best.log_likelihood,
        float(np.log(_density(returns, np.array([variance]))).sum()),
        best.weight[:, 1],
        np.asarray(horizon * np.arange(len(returns)), np.float64),
        sum(path.log_likelihood > best.log_likelihood - SAME for path in ended),
        bool(best.variance[0] <= 1.001 * floor),
    )


def maximised(returns: Floats, apart: float, move: float, floor: float) -> tuple[Path, list[float]]:
    """Where EM ends, from sigmas that are `apart` times each other and a chance `move` of moving, and ln L by iteration."""
    total = float((returns**2).mean())
    variance = total * np.array([2.0, 2.0 * apart**2]) / (1.0 + apart**2)
    last = expected(returns, np.maximum(variance, floor), np.array([[1.0 - move, move], [move, 1.0 - move]]))
    found = [last.log_likelihood]
    for _ in range(MOST):
        variance = (last.weight * returns[:, None] ** 2).sum(axis=0) / last.weight.sum(axis=0)
        chain = last.moved / last.moved.sum(axis=1, keepdims=True)
        last = expected(returns, np.maximum(variance, max(floor, 1e-12 * total)), chain)
        found.append(last.log_likelihood)
        if found[-1] - found[-2] < GAIN:
            break
    return last, found


def expected(returns: Floats, variance: Floats, chain: Floats) -> Path:
    """The regimes given the returns, and ln L; at first both are as likely."""
    n, regimes = len(returns), len(variance)
    forward, weight, moved = np.empty((n, regimes)), np.empty((n, regimes)), np.empty((regimes, regimes))
    first = np.full(regimes, 1.0 / regimes)
    found = engine.run(smooth, _density(returns, variance), np.ascontiguousarray(chain), first, forward, weight, moved)
    return Path(variance, chain, weight, moved, float(found))


def _density(returns: Floats, variance: Floats) -> Floats:
    """(n, regimes), not below the smallest number that has a logarithm."""
    density = np.exp(-0.5 * returns[:, None] ** 2 / variance) / np.sqrt(2.0 * np.pi * variance)
    return np.maximum(density, 1e-300)


def _rates(chain: Floats, horizon: float) -> Floats:
    """The rates out of each regime, (2,), of the chain in continuous time that moves so within `horizon`."""
    moves = np.array([chain[0, 1], chain[1, 0]])
    total = min(float(moves.sum()), 1.0 - 1e-12)
    return -np.log1p(-total) / horizon * moves / max(total, 1e-300)


def _chain(rates: Floats, horizon: float) -> Floats:
    """Its transition probabilities within `horizon`, (2, 2)."""
    total = float(rates.sum())
    out, back = -np.expm1(-total * horizon) * rates / total
    return np.array([[1.0 - out, out], [back, 1.0 - back]])


def _errors(returns: Floats, values: Floats, horizon: float) -> Floats:
    """Standard errors of (sigmas, rates), (4,): by the information of their logarithms; NaN where it is flat."""

    def at(moved: Floats) -> float:
        here = values * np.exp(moved)
        return expected(returns, here[:2] ** 2 * horizon, _chain(here[2:], horizon)).log_likelihood

    if not (values > 0.0).all():
        return np.full(len(values), np.nan)
    steps = STEP * np.eye(len(values))
    information = -np.array([[at(a + b) - at(a - b) - at(b - a) + at(-a - b) for b in steps] for a in steps]) / (
        4.0 * STEP**2
    )
    lowest, *_, highest = np.linalg.eigvalsh(information).tolist()
    if lowest <= FLAT * highest:
        return np.full(len(values), np.nan)
    return values * np.sqrt(np.diag(np.linalg.inv(information)))


def _swapped(path: Path) -> Path:
    """The same with the regimes in the other order."""
    return Path(
        path.variance[::-1], path.chain[::-1, ::-1], path.weight[:, ::-1], path.moved[::-1, ::-1], path.log_likelihood
    )
