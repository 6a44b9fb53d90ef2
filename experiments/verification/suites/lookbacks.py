"""Lookback options: closed forms, exact prices at dates, and the maximum drawdown that they are cover against."""

from __future__ import annotations

import math
from collections.abc import Iterator

from experiments.verification.suite import Asked, Row, suite
from mm_env.options import CALL, PUT, floating_lookback, max_drawdown_cover, watched_floating_lookback

PRINTED = 5e-9
NAMES = {CALL: "call", PUT: "put"}
CONTINUOUS = {CALL: 17.21680224, PUT: 14.29056771}
AT_DATES = {12: {CALL: 14.68184272, PUT: 10.87711118}, 52: {CALL: 15.93647362, PUT: 12.54494543}}
MARKET = (1.0, 0.2, 0.05, 0.0)  # time, volatility, rate and dividend


@suite("lookbacks", "Goldman, Sosin & Gatto 1979; at dates Spitzer 1956: S = 100, r = .05, sigma = .2, T = 1", 0.1)
def lookbacks(_: Asked) -> Iterator[Row]:
    """Floating strikes, and the mean of the maximum drawdown by quadrature of its law."""
    for side, known in CONTINUOUS.items():
        yield Row(f"{NAMES[side]}, continuous", known, floating_lookback(side, 100.0, 100.0, *MARKET).price, PRINTED)
    for dates, prices in AT_DATES.items():
        for side, known in prices.items():
            found = watched_floating_lookback(side, 100.0, 100.0, *MARKET, dates)
            yield Row(f"{NAMES[side]}, {dates} dates", known, found, PRINTED)
    known, law = math.sqrt(math.pi / 2.0), "exact: sqrt(pi / 2) sigma sqrt(T), driftless Brownian motion"
    yield Row("E[max drawdown], sigma = T = 1", known, max_drawdown_cover(0.0, 1.0, 1.0), 1e-12, source=law)
