"""All estimates of one recording."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from experiments.calibration import fills, trades
from experiments.calibration.fills import Decay, LogLine
from experiments.calibration.hawkes import Hawkes, hawkes, sided
from experiments.calibration.queue_reactive import QueueRates, queue_rates
from experiments.calibration.reach import Reach, default_max_depth, pooled, reaches
from experiments.calibration.volatility import Volatility, signature, volatility
from experiments.calibration.zero_intelligence import ZeroIntelligence, zero_intelligence
from mm_env.data.recording import SECOND, Recording
from mm_env.parameters import Count, Interval, Positive, check, check_fields

LEAST = 100  # lifetimes that a recording must hold


@dataclass(frozen=True)
class Settings:
    """What is estimated. Raises: TypeError or ValueError that names the setting, the rule and the value."""

    lifetime: Positive = 1.0  # seconds
    max_depth: float | int | None = None  # price units
    horizons: list[float] = field(default_factory=lambda: [1.0, 10.0, 60.0])  # seconds
    impact_horizons: list[float] = field(default_factory=lambda: [0.0, 1.0, 10.0])  # seconds
    hawkes_terms: list[int] = field(default_factory=lambda: [1])
    distances: Count = 20

    def __post_init__(self) -> None:
        check_fields(self)
        if self.max_depth is not None:
            check("Settings.max_depth", self.max_depth, Interval(0.0, low_open=True))
        for name, rule in [
            ("horizons", Interval(1e-3)),
            ("impact_horizons", Interval(0.0)),
            ("hawkes_terms", Interval(1, 4, whole=True)),
        ]:
            if not isinstance(values := getattr(self, name), list | tuple):
                raise TypeError(f"Settings.{name} must be a list, got {values!r}")
            for value in values:
                check(f"Settings.{name}", value, rule)


@dataclass(frozen=True)
class Fit:
    """lambda(depth) of some quotes, three ways."""

    reach: Reach
    exponential: Decay
    power_law: Decay
    line: LogLine


@dataclass(frozen=True)
class Calibration:
    """What was found, and why something is missing."""

    recording: Recording
    settings: Settings
    sigma: Volatility  # over a lifetime
    signature: list[Volatility]
    spread: trades.Spread
    mid: float  # time-weighted mean, price units
    orders: trades.MarketOrders
    impacts: list[trades.Impact]
    max_depth: float
    fits: dict[str, Fit]  # "bid", "ask" and "pooled"
    hawkes: dict[str, Hawkes]
    queues: QueueRates | None
    zero_intelligence: ZeroIntelligence | None
    left_out: dict[str, str]  # what, and why


def calibrate(recording: Recording, settings: Settings) -> Calibration:
    """Estimate everything.

    Raises: ValueError for a recording with fewer than 100 lifetimes, or without market orders enough to tell
    lambda(depth).
    """
    lifetimes = len(recording.starts(round(settings.lifetime * SECOND)))
    if lifetimes < LEAST:
        raise ValueError(f"a recording must hold {LEAST} lifetimes of {settings.lifetime:g} s or more, got {lifetimes}")
    sigma, spread = volatility(recording, settings.lifetime), trades.spread(recording)
    depth = settings.max_depth or default_max_depth(recording, spread.mean.value, sigma.sigma.value, settings.lifetime)
    processes, left_out = _hawkes(recording, settings)
    if recording.messages is None:
        left_out["queue-reactive and zero-intelligence intensities"] = (
            f"{recording.source} does not record single messages"
        )
    return Calibration(
        recording,
        settings,
        sigma,
        signature(recording, settings.horizons),
        spread,
        _mean_mid(recording),
        trades.orders(recording),
        trades.impacts(recording, settings.impact_horizons),
        depth,
        _fits(recording, settings.lifetime, depth),
        processes,
        queue_rates(recording),
        zero_intelligence(recording, settings.distances),
        left_out,
    )


def _fits(recording: Recording, lifetime: float, max_depth: float) -> dict[str, Fit]:
    bid, ask = reaches(recording, lifetime, max_depth)
    return {
        name: Fit(reach, fills.exponential(reach), fills.power_law(reach), fills.log_line(reach))
        for name, reach in (("bid", bid), ("ask", ask), ("pooled", pooled([bid, ask])))
    }


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
    held = np.diff(np.r_[quotes.time, recording.length])
    return float((held * quotes.twice_mid).sum() / held.sum() * 0.5 * recording.tick)
