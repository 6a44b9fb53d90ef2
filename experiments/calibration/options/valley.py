"""How flat the valley of the fit is: along which move of all parameters together the surface says least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.calibration.options.fit import Fit
from experiments.calibration.options.models import Pricer
from experiments.calibration.options.search import BOUNDS
from experiments.calibration.options.surface import Floats

SHARE = 0.1  # the largest relative move of a parameter in the sentence on the flattest direction
SPAN = 0.3  # the same at either end of the plot


@dataclass(frozen=True)
class Valley:
    """The Gauss-Newton Hessian J'J of the squared errors by relative moves of the parameters."""

    names: tuple[str, ...]
    eigenvalues: Floats  # (p,) rising; squared volatility a unit of squared relative move
    flattest: Floats  # (p,) relative moves, the largest of them 1
    moves: Floats  # (m,) along it: the relative move of the parameter that moves most
    rmse: Floats  # (m,) of the model there
    steepest_rmse: Floats  # (m,) and along the steepest direction

    @property
    def condition(self) -> float:
        """The largest eigenvalue over the smallest."""
        return float(self.eigenvalues[-1] / self.eigenvalues[0]) if self.eigenvalues[0] > 0.0 else np.inf

    def sentence(self) -> str:
        """The flattest direction in words, and what a move of SHARE along it costs."""
        moved = sorted(zip(self.flattest.tolist(), self.names), key=lambda each: -abs(each[0]))
        parts = [f"{name} {100.0 * SHARE * share:+.3g} %" for share, name in moved if abs(share) > 0.02]
        there, here, back = (100.0 * np.interp(x, self.moves, self.rmse) for x in (SHARE, 0.0, -SHARE))
        costs = f"the RMSE from {here:.4f} to {there:.4f} volatility points (the other way {back:.4f})"
        return f"{', '.join(parts)} together move {costs}"


def valley(fit: Fit) -> Valley:
    """The eigenvalues, and the RMSE along the flattest and the steepest direction."""
    values, vectors = np.linalg.eigh(fit.relative.T @ fit.relative)
    flattest, steepest = (vector / vector[np.argmax(np.abs(vector))] for vector in (vectors[:, 0], vectors[:, -1]))
    pricer, moves = Pricer(fit.surface, fit.model), np.linspace(-SPAN, SPAN, 25)
    along, across = (_rmse(fit, pricer, direction, moves) for direction in (flattest, steepest))
    return Valley(fit.names, np.maximum(values, 0.0), flattest, moves, along, across)


def _rmse(fit: Fit, pricer: Pricer, direction: Floats, moves: Floats) -> Floats:
    low, high = np.array([BOUNDS[name] for name in fit.names]).T
    places = [np.clip(fit.parameters + move * direction * fit.sizes, low, high) for move in moves]
    return np.array([np.sqrt((pricer.errors(place) ** 2).mean()) for place in places])
