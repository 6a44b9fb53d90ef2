"""A surface that can be fitted, from a file: what is wrong with it is said in one line before anything is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.calibration.options.arbitrage import Violation, violations
from experiments.calibration.options.files import Quote, number, quotes
from experiments.calibration.options.surface import YEAR, Smile, Surface
from mm_env.core.parameters import Interval, check

HIGHEST = 5.0  # volatility of 500 %: what is higher was given in percent
LONGEST = 30.0 * YEAR  # days: what is longer was given in days under a heading of years
STEEPEST = 0.5  # a rate of 50 %, likewise


def read(
    path: str,
    spot: float | None = None,
    min_maturity_days: float = 0.0,
    max_maturity_days: float | None = None,
    skip_missing: bool = False,
    arbitrage_tolerance: float = 0.5,
    allow_arbitrage: bool = False,
) -> Surface:
    """The surface of a file (`experiments.calibration.options.files`), of maturities within the bounds, both included.

    `arbitrage_tolerance` (volatility points): violations of static arbitrage up to it are counted, larger ones refused.

    Raises: ValueError in one line: what is wrong, where, and the cure.
    """
    file = Path(str(path))
    longest = LONGEST if max_maturity_days is None else max_maturity_days
    for name, value in (("min", min_maturity_days), ("max", longest)):
        check(f"data.{name}_maturity_days", value, Interval(0.0))
    check("data.arbitrage_tolerance", arbitrage_tolerance, Interval(0.0))
    found, held = quotes(file)
    _each(
        file,
        "maturity",
        found,
        lambda q: q.days,
        lambda days: 0.0 < days <= LONGEST,
        f"(0, {LONGEST:g}] days (the column of years is maturity, of days days)",
    )
    kept = [quote for quote in found if min_maturity_days <= quote.days <= longest]
    if not kept:
        raise ValueError(
            f"{file} must hold quotes of {min_maturity_days:g} to {longest:g} days, got none of {len(found)}"
        )
    kept, remarks = _present(file, kept, skip_missing)
    _check_numbers(file, kept)
    spot = _spot(file, held if spot is None else number("data.spot", spot))
    left = sorted({quote.days for quote in found} - {quote.days for quote in kept})
    remarks += [f"left out: maturities of {', '.join(f'{days:g}' for days in left)} days"] * bool(left)
    surface = Surface(file.stem, spot, tuple(_smiles(file, kept)))
    remarks += _without_arbitrage(file, surface, arbitrage_tolerance, allow_arbitrage)
    return Surface(surface.name, spot, surface.smiles, tuple(remarks))


def _spot(file: Path, spot: float | None) -> float:
    if spot is None or math.isnan(spot):
        raise ValueError(f"{file} holds no spot: data.spot=PRICE says it")
    check("spot", spot, Interval(0.0, low_open=True))
    return spot


def _present(file: Path, found: list[Quote], skip: bool) -> tuple[list[Quote], list[str]]:
    """The quotes that are there, and what is to be said of others."""
    missing = [quote for quote in found if math.isnan(quote.vol)]
    if not missing:
        return found, []
    first = missing[0]
    said = f"{len(missing)} of {len(found)} quotes missing, the first at {_where(first)}"
    if not skip:
        raise ValueError(f"{file} has {said}: fill them in, or data.skip_missing=true fits the others")
    if len(missing) == len(found):
        raise ValueError(f"{file} has all of {len(found)} quotes missing")
    return [quote for quote in found if not math.isnan(quote.vol)], [said]


def _check_numbers(file: Path, found: list[Quote]) -> None:
    _each(file, "strike", found, lambda q: q.strike, lambda strike: 0.0 < strike < math.inf, "(0, inf)")
    percent = "as a number, 0.2 for 20 %"
    _each(file, "volatility", found, lambda q: q.vol, lambda vol: 0.0 < vol <= HIGHEST, f"(0, {HIGHEST:g}], {percent}")
    rates = f"[-{STEEPEST:g}, {STEEPEST:g}], {percent}"
    _each(file, "rate", found, lambda q: q.rate, lambda rate: abs(rate) <= STEEPEST, rates)


def _each(
    file: Path,
    name: str,
    found: list[Quote],
    value: Callable[[Quote], float],
    holds: Callable[[float], bool],
    rule: str,
) -> None:
    """Refuse the first quote of which it does not hold; NaN never does."""
    for quote in found:
        if not holds(value(quote)):
            raise ValueError(f"{file}, {name} at {_where(quote)} must lie in {rule}, got {value(quote):g}")


def _where(quote: Quote) -> str:
    return f"strike {quote.strike:g}, {quote.days:g} days"


def _smiles(file: Path, found: list[Quote]) -> list[Smile]:
    smiles = []
    for days in sorted({quote.days for quote in found}):
        row = sorted(quote for quote in found if quote.days == days)
        for before, quote in itertools.pairwise(row):
            if before.strike == quote.strike:
                raise ValueError(f"{file} must hold one quote at {_where(quote)}, got two or more")
        rates = sorted({quote.rate for quote in row})
        if len(rates) > 1:
            raise ValueError(f"{file} must hold one rate for {days:g} days, got {rates[0]:g} and {rates[1]:g}")
        strikes, vols = (np.array(values) for values in ([q.strike for q in row], [q.vol for q in row]))
        smiles.append(Smile(days, rates[0], strikes, vols))
    return smiles


def _without_arbitrage(file: Path, surface: Surface, tolerance: float, allow: bool) -> list[str]:
    """What is to be said of its violations; a ValueError if one is larger than tolerated."""
    found = violations(surface)
    large = [each for each in found if each.points > tolerance]
    if large and not allow:
        raise ValueError(
            f"{file} has arbitrage: {_violation(large[0])}; {len(large)} of more than {tolerance:g} in all: "
            "correct the quotes, or data.allow_arbitrage=true fits them as they are"
        )
    if not found:
        return []
    worst = max(found, key=lambda each: each.points)
    return [f"{len(found)} violations of static arbitrage let pass, the largest {_violation(worst)}"]


def _violation(one: Violation) -> str:
    return f"{one.kind} at {one.where}, off by {one.points:.3g} volatility points ({one.rule})"
