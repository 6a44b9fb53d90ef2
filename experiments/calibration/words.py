"""Remarks on estimates, a line each: in the market's header, on the console and in the report."""

from __future__ import annotations

import numpy as np

from experiments.calibration.adverse import Adverse
from experiments.calibration.calibration import Calibration
from experiments.calibration.laws import Law, best, misfit

APART = 3.0  # standard errors
WITHOUT_IMPACT = "~market.venue.impact"


def remarks(found: Calibration) -> dict[str, str]:
    """What, and what is to be known about it."""
    said = {f"Hawkes, {name}": "; ".join(fit.remarks) for name, fit in found.hawkes.items() if fit.remarks}
    if "pooled" in found.fits and (off := misfit(found.fits["pooled"].reach, _exponential(found))):
        said["lambda(depth)"] = f"the exponential is {off}; {_offered(found)}"
    if apart := _sides(found):
        said["bids and asks"] = apart
    if found.jumps and found.jumps.remark:
        said["jumps"] = found.jumps.remark
    if found.regimes and found.regimes.remarks:
        said["regimes"] = "; ".join(found.regimes.remarks)
    if found.adverse and keeps_away(found):
        said["adverse selection"] = (
            f"at no depth up to {found.adverse.reach:.4g} does a fill earn the mid's move against it"
        )
    return said


def fill(found: Calibration, law: Law) -> str:
    """The market's law of fills, in the header."""
    numbers = " and ".join(f"{name} {one}" for name, one in law.parameters.items())
    formula = "rate exp(-k depth)" if law.name == "exponential" else f"rate times mm_env's {law.name}"
    return f"# rate {law.rate} and {numbers} of {formula}: bids and asks pooled, composite maximum likelihood"


def laws(found: Calibration, law: Law) -> str:
    """How well it fits, and what fits best, in the header."""
    line = f"#   largest gap between the observed and the fitted chance of a fill {law.largest_gap:.3f}"
    better = best(found.laws)
    return line if better is law else f"{line}; with {better.name} {better.largest_gap:.3f}:\n#   {better.overrides}"


def impact(found: Calibration) -> str:
    """The market's adverse selection, in the header."""
    one = found.adverse
    if one is None:
        return f"# left out: adverse selection, {found.left_out['adverse selection']}"
    if one.with_the_maker:
        return (
            f"# left out: the mid's move against a fill is {one.base}, with the maker, which no impact of mm_env does"
        )
    if not one.found:
        return f"# no impact: the mid's move against a fill is {one.base}, not told from 0"
    at, k = one.at(1.0 / found.fits["pooled"].exponential.k.value), found.fits["pooled"].exponential.k.value
    lines = [
        f"# impact {formula(one)}: the mid's move against a fill by the lifetime's end,",
        f"#   least squares over depths up to {one.reach:.4g}; at depth 1/k it is {at}, {at.value * k:.2f} times 1/k",
        f"#   without it: '{WITHOUT_IMPACT}'",
    ]
    if keeps_away(found):
        lines.append("#   at none of these depths does a fill earn the mid's move against it: the optimum keeps away")
    return "\n".join(lines)


def formula(one: Adverse) -> str:
    """The mean jump by depth, with errors."""
    terms = [str(one.base)]
    if one.by_depth:
        terms.append(f"{one.slope} depth")
    if one.bend.value:
        terms.append(f"{one.bend} depth^2")
    return " + ".join(terms)


def keeps_away(found: Calibration) -> bool:
    """Whether, by the estimates, a fill earns the mid's move against it at none of the depths quoted."""
    one = found.adverse
    return bool(one and one.found and all(one.at(depth).value >= depth for depth in one.depths))


def _exponential(found: Calibration) -> Law:
    return next(law for law in found.laws if law.name == "exponential")


def _offered(found: Calibration) -> str:
    law = best(found.laws)
    if law.name == "exponential":
        return "no other law here is nearer"
    return f"settings.fill=best writes the market with {law.name}, off by {law.largest_gap:.2f} at most"


def _sides(found: Calibration) -> str:
    """Where bids and asks differ beyond their errors, as the market pools them."""
    if not {"bid", "ask"} <= set(found.fits):
        return ""
    bid, ask = (found.fits[side].exponential for side in ("bid", "ask"))
    parts = []
    for name, one, other in (("A", bid.rate, ask.rate), ("k", bid.k, ask.k)):
        if abs(one.value - other.value) > APART * np.hypot(one.error, other.error):
            parts.append(f"{name} = {one} of bids and {other} of asks")
    return f"{', '.join(parts)}: the market has both as one" if parts else ""
