"""The fees of a payment channel in closed form: those of the best average revenue, and those until an end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm

from agents.base import check_one_instrument
from agents.strategies.fixed import check_optional, finite, paired, time_left
from agents.strategies.theory import has, number, sides_of
from mm_env.clock import Ergodic
from mm_env.core.component import record
from mm_env.core.parameters import Count, Interval, Positive, check_fields
from mm_env.market import Market

Floats = NDArray[np.float64]
_MOST = 500  # payments that a channel may hold
_STRETCH = 30.0  # of the generator's norm, over which a matrix exponential keeps its digits
_LEAN = 600.0  # of the logs of relative values


@dataclass(frozen=True)
class ChannelFees:
    """The best fees of a channel that holds `capacity` payments, `balance` of them on our side at no inventory.

    They come to us at rate bid_rate exp(-k fee) and go from us at ask_rate exp(-k fee). A dealer with limits on each side and
    no penalty quotes the same.

    With h(b) = ln(w_b) / k, the fee of a payment to us is 1/k + h(b) - h(b + 1), and from us 1/k + h(b) - h(b - 1), where

        w_b = (ask_rate / bid_rate)^(b/2) sin(pi (b + 1) / (capacity + 2))

    of the best average revenue, 2 sqrt(bid_rate ask_rate) / (e k) cos(pi / (capacity + 2)); and with a `horizon`, over which
    the sum of revenues counts, e dw_b/dt = bid_rate w_{b+1} + ask_rate w_{b-1} in the time left, from w = 1.

    Raises: TypeError or ValueError for a parameter out of range.
    """

    bid_rate: Positive  # payments / time
    ask_rate: Positive  # payments / time
    k: Positive  # 1 / price
    capacity: Count  # payments
    balance: int  # payments
    horizon: Positive | None = None  # time; None: without an end

    def __post_init__(self) -> None:
        check_optional(f"{type(self).__name__}.horizon", self.horizon, Interval(0.0, low_open=True))
        check_fields(self, scalar=True)
        if not 0 <= self.balance <= self.capacity or self.balance != int(self.balance):
            raise ValueError(f"ChannelFees.balance must be a whole number in [0, {self.capacity}], got {self.balance}")
        if self.capacity > _MOST or self.capacity * abs(math.log(self.ask_rate / self.bid_rate)) > _LEAN:
            raise ValueError(
                f"ChannelFees.capacity must be <= {_MOST}, and less with rates this far apart, got {self.capacity}"
            )

    @classmethod
    def of(cls, market: Market, **given: Any) -> Self:
        """For a channel, or a dealer with limits on each side: what is `given` (and not None) as it is, all else as the market
        has it.

        Raises: TypeError for a parameter that it does not have; ValueError where the market is none that it covers.
        """
        check_one_instrument(market, cls.__name__)
        if unknown := sorted(given.keys() - set(cls.__dataclass_fields__)):
            raise TypeError(f"{cls.__name__} has no parameters {', '.join(unknown)}")
        own = {name: value for name, value in given.items() if value is not None}
        return cls(**{**_found(market, own), **own})

    @property
    def revenue(self) -> float:
        """The best average revenue a unit of time without an end, price units."""
        pace = 2.0 * math.sqrt(self.bid_rate * self.ask_rate) / (math.e * self.k)
        return pace * math.cos(math.pi / (self.capacity + 2.0))

    def value(self, inventory: ArrayLike, seconds_left: ArrayLike) -> Floats:
        """The expected revenue until the end, price units, shape broadcast(inventory, seconds_left); without a horizon relative
        to that of the balance where it is highest. Inventory is rounded to whole payments and held within the channel."""
        logs, time = self._logs(seconds_left)
        return logs[time, self._place(inventory)] / self.k + np.zeros(np.shape(inventory))

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> Floats:
        """Fees of payments to us and from us, shape broadcast(inventory, seconds_left) + (2,), price units.

        Inventory is rounded and held as in `value`; a side that is shut has the fee of the nearest balance where it is open.
        """
        logs, time = self._logs(seconds_left)
        rise, place = np.diff(logs, axis=1) / self.k, self._place(inventory)
        bid = 1.0 / self.k - np.concatenate([rise, rise[:, -1:]], axis=1)
        ask = 1.0 / self.k + np.concatenate([rise[:, :1], rise], axis=1)
        return paired(bid[time, place], ask[time, place], inventory, seconds_left)

    def _place(self, inventory: ArrayLike) -> NDArray[np.int64]:
        return np.clip(np.rint(self.balance + finite("inventory", inventory)), 0, self.capacity).astype(np.int64)

    def _logs(self, seconds_left: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
        """ln w at the distinct times (times, balances), and which of them each is."""
        if self.horizon is None:
            b = np.arange(self.capacity + 1.0)
            lean = 0.5 * b * math.log(self.ask_rate / self.bid_rate)
            logs = lean + np.log(np.sin(math.pi * (b + 1.0) / (self.capacity + 2.0)))
            return (logs - logs.max())[None], np.zeros(np.shape(seconds_left), np.int64)
        times, which = np.unique(np.round(time_left(seconds_left, self.horizon), 12), return_inverse=True)
        return np.stack(list(self._until(times))), which.reshape(np.shape(seconds_left))

    def _until(self, times: Floats) -> Any:
        """ln w at rising times left."""
        size, pace = self.capacity + 1, np.array([self.bid_rate, self.ask_rate]) / math.e
        generator = np.diag(np.full(size - 1, pace[0]), 1) + np.diag(np.full(size - 1, pace[1]), -1)
        onward = cache(lambda step: expm(step * generator))
        now, w, scale = 0.0, np.ones(size), 0.0
        for time in times.tolist():
            parts = math.ceil((time - now) * pace.sum() / _STRETCH)
            for _ in range(parts):
                w = onward(round((time - now) / parts, 12)) @ w
                scale, w = scale + math.log(w.max()), w / w.max()
            now = time
            yield scale + np.log(w)


def _found(market: Market, own: dict[str, Any]) -> dict[str, Any]:
    """What a market says of the parameters that are not given. Raises: ValueError for what no such channel has."""
    _check(market)
    venue: Any = market.venue
    model = record(market)
    (long, short), size = model.reach(model.begin(0.0, float(model.initial_mid)), model.opening()), market.order_size
    low, high = venue.ends or (-market.max_inventory, market.max_inventory)
    below = round(min(-low, short, market.max_inventory) / size)
    above = round(min(high, long, market.max_inventory) / size)
    asked: dict[str, Any] = {"capacity": below + above, "balance": below}
    asked["horizon"] = None if isinstance(market.clock, Ergodic) else market.clock.horizon
    for name, side in zip(("bid_rate", "ask_rate"), sides_of(venue.flow)):
        asked |= {} if name in own else {name: number(side, "venue.flow", "rate", "a rate of payments each way", True)}
    decays = {
        number(side, "venue.fill", "k", "payments that decay as exp(-k fee)", True) for side in sides_of(venue.fill)
    }
    if len(decays) > 1 and "k" not in own:
        raise ValueError(
            "the theory wants one decay of payments with the fee, market.venue.fill.k, and each side has its own"
        )
    return {**asked, "k": decays.pop()}


def _check(market: Market) -> None:
    """Refuse a market whose payments are none of one size and rates, or whose inventory costs."""
    venue, reward = market.venue, market.reward
    if not (has(venue, "flow") and has(venue, "fill")):
        raise ValueError(
            f"the theory wants a channel, or a dealer, in the place of market.venue, got {type(venue).__name__}"
        )
    sizes = getattr(getattr(venue, "payments", None), "sizes", (1.0,))
    if tuple(sizes) != (1.0,):
        raise ValueError(f"the theory wants payments of one order size, market.venue.payments.sizes, got {list(sizes)}")
    told = [(reward, "reward", name) for name in ("phi", "alpha")] + [(market.price, "price", "drift")] * has(
        market.price, "drift"
    )
    for part, path, name in told:
        if (value := number(part, path, name, "an inventory that brings and costs nothing")) != 0.0:
            raise ValueError(
                f"the theory wants market.{path}.{name} = 0, so that inventory brings and costs nothing, got {value}"
            )
