"""A payment channel of capacity 4 whose fees depend on its balance: the best revenue, by its closed form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from agents.exact.optimum import optimum
from agents.quoting import quoted_depths
from experiments.verification.suite import Asked, Row, suite
from mm_env import Brownian, Depths, FiniteHorizon, InventoryPenalty, Market, Positive, rule
from mm_env.core.maths import exp
from mm_env.venue.venue import Trades, Transition, Venue

CAPACITY = 4
FEES = (0.450694, 0.856159, 1.143841, 1.549306)
KNOWN = 2.0 / math.e * math.cos(math.pi / (CAPACITY + 2))  # of payments at rate exp(-fee) each way


class Balance(NamedTuple):
    ours: float


class FeeChannel(Venue):
    """A channel of capacity 4: at most one payment a step, at `rate` exp(-fee) each way where the balance allows it."""

    rate: Positive

    signals = ("balance",)  # pyright: ignore[reportAssignmentType]

    def states(self) -> tuple[Balance, ...]:
        return tuple(Balance(float(b)) for b in range(CAPACITY + 1))

    def place(self, state: Balance) -> float:
        return state.ours

    def begin(self, mid: float) -> Balance:
        return Balance(0.5 * CAPACITY)

    def observe(self, now: Any) -> tuple[float]:
        return (now.world.venue.ours / CAPACITY,)

    @rule
    def odds(self, quote: Any, sides: tuple[bool, bool], dt: float, balance: float) -> tuple[float, float]:
        room, funds = 1.0 if balance < CAPACITY - 0.5 else 0.0, 1.0 if balance > 0.5 else 0.0
        into = room * self.rate * exp(-quote.bid_depth) * dt if sides[0] else 0.0
        return into, funds * self.rate * exp(-quote.ask_depth) * dt if sides[1] else 0.0

    def trade(self, quote: Any, bid_open: bool, ask_open: bool, noise: Any, dt: float, now: Any) -> Trades:
        into, out = self.odds(quote, (bid_open, ask_open), dt, now.world.venue.ours)
        bid, ask = 1.0 if noise.bid < into else 0.0, 1.0 if into <= noise.bid < into + out else 0.0
        return Trades(bid, ask, into, out, bid + ask, 0.0)

    def evolve(self, trades: Any, noise: Any, dt: float, now: Any) -> Balance:
        return Balance(now.world.venue.ours + trades.bid_filled - trades.ask_filled)

    def transitions(self, market: Any, state: Any, quote: Any) -> tuple[Transition, ...]:
        held, size, b = state.account.inventory, market.order_size, state.world.venue.ours
        into, out = self.odds(quote, market.open_sides(held), market.clock.dt(), b)
        return (
            Transition(1.0 - into - out, held, 0.0, 0.0, 0.0, Balance(b)),
            Transition(into, held + size, size * quote.bid_depth, 0.0, 0.0, Balance(b + 1.0)),
            Transition(out, held - size, size * quote.ask_depth, 0.0, 0.0, Balance(b - 1.0)),
        )


def channel(horizon: float, steps: int) -> Market:
    """Payments of one unit at rate exp(-fee) each way, from a balance in the middle."""
    return Market(
        price=Brownian(sigma=0.0), venue=FeeChannel(rate=1.0), clock=FiniteHorizon(horizon, steps), quote=Depths(3.0),
        reward=InventoryPenalty(), max_inventory=float(CAPACITY),
    )  # fmt: skip


@suite("payment_channel", "closed form: 2 sqrt(l+ l-) / (e k) cos(pi / (C + 2))", 5.0)
def revenue(_: Asked) -> Iterator[Row]:
    """A unit of time, from what ten more bring; and the fees by balance, far from the end."""
    yield Row("closed form, rates 1, k 1, C 4", 0.63718588, KNOWN, 1e-8)
    long, short = (optimum(channel(t, round(t / 0.05))) for t in (30.0, 20.0))
    yield Row("revenue of the optimum", 0.63718588, (long.objective - short.objective) / 10.0, 1e-6)
    for balance, (known, found) in enumerate(zip(FEES, _bids(long), strict=True)):
        yield Row(f"fee of a payment that brings balance {balance + 1}", known, found, 2e-6)


def _bids(best: Any) -> list[float]:
    """The fee of a payment to us at balances 0 to 3, with all of the time left."""
    market = best.market
    middle = round(market.max_inventory)
    return [float(quoted_depths(market, best.actions[0, b, b - CAPACITY // 2 + middle])[0]) for b in range(CAPACITY)]
