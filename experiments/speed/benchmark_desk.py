"""How fast desks are, of one maker and of several: instrument-steps per second by how many instruments and makers there are,
as shares of a market's lane-steps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.reporting.presenter import TextTable
from mm_env.clock import Ergodic
from mm_env.competitions import duopoly
from mm_env.desk.desk import Desk
from mm_env.desk.instrument import Instrument, Tier
from mm_env.desk.varied import instruments_of
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.makers.routing import BestQuote
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.price.joint import CovariancePrices, FactorPrices
from mm_env.reward import VariancePenalty
from mm_env.simulations import simulation_of
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Bernoulli

BESIDE = "avellaneda_stoikov"
LANES = 1_024
OF_MAKERS, WORLDS_OF = (2, 20), 8  # instruments of desks of several makers; of how many makers there are `LANES` worlds
ENDLESS = 10_000_000  # steps: no episode ends while it is timed


def desks(console: Console, cfg: DictConfig) -> list[str]:
    """Print the table of desks, on one thread; its lines of CSV."""
    rows, lines = [], []
    for n in cfg.desks:
        for kind in ("covariance", "one factor"):
            speed, share = beside_market(desk_of(n, kind), n, cfg.seconds)
            rows.append([f"{n}, {kind}", f"{speed / 1e6:.1f}", f"{1e9 / speed:.1f}", f"{share:.2f}"])
            lines += [f"desk of {n} {kind},{LANES},1,{speed:.0f}", f"desk of {n} {kind} share,{LANES},1,{share:.4f}"]
    headings = ["instruments", "M instrument-\nsteps/s", "ns", f"share of\n{BESIDE}'s"]
    TextTable.of_text(headings, rows, f"desks in {LANES:,} lanes on one thread, median of runs").print(console)
    return lines


def makers(console: Console, cfg: DictConfig) -> list[str]:
    """Print the table of several makers of dealers and of desks, on one thread: steps of each instrument of each maker; its
    lines of CSV."""
    rows, lines = [], []
    for count in cfg.makers:
        worlds = max(LANES * WORLDS_OF // count, 1)
        for name, market, n in competing(count):
            speed, share = beside_market(market, n, cfg.seconds, worlds)
            what = f"{count} makers of {name}"
            rows.append(
                [f"{count} of {name}", f"{worlds:,}", f"{speed / 1e6:.1f}", f"{1e9 / speed:.1f}", f"{share:.2f}"]
            )
            lines += [f"{what},{worlds * count},1,{speed:.0f}", f"{what} share,{worlds * count},1,{share:.4f}"]
    headings = ["makers", "worlds", "M dealer-instrument-\nsteps/s", "ns", f"share of\n{BESIDE}'s"]
    TextTable.of_text(headings, rows, "several makers on one thread, median of runs").print(console)
    return lines


def competing(count: int) -> Iterator[tuple[str, Any, int]]:
    """Name, market and instruments of what so many makers are timed in."""
    dealers = replace(duopoly(), makers=count)
    yield "one by logit", dealers, 1
    yield "one by best quote", replace(dealers, routing=BestQuote()), 1
    for n in OF_MAKERS:
        desk = desk_of(n, "covariance")
        parts = {field.name: getattr(desk, field.name) for field in fields(desk)}  # pyright: ignore[reportArgumentType]
        yield f"{n} instruments", CompetingDesks(**parts, makers=count), n


def desk_of(n: int, kind: str) -> Desk:
    """A desk of n instruments like that of `BESIDE`, whose mids are correlated, by a matrix or by a factor."""
    tier = Tier(Bernoulli(rate=140.0), Exponential(k=1.5))
    one = Instrument("one", (tier,), max_depth=4.0, max_inventory=100.0)
    prices = CovariancePrices((4.0 * (0.3 + 0.7 * np.eye(n))).tolist())
    by_factor = FactorPrices(((1.1,),) * n, (1.67,))
    names = {"name": [f"instrument_{i}" for i in range(n)]}
    return Desk(instruments_of(one, names), prices if kind == "covariance" else by_factor,
                Ergodic(ENDLESS / 200.0, ENDLESS), VariancePenalty(gamma=0.1))  # fmt: skip


def beside_market(desk: Market | Desk, instruments: int, seconds: float, worlds: int = 0) -> tuple[float, float]:
    """Instrument-steps per second of all makers, and their share of the lane-steps of `BESIDE`: the medians of five runs in
    turn; of `LANES` worlds if they are not given."""
    lanes = (desk.lanes_a_world * (worlds or LANES), LANES)
    steps = [stepped(each, count) for each, count in zip((desk, market_named(BESIDE)), lanes, strict=True)]
    pairs = [[count * times(step, seconds) for step, count in zip(steps, lanes, strict=True)] for _ in range(5)]
    speeds = [instruments * ours for ours, _ in pairs]
    return statistics.median(speeds), statistics.median(
        s / theirs for s, (_, theirs) in zip(speeds, pairs, strict=True)
    )


def stepped(market: Market | Desk, lanes: int) -> Any:
    """What steps its lanes once, by actions that stay the same; it starts them anew where they have ended."""
    simulation, width = simulation_of(market, lanes, threads=1), market.width
    simulation.start(0)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, lanes * width)

    def step() -> None:
        _, _, ended, endings = simulation.step(actions)
        if endings:
            simulation.restart(ended)

    step()
    return step


def times(step: Any, seconds: float) -> float:
    """How often it runs in a second."""
    start, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        step()
        count += 1
    return count / spent
