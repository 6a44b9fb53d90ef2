"""A market: the parts put together, checked once, and the order of events in one step."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from mm_env.clock import Clock, Ergodic
from mm_env.core.component import Component, overridden, rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, Integers, Positive, Real
from mm_env.portfolio import Account, Dealt, Fees, buy
from mm_env.price.models import Price
from mm_env.quote import Quoting
from mm_env.reward import InventoryPenalty, Outcome, Reward
from mm_env.venue.dealer.dealer import Venue


class Tally(NamedTuple):
    """What an episode has brought so far; all sums."""

    objective: float  # of rewards
    profit: float  # wealth now less wealth at the start, price units
    peak: float  # the highest profit so far
    drawdown: float  # the deepest fall of the profit from its peak
    absolute_inventory: float  # of |q| after each step
    spread_captured: float  # of depth x size over our fills, less what market orders paid, price units
    fills: float
    arrivals: float


class State(NamedTuple):
    """One lane between two steps."""

    step: float
    episode: float
    account: Account
    mid: float
    latent: Any
    tally: Tally


class Market(Component):
    """Quotes around S_t -> orders arrive in [t, t + dt) and fill -> cash and inventory change -> the mid moves to
    S_{t+dt} -> wealth is marked -> reward.

    A parameter may be a number, an array with one number a lane, or a distribution drawn anew for each episode. Those that
    shape the problem (clock, quote, limits and sizes) are the same in all lanes.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    price: Price
    venue: Venue
    clock: Clock
    quote: Quoting
    reward: Reward = InventoryPenalty()
    fees: Fees = Fees()
    initial_mid: Real = 100.0
    initial_inventory: Real = 0.0
    max_inventory: Positive = 100.0  # at the limit that side is off
    order_size: Positive = 1.0  # units a fill
    inventory_scale: Positive = 10.0  # the inventory that is observed as 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for owner, name in [(self.clock, "horizon"), (self.clock, "steps"), (self, "max_inventory"),
                            (self, "order_size"), (self, "inventory_scale")]:  # fmt: skip
            value = getattr(owner, name)
            if isinstance(value, Distribution) or np.ndim(value):
                raise TypeError(f"{type(owner).__name__}.{name} must be the same in all lanes, got {value!r}")
        self._whole_orders("max_inventory", self.max_inventory)
        start = self.initial_inventory
        if isinstance(start, Distribution) and not isinstance(start, Integers):
            raise ValueError(
                f"Market.initial_inventory must be whole order sizes: a number, array or Integers, got {start}"
            )
        values = np.arange(start.low, start.high + 1) if isinstance(start, Integers) else np.asarray(start, np.float64)
        self._whole_orders("initial_inventory", values)
        if np.abs(values).max() > self.max_inventory:
            raise ValueError(f"Market.initial_inventory must lie in [-max_inventory, max_inventory], got {start}")
        self.venue.check(self)
        if self.removes_noise:
            self._check_expected()

    @property
    def removes_noise(self) -> bool:
        """Whether `reward.noise` takes surprises out of the rewards in any lane: then the price must know its mean moves."""
        noise = getattr(self.reward, "noise", 1.0)
        shares = noise.support if isinstance(noise, Distribution) else noise
        return bool(np.any(np.not_equal(shares, 1.0)))

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What the agent sees, in order."""
        time = () if isinstance(self.clock, Ergodic) else ("time_left",)
        return ("inventory", *time, *type(self.price).signals, *self.venue.signals)

    @property
    def observation_space(self) -> gym.spaces.Box:
        """One lane's observation: inventory / inventory_scale, the share of time left, the price's signals."""
        reach = self.max_inventory / self.inventory_scale
        bounds = {"inventory": (-reach, reach), "time_left": (0.0, 1.0)}
        low, high = zip(*(bounds.get(name, (-np.inf, np.inf)) for name in self.observation_names), strict=True)
        return gym.spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)

    @rule
    def begin(self, episode: float, mid: float) -> State:
        """The state at the start of an episode."""
        tally = Tally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        account = Account(0.0, self.initial_inventory)
        return State(0.0, episode, account, mid, self.price.start(), tally)

    @rule
    def observe(self, state: State) -> tuple[float, ...]:
        """Numbers of order one."""
        inventory = (state.account.inventory / self.inventory_scale,)
        return inventory + self.clock.observe(state.step) + self.price.observe(state.mid, state.latent)

    @rule
    def step(self, state: State, action: tuple[float, ...], noise: Noise) -> tuple[State, float]:
        """The state at t + dt and the reward."""
        dt = self.clock.dt()
        quote = self.quote.decode(action)
        crossed = self.cross(state.account, state.mid, quote.cut, quote.cut_cost)
        bid_open, ask_open = self.open_sides(crossed.inventory)
        trades = self.venue.trade(quote, bid_open, ask_open, noise, dt)
        bid, ask = state.mid - quote.bid_depth, state.mid + quote.ask_depth
        bought = buy(crossed, self.order_size * trades.bid_filled, bid, self.fees.maker_fee(bid))
        account = buy(bought, -self.order_size * trades.ask_filled, ask, self.fees.maker_fee(ask))
        moved = self.price.move(state.mid, state.latent, noise, dt)
        mid = moved + trades.jump
        latent = self.price.evolve(state.latent, noise, dt)

        bid_luck = (trades.bid_filled - trades.bid_chance) * (quote.bid_depth - self.fees.maker_fee(bid))
        ask_luck = (trades.ask_filled - trades.ask_chance) * (quote.ask_depth - self.fees.maker_fee(ask))
        drifted = account.inventory * (moved - self.price.expected(state.mid, state.latent, dt))
        surprise = drifted + self.order_size * (bid_luck + ask_luck)
        captured = trades.bid_filled * quote.bid_depth + trades.ask_filled * quote.ask_depth
        paid = abs(crossed.inventory - state.account.inventory) * quote.cut_cost
        fills = trades.bid_filled + trades.ask_filled
        dealt = Dealt(account, surprise, self.order_size * captured - paid, fills, trades.arrivals, dt)
        return self.settle(state, dealt, mid, latent)

    @rule
    def settle(self, state: State, dealt: Dealt, mid: float, latent: Any) -> tuple[State, float]:
        """The state at the next decision and the reward, from what was traded and where the mid is then."""
        account = dealt.account
        wealth = state.account.cash + state.account.inventory * state.mid
        change = account.cash + account.inventory * mid - wealth
        profit = state.tally.profit + change
        final = self.clock.final(state.step + 1.0)
        outcome = Outcome(change, profit, account.inventory, mid - state.mid, dealt.surprise, dealt.dt, final)
        reward = self.reward.reward(outcome)
        peak = max(state.tally.peak, profit)
        tally = Tally(
            state.tally.objective + reward,
            profit,
            peak,
            max(state.tally.drawdown, peak - profit),
            state.tally.absolute_inventory + abs(account.inventory),
            state.tally.spread_captured + dealt.captured,
            state.tally.fills + dealt.fills,
            state.tally.arrivals + dealt.arrivals,
        )
        return State(state.step + 1.0, state.episode, account, mid, latent, tally), reward

    @rule
    def foresee(self, inventory: float, action: tuple[float, ...]) -> tuple[float, float, float]:
        """What is known before the orders come: the inventory after the market order, P(bid fills) and P(ask fills)."""
        quote = self.quote.decode(action)
        held = self.cross(Account(0.0, inventory), 0.0, quote.cut, quote.cut_cost).inventory
        bid_open, ask_open = self.open_sides(held)
        chances = self.venue.chances(quote, self.clock.dt())
        return held, min(chances.bid, 1.0) if bid_open else 0.0, min(chances.ask, 1.0) if ask_open else 0.0

    @rule
    def open_sides(self, inventory: float) -> tuple[bool, bool]:
        """Whether one more order may be bought, and sold, within the limits; safe against rounding."""
        bid_open = inventory + 0.5 * self.order_size < self.max_inventory
        ask_open = inventory - 0.5 * self.order_size > -self.max_inventory
        return bid_open, ask_open

    @rule
    def cross(self, account: Account, mid: float, cut: float, cost: float) -> Account:
        """The account after a market order that closes the share `cut` of the inventory, in whole order sizes."""
        size = math.floor(cut * abs(account.inventory) / self.order_size + 0.5) * self.order_size
        trade = -size if account.inventory > 0.0 else size
        price = mid - cost if account.inventory > 0.0 else mid + cost
        return buy(account, trade, price, self.fees.taker_fee(price))

    def _check_expected(self) -> None:
        if type(self.price).expected is Price.expected:
            raise ValueError(f"reward.noise must be 1 unless the price gives its `expected` move, got {self.reward}")
        if later := overridden(type(self.price), "expected", "move"):
            raise ValueError(
                f"reward.noise must be 1 here, as {later} is not what the inherited `expected` is the mean of (give "
                f"{type(self.price).__name__} its own `expected`), got {self.reward}"
            )

    def _whole_orders(self, name: str, value: Any) -> None:
        orders = np.asarray(value, np.float64) / self.order_size
        if (np.abs(orders - np.rint(orders)) > 1e-9).any():
            raise ValueError(f"Market.{name} must be whole order sizes of {self.order_size:g}, got {value}")
