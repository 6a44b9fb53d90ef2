"""Bergault, Evangelista, Gueant & Vieira 2021, sec. 6: two bonds by the optimum and by the closed form, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from agents.exact.desk import Moments, backward_quotes, moments
from agents.strategies.instruments import DeskProblem, Instrument, Stream
from agents.strategies.quadratic_desk import QuadraticDesk
from experiments.verification.suite import Asked, Row, suite
from mm_env.venue.dealer.fill import Logistic

SIZES = {6_250.0: 0.534, 12_500.0: 0.350, 18_750.0: 0.097, 25_000.0: 0.019}  # units -> probability
REQUESTS, FILL = 30.0, Logistic(middle=-0.7 / 30.0, width=1.0 / 30.0)  # a day and side; 1 / (1 + exp(.7 + 30 depth))
SIGMA, RHO, DRIFT, GAMMA = (1.2, 0.6), 0.5, (0.1, -0.1), 8e-6
LIMITS, DAYS = (75_000.0, 300_000.0), 7.0
STEPS = (250, 500)
PATHS = 4_000  # that the printed figures are of


def two_bonds() -> DeskProblem:
    """The two bonds, in lots of 6,250."""
    streams = [Stream(FILL, REQUESTS * share, size) for size, share in SIZES.items()]
    bonds = tuple(Instrument.symmetric(streams, 6_250.0, limit) for limit in LIMITS)
    together = RHO * SIGMA[0] * SIGMA[1]
    return DeskProblem(bonds, [[SIGMA[0] ** 2, together], [together, SIGMA[1] ** 2]], GAMMA, DRIFT)


@suite("two_bonds", "Bergault, Evangelista, Gueant & Vieira 2021, sec. 6", 90.0)
def profits(_: Asked) -> Iterator[Row]:
    """Mean and standard deviation of the profit from nothing; the tolerance is the standard error of the printed ones."""
    for name, mean, std, found in (
        ("optimum", 88_600.0, 86_900.0, {steps: of_the_optimum(steps) for steps in STEPS}),
        ("closed form", 89_000.0, 87_500.0, {steps: of_the_closed_form(steps) for steps in STEPS}),
    ):
        means = {DAYS / steps: one.mean for steps, one in found.items()}
        stds = {DAYS / steps: one.std for steps, one in found.items()}
        yield Row.converging(f"mean profit, {name}", mean, means, std / math.sqrt(PATHS))
        yield Row.converging(f"its standard deviation, {name}", std, stds, std / math.sqrt(2.0 * PATHS))


def of_the_optimum(steps: int) -> Moments:
    """The profit of the best quotes."""
    problem = two_bonds()
    return moments(problem, DAYS, steps, backward_quotes(problem, DAYS, steps), (0.0, 0.0))


def of_the_closed_form(steps: int) -> Moments:
    """The profit of the closed form's quotes, at the start of each step."""
    problem = two_bonds()
    theory, nothing = QuadraticDesk(problem, DAYS), np.zeros((len(problem.positions), 2))

    def quotes(step: int) -> tuple[np.ndarray, np.ndarray]:
        return theory.depths(problem.positions, DAYS * (steps - step) / steps), nothing

    return moments(problem, DAYS, steps, quotes, (0.0, 0.0))
