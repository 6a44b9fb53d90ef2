"""Small desks for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env import (
    Bernoulli,
    CovariancePrices,
    Desk,
    Exponential,
    FiniteHorizon,
    Instrument,
    NoOutside,
    OutsideRate,
    Tier,
    VariancePenalty,
)

OUTSIDE = OutsideRate(max_rate=40.0, half_spread=0.1, quadratic=0.01, impact=0.02)


def instrument(
    name: str, rate: float = 20.0, k: float = 1.0, tiers: int = 1, outside: Any = None, **more: Any
) -> Instrument:
    """An instrument that differs from others by what it is given."""
    asked = [Tier(Bernoulli(rate / (t + 1)), Exponential(k * (t + 1))) for t in range(tiers)]
    shape = {"max_depth": 3.0, "max_inventory": 6.0, "outside": outside or NoOutside()}
    return Instrument(name, tuple(asked), **{**shape, **more})


def covariance(n: int, correlation: float = 0.4) -> Any:
    """Of n instruments whose volatilities differ."""
    sigmas = np.linspace(0.5, 1.5, n)
    return (np.outer(sigmas, sigmas) * (correlation + (1.0 - correlation) * np.eye(n))).tolist()


def rich(n: int = 3, **more: Any) -> Desk:
    """A desk whose instruments differ, of two tiers and three sizes, traded outside too."""
    sizes = {"sizes": (1.0, 2.0, 3.0), "probabilities": (0.5, 0.3, 0.2)}
    each = tuple(
        instrument(f"A{i}", 10.0 + i, 1.0 + 0.1 * i, 2, OUTSIDE, max_inventory=5.0 + i, weight=1.0 + i, **sizes)
        for i in range(n)
    )
    rest = {"prices": CovariancePrices(covariance(n), (0.1,)), "reward": VariancePenalty(0.2, 0.01)}
    return Desk(each, **{**rest, "clock": FiniteHorizon(1.0, 50), **more})


def plain(n: int, correlation: float = 0.4, **more: Any) -> Desk:
    """A desk of n instruments of one tier and one size."""
    rest = {"prices": CovariancePrices(covariance(n, correlation)), "reward": VariancePenalty(0.2)}
    each = tuple(instrument(f"A{i}", 20.0 + i, 1.0 + 0.1 * i) for i in range(n))
    return Desk(each, **{**rest, "clock": FiniteHorizon(1.0, 50), **more})


def actions(desk: Desk, lanes: int, steps: int, seed: int = 0) -> Any:
    """Actions (steps, lanes x width), uniform."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (steps, lanes * desk.width))


def numbers(simulation: Any) -> Any:
    """What the lanes hold of each instrument, (instruments, numbers, lanes)."""
    return np.array([list(holding) for holding in simulation.holdings])
