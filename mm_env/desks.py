"""The desks that have a name: those of the literature.

`conf/market/` holds the same desks for Hydra; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Callable

from mm_env.clock import FiniteHorizon
from mm_env.desk.desk import Desk
from mm_env.desk.instrument import Instrument, Tier
from mm_env.desk.options.desk import OptionsDesk
from mm_env.desk.outside import OutsideDelta, OutsideRate
from mm_env.desk.varied import instruments_of
from mm_env.options.contract import option_grid
from mm_env.options.joint import OptionPrices
from mm_env.options.marks import BlackScholesMarks, HestonMarks
from mm_env.price.heston import GeometricHeston
from mm_env.price.joint import CovariancePrices, FactorPrices
from mm_env.price.models import Geometric
from mm_env.reward import VariancePenalty
from mm_env.venue.dealer.fill import Exponential, Logistic
from mm_env.venue.dealer.flow import Bernoulli


def two_bonds() -> Desk:
    """Bergault, Evangelista, Gueant & Vieira 2021, sec. 6: two bonds over a week, EUR and days, intensities
    30 / (1 + exp(0.7 + 30 depth)) a day and side."""
    bond = Instrument(
        name="bond",
        tiers=(Tier(flow=Bernoulli(rate=30.0), fill=Logistic(middle=-0.7 / 30.0, width=1.0 / 30.0)),),
        max_depth=0.4,
        min_depth=-0.2,
        max_inventory=75_000.0,
        sizes=(6_250.0, 12_500.0, 18_750.0, 25_000.0),
        probabilities=(0.534, 0.350, 0.097, 0.019),
    )
    return Desk(
        instruments=instruments_of(bond, {"name": ("bond_1", "bond_2"), "max_inventory": (75_000.0, 300_000.0)}),
        prices=CovariancePrices(covariance=((1.44, 0.36), (0.36, 0.36)), drift=(0.1, -0.1)),
        clock=FiniteHorizon(horizon=7.0, steps=350),
        reward=VariancePenalty(gamma=8e-6),
        quotes="size",
    )


def eurusd() -> Desk:
    """Barzykin, Bergault & Gueant 2023, EURUSD: two tiers of clients and six sizes, internalised or traded outside; depths and
    mids in basis points, sizes in millions, days."""
    tiers = tuple(
        Tier(flow=Bernoulli(rate=1800.0), fill=Logistic(middle=-alpha / beta, width=1.0 / beta))
        for alpha, beta in ((-0.3, 5.0), (-1.9, 15.0))
    )
    pair = Instrument(
        name="EURUSD",
        tiers=tiers,
        max_depth=2.0,
        min_depth=-1.0,
        max_inventory=100.0,
        sizes=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0),
        probabilities=(0.4, 0.25, 0.19, 0.1, 0.05, 0.01),
        outside=OutsideRate(max_rate=36_000.0, half_spread=0.1, quadratic=1e-5, impact=5e-3, lot=1.0),
        initial_mid=10_000.0,
    )
    return Desk(
        instruments=(pair,),
        prices=CovariancePrices(covariance=((2500.0,),)),
        clock=FiniteHorizon(horizon=0.02, steps=720),
        reward=VariancePenalty(gamma=2e-3),
        quotes="size",
    )


def twenty_bonds() -> Desk:
    """Twenty bonds over a week, EUR and days, of clients as in `two_bonds`, one bid and ask each: from the first to the last
    volatilities go up from 0.42 to 1.50 and requests down from 30 to 11 a day and side. All pairs are correlated by 1/2."""
    n = 20
    bond = two_bonds().instruments[0]
    loadings = tuple(round(0.3 + 0.04 * i, 2) for i in range(n))
    vary = {
        "name": tuple(f"bond_{i + 1}" for i in range(n)),
        "tiers.flow.rate": tuple(30.0 - i for i in range(n)),
    }
    return Desk(
        instruments=instruments_of(bond, vary),
        prices=FactorPrices(loadings=tuple((one,) for one in loadings), idiosyncratic=loadings),
        clock=FiniteHorizon(horizon=7.0, steps=350),
        reward=VariancePenalty(gamma=8e-6),
    )


def written_call() -> OptionsDesk:
    """One call that was written to somebody and that nobody asks for, at the money, under Black & Scholes, years: what is
    left is to hedge it."""
    call = Instrument(
        name="call",
        tiers=(Tier(flow=Bernoulli(rate=0.0), fill=Exponential(k=1.0)),),
        max_depth=1.0,
        max_inventory=1.0,
        initial_inventory=-1.0,
    )
    underlying = Instrument(
        name="underlying", tiers=(), max_depth=1.0, max_inventory=2.0, outside=OutsideDelta(widest=1.0)
    )
    return OptionsDesk(
        instruments=(underlying, call),
        prices=OptionPrices(
            underlying=Geometric(sigma=0.2),
            spot=100.0,
            options=option_grid((100.0,), (0.25,)),
            marks=BlackScholesMarks(sigma=0.2),
        ),
        clock=FiniteHorizon(horizon=0.25, steps=64),
        reward=VariancePenalty(gamma=0.2),
    )


def options_desk() -> OptionsDesk:
    """Baldacci, Bergault & Gueant 2021, sec. 4: twenty calls under Heston, money and years; requests of contracts worth
    500,000 at intensities 7,560 / (1 + 0.7 |S0 - K|) / (1 + exp(0.7 + 150 depth / vega)) a year and side, deltas hedged
    without cost."""
    prices = OptionPrices(
        underlying=GeometricHeston(kappa=2.0, theta=0.04, vol=0.2, rho=-0.5, v0=0.0225),
        spot=10.0,
        options=option_grid((8.0, 9.0, 10.0, 11.0, 12.0), (1.0, 1.5, 2.0, 3.0)),
        marks=HestonMarks(kappa=3.0, theta=0.0225, vol=0.2, rho=-0.5, highest=0.5),
    )
    vegas = [round(greeks.vega, 4) for greeks in prices.opening]
    sizes = [float(round(500_000.0 / greeks.price)) for greeks in prices.opening]
    call = Instrument(
        name="call",
        tiers=(Tier(flow=Bernoulli(rate=7560.0), fill=Logistic(middle=0.0, width=1.0)),),
        max_depth=1.0,
        min_depth=-1.0,
        max_inventory=1.0,
    )
    vary = {
        "name": tuple(one.name for one in prices.options),
        "tiers.flow.rate": tuple(round(7560.0 / (1.0 + 0.7 * abs(10.0 - one.strike)), 4) for one in prices.options),
        "tiers.fill.middle": tuple(round(-0.7 * vega / 150.0, 6) for vega in vegas),
        "tiers.fill.width": tuple(round(vega / 150.0, 6) for vega in vegas),
        "max_depth": tuple(round(vega / 30.0, 4) for vega in vegas),
        "min_depth": tuple(round(-vega / 100.0, 4) for vega in vegas),
        "sizes": tuple((size,) for size in sizes),
        "max_inventory": tuple(20.0 * size for size in sizes),
    }
    underlying = Instrument(
        name="underlying", tiers=(), max_depth=1.0, max_inventory=1e8, outside=OutsideDelta(widest=1e6)
    )
    return OptionsDesk(
        instruments=instruments_of(call, vary, (underlying,)),
        prices=prices,
        clock=FiniteHorizon(horizon=0.0012, steps=120),
        reward=VariancePenalty(gamma=1e-3),
        vega_limit=1e7,
    )


DESKS: dict[str, Callable[[], Desk]] = {
    made.__name__: made for made in (two_bonds, eurusd, twenty_bonds, options_desk, written_call)
}
