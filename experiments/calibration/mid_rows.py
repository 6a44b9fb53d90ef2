"""What was estimated of the mid's moves, as rows."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.calibration.calibration import Calibration
from experiments.calibration.em import STARTS
from experiments.calibration.estimate import EXACT, EstimateRow, measured


def volatility(found: Calibration) -> Iterator[EstimateRow]:
    """sigma by horizon: the signature."""
    for one in [found.sigma, *found.signature]:
        name = "of the market" if one is found.sigma else f"over {one.horizon:g} s"
        yield measured("sigma", name, one.sigma, "price / sqrt(s)")
        yield EstimateRow("sigma", f"excess kurtosis {name}", one.kurtosis, EXACT, "")
        yield EstimateRow("sigma", f"moves other than 0 {name}", one.moved, EXACT, "")


def daytime(found: Calibration) -> Iterator[EstimateRow]:
    """sigma by the time of the day."""
    for part in found.daytime:
        yield measured("time of the day", f"sigma, {part.label}", part.sigma, "price / sqrt(s)")


def jumps(found: Calibration) -> Iterator[EstimateRow]:
    """Realised and bipower variance, and the jumps told one by one."""
    one, section = found.jumps, "jumps"
    if one is None:
        return
    yield EstimateRow(section, "returns", one.returns, EXACT, "")
    yield EstimateRow(section, "returns of 0, share", one.zeros, EXACT, "")
    yield measured(section, "realised variance", one.realised, "price^2")
    yield measured(section, "bipower variance", one.bipower, "price^2")
    yield measured(section, "share of jumps, 1 - bipower / realised", one.share, "")
    yield EstimateRow(section, "its statistic, standard normal without jumps", one.statistic, EXACT, "")
    yield EstimateRow(section, "p value of no jumps", one.p_value, EXACT, "")
    yield EstimateRow(section, "jumps told one by one", len(one.found), EXACT, "")
    yield measured(section, "rate of these", one.rate, "1 / s")
    yield EstimateRow(section, "root mean square of these", one.size, EXACT, "price")
    yield measured(section, "sigma without these", one.sigma, "price / sqrt(s)")


def regimes(found: Calibration) -> Iterator[EstimateRow]:
    """The two regimes, and how they are told from one."""
    one, section = found.regimes, "regimes"
    if one is None:
        return
    yield EstimateRow(section, "returns", one.returns, EXACT, "")
    for i, name in enumerate(("calm", "turbulent")):
        yield measured(section, f"sigma, {name}", one.sigma[i], "price / sqrt(s)")
    yield measured(section, "rate from calm to turbulent", one.rate[0], "1 / s")
    yield measured(section, "rate from turbulent to calm", one.rate[1], "1 / s")
    yield EstimateRow(section, "share of time in the turbulent regime, in the long run", one.share, EXACT, "")
    for i, name in enumerate(("calm", "turbulent") if one.orders else ()):
        yield measured(section, f"market orders, {name}", one.orders[i], "1 / s")  # pyright: ignore[reportOptionalSubscript]
    yield EstimateRow(section, "ln L of two regimes", one.log_likelihood, EXACT, "")
    yield EstimateRow(section, "ln L of one regime", one.one_regime, EXACT, "")
    yield EstimateRow(section, "likelihood ratio, 2 ln(L / L of one)", one.likelihood_ratio, EXACT, "")
    yield EstimateRow(section, "Schwarz's criterion of one regime less that of two", one.criterion, EXACT, "")
    yield EstimateRow(section, "starts", len(STARTS), EXACT, "")
    yield EstimateRow(section, "starts that ended at the best", one.at_best, EXACT, "")
