"""Small desks of options for tests."""

from __future__ import annotations

from typing import Any

from mm_env import (
    Bernoulli,
    BlackScholesMarks,
    FiniteHorizon,
    Geometric,
    GeometricHeston,
    HestonMarks,
    Instrument,
    Logistic,
    OptionContract,
    OptionPrices,
    OptionsDesk,
    OutsideDelta,
    Tier,
    VariancePenalty,
)

HESTON = GeometricHeston(kappa=2.0, theta=0.04, vol=0.2, rho=-0.5, v0=0.0225)
HESTON_MARKS = HestonMarks(kappa=3.0, theta=0.0225, vol=0.2, rho=-0.5, highest=0.5)
CALM, CALM_MARKS = Geometric(sigma=0.15), BlackScholesMarks(sigma=0.15)
OUTSIDE = OutsideDelta(widest=1e4, half_spread=1e-3, quadratic=1e-9, impact=1e-8)
EUROPEAN = (OptionContract(1.0, 9.0), OptionContract(0.5, 11.0, -1.0), OptionContract(0.01, 10.0))  # one expires midway
LOOKBACKS = (
    OptionContract(1.0, style="floating_lookback"),
    OptionContract(0.01, style="floating_lookback", side=-1.0),
    OptionContract(0.01, 10.1, style="fixed_lookback"),
    OptionContract(0.5, 9.9, -1.0, "fixed_lookback"),
)
WATCHED = (
    OptionContract(1.0, style="floating_lookback", watched_every=0.02),
    OptionContract(0.012, style="floating_lookback", side=-1.0, watched_every=0.004),
    OptionContract(0.012, 10.1, style="fixed_lookback", watched_every=0.002),
    OptionContract(0.1, 9.9, -1.0, "fixed_lookback", 0.01),
)


def quoted(name: str, rate: float = 1000.0, **more: Any) -> Instrument:
    """An option that clients ask for in two sizes."""
    shape = {
        "max_depth": 0.1,
        "min_depth": -0.05,
        "max_inventory": 1e5,
        "sizes": (1e3, 2e3),
        "probabilities": (0.6, 0.4),
    }
    return Instrument(name, (Tier(Bernoulli(rate), Logistic(0.0, 0.01)),), **{**shape, **more})


def underlying(outside: Any = OUTSIDE, **more: Any) -> Instrument:
    """One that nobody asks for."""
    return Instrument("S", **{"tiers": (), "max_depth": 1.0, "max_inventory": 1e7, "outside": outside, **more})


def options_desk(options: Any = EUROPEAN, heston: bool = True, **more: Any) -> OptionsDesk:
    """A desk of these options on an underlying at 10, over a fiftieth of a year in 50 steps."""
    price, marks = (HESTON, HESTON_MARKS) if heston else (CALM, CALM_MARKS)
    prices = more.pop("prices", None) or OptionPrices(price, 10.0, options, marks)
    rest = {
        "instruments": (underlying(), *(quoted(f"o{i}", 1000.0 - 100.0 * i) for i in range(len(options)))),
        "prices": prices,
        "clock": FiniteHorizon(0.02, 50),
        "reward": VariancePenalty(1e-6),
    }
    return OptionsDesk(**{**rest, **more})
