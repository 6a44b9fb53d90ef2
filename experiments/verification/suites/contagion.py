"""A maker beside a stressed asset: the rate of its own crashes is that of whether the other asset was hit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.exact.blind_optimum import blind_optimum
from agents.exact.evaluation import worth
from agents.exact.optimum import optimum
from agents.policy import tabulate
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.cartea_jaimungal import MARKET
from experiments.verification.suites.heston import SEARCHED, first_quotes
from mm_env.clock import FiniteHorizon
from mm_env.market import Market
from mm_env.price.jumps import NormalJumps
from mm_env.price.models import Brownian
from mm_env.price.regime_jumps import RegimeJumps
from mm_env.price.regimes import RegimeSwitching
from mm_env.price.with_jumps import WithJumps

STEPS = (100, 200, 400)
CRASH, RATES, HIT, CALMED = -3.0, (0.1, 1.0), 1.0, 5.0  # price; crashes / time in calm and when hit; 1 / time
NAMES = ("calm", "hit")
KNOWN = ((6.57224416, 1.430734), (6.70547803, 1.743093))  # h(0), and the bid depth at q = 0


def beside(start: int, steps: int) -> Market:
    """The market of Cartea, Jaimungal & Penalva, |q| <= 10, whose mid crashes by 3, at rate 0.1 in calm and 1 when hit.

    Jumps are compensated in this package; the drift in each regime brings back what the crashes take on average.
    """
    drift = tuple(CRASH * rate for rate in RATES)
    states = RegimeSwitching(Brownian(0.1), ((-HIT, HIT), (CALMED, -CALMED)), (1.0,), drift, float(start))
    price = WithJumps(states, RegimeJumps(NormalJumps(rate=1.0, mean=CRASH, std=0.0), RATES))
    return replace(MARKET, price=price, clock=FiniteHorizon(1.0, steps))


@suite(
    "stressed_asset",
    "exact: crash of 3 at rates .1 and 1, hit at 1, calming at 5, rest as Cartea, Jaimungal & Penalva",
    20.0,
)
def stressed(_: Asked) -> Iterator[Row]:
    """The optimum of who sees the other asset's state, and what the quotes for the average hazard are worth from calm."""
    for start, (value, bid) in enumerate(KNOWN):
        found = {1.0 / steps: optimum(beside(start, steps)) for steps in STEPS}
        values = {dt: best.worth for dt, best in found.items()}
        yield Row.converging(f"h(0), {NAMES[start]}", value, values, 1e-5)
        bids = {dt: first_quotes(best, 0.0)[0] for dt, best in found.items()}
        yield Row.converging(f"bid depth at q = 0, {NAMES[start]}", bid, bids, SEARCHED)
    averaged = {1.0 / steps: for_the_average(beside(0, steps)) for steps in STEPS}
    yield Row.converging("h(0) of quotes for the average hazard, calm", 6.53527682, averaged, 1e-5)


def for_the_average(market: Market) -> float:
    """What the quotes of who expects crashes at their long-run rate are worth, exactly."""
    share = HIT / (HIT + CALMED)
    drift = CRASH * float(np.average(RATES, weights=(1.0 - share, share)))
    table = tabulate(market, blind_optimum(market, {"price": Brownian(0.1, drift)}))
    assert table is not None
    return worth(table.market, table.actions)
