"""A written call hedged at a proportional cost: the exact no-trade band, and what rules of thumb cost beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agents.exact.hedging_band import HedgedOption, best_band, hedge_by
from agents.strategies.delta_bands import DeltaHedge, Unhedged, WhalleyWilmott
from experiments.verification.suite import Asked, Row, suite
from mm_env.options import CALL, black_scholes

SOLD = HedgedOption(strike=100.0, sigma=0.2, horizon=0.25, cost=0.01, gamma=0.2)  # 200 dates, 1201 holdings
PRINTED = 5e-6
GRID = 2.5e-4  # bands are printed on a grid of 5e-4
RULES = {
    "Whalley-Wilmott": (WhalleyWilmott(100.0, 0.2, cost=0.01, gamma=0.2), 5.16735),
    "rehedged at every date": (DeltaHedge(100.0, 0.2), 10.54074),
    "not hedged": (Unhedged(), 12.91179),
}


@suite("hedging_band", "Davis, Panas & Zariphopoulou 1993: a call written, T = .25, sigma .2, cost 1 %, CARA .2", 5.0)
def band(_: Asked) -> Iterator[Row]:
    """The writer's price with the best band and with others; the limit of ever finer holdings is that of no grid."""
    best = best_band(SOLD)
    yield Row("writer's price at best", 4.99010, best.price, PRINTED)
    yield Row("band at the start, low", 0.3365, best.low[0, 0], GRID)
    yield Row("band at the start, high", 0.7125, best.high[0, 0], GRID)
    for name, (rule, known) in RULES.items():
        yield Row(f"writer's price, {name}", known, hedge_by(SOLD, rule.band).price, PRINTED)
    low, high = RULES["Whalley-Wilmott"][0].band(100.0, 0.25)
    yield Row("Whalley-Wilmott's band, low", 0.2916, float(low), 5e-5)
    yield Row("Whalley-Wilmott's band, high", 0.7483, float(high), 5e-5)
    yield Row("Black & Scholes", 3.98776, black_scholes(CALL, 100.0, 100.0, 0.25, 0.2, 0.0, 0.0).price, PRINTED)
    rule = RULES["rehedged at every date"][0]
    found = {1.2 / (n - 1): hedge_by(replace(SOLD, nodes=n), rule.band).price for n in (1201, 2401, 4801)}
    exact = "exact: a recursion over pairs of nodes, without a grid of holdings"
    yield Row.converging("rehedged, ever finer holdings", 10.540221855, found, 5e-5, exact)
