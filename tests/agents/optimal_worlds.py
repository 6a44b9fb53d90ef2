"""Small markets for tests of the exact optimum, and its oracle: the best of a grid of quotes, by listing all that happens."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import check_solvable
from agents.exact.price_grid import Unsolvable, axis_of
from mm_env import (
    CARA,
    ArrivalImpact,
    Bernoulli,
    Brownian,
    Dealer,
    DepthImpact,
    Depths,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    InventoryPenalty,
    Linear,
    Logistic,
    OrnsteinUhlenbeck,
    Poisson,
    PowerLaw,
    ScheduledGap,
    Sides,
    SpreadAndSkew,
)
from mm_env.markets import MARKETS
from mm_env.rollout import inventory_levels
from tests.worlds import thinned, world


def is_solvable(market):
    try:
        check_solvable(market)
    except Unsolvable:
        return False
    return True


def shrunk(name, steps=20, orders=5):
    """A named market with fewer steps of the same length and fewer orders held."""
    market = MARKETS[name]()
    clock, price = replace(market.clock, horizon=market.clock.step_length * steps, steps=steps), market.price
    if isinstance(price, ScheduledGap):
        price = replace(price, at=tuple(at * clock.horizon / market.clock.horizon for at in price.at))
    return replace(market, price=price, clock=clock, max_inventory=orders * market.order_size)


def is_plain(market):
    """Whether it is a dealer's, and time and inventory are all that its optimum looks at."""
    return isinstance(market.venue, Dealer) and is_solvable(market) and axis_of(market).size == 1


SOLVABLE = [name for name in MARKETS if is_plain(MARKETS[name]())]
every_solvable_market = pytest.mark.parametrize("name", thinned(SOLVABLE, {"aapl", "glft", "jumps"}))
TAKE = {  # the share of orders that a depth lets pass, written anew
    Exponential: lambda fill, depth: np.exp(-fill.k * depth),
    PowerLaw: lambda fill, depth: (1.0 + np.maximum(depth, 0.0) / fill.scale) ** -fill.exponent,
    Logistic: lambda fill, depth: 1.0 / (1.0 + np.exp((depth - fill.middle) / fill.width)),
    Linear: lambda fill, depth: np.clip(1.0 - depth / fill.reach, 0.0, 1.0),
}
COME = {
    Poisson: lambda flow, take, dt: 1.0 - np.exp(-flow.rate * take * dt),
    Bernoulli: lambda flow, take, dt: np.minimum(flow.rate * take * dt, 1.0),
}


def happenings(venue, side, depth, is_open, dt):
    """Nobody comes; someone comes and passes by; someone takes the quote: [(probability, filled, mean jump)]."""
    flow, fill, impact = (getattr(getattr(venue, part), side) for part in ("flow", "fill", "impact"))
    taken = COME[type(flow)](flow, TAKE[type(fill)](fill, depth), dt)
    came = np.maximum(taken, COME[type(flow)](flow, 1.0, dt))
    filled = taken if is_open else 0.0 * taken
    passed = impact.mean if isinstance(impact, ArrivalImpact) else 0.0
    if isinstance(impact, DepthImpact):
        bent = np.minimum(depth, impact.reach)  # these depths are never negative
        straight = (depth - bent) * (impact.slope + 2.0 * impact.bend * impact.reach)
        news = np.maximum(impact.base + impact.slope * bent + impact.bend * bent**2 + straight, 0.0)
        return [(1.0 - filled, 0, -filled * news / (1.0 - filled)), (filled, 1, news)]
    return [(1.0 - came, 0, 0.0), (came - filled, 0, passed), (filled, 1, getattr(impact, "mean", 0.0))]


def enumerated(market, bid_depth, ask_depth, end=0.0):
    """V_0 (levels,) of the best of the given pairs of depths (n,), by listing all that can happen in each step.

    `end` (levels,) is what it is worth to hold each level at the end.
    """
    dt, levels, size = market.clock.step_length, inventory_levels(market), market.order_size
    gamma = market.reward.gamma if isinstance(market.reward, CARA) else 0.0
    phi, alpha = getattr(market.reward, "phi", 0.0), getattr(market.reward, "alpha", 0.0)
    value = np.zeros(len(levels)) + end
    for left in range(1, market.clock.steps + 1):
        after, value = value, np.empty(len(levels))
        for i, q in enumerate(levels):
            outcomes = []
            for p_bid, bought, down in happenings(market.venue, "bid", bid_depth, i + 1 < len(levels), dt):
                for p_ask, sold, up in happenings(market.venue, "ask", ask_depth, i > 0, dt):
                    held = q + size * (bought - sold)
                    cash = size * (bought * (bid_depth - market.fees.maker) + sold * (ask_depth - market.fees.maker))
                    penalty = (phi * dt + (alpha if left == 1 else 0.0)) * held**2
                    moved = held * (up - down + market.price.drift * dt)
                    risk = 0.5 * gamma * (market.price.sigma * held) ** 2 * dt
                    follows = after[np.clip(i + bought - sold, 0, len(levels) - 1)]
                    outcomes.append((p_bid * p_ask, cash + moved - penalty - risk + follows))
            if gamma:
                value[i] = -np.log(np.min(sum(p * np.exp(-gamma * gain) for p, gain in outcomes))) / gamma
            else:
                value[i] = np.max(sum(p * gain for p, gain in outcomes))
    return value


def pairs(low, high, number):
    """Every pair of `number` depths each from low to high, and how far they lie apart."""
    depths = np.linspace(low, high, number)
    bid, ask = np.meshgrid(depths, depths)
    return bid.ravel(), ask.ravel(), depths[1] - depths[0]


def grid_error(market, spacing):
    """What a grid of depths may lose: |V''| <= rate k dt near the best depth, on two sides, in each step."""
    rate, k = market.venue.flow.bid.rate, market.venue.fill.bid.k
    return market.clock.horizon * rate * k * market.order_size * spacing**2 / 4.0


TINY = world(
    clock=FiniteHorizon(horizon=0.3, steps=3),
    quote=Depths(max_depth=3.0, min_depth=0.0),
    max_inventory=2.0,
    reward=InventoryPenalty(phi=0.5, alpha=0.1),
)
TINIES = {
    "plain": TINY,
    "one order": replace(TINY, max_inventory=1.0, clock=FiniteHorizon(horizon=0.2, steps=2)),
    "utility": replace(TINY, reward=CARA(gamma=0.3)),
    "drift": replace(TINY, price=Brownian(sigma=1.0, drift=0.7)),
    "fees and sizes": replace(TINY, fees=Fees(maker=0.1), order_size=0.5, max_inventory=1.0),
    "sides": replace(
        TINY, venue=Dealer(Sides(Poisson(10.0), Bernoulli(4.0)), Sides(Exponential(1.0), Exponential(0.8)))
    ),
    "informed fills": replace(TINY, venue=Dealer(Poisson(10.0), Exponential(1.0), FillImpact(0.3))),
    "informed by depth": replace(
        TINY,
        venue=Dealer(Poisson(10.0), Exponential(1.0), Sides(DepthImpact(0.2, -0.1, 0.2, 1.5), DepthImpact(0.1, 0.4))),
    ),
    "informed orders": replace(TINY, venue=Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.3))),
}


FREE = SpreadAndSkew(max_half_spread=2.0, max_skew=2.0)
REVERTING = replace(
    TINY, price=OrnsteinUhlenbeck(sigma=2.0, speed=5.0, mean=100.0), initial_mid=100.3, quote=FREE,
    clock=FiniteHorizon(horizon=1.0, steps=20), inventory_scale=2.0,
)  # fmt: skip
