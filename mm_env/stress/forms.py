"""What each part of a market bears of a stress, and its form under it: a registry by class, open to parts of one's own.

    @bears.register
    def _(part: MyVenue) -> frozenset[str]:
        return frozenset({"sells", "buys"})

    @under.register
    def _(part: MyVenue, blow: Blow) -> MyVenue:
        return replace(part, flow=StressedFlow(part.flow, blow.begins, blow.ends, blow.stress.sells))

A part's form says what it says in calm until the stress begins and once it is over, and its very bits where it bears nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache, singledispatch
from typing import Any, NamedTuple

import numpy as np

from mm_env.core.component import Sides, differs, leaves, nominal
from mm_env.core.parameters import Distribution
from mm_env.hedges import Hedges
from mm_env.hedging.portfolio import HedgePortfolio
from mm_env.lending.collateral import Collateral
from mm_env.makers.contested_book import ContestedBook
from mm_env.price.models import Price
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from mm_env.stress.books import StressedBook, StressedOrders
from mm_env.stress.loans import StressedLoan
from mm_env.stress.mixed import mixed
from mm_env.stress.parts import StressedFlow, StressedHedges, StressedImpact, StressedPrice
from mm_env.stress.pools import StressedExploits, StressedTraders
from mm_env.venue.channel.channel import Channel
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.order_book.book import Book
from mm_env.venue.pool.pool import Pool

PARTS = ("price", "venue", "hedges", "financing")  # of a market, that are asked
Names = frozenset[str]


class Blow(NamedTuple):
    """A stress as it falls on a market."""

    stress: Any
    market: Any
    begins: float  # time since the episode began
    ends: float

    def deviations(self, count: float, time: float) -> float:
        """So many standard deviations of the mid's move over a time, price units. Raises: ValueError where it says no sigma."""
        price: Any = self.market.price
        if count == 0.0:
            return 0.0
        if getattr(price, "sigma", None) is None:
            raise ValueError(
                f"Stress needs a price that says its sigma for a gap or adverse selection, which are in its terms, got {price}"
            )
        unit = nominal(self.market.initial_mid) if price.relative else 1.0
        return count * nominal(price.sigma) * unit * math.sqrt(time)


@singledispatch
def bears(part: Any) -> Names:
    """The numbers of a `Stress` that concern a part of a market."""
    return frozenset()


@singledispatch
def under(part: Any, blow: Blow) -> Any:
    """The part under a stress; itself where none concerns it."""
    return part


@bears.register
def _(part: Price) -> Names:
    still = part.needs_book or nominal(getattr(part, "sigma", 1.0) or 0.0) == 0.0
    return frozenset() if still else frozenset({"volatility", "gap"})


@under.register
def _(part: Price, blow: Blow) -> Price:
    if not bears(part):
        return part
    gap = blow.deviations(blow.stress.gap, blow.market.clock.horizon)
    return StressedPrice(part, blow.begins, blow.ends, blow.stress.volatility, gap)


@bears.register
def _(part: Dealer) -> Names:
    return frozenset({"sells", "buys", "adverse"})


@under.register
def _(part: Dealer, blow: Blow) -> Dealer:
    size = blow.deviations(blow.stress.adverse, blow.market.clock.step_length)
    impact = Sides(*(StressedImpact(side, blow.begins, blow.ends, size) for side in _sides(part.impact)))
    return replace(part, flow=_flows(part.flow, blow), impact=impact)


@bears.register
def _(part: Channel) -> Names:
    return frozenset({"sells", "buys"})


@under.register
def _(part: Channel, blow: Blow) -> Channel:
    return replace(part, flow=_flows(part.flow, blow))


@bears.register
def _(part: Pool) -> Names:
    return frozenset({"exploit"} | ({"sells", "buys"} if _rate_of(part.traders) else set()))


@under.register
def _(part: Pool, blow: Blow) -> Pool:
    stress, name = blow.stress, _rate_of(part.traders)
    exploits = StressedExploits(part.exploits, blow.begins, stress.exploit)
    if not name:
        return replace(part, exploits=exploits)
    if name == "turnover" and stress.sells != stress.buys:
        raise ValueError(
            f"Stress needs sells and buys alike beside {type(part.traders).__name__}, who buy as much as they sell, got "
            f"sells={stress.sells:g} and buys={stress.buys:g}"
        )
    buying, selling = (_with(part.traders, name, lambda x, f=factor: x * f) for factor in (stress.buys, stress.sells))
    traders = StressedTraders(part.traders, buying, selling, blow.begins, blow.ends)
    return replace(part, exploits=exploits, traders=traders)


@bears.register
def _(part: Book) -> Names:
    return frozenset({"volatility", "gap", "sells", "buys", "liquidity", "latency"})


@under.register
def _(part: Book, blow: Blow) -> Book:
    stress, market = blow.stress, blow.market
    _refuse_drawn(part.flow)
    orders = StressedOrders(part.flow, stress.volatility**2, stress.liquidity, stress.sells, stress.buys)
    ticks = round(stress.gap * left_alone(market).deviation / nominal(part.tick)) if stress.gap else 0
    acts = 1.0 if bears(part) & set(stress.changes()) - {"latency"} else 0.0
    return mixed(
        StressedBook, part, begins=blow.begins, finishes=blow.ends, acts=acts, gap=float(ticks), lag=stress.latency,
        step=market.clock.step_length, shocked=replace(part, flow=orders),
    )  # fmt: skip


@bears.register
def _(part: ContestedBook) -> Names:
    return frozenset()  # the orders of several makers are kept by a ladder of their own


@under.register
def _(part: ContestedBook, blow: Blow) -> ContestedBook:
    return part


@bears.register
def _(part: Hedges) -> Names:
    if not part.names:
        return frozenset()
    return frozenset({"hedging"} | ({"correlation"} if hasattr(part, "correlation") else set()))


@under.register
def _(part: Hedges, blow: Blow) -> Hedges:
    if not part.names:
        return part
    shocked = towards(part, blow.stress.correlation) if hasattr(part, "correlation") else part
    return StressedHedges(part, shocked, blow.begins, blow.ends, blow.stress.hedging)


@bears.register
def _(part: HedgePortfolio) -> Names:
    return frozenset().union(*map(bears, part.hedges))


@under.register
def _(part: HedgePortfolio, blow: Blow) -> Hedges:
    share = blow.stress.correlation
    each = tuple(towards(hedge, share) if hasattr(hedge, "correlation") else hedge for hedge in part.hedges)
    shocked = part if share == 0.0 else replace(part, hedges=each)
    return StressedHedges(part, shocked, blow.begins, blow.ends, blow.stress.hedging)


@bears.register
def _(part: Collateral) -> Names:
    return frozenset({"collateral", "correlation"})


@under.register
def _(part: Collateral, blow: Blow) -> Collateral:
    token, crash = towards(part.token, blow.stress.correlation), blow.stress.collateral
    return mixed(StressedLoan, part, begins=blow.begins, ends=blow.ends, crash=crash, shocked=token)


def towards(part: Any, share: float) -> Any:
    """The part with its correlation with the mid so far on the way to 1 (to -1, where it is negative); to 0 for a share < 0."""

    def moved(rho: Any) -> Any:
        whole = np.where(np.asarray(rho) < 0.0, -1.0, 1.0)
        found = rho + share * (whole - rho) if share > 0.0 else (1.0 + share) * np.asarray(rho)
        return found if np.ndim(rho) else float(found)

    return part if share == 0.0 else _with(part, "correlation", moved)


def duration(market: Any) -> float:
    """How long an episode is: the clock's horizon, or where it counts events the mean time that they take without us."""
    return left_alone(market).time if market.clock.needs_book else market.clock.horizon


class Alone(NamedTuple):
    """What episodes of an order book are like without us."""

    deviation: float  # the standard deviation of the mid's move, price units
    time: float  # that they take, on average


def left_alone(market: Any) -> Alone:
    """What 500 episodes of an order book are like without us. Raises: ValueError for parameters that differ by lane."""
    for leaf in leaves(market):
        if differs(leaf.value):
            raise ValueError(
                f"Stress needs Market.{leaf.path} to be one number where it is measured, got {leaf.value!r}"
            )
    return _measured(market)


@lru_cache(maxsize=16)
def _measured(market: Any, lanes: int = 500, seed: int = 5) -> Alone:
    simulation = Simulation(replace(market, quote=Unbounded()), lanes)
    simulation.start(seed)
    opened, away = simulation.state.mid.copy(), np.full(2 * lanes, 1e9)
    for _ in range(int(market.clock.steps)):
        simulation.step(away)
    books: Any = simulation.books
    return Alone(float((simulation.state.mid - opened).std()), float(books["time"].mean()))


def _flows(flow: Any, blow: Blow) -> Sides:
    sides, stress = _sides(flow), blow.stress
    return Sides(
        *(StressedFlow(side, blow.begins, blow.ends, f) for side, f in zip(sides, (stress.sells, stress.buys)))
    )


def _sides(part: Any) -> tuple[Any, Any]:
    return part.bid, part.ask


def _rate_of(traders: Any) -> str:
    """The name of the parameter that says how much a pool's traders trade; "" where there is none."""
    return next((name for name in ("turnover", "rate") if hasattr(traders, name)), "")


def _with(part: Any, name: str, change: Any) -> Any:
    """The part with one parameter changed."""
    _refuse_drawn(part)
    value = getattr(part, name)
    return replace(part, **{name: change(value if np.ndim(value) == 0 else np.asarray(value))})


def _refuse_drawn(part: Any) -> None:
    """Refuse what is drawn by the episode where a stress holds a part twice: the two would be drawn apart."""
    for leaf in leaves(part):
        if isinstance(leaf.value, Distribution):
            raise ValueError(
                f"Stress needs {type(part).__name__}.{leaf.path} to be a number, or one a lane, got {leaf.value}"
            )
