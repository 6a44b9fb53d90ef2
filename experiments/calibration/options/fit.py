"""The fit of Heston or Bates to a surface: equal weights on implied volatility, from several starts.

No Feller constraint is put on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from experiments.calibration.blocks import Measured
from experiments.calibration.options.models import MODELS, MOST_NODES, Pricer, require_quantlib
from experiments.calibration.options.search import BOUNDS, Ended, ended, starts
from experiments.calibration.options.surface import Floats, Surface
from mm_env.core.parameters import Count, check_fields

SAME = 1e-4  # of the RMSE: what ended within it ended at the best


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
class Fit:
    """The best parameters, and what is known of them."""

    surface: Surface
    model: str
    parameters: Floats  # (p,) in the order of `names`
    errors: Floats  # (quotes,) implied volatility of the model less that quoted
    jacobian: Floats  # (quotes, p) derivatives of the implied volatilities
    ends: list[Ended]  # of all starts, best first
    quadrature: float  # the largest error of the model's implied volatilities by the quadrature

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
    pricer = Pricer(surface, settings.model)
    drawn = starts(surface, settings.model, settings.starts, settings.seed)
    bar = tqdm(drawn, desc=f"fitting {settings.model}", unit="start", leave=False, delay=1.0)
    ends = sorted((ended(pricer, start) for start in bar), key=lambda end: end.rmse)
    best = ends[0].parameters
    errors, finer = pricer.errors(best), Pricer(surface, settings.model, MOST_NODES).errors(best)
    quadrature = float(np.abs(finer - errors).max())
    return Fit(surface, settings.model, best, errors, pricer.jacobian(best), ends, quadrature)


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
