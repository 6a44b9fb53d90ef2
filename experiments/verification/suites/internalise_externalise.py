"""Barzykin, Bergault & Gueant: EURUSD quoted to two tiers of clients, internalised or hedged in the market."""

from __future__ import annotations

from collections.abc import Iterator

from agents.exact.desk import ergodic_optimum
from agents.strategies.instruments import DeskProblem, Instrument, Outside, Stream
from agents.strategies.internalise import InternaliseExternalise
from experiments.verification.suite import Asked, Row, suite
from mm_env.venue.dealer.fill import Logistic

TIERS = ((-0.3, 5.0), (-1.9, 15.0))  # alpha and beta of 1 / (1 + exp(alpha + beta depth)), depth in bp
SIZES = {1.0: 0.4, 2.0: 0.25, 5.0: 0.19, 10.0: 0.1, 20.0: 0.05, 50.0: 0.01}  # M -> share of the requests
REQUESTS, SIGMA, GAMMA, LIMIT = 1_800.0, 50.0, 2e-3, 100.0  # a day, tier and side; bp / sqrt(day); 1 / (M bp); M
OUTSIDE = Outside(half_spread=0.1, most=36_000.0, quadratic=1e-5, impact=5e-3)
TIER = len(SIZES)  # streams of a tier
STEPS = (36_000, 72_000, 144_000)  # a day


def eurusd(lot: float = 1.0) -> Instrument:
    """The clients' requests by tier and size, and trading in the market, with positions in lots of so many M."""
    fills = [Logistic(middle=-alpha / beta, width=1.0 / beta) for alpha, beta in TIERS]
    streams = [Stream(fill, REQUESTS * share, size) for fill in fills for size, share in SIZES.items()]
    return Instrument.symmetric(streams, lot, LIMIT, OUTSIDE)


@suite("internalise_externalise", "Barzykin, Bergault & Gueant 2023, EURUSD", 10.0)
def eurusd_rows(_: Asked) -> Iterator[Row]:
    """The solution in continuous time on grids of M, and this package's exact optimum in steps as they become short.

    The threshold is 14.450, 14.471 and 14.481 M on grids of 1, 1/2 and 1/4 M and tends to 14.49: the published is of a grid.
    """
    grids = {lot: InternaliseExternalise(eurusd(lot), SIGMA, GAMMA) for lot in (1.0, 0.5, 0.25)}
    coarse = grids[1.0]
    for tier, known in ((0, 0.54842), (1, 0.26597)):
        spread = float(coarse.depths([0.0])[0, :, tier * TIER].sum())
        yield Row(f"neutral spread for 1 M, tier {tier + 1}, bp", known, spread, 1e-5)
    threshold = {lot: grid.internalised for lot, grid in grids.items()}
    yield Row.converging("internalised up to, M, by grid", 14.47, threshold, 0.03)
    volumes = coarse.solution
    share = 100.0 * volumes.outside_volume / (volumes.outside_volume + volumes.client_volume)
    yield Row("hedged outside, % of the turnover, grid of 1 M", 2.1, share, 0.05)
    problem = DeskProblem((eurusd(),), [[SIGMA**2]], GAMMA)
    found = {1.0 / steps: ergodic_optimum(problem, 1.0 / steps) for steps in STEPS}
    middle = len(problem.positions) // 2
    for tier, known in ((0, 0.54842), (1, 0.26597)):
        spreads = {dt: float(best.depths[middle, :, tier * TIER].sum()) for dt, best in found.items()}
        yield Row.converging(f"the same of the exact optimum, tier {tier + 1}, dt -> 0", known, spreads, 2e-5)
