"""Baldacci, Bergault & Gueant 2021: twenty calls under Heston, quoted by the book's vega."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from agents.strategies.instruments import Stream
from agents.strategies.vega_desk import VegaDesk
from experiments.verification.suite import Asked, Row, suite
from mm_env.venue.dealer.fill import Logistic

SPOT, V0, VOL, RHO = 10.0, 0.0225, 0.2, -0.5
PRICING, REAL = (3.0, 0.0225), (2.0, 0.04)  # kappa and theta of Heston's variance, under Q and under P
STRIKES, EXPIRIES = (8.0, 9.0, 10.0, 11.0, 12.0), (1.0, 1.5, 2.0, 3.0)  # years
NOTIONAL, GAMMA, HORIZON, LIMIT = 500_000.0, 1e-3, 0.0012, 1e7
ALPHA, BETA = 0.7, 150.0  # of 1 / (1 + exp(alpha + beta / vega x depth))
NODES = (41, 81, 161, 321)


def call(strike: float, years: float) -> tuple[float, float]:
    """Price and vega (by the square root of the variance) of a call under Heston without rates, by Lewis's integral."""
    u = np.linspace(0.0, 200.0, 40_001)
    kappa, theta = PRICING
    z = u - 0.5j
    b, d = kappa - 1j * RHO * VOL * z, np.sqrt((kappa - 1j * RHO * VOL * z) ** 2 + VOL**2 * (z**2 + 1j * z))
    g, faded = (b - d) / (b + d), np.exp(-d * years)
    slope = (b - d) / VOL**2 * (1.0 - faded) / (1.0 - g * faded)
    level = kappa * theta / VOL**2 * ((b - d) * years - 2.0 * np.log((1.0 - g * faded) / (1.0 - g)))
    wave = np.exp(1j * u * math.log(SPOT / strike) + level + slope * V0) / (u**2 + 0.25)
    price = np.trapezoid(wave.real, u)
    by_variance = np.trapezoid((wave * slope).real, u)
    scale = math.sqrt(SPOT * strike) / math.pi
    return SPOT - scale * float(price), -scale * float(by_variance) * 2.0 * math.sqrt(V0)


def options_desk(nodes: int) -> VegaDesk:
    """The twenty calls, each asked for in contracts worth 500,000, more often the nearer the strike is to the spot."""
    marks = [(strike, *call(strike, years)) for strike in STRIKES for years in EXPIRIES]
    requests = tuple(
        Stream(Logistic(-ALPHA * vega / BETA, vega / BETA), rate(strike), NOTIONAL / price)
        for strike, price, vega in marks
    )
    (kappa, theta), (own, mean) = PRICING, REAL
    premium = (own * (mean - V0) - kappa * (theta - V0)) / (2.0 * math.sqrt(V0))
    vegas = np.array([vega for _, _, vega in marks])
    return VegaDesk(requests, vegas, premium, 0.25 * VOL**2, GAMMA, HORIZON, LIMIT, nodes)


def rate(strike: float) -> float:
    """Requests a year and side."""
    return 252.0 * 30.0 / (1.0 + 0.7 * abs(SPOT - strike))


@suite("options_market_making", "Baldacci, Bergault & Gueant 2021: S0 = 10, twenty calls, T = 0.0012", 3.0)
def value(_: Asked) -> Iterator[Row]:
    """The value of an empty book, by the spacing of vegas; that published is of about the finest grid."""
    found = {2.0 * LIMIT / (nodes - 1): options_desk(nodes).value(0.0, HORIZON) for nodes in NODES}
    yield Row.converging("value from nothing", 164_040.0, found, 30.0)
    yield Row("the same on 321 vegas", 164_040.0, min(found.items())[1], 1.0)
