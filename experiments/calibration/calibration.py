"""The calibration of a market to one recording: all estimates together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from experiments.calibration import fills, trades
from experiments.calibration.adverse import Adverse, adverse
from experiments.calibration.daytime import Stretch, by_time_of_day
from experiments.calibration.fills import Decay, LogLine
from experiments.calibration.hawkes import Hawkes, hawkes, sided
from experiments.calibration.jumps import Jumps, jumps
from experiments.calibration.laws import Law, laws
from experiments.calibration.queue_reactive import QueueRates, queue_rates
from experiments.calibration.reach import Reach, default_max_depth, pooled, reaches
from experiments.calibration.regimes import Regimes, regimes
from experiments.calibration.settings import Settings
from experiments.calibration.volatility import Volatility, signature, volatility
from experiments.calibration.zero_intelligence import ZeroIntelligence, zero_intelligence
from mm_env.data.recording import SECOND, Recording

Found = TypeVar("Found")
LEAST = 100  # lifetimes that a recording must hold
QUOTED = 3.5  # times 1/k: the depths that the market's quotes are centred on


@dataclass(frozen=True)
class Fit:
    """lambda(depth) of some quotes, three ways."""

    reach: Reach
    exponential: Decay
    power_law: Decay
    line: LogLine


class Fits(dict[str, Fit]):
    """Name -> fit, of "bid", "ask" and "pooled"; asked for one that the recording does not tell, it says why."""

    def __init__(self, refused: dict[str, str]) -> None:
        super().__init__()
        self.refused = refused

    def __missing__(self, name: str) -> Fit:
        raise ValueError(self.refused[name])


@dataclass(frozen=True)
class Calibration:
    """What was found, and why something is missing."""

    recording: Recording
    settings: Settings
    sigma: Volatility  # over a lifetime
    signature: list[Volatility]
    daytime: list[Stretch]
    jumps: Jumps | None
    regimes: Regimes | None
    spread: trades.Spread
    mid: float  # time-weighted mean, price units
    orders: trades.MarketOrders
    impacts: list[trades.Impact]
    max_depth: float
    fits: Fits
    laws: list[Law]  # of the pooled quotes, best first
    adverse: Adverse | None
    hawkes: dict[str, Hawkes]
    queues: QueueRates | None
    zero_intelligence: ZeroIntelligence | None
    left_out: dict[str, str]  # what, and why

    @property
    def missing(self) -> list[str]:
        """Why no market can be made of it; empty where one can."""
        found = [f"sigma: {self.sigma.missing}"] * bool(self.sigma.missing)
        found += [f"settings.price: {self.no_price}"] * bool(self.no_price)
        found += list(dict.fromkeys(self.fits.refused.values()))
        fit = self.fits.get("pooled")
        for name, one in (("A", fit.exponential.rate), ("k", fit.exponential.k)) if fit else ():
            if not one.error < one.value:
                found.append(f"lambda(depth): {name} = {one} is not told from 0")
        return found

    @property
    def no_price(self) -> str:
        """Why there is no price of the kind asked for; empty where there is."""
        if self.settings.price == "jumps":
            if self.jumps is None:
                return self.left_out["jumps"]
            return "" if len(self.jumps.found) else f"no jump is told in {self.jumps.returns} returns"
        if self.settings.price == "regimes":
            return self.left_out["regimes"] if self.regimes is None else "; ".join(self.regimes.remarks)
        return ""


def calibrate(recording: Recording, settings: Settings) -> Calibration:
    """Estimate everything that the recording tells; what it does not is left out, and why is said."""
    sigma, spread = volatility(recording, settings.lifetime), trades.spread(recording)
    still = np.nan_to_num(sigma.sigma.value)
    depth = settings.max_depth or default_max_depth(recording, spread.mean.value, still, settings.lifetime)
    processes, left_out = _hawkes(recording, settings)
    signed = signature(recording, settings.horizons)
    left_out |= {f"sigma over {one.horizon:g} s": one.missing for one in signed if one.missing}
    queues = queue_rates(recording)
    if queues is None:
        kind = "single messages" if recording.messages is None else "a limit order"
        left_out["queue-reactive and zero-intelligence intensities"] = f"{recording.source} does not record {kind}"
    fits, adverse_selection = _fits(recording, settings.lifetime, depth, left_out)
    pooled_fit = fits.get("pooled")
    jumping = _unless_refused(jumps, recording, settings.sampling, "jumps", left_out)
    switching = _unless_refused(regimes, recording, settings.sampling, "regimes", left_out)
    return Calibration(
        recording,
        settings,
        sigma,
        signed,
        by_time_of_day(recording, settings.sampling, settings.day_part),
        jumping,
        switching,
        spread,
        _mean_mid(recording),
        trades.orders(recording),
        trades.impacts(recording, settings.impact_horizons),
        depth,
        fits,
        laws(pooled_fit.reach, pooled_fit.exponential) if pooled_fit else [],
        adverse_selection,
        processes,
        queues,
        zero_intelligence(recording, settings.distances),
        left_out,
    )


def _unless_refused(
    estimate: Callable[[Recording, float], Found],
    recording: Recording,
    horizon: float,
    name: str,
    left_out: dict[str, str],
) -> Found | None:
    """What is estimated over `horizon`; None where the recording does not tell it, and why goes into `left_out`."""
    try:
        return estimate(recording, horizon)
    except ValueError as error:
        left_out[name] = str(error)
        return None


def _fits(recording: Recording, lifetime: float, depth: float, left_out: dict[str, str]) -> tuple[Fits, Adverse | None]:
    """lambda(depth) of the sides and of both, and adverse selection; what is missing goes into `left_out`."""
    lifetimes, refused = len(recording.starts(round(lifetime * SECOND))), {}
    fits, found = Fits(refused), None
    bid, ask = reaches(recording, lifetime, depth)
    for name, reach in (("bid", bid), ("ask", ask), ("pooled", pooled([bid, ask]))):
        try:
            if lifetimes < LEAST:
                raise ValueError(f"a recording must hold {LEAST} lifetimes of {lifetime:g} s or more, got {lifetimes}")
            fits[name] = Fit(reach, fills.exponential(reach), fills.power_law(reach), fills.log_line(reach))
        except ValueError as error:
            refused[name] = str(error)
            left_out[f"A and k, {name}"] = str(error)
    try:
        whole = fits.get("pooled")
        found = adverse(pooled([bid, ask]), min(QUOTED / whole.exponential.k.value, depth) if whole else depth)
    except ValueError as error:
        left_out["adverse selection"] = str(error)
    return fits, found


def _hawkes(recording: Recording, settings: Settings) -> tuple[dict[str, Hawkes], dict[str, str]]:
    found, left_out = {}, {}
    for bivariate in (False, True):
        for terms in settings.hawkes_terms:
            name = f"{'buys and sells' if bivariate else 'all orders'}, {terms} exponential{'s' * (terms > 1)}"
            try:
                found[name] = hawkes(*sided(recording.orders, bivariate), recording.length / SECOND, terms)
            except ValueError as error:
                left_out[f"Hawkes, {name}"] = str(error)
    return found, left_out


def _mean_mid(recording: Recording) -> float:
    quotes = recording.quotes
    held = np.diff(np.r_[quotes.time, recording.length]).astype(np.float64)  # times ticks, integers of 64 bits overflow
    return float((held * quotes.twice_mid).sum() / held.sum() * 0.5 * recording.tick)
