"""An order book's volatility, order rate and depth decay, estimated from simulations of it for the closed forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from mm_env.market import Market
from mm_env.quote import NOWHERE, Unbounded
from mm_env.rollout import steps
from mm_env.simulation import Simulation
from mm_env.venue.replay.window import InTurn

Floats = NDArray[np.float64]
LANES = 512
REACH = 2.0  # of 1 / k: how far from the mid the closed forms quote


class BookEstimates(NamedTuple):
    """sigma of the mid (price / sqrt(time)), and A and k of lambda(depth) = A exp(-k depth), fills / time of one side."""

    sigma: float
    rate: float
    k: float


class Fills(NamedTuple):
    """What constant quotes came to."""

    depth: float  # price units from the mid
    number: float  # of fills of a side, orders
    time: float  # in which they came


def rehearsal(market: Market) -> Market:
    """The market in which strategies are estimated and tuned before they are tried in `market`: itself, but for the windows in
    turn of a recorded day what came before the first of them, where anything did."""
    venue: Any = market.venue
    if not venue.happened_once or not isinstance(venue.window, InTurn):
        return market
    earlier = venue.window.before(venue.span)
    return market if earlier is None else replace(market, venue=replace(venue, window=earlier))


def estimate_book(market: Market, seed: int = 0) -> BookEstimates:
    """sigma, A and k of an order book, estimated over 512 episodes each of the market's `rehearsal`.

    Of several makers' book these are estimated with one maker in it.

    sigma is the root of the mean square of the mid's change per unit of time, without quotes of ours; A and k come by maximum
    likelihood from the fills of constant quotes 1/2, 3/2, ... ticks from the mid, which are Poisson at each depth.

    No exponential holds over all depths, so what counts is which are fitted: those that the closed forms quote. A maker who
    does not mind inventory quotes 1 / k from the mid, and inventory moves either side between the mid and about twice that.
    Depths are taken in from the mid outwards as long as they lie within 2 / k of their own fit.

    Raises: ValueError where the venue is no order book, or where fills do not decay with depth.
    """
    if not market.venue.makes_mid:
        raise ValueError(f"only an order book is estimated, got a {type(market.venue).__name__}")
    one = replace(market, makers=1) if market.lanes_a_world > 1 else market
    return _estimates(replace(rehearsal(one), quote=Unbounded()), seed)


@lru_cache(maxsize=32)
def _estimates(market: Market, seed: int) -> BookEstimates:
    free = replace(market, max_inventory=1e6 * market.order_size, initial_inventory=0.0)
    change, *_ = _episodes(free, NOWHERE, seed)
    fills = (Fills(d, *(float(x.sum()) for x in _episodes(free, d, seed)[1:])) for d in depths(market.venue))
    return BookEstimates(float(np.sqrt((change**2).mean())), *widest(fills))


def depths(venue: Any) -> Iterator[float]:
    """1/2, 3/2, ... ticks as far as orders stand, from eight ticks on by a quarter more each time; price units."""
    tick, ticks = float(np.median(np.asarray(venue.tick))), 0
    while ticks < venue.levels:
        yield tick * (ticks + 0.5)
        ticks += max(1, ticks // 4)


def widest(fills: Iterable[Fills]) -> tuple[float, float]:
    """A and k of the longest start of `fills`, two at least, that lies within REACH / k of its own fit.

    Raises: ValueError where these do not decay, or are of one depth only.
    """
    taken: list[Fills] = []
    found = (0.0, 0.0)
    for each in fills:
        taken.append(each)
        rate, k = decay(taken)
        within = k * each.depth <= REACH
        found = (rate, k) if within or len(taken) == 2 else found
        if not within and len(taken) > 1:
            break
    if len(taken) < 2 or not 0.0 < found[1] < np.inf:
        raise ValueError("the theory wants fills that decay with depth, and only one depth of this book is ever filled")
    return found


def decay(fills: Sequence[Fills]) -> tuple[float, float]:
    """A and k of the rate A exp(-k depth) that makes these numbers of fills, Poisson each, the likeliest.

    The likelihood is highest where the mean depth of the fills is what the rates say. k is 0 where fills do not decay, and
    infinite where the first depth alone is filled.
    """
    depth, number, time = np.array(fills).T
    scale, filled = depth[-1], number.sum()
    x, seen = depth / scale, number @ depth / (scale * filled) if filled else np.inf

    def excess(steepness: float) -> float:
        weights = time * np.exp(-steepness * (x - x[0]))
        return float(weights @ x / weights.sum() - seen)

    if excess(0.0) <= 0.0:
        return float(filled / time.sum()), 0.0
    if not number[1:].any():
        return np.inf, np.inf
    most = 1.0
    while excess(most) > 0.0:
        most *= 2.0
    k = float(brentq(excess, 0.0, most, xtol=1e-13) / scale)  # pyright: ignore[reportOperatorIssue]
    return float(filled / (time @ np.exp(-k * depth))), k


def _episodes(market: Market, depth: float, seed: int) -> tuple[Floats, Floats, Floats]:
    """Of constant quotes at `depth`, in each episode: the mid's change / sqrt(its time), the fills of a side, and its time,
    (LANES,) each."""
    simulation = Simulation(market, LANES)
    played, start = steps(simulation, lambda seen: np.full((len(seen), 2), depth), seed), simulation.state.mid
    for _ in played:
        pass
    state, time = simulation.state, simulation.books.time
    return (state.mid - start) / np.sqrt(time), 0.5 * state.tally.fills, time
