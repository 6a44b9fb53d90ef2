"""Payment channels: revenue and time run dry at a fixed fee, the best fees by balance, and when to rebalance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.evaluation import average_reward, best_fixed, evaluate, inventory_law, worth_fixed
from agents.exact.optimum import optimum
from agents.quoting import quoted_depths
from agents.strategies.channel_fees import ChannelFees
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.heston import SEARCHED
from mm_env.clock import Ergodic, FiniteHorizon
from mm_env.core.component import Sides
from mm_env.market import Market
from mm_env.price.models import Brownian
from mm_env.quote import Depths, Unbounded
from mm_env.risk_limits import SideLimits
from mm_env.rollout import inventory_levels, run_actions
from mm_env.venue.channel.channel import Channel
from mm_env.venue.channel.quoting import RebalancingQuotes
from mm_env.venue.channel.rebalancing import ExponentialRebalancing
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Poisson

DTS = (0.1, 0.05, 0.025, 0.0125)
FEES = (0.450694, 0.856159, 1.143841, 1.549306)  # of payments to us at balances 0, 1, 2 and 3
MIXED, LANES = 250.0, 20_000  # time after which the start is forgotten, and episodes that are simulated at most
CHANCE = 4.0  # standard errors
Floats = NDArray[np.float64]


def market_of(dt: float, rates: tuple[float, float], capacity: float, k: float = 1.0, horizon: float = 20.0) -> Market:
    """A channel of payments of one unit at rates l exp(-k fee), from a balance in the middle, without an end."""
    venue = Channel(capacity, capacity // 2, flow=Sides(Poisson(rates[0]), Poisson(rates[1])), fill=Exponential(k))
    return Market(
        price=Brownian(sigma=0.0), venue=venue, clock=Ergodic(horizon, round(horizon / dt)), quote=Depths(4.0 / k),
        max_inventory=capacity - capacity // 2,
    )  # fmt: skip


def at_fee_of_one(dt: float, horizon: float = 20.0) -> Market:
    """Payments at rates 1 and 1/2 where the fee is 1, the only one there is."""
    market = market_of(dt, (math.e, 0.5 * math.e), 10.0, horizon=horizon)
    return replace(market, quote=Depths(1.0, 1.0 - 1e-12))


@suite("payment_channel_fixed_fee", "exact: rates 1 and 1/2, fee 1, C = 10", 8.0)
def fixed_fee(asked: Asked) -> Iterator[Row]:
    """Revenue and the shares of time run dry: in the limit, and simulated beside what is exact at the same step."""
    markets = {dt: at_fee_of_one(dt, MIXED) for dt in DTS}
    table = np.ones((1, 11, 2))
    yield Row.converging("revenue", 0.99951148, _rates(markets, table), 1e-7)
    laws = {dt: inventory_law(_ending(market), table)[-1] for dt, market in markets.items()}
    yield Row.converging("share of time empty", 0.00048852, {dt: law[0] for dt, law in laws.items()}, 1e-7)
    yield Row.converging("share of time full", 0.50024426, {dt: law[-1] for dt, law in laws.items()}, 1e-7)
    yield from _simulated(at_fee_of_one(0.1, 40.0), table, asked)


def _simulated(market: Market, table: Floats, asked: Asked) -> Iterator[Row]:
    """Episodes from the middle of the channel, beside the exact means of the very same."""
    exact, law = evaluate(_ending(market), table), inventory_law(_ending(market), table)[:-1].mean(axis=0)
    episodes = run_actions(market, table, min(asked.episodes, LANES), asked.seed)
    assert episodes.channel is not None
    told = {"revenue": (exact.objective, episodes.objective), "share of time empty": (law[0], episodes.channel.empty),
            "share of time full": (law[-1], episodes.channel.full)}  # fmt: skip
    for name, (known, values) in told.items():
        error = CHANCE * float(values.std()) / math.sqrt(len(values))
        yield Row(f"{name} of an episode of 40, dt 0.1, simulated", known, float(values.mean()), error)


@suite("payment_channel", "closed form: 2 sqrt(l+ l-) / (e k) cos(pi / (C + 2))", 12.0)
def fees(asked: Asked) -> Iterator[Row]:
    """Demand exp(-fee) each way, C = 4: the optimum of the simulated process as its step goes to 0, and the closed form."""
    form = ChannelFees(1.0, 1.0, 1.0, 4, 2)
    yield Row("closed form, rates 1, k 1, C 4", 0.63718588, form.revenue, 1e-8)
    markets = {dt: market_of(dt, (1.0, 1.0), 4.0) for dt in DTS}
    found = {dt: optimum(market) for dt, market in markets.items()}
    yield Row.converging("revenue of the optimum", 0.63718588, {dt: best.rate for dt, best in found.items()}, 1e-7)
    closed = form.depths(np.arange(-2.0, 2.0), 0.0)[:, 0]
    for balance, known in enumerate(FEES):
        name = f"fee of a payment that brings balance {balance + 1}"
        yield Row(f"{name}, closed form", known, float(closed[balance]), 1e-6)
        fees_by_dt = {dt: _quoted(markets[dt], best)[balance, 0] for dt, best in found.items()}
        yield Row.converging(name, known, fees_by_dt, SEARCHED)
    constant = {dt: worth_fixed(market, best_fixed(market).half_spread) for dt, market in markets.items()}
    yield Row.converging("revenue of the best constant fee", 0.58860711, constant, 1e-7)
    yield from _more_closed_forms()


def _more_closed_forms() -> Iterator[Row]:
    """Rates that differ, an end, and dealers: the same order rate where neither inventory nor its end costs."""
    apart = {dt: optimum(market_of(dt, (2.0, 1.0), 7.0, 1.5)).rate for dt in DTS}
    yield Row.converging("rates 2 and 1, k 1.5, C 7", ChannelFees(2.0, 1.0, 1.5, 7, 3).revenue, apart, 1e-7)
    until = {dt: optimum(_ending(market_of(dt, (2.0, 1.0), 7.0, 1.5))).objective for dt in DTS}
    known = ChannelFees(2.0, 1.0, 1.5, 7, 3, horizon=20.0).value(0.0, 20.0)
    yield Row.converging("rates 2 and 1, k 1.5, C 7, until 20", float(known), until, 1e-6)
    dealers = {dt: optimum(_dealer(dt, 3.0)).rate for dt in DTS}
    order_rate = 2.0 * 5.0 / (math.e * 2.0)
    name = "dealer without penalty, rate 5, kappa 2"
    yield Row.converging(f"{name}, |q| <= 3", order_rate * math.cos(math.pi / 8.0), dealers, 1e-6)
    sides = {dt: optimum(replace(_dealer(dt, 4.0), limits=SideLimits(4.0, 1.0))).rate for dt in DTS}
    yield Row.converging(f"{name}, -1 <= q <= 4", order_rate * math.cos(math.pi / 7.0), sides, 1e-6)


def _dealer(dt: float, most: float) -> Market:
    return replace(
        market_of(dt, (1.0, 1.0), 2.0), venue=Dealer(Poisson(5.0), Exponential(2.0)), quote=Depths(2.0, -0.5),
        max_inventory=most,
    )  # fmt: skip


@suite("payment_channel_rebalancing", "exact: rates 1 and 1/2, fee 1, C = 10, cost 2, mean time 2, open", 8.0)
def rebalancing(asked: Asked) -> Iterator[Row]:
    """Back to the middle at a cost and after an exponential time: what that is worth, and when it is asked for."""
    found = {dt: optimum(rebalanced(dt)) for dt in DTS}
    yield Row.converging("revenue", 1.21254251, {dt: best.rate for dt, best in found.items()}, 1e-6)
    asks = np.flatnonzero(found[DTS[-1]].actions[0, 0, :, 2] > 0.0)
    yield Row("lowest balance at which it is asked for", 9.0, float(asks.min()), 0.0)
    yield Row("highest balance at which it is asked for", 10.0, float(asks.max()), 0.0)
    yield Row("balances at which it is asked for", 2.0, float(len(asks)), 0.0)
    market = _ending(rebalanced(0.1))
    table = found[0.1].actions[:, 0]
    known, episodes = evaluate(market, table), run_actions(market, table, min(asked.episodes, LANES), asked.seed)
    error = CHANCE * math.sqrt(known.variance / len(episodes))
    yield Row("profit of an episode of 20, dt 0.1, simulated", known.objective, float(episodes.profit.mean()), error)


def rebalanced(dt: float) -> Market:
    """The channel at a fee of 1 that may be brought back to the middle at a cost of 2, after a time of mean 2."""
    market, back = at_fee_of_one(dt), ExponentialRebalancing(target_balance=5.0, cost=2.0, mean_time=2.0)
    return replace(market, venue=replace(market.venue, rebalancing=back), quote=RebalancingQuotes(market.quote))


def _ending(market: Market) -> Market:
    """The market with an end at its horizon."""
    return replace(market, clock=FiniteHorizon(market.clock.horizon, market.clock.steps))


def _rates(markets: Mapping[float, Market], depths: Floats) -> dict[float, float]:
    return {dt: average_reward(replace(market, quote=Unbounded()), depths) for dt, market in markets.items()}


def _quoted(market: Market, best: Any) -> Floats:
    """The fees (balances, 2) of an optimum without an end."""
    return quoted_depths(market, best.actions[0, 0])[: len(inventory_levels(market))]
