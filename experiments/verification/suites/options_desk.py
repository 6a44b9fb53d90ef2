"""A desk of options simulated: the published quotes in the paper's market, and what hedging at intervals leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from agents.policy import play
from agents.strategies.options_maker import ConstantVega, OptionsMaker
from experiments.studies.hedging_interval import interval_of
from experiments.verification.suite import Asked, Row, suite
from mm_env.clock import FiniteHorizon
from mm_env.desks import options_desk, written_call
from mm_env.options import CALL, black_scholes, derman_kamal, hedging_error_limit, hedging_error_variance

STANDARD_ERRORS = 4.0
STEPS = 240  # of the paper's horizon: a side of an option is asked for with probability .04 a step at most
WRITTEN = (100.0, 100.0, 0.25, 0.2)  # spot, strike, expiry, volatility


@suite(
    "options_desk",
    "Baldacci, Bergault & Gueant 2021: their quotes in a simulated desk, deltas hedged at each step",
    60.0,
)
def published_quotes(asked: Asked) -> Iterator[Row]:
    """The value of an empty book: in the limit of constant vegas and short steps; simulated, greeks move and steps are finite.

    Vegas that move and hedges at steps cost a little: an eightieth of the value is allowed for them beside the sampling error.
    """
    desk = replace(options_desk(), clock=FiniteHorizon(0.0012, STEPS))
    quotes = ConstantVega.of(desk)
    yield Row("value in the process of the quotes", 164_040.0, quotes.worth, 20.0)
    found = play(desk, OptionsMaker(desk, quotes), max(asked.episodes, 1000), asked.seed).objective
    allowed = STANDARD_ERRORS * float(found.std()) / math.sqrt(len(found)) + 164_040.0 / 80.0
    yield Row(f"simulated in {STEPS} steps", 164_040.0, float(found.mean()), allowed)


@suite("hedging_interval", "Bertsimas, Kogan & Lo 2000: S = K = 100, sigma .2, T = .25, hedged at even dates", 20.0)
def hedging_interval(asked: Asked) -> Iterator[Row]:
    """The variance of a delta-hedged call: its limit by the interval, and that of a simulated desk at three intervals."""
    spot, strike, expiry, sigma = WRITTEN
    horizon = 0.4 * expiry  # before the expiry, where the next order is the interval itself
    by_dt = {horizon / n: hedging_error_variance(CALL, *WRITTEN, horizon, n) * n / horizon for n in (4, 8, 16, 32)}
    limit = hedging_error_limit(*WRITTEN, horizon)
    yield Row.converging("variance by the interval, to .4 T", limit, by_dt, 1e-4 * limit)
    vega, whole = black_scholes(CALL, spot, strike, expiry, sigma, 0.0, 0.0).vega, hedging_error_limit(*WRITTEN, expiry)
    known = derman_kamal(vega, sigma, 64)
    yield Row(
        "Derman & Kamal 1999, 64 dates", known, whole * expiry / 64.0, 2e-3 * known, source="pi / 4 (vega sigma)^2 / n"
    )
    desk = written_call()
    for steps in (1, 4, 16):
        one = interval_of(desk, steps, max(asked.episodes, 1000), asked.seed)
        yield Row(f"simulated desk, every {steps} steps of 64", one.exact, one.simulated, STANDARD_ERRORS * one.error,
                  source="exact variance of the dates, by quadrature")  # fmt: skip


@suite("put_call_parity", "exact: C - P = S - K in a desk's marks under Heston, at each of 50 steps", 10.0)
def parity(asked: Asked) -> Iterator[Row]:
    """The largest distance from parity among the marks of a desk's episodes."""
    from mm_env.desk_simulation import DeskSimulation

    written, heston = written_call(), options_desk().options
    pair = tuple(replace(one, side=side) for one in heston.options[:1] for side in (1.0, -1.0))
    call = replace(written.instruments[1], initial_inventory=0.0)
    both = (written.instruments[0], call, replace(call, name="put"))
    desk = replace(
        written, numbers=(), instruments=both, prices=replace(heston, options=pair), clock=FiniteHorizon(0.5, 50)
    )
    simulation, worst = DeskSimulation(desk, 256), 0.0
    simulation.start(asked.seed)
    for _ in range(50):
        simulation.step(np.ones(256 * desk.width))
        spot, one, other = (holding.mid for holding in simulation.holdings)
        worst = max(worst, float(np.abs(one - other - (spot - pair[0].strike)).max()))
    yield Row("largest |C - P - S + K|", 0.0, worst, 1e-11)
