"""Gueant, Lehalle & Fernandez-Tapia 2013: exact quotes, asymptotics, and the certainty equivalent as dt -> 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.linalg import expm

from agents.exact.optimum import optimum
from agents.strategies.glft import GLFT, GLFTAsymptotic
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.cartea_jaimungal import bid_at
from mm_env.clock import FiniteHorizon
from mm_env.markets import glft
from mm_env.quote import Depths

PAPER = "Gueant, Lehalle & Fernandez-Tapia 2013"
GAMMA, SIGMA, K, A = FIGURES = (0.01, 0.3, 0.3, 0.9)
STEPS, HELD = (100, 200, 400), 8


@suite("glft_2013", PAPER, 5.0)
def quotes(_: Asked) -> Iterator[Row]:
    """Quotes of the figures' market: by the paper's matrix exponential, by its asymptotics, and the optimum's as dt -> 0."""
    theory = GLFT(*FIGURES, horizon=600.0, max_inventory=30)
    yield Row(
        "certainty equivalent, |q| <= 30", 1290.6250952, float(theory.as_cartea_jaimungal()[0].value(0, 600.0)), 1e-6
    )
    short = GLFT(*FIGURES, horizon=60.0, max_inventory=5)
    for q in (0, 3):
        yield Row(
            f"bid depth at q = {q}, |q| <= 5, eq. (3.9)", plainly(short, q), float(short.depths(q, 60.0)[0]), 1e-9
        )
    markup, slope = math.log1p(GAMMA / K) / GAMMA, _slope()
    for q in (0, 4):
        far = float(GLFTAsymptotic(*FIGURES).depths(q, 0.0)[0])
        yield Row(f"asymptotic bid depth at q = {q}", markup + (2 * q + 1) / 2 * slope, far, 1e-9)
        yield Row(f"bid depth at q = {q}, 600 s left, beside it", far, float(theory.depths(q, 600.0)[0]), 2e-3)


@suite("glft_limit", f"{PAPER}, in the limit of this package's steps", 5.0)
def limits(_: Asked) -> Iterator[Row]:
    """The optimum under CARA, at its own dt."""
    market = replace(glft(), quote=Depths(max_depth=30.0, min_depth=-20.0), max_inventory=float(HELD))
    theory = GLFT(*FIGURES, horizon=60.0, max_inventory=HELD)
    found = {60.0 / steps: optimum(replace(market, clock=FiniteHorizon(60.0, steps))) for steps in STEPS}
    value = float(theory.as_cartea_jaimungal()[0].value(0, 60.0))
    yield Row.converging("certainty equivalent, T = 60", value, {dt: b.worth for dt, b in found.items()}, 0.02)
    for q in (0, 3):
        bids = {dt: bid_at(best, q) for dt, best in found.items()}
        yield Row.converging(f"bid depth at q = {q}, T = 60", float(theory.depths(q, 60.0)[0]), bids, 2e-3)


def plainly(model: GLFT, inventory: int) -> float:
    """The bid depth by v(t) = exp(-M (T - t)) 1, as the paper writes it."""
    q, eta = np.arange(-model.max_inventory, model.max_inventory + 1.0), _eta(model)
    alpha = model.k / 2 * model.gamma * model.sigma**2
    moves = eta * (np.eye(len(q), k=1) + np.eye(len(q), k=-1)) - np.diag(alpha * q**2)
    v, level = expm(model.horizon * moves).sum(axis=1), inventory + model.max_inventory
    return float(np.log(v[level] / v[level + 1]) / model.k + math.log1p(model.gamma / model.k) / model.gamma)


def _eta(model: GLFT) -> float:
    return model.A * (1.0 + model.gamma / model.k) ** -(1.0 + model.k / model.gamma)


def _slope() -> float:
    return math.sqrt(SIGMA**2 * GAMMA / (2.0 * K * A) * (1.0 + GAMMA / K) ** (1.0 + K / GAMMA))
