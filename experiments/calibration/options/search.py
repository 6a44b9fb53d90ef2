"""Where a fit starts, and where least squares leads to from there.

The prices are QuantLib's; least squares is scipy's trust region, within wide bounds and, where a parameter is positive, on its
logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from experiments.calibration.options.models import MODELS, Pricer
from experiments.calibration.options.surface import Floats, Surface

BOUNDS = {
    "kappa": (1e-2, 100.0), "theta": (1e-4, 4.0), "vol": (1e-2, 20.0), "rho": (-0.999, 0.999), "v0": (1e-4, 4.0),
    "rate": (1e-3, 20.0), "jump_mean": (-1.5, 1.5), "jump_std": (1e-3, 1.5),
}  # fmt: skip
SIGNED = ("rho", "jump_mean")
STARTS = {  # where starts are drawn; theta and v0 are shares of the variance at the money, longest and shortest
    "kappa": (0.5, 10.0), "theta": (0.5, 2.0), "vol": (0.2, 2.0), "rho": (-0.8, 0.2), "v0": (0.5, 2.0),
    "rate": (0.05, 2.0), "jump_mean": (-0.4, 0.1), "jump_std": (0.05, 0.4),
}  # fmt: skip
MOST = 200  # evaluations of a start


@dataclass(frozen=True)
class Ended:
    """Where a start led to."""

    parameters: Floats
    rmse: float  # volatility
    converged: bool  # whether it came to rest within MOST evaluations


def starts(surface: Surface, model: str, count: int, seed: int) -> list[Floats]:
    """Drawn from STARTS, those that are positive evenly on their logarithm."""
    random = np.random.default_rng(seed)
    variance = surface.at_the_money() ** 2
    scale = {"theta": variance[-1], "v0": variance[0]}
    found = []
    for _ in range(count):
        drawn = {name: _drawn(random, name) * scale.get(name, 1.0) for name in MODELS[model]}
        found.append(np.array([np.clip(value, *BOUNDS[name]) for name, value in drawn.items()]))
    return found


def _drawn(random: np.random.Generator, name: str) -> float:
    low, high = STARTS[name]
    return random.uniform(low, high) if name in SIGNED else float(np.exp(random.uniform(np.log(low), np.log(high))))


def ended(pricer: Pricer, start: Floats) -> Ended:
    """Where least squares leads to from `start`."""
    free = np.array([name in SIGNED for name in pricer.names])
    low, high = (_unbound(np.array(bound), free) for bound in zip(*(BOUNDS[name] for name in pricer.names)))
    at = np.clip(_unbound(start, free), low + 1e-6, high - 1e-6)
    found = least_squares(
        lambda x: pricer.errors(_bound(x, free)), at, bounds=(low, high), x_scale="jac", diff_step=1e-6, ftol=1e-10,
        xtol=1e-10, gtol=1e-12, max_nfev=MOST,
    )  # fmt: skip
    return Ended(_bound(found.x, free), float(np.sqrt((found.fun**2).mean())), found.status > 0)


def _unbound(parameters: Floats, signed: Any) -> Floats:
    return np.where(signed, parameters, np.log(np.where(signed, 1.0, parameters)))


def _bound(values: Floats, signed: Any) -> Floats:
    return np.where(signed, values, np.exp(np.where(signed, 0.0, values)))
