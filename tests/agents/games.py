"""Markets and tables for the game of a maker against an adversary, and what a table is worth by enumeration."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from agents.robust.adversary import Powers
from mm_env import (
    ArrivalImpact,
    Bernoulli,
    Brownian,
    Dealer,
    DepthImpact,
    Depths,
    Exponential,
    Fees,
    FiniteHorizon,
    InventoryPenalty,
    Poisson,
    Sides,
    SpreadAndSkew,
)
from mm_env.rollout import inventory_levels
from tests.worlds import world

POWERS = Powers({"price.drift": (-3.0, 3.0), "venue.flow.rate": (4.0, 9.5), "venue.fill.k": (0.6, 1.8)})
BERNOULLI = world(
    venue=Dealer(Bernoulli(7.0), Exponential(1.0)),
    quote=Depths(max_depth=2.0, min_depth=-0.3),
    fees=Fees(maker=0.05),
)
MARKETS = {
    "bernoulli": BERNOULLI,
    "poisson": world(quote=SpreadAndSkew(max_half_spread=2.0, max_skew=2.0), initial_inventory=1.0),
    "sides": world(venue=Dealer(Sides(Poisson(8.0), Bernoulli(6.0)), Sides(Exponential(1.0), Exponential(2.0)))),
    "impact": world(venue=Dealer(Poisson(8.0), Exponential(1.0), Sides(DepthImpact(0.1, 0.2), ArrivalImpact(0.2)))),
    "lots": world(order_size=2.0, max_inventory=6.0, initial_inventory=-2.0),
}  # fmt: skip
every_market = pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)


def avellaneda_stoikov(steps=200, max_inventory=50.0):
    """The risk-neutral market of Spooner & Savani 2020, or its last steps."""
    return world(
        price=Brownian(2.0), venue=Dealer(Bernoulli(140.0), Exponential(1.5)), clock=FiniteHorizon(0.005 * steps, steps),
        reward=InventoryPenalty(0.0), max_inventory=max_inventory, quote=SpreadAndSkew(2.0, 2.0),
    )  # fmt: skip


def tiny(market, steps=2, orders=1):
    clock = FiniteHorizon(horizon=0.1 * steps, steps=steps)
    start = market.order_size * np.clip(market.initial_inventory / market.order_size, -orders, orders)
    return replace(market, clock=clock, max_inventory=orders * market.order_size, initial_inventory=float(start))


def table_of(market, seed=0, rows=None):
    shape = (rows or market.clock.steps, len(inventory_levels(market)), market.quote.width)
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape)


def depths_of(market, action):
    quote = market.quote
    share = 0.5 * (np.asarray(action) + 1.0)
    if isinstance(quote, Depths):
        return tuple(quote.min_depth + share * (quote.max_depth - quote.min_depth))
    half_spread, skew = quote.max_half_spread * share[0], quote.max_skew * action[1]
    return half_spread - skew, half_spread + skew


def follow(market, actions, parameters, step=0, q=None):
    """The expected rewards over all paths: Bernoulli orders, an exponential fill and a Brownian mid, written anew.

    `parameters[step, level]` is (drift, rate, k).
    """
    q = market.initial_inventory if q is None else q
    if step == market.clock.steps:
        return 0.0
    dt, phi, alpha, fee = market.clock.step_length, market.reward.phi, market.reward.alpha, market.fees.maker
    level = round(q + market.max_inventory)
    drift, rate, k = parameters[step, level]
    depths = depths_of(market, actions[step, level])
    bid, ask = (min(rate * math.exp(-k * depth) * dt, 1.0) for depth in depths)
    bid, ask = bid * (q < market.max_inventory), ask * (q > -market.max_inventory)
    total = 0.0
    for bought, sold in itertools.product((0, 1), repeat=2):
        chance = (bid if bought else 1 - bid) * (ask if sold else 1 - ask)
        if chance > 0.0:
            held = q + bought - sold
            earned = bought * (depths[0] - fee) + sold * (depths[1] - fee) + held * drift * dt
            earned -= phi * held**2 * dt + alpha * held**2 * (step + 1 == market.clock.steps)
            total += chance * (earned + follow(market, actions, parameters, step + 1, held))
    return total


def one_step(market, q, depths, drift, rate, k, following=None):
    """The value of one step at inventory q, for arrays of parameters or of depths."""
    dt, alpha, fee = market.clock.step_length, market.reward.alpha, market.fees.maker
    levels = inventory_levels(market)
    after = -alpha * levels**2 if following is None else following
    bid, ask = (np.minimum(rate * np.exp(-k * depth) * dt, 1.0) for depth in depths)
    bid, ask = bid * (q < market.max_inventory), ask * (q > -market.max_inventory)
    total = 0.0
    for bought, sold in itertools.product((0, 1), repeat=2):
        held = np.clip(q + bought - sold, levels[0], levels[-1])
        earned = bought * (depths[0] - fee) + sold * (depths[1] - fee) + held * drift * dt
        chance = (bid if bought else 1 - bid) * (ask if sold else 1 - ask)
        total = total + chance * (earned - market.reward.phi * held**2 * dt + after[round(held - levels[0])])
    return total
