"""Expectation and maximisation of a hidden Markov chain of two variances (Baum, Petrie, Soules & Weiss 1970)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.calibration.blocks import Floats
from experiments.calibration.regime_likelihood import smooth
from mm_env.core import engine

STARTS = ((1.5, 0.02), (2.0, 0.1), (3.0, 0.02), (3.0, 0.3), (5.0, 0.1), (8.0, 0.02))  # ratio of sigmas, chance to move
MOST = 1_000  # iterations of a start
GAIN = 1e-7  # of ln L, at which a start has ended
SAME = 1e-3  # of ln L: what ended within it ended at the best
LEAST = 1e-300  # what is divided by is at least
FLAT = 1e-9  # of the largest eigenvalue of the information: what is less is 0
STEP = 1e-3  # of second differences, of the logarithms of the parameters


@dataclass(frozen=True)
class Path:
    """What EM holds: variances a return, the chain and what it implies."""

    variance: Floats  # (2,) price^2
    chain: Floats  # (2, 2)
    weight: Floats  # (n, 2) the probability of each regime given all returns
    moved: Floats  # (2, 2)
    log_likelihood: float


def maximised(returns: Floats, apart: float, move: float, floor: float) -> tuple[Path, list[float]]:
    """Where EM ends, from sigmas that are `apart` times each other and a chance `move` of moving, and ln L by iteration."""
    total = float((returns**2).mean())
    variance = total * np.array([2.0, 2.0 * apart**2]) / (1.0 + apart**2)
    last = expected(returns, np.maximum(variance, floor), np.array([[1.0 - move, move], [move, 1.0 - move]]))
    found = [last.log_likelihood]
    for _ in range(MOST):
        variance = (last.weight * returns[:, None] ** 2).sum(axis=0) / np.maximum(last.weight.sum(axis=0), LEAST)
        chain = last.moved / np.maximum(last.moved.sum(axis=1, keepdims=True), LEAST)
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
    found = engine.run(smooth, density(returns, variance), np.ascontiguousarray(chain), first, forward, weight, moved)
    return Path(variance, chain, weight, moved, float(found))


def density(returns: Floats, variance: Floats) -> Floats:
    """(n, regimes), not below the smallest number that has a logarithm."""
    density = np.exp(-0.5 * returns[:, None] ** 2 / variance) / np.sqrt(2.0 * np.pi * variance)
    return np.maximum(density, LEAST)


def rates(chain: Floats, horizon: float) -> Floats:
    """The rates out of each regime, (2,), of the chain in continuous time that moves so within `horizon`."""
    moves = np.array([chain[0, 1], chain[1, 0]])
    total = min(float(moves.sum()), 1.0 - 1e-12)
    return -np.log1p(-total) / horizon * moves / max(total, LEAST)


def chain(rates: Floats, horizon: float) -> Floats:
    """Its transition probabilities within `horizon`, (2, 2)."""
    total = float(rates.sum())
    out, back = -np.expm1(-total * horizon) * rates / total
    return np.array([[1.0 - out, out], [back, 1.0 - back]])


def errors(returns: Floats, values: Floats, horizon: float) -> Floats:
    """Standard errors of (sigmas, rates), (4,): by the information of their logarithms; NaN where it is flat."""

    def at(moved: Floats) -> float:
        here = values * np.exp(moved)
        return expected(returns, here[:2] ** 2 * horizon, chain(here[2:], horizon)).log_likelihood

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


def swapped(path: Path) -> Path:
    """The same with the regimes in the other order."""
    return Path(
        path.variance[::-1], path.chain[::-1, ::-1], path.weight[:, ::-1], path.moved[::-1, ::-1], path.log_likelihood
    )
