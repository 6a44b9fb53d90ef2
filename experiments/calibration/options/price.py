"""The fitted price as YAML for ./conf/price."""

from __future__ import annotations

import re

import numpy as np

from experiments.calibration.options.fit import Fit
from experiments.calibration.options.models import UNITS

ROUGH = 1e-4  # volatility: an error of the quadrature beyond it is said
TARGETS = {"heston": "mm_env.GeometricHeston", "bates": "mm_env.GeometricBates"}
EQUATIONS = {
    "heston": "dS = drift S dt + sqrt(v) S dW",
    "bates": "dS = drift S dt + sqrt(v) S dW; at `rate` a year S jumps to S exp(J), J normal, their mean taken out",
}
TEMPLATE = """\
# {title} calibrated to {name}: {quotes} quotes of {maturities} maturities ({shortest:g} to {longest:g} days)
# {equation}
# dv = kappa (theta - v) dt + vol sqrt(v) dZ, d<W, Z> = rho dt
# time is in years (days / 365): a market with this price counts its horizon and its rates of orders in years too
# equal weights on implied volatility: RMSE {rmse:.4f} volatility points; {at_best} of {starts} starts ended here
# the law is that of option prices (risk-neutral); drift is chosen, not estimated
{remarks}# {command}
_target_: {target}
{parameters}
drift: 0.0 # 1 / year
scheme: {{_target_: mm_env.QuadraticExponential}}
"""


def price_yaml(fit: Fit, command: str) -> str:
    """The text of conf/price/NAME.yaml."""
    smiles, lines = fit.surface.smiles, []
    for name, one in fit.estimates.items():
        lines.append(
            f"{name}: {one.value:.6g} # {', '.join([f'standard error {one.error:.2g}', UNITS[name]]).rstrip(', ')}"
        )
    return TEMPLATE.format(
        title=fit.title,
        name=fit.surface.name,
        quotes=fit.surface.quotes,
        maturities=len(smiles),
        shortest=smiles[0].days,
        longest=smiles[-1].days,
        equation=EQUATIONS[fit.model],
        rmse=100.0 * fit.rmse,
        at_best=fit.at_best,
        starts=len(fit.ends),
        remarks="".join(f"# {remark}\n" for remark in remarks(fit).values()),
        command=command,
        target=TARGETS[fit.model],
        parameters="\n".join(lines),
    )


def remarks(fit: Fit) -> dict[str, str]:
    """What, and what is to be known about it."""
    said = {}
    if fit.feller < 1.0:
        said["Feller ratio"] = (
            f"2 kappa theta / vol^2 = {fit.feller:.3f} < 1: the variance keeps coming to 0, and a scheme must bear it"
        )
    if fit.at_best < len(fit.ends):
        said["starts"] = f"{len(fit.ends) - fit.at_best} of {len(fit.ends)} starts ended at worse fits"
    if not np.isfinite(fit.covariance).all():
        said["errors"] = "none, as the quotes do not tell the parameters apart: the Jacobian is singular"
    if unknown := [name for name, one in fit.estimates.items() if one.error > abs(one.value)]:
        said["not told"] = f"{', '.join(unknown)} have errors larger than themselves"
    if not fit.ends[0].converged:
        said["least squares"] = "the best start had not come to rest: the surface hardly tells the flattest direction"
    if fit.quadrature > ROUGH:
        said["quadrature"] = (
            f"its error is up to {100.0 * fit.quadrature:.2g} volatility points: leave short maturities out"
        )
    if fit.at_bounds:
        said["bounds"] = f"{', '.join(fit.at_bounds)} ended at a bound: these quotes do not tell it"
    return said


def default_name(stem: str, model: str) -> str:
    """FILE_MODEL, in letters, digits and _."""
    return re.sub(r"[\W_]+", "_", f"{stem}_{model}").strip("_").lower()
