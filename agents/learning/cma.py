"""CMA-ES, a search that needs no gradients: Hansen's tutorial (arXiv:1604.00772), the (mu/mu_w, lambda) with both paths."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class CMA:
    """A Gaussian of `mean` (n,), spread `sigma` and covariance C that moves to where an objective is higher.

    `ask` draws candidates (population, n); `tell` learns from their objectives. The defaults of the tutorial's table 1, with
    positive weights alone: population 4 + 3 ln n.
    """

    mean: Floats
    sigma: float
    population: int | None = None
    seed: int = 0
    generation: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        n = len(self.mean)
        self.size = self.population or 4 + int(3.0 * math.log(n))
        if self.size < 4 or not self.sigma > 0.0:
            raise ValueError(f"CMA needs a population >= 4 and a sigma > 0, got {self.size} and {self.sigma}")
        logs = math.log(0.5 * (self.size + 1)) - np.log(np.arange(1, self.size // 2 + 1))
        self.weights: Floats = logs / logs.sum()
        mu = 1.0 / float((self.weights**2).sum())  # variance effective selection mass
        self.c_sigma, self.c_c = (mu + 2.0) / (n + mu + 5.0), (4.0 + mu / n) / (n + 4.0 + 2.0 * mu / n)
        self.damping = 1.0 + 2.0 * max(0.0, math.sqrt((mu - 1.0) / (n + 1.0)) - 1.0) + self.c_sigma
        self.c_1 = 2.0 / ((n + 1.3) ** 2 + mu)
        self.c_mu = min(1.0 - self.c_1, 2.0 * (mu - 2.0 + 1.0 / mu) / ((n + 2.0) ** 2 + mu))
        self.usual = math.sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n))  # E|N(0, I)|
        self.mu, self.covariance = mu, np.eye(n)
        self.sigma_path, self.path = np.zeros(n), np.zeros(n)
        self._random: Any = np.random.default_rng(self.seed)
        self._decompose()

    def ask(self) -> Floats:
        """Candidates (population, n)."""
        steps = self._random.standard_normal((self.size, len(self.mean)))
        return self.mean + self.sigma * (steps * self._axes) @ self._basis.T

    def tell(self, candidates: Floats, objectives: Floats) -> None:
        """Move to where the objectives (population,) of candidates are high."""
        n, best = len(self.mean), np.argsort(-objectives, kind="stable")[: len(self.weights)]
        steps = (candidates[best] - self.mean) / self.sigma
        step = self.weights @ steps
        self.mean = self.mean + self.sigma * step
        self.generation += 1
        white = self._basis @ ((self._basis.T @ step) / self._axes)
        self.sigma_path = (1.0 - self.c_sigma) * self.sigma_path
        self.sigma_path = self.sigma_path + math.sqrt(self.c_sigma * (2.0 - self.c_sigma) * self.mu) * white
        length = float(np.linalg.norm(self.sigma_path))
        begun = math.sqrt(1.0 - (1.0 - self.c_sigma) ** (2 * self.generation))
        stalled = 0.0 if length / begun < (1.4 + 2.0 / (n + 1.0)) * self.usual else 1.0
        taken = (1.0 - stalled) * math.sqrt(self.c_c * (2.0 - self.c_c) * self.mu)
        self.path = (1.0 - self.c_c) * self.path + taken * step
        kept = 1.0 - self.c_1 - self.c_mu + stalled * self.c_1 * self.c_c * (2.0 - self.c_c)
        learnt = self.c_1 * np.outer(self.path, self.path) + self.c_mu * (steps.T * self.weights) @ steps
        self.covariance = kept * self.covariance + learnt
        self.sigma *= math.exp(min(1.0, self.c_sigma / self.damping * (length / self.usual - 1.0)))
        self._decompose()

    def _decompose(self) -> None:
        variances, self._basis = np.linalg.eigh(0.5 * (self.covariance + self.covariance.T))
        self._axes: Floats = np.sqrt(np.maximum(variances, 1e-20))
