"""The fit of Heston or Bates to a surface: equal weights on implied volatility, from several starts.

The prices are QuantLib's; least squares is scipy's trust region, within wide bounds and, where a parameter is positive, on its
logarithm. No Feller constraint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from tqdm import tqdm

from experiments.calibration.blocks import Measured
from experiments.calibration.options.models import MODELS, NODES, Pricer, require_quantlib
from experiments.calibration.options.surface import Floats, Surface
from mm_env.core.parameters import Count, check_fields

BOUNDS = {
    "kappa": (1e-2, 100.0), "theta": (1e-4, 4.0), "vol": (1e-2, 20.0), "rho": (-0.999, 0.999), "v0": (1e-4, 4.0),
    "rate": (1e-3, 20.0), "jump_mean": (-1.5, 1.5), "jump_std": (1e-3, 1.5),
}  # fmt: skip
SIGNED = ("rho", "jump_mean")
STARTS = {  # where starts are drawn; theta and v0 are shares of the variance at the money, longest and shortest
    "kappa": (0.5, 10.0), "theta": (0.5, 2.0), "vol": (0.2, 2.0), "rho": (-0.8, 0.2), "v0": (0.5, 2.0),
    "rate": (0.05, 2.0), "jump_mean": (-0.4, 0.1), "jump_std": (0.05, 0.4),
}  # fmt: skip
SEARCH = 64  # nodes of the quadrature while searching; the best is fitted again with NODES
SAME = 1e-4  # of the RMSE: what ended within it ended at the best
MOST = 100  # evaluations of a start


@dataclass(frozen=True)
class Settings:
    """How a surface is fitted. Raises: TypeError or ValueError that names the setting, the rule and the value."""

    model: str = "heston"  # or bates
    starts: Count = 24
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.model not in MODELS:
            raise ValueError(f"Settings.model must be one of {', '.join(MODELS)}, got {self.model!r}")


@dataclass(frozen=True)
class Ended:
    """Where a start led to."""

    parameters: Floats
    rmse: float  # volatility


@dataclass(frozen=True)
class Fit:
    """The best parameters, and what is known of them."""

    surface: Surface
    model: str
    parameters: Floats  # (p,) in the order of `names`
    errors: Floats  # (quotes,) implied volatility of the model less that quoted
    jacobian: Floats  # (quotes, p) derivatives of the implied volatilities
    ends: list[Ended]  # of all starts, best first

    @property
    def names(self) -> tuple[str, ...]:
        return MODELS[self.model]

    @property
    def named(self) -> dict[str, float]:
        """Name -> value of each parameter."""
        return dict(zip(self.names, self.parameters.tolist()))

    @property
    def title(self) -> str:
        """What was fitted, as people call it."""
        return self.model.capitalize()

    def by_maturity(self, values: Floats) -> list[Floats]:
        """What stands for each quote, (quotes,), a part for each smile."""
        return np.split(values, np.cumsum([len(smile.strikes) for smile in self.surface.smiles])[:-1])

    @property
    def rmse(self) -> float:
        """Root mean squared error of the implied volatilities."""
        return float(np.sqrt((self.errors**2).mean()))

    @property
    def at_best(self) -> int:
        """How many starts ended at the best."""
        return sum(end.rmse <= (1.0 + SAME) * self.ends[0].rmse + 1e-9 for end in self.ends)

    @property
    def feller(self) -> float:
        """2 kappa theta / vol^2: the variance reaches 0 where it is below 1."""
        value = self.named
        return 2.0 * value["kappa"] * value["theta"] / value["vol"] ** 2

    @property
    def at_bounds(self) -> list[str]:
        """The parameters that ended within a thousandth of a bound, where the surface does not tell them."""
        return [
            name for name, value in self.named.items() if np.isclose(value, BOUNDS[name], rtol=1e-3, atol=0.0).any()
        ]

    @property
    def covariance(self) -> Floats:
        """s^2 (J'J)^-1, (p, p), s^2 the squared errors over quotes less parameters; NaN where J'J is singular."""
        count, parameters = self.jacobian.shape
        variance = float((self.errors**2).sum()) / (count - parameters)
        if np.linalg.matrix_rank(self.relative) < parameters:
            return np.full((parameters, parameters), np.nan)
        inverse = np.linalg.inv(self.relative.T @ self.relative)
        return variance * inverse * np.outer(self.sizes, self.sizes)

    @property
    def estimates(self) -> dict[str, Measured]:
        """Name -> value and standard error."""
        errors = np.sqrt(np.diag(self.covariance)).tolist()
        return {name: Measured(value, error) for (name, value), error in zip(self.named.items(), errors)}

    @property
    def correlation(self) -> Floats:
        """Of the estimates, (p, p)."""
        error = np.sqrt(np.diag(self.covariance))
        return self.covariance / np.outer(error, error)

    @property
    def sizes(self) -> Floats:
        """|parameters|, (p,): what relative moves are shares of."""
        return np.maximum(np.abs(self.parameters), 1e-12)

    @property
    def relative(self) -> Floats:
        """The Jacobian by relative moves of the parameters, (quotes, p)."""
        return self.jacobian * self.sizes


def fit(surface: Surface, settings: Settings) -> Fit:
    """The parameters of least squares.

    Raises: MissingExtra without QuantLib; ValueError for too few quotes, or where no start gives a price.
    """
    check_enough(surface, settings.model)
    search = Pricer(surface, settings.model, SEARCH)
    drawn = starts(surface, settings)
    bar = tqdm(drawn, desc=f"fitting {settings.model}", unit="start", leave=False, delay=1.0)
    ends = sorted((_ended(search, start) for start in bar), key=lambda end: end.rmse)
    pricer = Pricer(surface, settings.model, NODES)
    best = _ended(pricer, ends[0].parameters).parameters
    return Fit(surface, settings.model, best, pricer.errors(best), pricer.jacobian(best), ends)


def check_enough(surface: Surface, model: str) -> None:
    """Refuse a surface that cannot tell the model's parameters apart, and a machine without QuantLib."""
    require_quantlib()
    needed = len(MODELS[model]) + 1
    if surface.quotes < needed:
        raise ValueError(
            f"{model} has {needed - 1} parameters: {surface.name} must hold {needed} quotes or more, got {surface.quotes}"
        )
    if len(surface.smiles) < 2:
        raise ValueError(
            f"{model} needs quotes of 2 maturities or more to tell v0, theta and kappa apart, got {len(surface.smiles)}"
        )


def starts(surface: Surface, settings: Settings) -> list[Floats]:
    """Drawn from STARTS, those that are positive evenly on their logarithm."""
    random = np.random.default_rng(settings.seed)
    variance = surface.at_the_money() ** 2
    scale = {"theta": variance[-1], "v0": variance[0]}
    found = []
    for _ in range(settings.starts):
        drawn = {name: _drawn(random, name) * scale.get(name, 1.0) for name in MODELS[settings.model]}
        found.append(np.array([np.clip(value, *BOUNDS[name]) for name, value in drawn.items()]))
    return found


def _drawn(random: np.random.Generator, name: str) -> float:
    low, high = STARTS[name]
    return random.uniform(low, high) if name in SIGNED else float(np.exp(random.uniform(np.log(low), np.log(high))))


def _ended(pricer: Pricer, start: Floats) -> Ended:
    """Where least squares leads to from `start`."""
    free = np.array([name in SIGNED for name in pricer.names])
    low, high = (_unbound(np.array(bound), free) for bound in zip(*(BOUNDS[name] for name in pricer.names)))
    at = np.clip(_unbound(start, free), low + 1e-6, high - 1e-6)
    found = least_squares(
        lambda x: pricer.errors(_bound(x, free)), at, bounds=(low, high), x_scale="jac", diff_step=1e-6, ftol=1e-10,
        xtol=1e-10, gtol=1e-12, max_nfev=MOST,
    )  # fmt: skip
    return Ended(_bound(found.x, free), float(np.sqrt((found.fun**2).mean())))


def _unbound(parameters: Floats, signed: Any) -> Floats:
    return np.where(signed, parameters, np.log(np.where(signed, 1.0, parameters)))


def _bound(values: Floats, signed: Any) -> Floats:
    return np.where(signed, values, np.exp(np.where(signed, 0.0, values)))
