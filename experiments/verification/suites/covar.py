"""CoVaR, DeltaCoVaR, marginal expected shortfall and LRMES of normal returns: closed forms, and estimates from samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from experiments.verification.suite import Asked, Row, suite
from mm_env.systemic import gaussian_covar as exact
from mm_env.systemic import tail_estimates as sampled
from mm_env.systemic.arrays import Floats

LEVEL, RHO = 0.05, 0.6
COVAR, DELTA, SHORTFALL = -2.30279508, -0.98691218, -1.23762768
DECLINE, STDS = 0.3, (0.25, 0.35)  # of the market within the horizon; of log returns of the market and an institution
WIDE = 2.5  # half-widths of a 95 % interval, five standard errors, that an estimate may be off


@suite("gaussian_covar", "exact: standard normal returns, correlation .6, at 5 %", 10.0)
def gaussian(asked: Asked) -> Iterator[Row]:
    """Closed forms; estimates beside them; and which CoVaR falls all along as the correlation rises."""
    yield Row("CoVaR given equality", COVAR, exact.covar(LEVEL, RHO), 5e-9)
    yield Row("DeltaCoVaR", DELTA, exact.delta_covar(LEVEL, RHO), 5e-9)
    yield Row("marginal expected shortfall", SHORTFALL, exact.marginal_expected_shortfall(LEVEL, RHO), 5e-9)
    at_most = exact.covar_at_most(LEVEL, RHO)
    joint = exact.bivariate_normal(at_most, exact.covar(LEVEL, 1.0), RHO)
    yield Row("P(both below CoVaR given at most, and the value at risk)", LEVEL**2, joint, 1e-15)
    system, institution = returns(asked)
    for name, known, estimate in (
        ("CoVaR given equality", exact.covar(LEVEL, RHO), sampled.covar_estimate),
        ("DeltaCoVaR", exact.delta_covar(LEVEL, RHO), sampled.delta_covar_estimate),
        ("CoVaR given at most", at_most, sampled.covar_at_most_estimate),
        ("marginal expected shortfall", exact.marginal_expected_shortfall(LEVEL, RHO), sampled.shortfall_estimate),
    ):
        yield beside(f"{name}, {len(system):,} samples", known, estimate(system, institution, LEVEL, resamples=40))
    losses = STDS[0] * system, STDS[1] * institution
    known = exact.long_run_shortfall(RHO, STDS[1], STDS[0], DECLINE)
    yield beside(f"LRMES, {len(system):,} samples", known, sampled.long_run_shortfall_estimate(*losses, DECLINE))
    yield from monotone()


def beside(name: str, known: float, found: sampled.Estimated) -> Row:
    """A closed form beside an estimate, with the estimate's interval as tolerance."""
    return Row(name, known, found.value, WIDE * 0.5 * (found.high - found.low), source="simulated: normal returns")


def returns(asked: Asked) -> tuple[Floats, Floats]:
    """Of a system and an institution, (episodes,) each."""
    z = np.random.default_rng(asked.seed).standard_normal((2, asked.episodes))
    return RHO * z[1] + math.sqrt(1.0 - RHO**2) * z[0], z[1]


def monotone() -> Iterator[Row]:
    """How often CoVaR rises with the correlation, on a grid."""
    rhos = np.linspace(-0.95, 0.999, 100)
    equal, at_most = (np.array([form(LEVEL, rho) for rho in rhos]) for form in (exact.covar, exact.covar_at_most))
    source = "exact: Mainik & Schaanning 2014"
    yield Row("steps in correlation at which CoVaR given at most rises", 0.0, float((np.diff(at_most) > 0.0).sum()), 0.0,
              source=source)  # fmt: skip
    deepest = float(rhos[equal.argmin()])
    yield Row(
        "correlation at which CoVaR given equality is deepest", 1.0 / math.sqrt(2.0), deepest, 0.02, source=source
    )
