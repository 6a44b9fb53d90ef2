"""A market: the parts put together, checked once, and the order of events in one step."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from mm_env.action_parts import ActionPart
from mm_env.clock import Clock, Ergodic
from mm_env.core.component import Component, flat, overridden, parts, record, rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, Integers, Positive, Real
from mm_env.core.tuples import at_most_one, difference, gross, head, tail, weighted
from mm_env.financing import Financing, NoFinancing
from mm_env.hedges import Hedges, NoHedges
from mm_env.limits import Limits, NoLimits
from mm_env.margin import Margin, NoMargin, Standing
from mm_env.portfolio import Fees, Portfolio, buy
from mm_env.price.models import Price
from mm_env.quote import Quote, Quoting
from mm_env.reward import InventoryPenalty, Outcome, Reward
from mm_env.state import State, Tally
from mm_env.venue.venue import Dealt, Venue
from mm_env.watched import NAMES
from mm_env.world import Now, World


class Market(Component):
    """Quotes around S_t -> orders arrive in [t, t + dt) and fill -> hedges are traded at their marks of t, and the loan is
    managed -> the mid moves to S_{t+dt}, and with it all other states; collateral may be liquidated -> wealth is marked ->
    margin: is the account still open? -> reward.

    What may come of the quotes is the venue's (`Venue.deal`); an action is the quoting's numbers, one more for each hedge, and
    then those that manage the loan.

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
    hedges: Hedges = NoHedges()
    margin: Margin = NoMargin()
    limits: Limits = NoLimits()
    profit_scale: Positive = 1.0  # the profit, and the drawdown, that are observed as 1, price units
    financing: Financing = NoFinancing()
    lanes_a_world: ClassVar[int] = 1  # how many lanes of a simulation share one price and one noise

    def __post_init__(self) -> None:
        super().__post_init__()
        for owner, name in [(self.clock, "horizon"), (self.clock, "steps"), (self, "max_inventory"),
                            (self, "order_size"), (self, "inventory_scale"), (self, "profit_scale")]:  # fmt: skip
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
        if self.quote.rebalances and not self.venue.can_rebalance:
            raise ValueError(
                f"{type(self.quote).__name__} asks for rebalancing, so Market.venue must be a Channel that has some, got "
                f"{self.venue}"
            )
        self.price.check(self)
        self._check_hedges()
        self.hedges.check(self)
        self.financing.check(self)
        self._check_states()
        self.margin.check(self)
        self.limits.check(self)
        if self.removes_noise:
            self._check_expected()
        for part in (self.reward, self.hedges, self.financing):
            if part.reads_variance:
                self._check_variance(part)

    @property
    def removes_noise(self) -> bool:
        """Whether `reward.noise` takes surprises out of the rewards in any lane: then the price must know its mean moves."""
        noise = getattr(self.reward, "noise", 1.0)
        shares = noise.support if isinstance(noise, Distribution) else noise
        return bool(np.any(np.not_equal(shares, 1.0)))

    @property
    def may_close(self) -> bool:
        """Whether accounts may be closed, so that episodes may terminate before their last step."""
        return type(self.margin).may_close is not NoMargin.may_close

    @property
    def width(self) -> int:
        """How many numbers make one action: the quoting's, one a hedge, and the financing's."""
        return self.quote.width + len(self.hedges.names) + len(self.financing.names)

    @property
    def action_space(self) -> gym.Space[Any]:
        """The space of one lane's action."""
        if not (self.hedges.names or self.financing.names):
            return self.quote.space
        return gym.spaces.Box(-1.0, 1.0, (self.width,), np.float32)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        """The parts of one lane's action by name, unit and ends, for people to set (`mm_env.action_parts`)."""
        return *self.quote.action_parts, *self.hedges.action_parts, *self.financing.action_parts

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What the agent sees, in order."""
        time = () if isinstance(self.clock, Ergodic) else ("time_left",)
        parts = (self.price.signals, self.hedges.signals, self.venue.signals_beside(self.quote),
                 self.financing.signals)  # fmt: skip
        return ("inventory", *time, *self.watched, *(name for part in parts for name in part))

    @property
    def watched(self) -> tuple[str, ...]:
        """What of the account the agent sees beside the inventory, as reward, margin or limits go by it."""
        told = {name for part in (self.reward, self.margin, self.limits) for name in part.watches}
        return tuple(name for name in NAMES if name in told)

    @property
    def observation_space(self) -> gym.spaces.Box:
        """One lane's observation: inventory / inventory_scale, the share of time left, what is `watched`, and the
        signals of price, hedges, venue and financing."""
        reach = self.venue.most_held(self) / self.inventory_scale
        bounds = {"inventory": (-reach, reach), "time_left": (0.0, 1.0)}
        low, high = zip(*(bounds.get(name, (-np.inf, np.inf)) for name in self.observation_names), strict=True)
        return gym.spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)

    @rule
    def begin(self, episode: float, mid: float) -> State:
        """The state at the start of an episode."""
        tally = Tally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        account = Portfolio(0.0, self.initial_inventory, self.hedges.positions())
        world = World(self.price.start(), self.venue.begin_flow(), self.venue.begin(mid, self.quote), self.hedges.start(),
                      self.margin.start(), self.financing.start())  # fmt: skip
        return State(0.0, episode, account, mid, world, tally)

    @rule
    def now(self, state: State, memory: Any) -> Now:
        """The present of a state; `memory` is what the venue keeps for the lane, () in a venue that keeps nothing."""
        time = self.venue.elapsed(state.step * self.clock.dt(), memory)
        return Now(time, self.clock.horizon - time, state.mid, state.world, self.price.tables_in(memory))

    @rule
    def opening(self) -> Now:
        """The present at the start of an episode."""
        return Now(0.0, self.clock.horizon, self.initial_mid, self.begin(0.0, self.initial_mid).world, ())

    @rule
    def is_open(self, state: State) -> bool:
        """Whether the account trades: closed ones wait for the end of their episode."""
        return self.margin.is_open(state.world.margin)

    @rule
    def observe(self, state: State, memory: Any = ()) -> tuple[float, ...]:
        """Numbers of order one."""
        now = self.now(state, memory)
        own = (
            (state.account.inventory / self.inventory_scale,) + self.clock.observe(state.step) + self.watch(state.tally)
        )
        hedged = self.hedges.observe(state.account.hedges, now)
        return (
            own
            + self.price.observe(state.mid, state.world.price, now)
            + hedged
            + self.venue.observe(now)
            + self.financing.observe(now)
        )

    @rule
    def watch(self, tally: Tally) -> tuple[float, ...]:
        """What of the account is `watched`, in units of `profit_scale`."""
        profit, drawdown = tally.profit / self.profit_scale, (tally.peak - tally.profit) / self.profit_scale
        profits = self.reward.profit_seen(profit) + self.margin.profit_seen(profit) + self.limits.profit_seen(profit)
        falls = (
            self.reward.drawdown_seen(drawdown)
            + self.margin.drawdown_seen(drawdown)
            + self.limits.drawdown_seen(drawdown)
        )
        return at_most_one(profits) + at_most_one(falls)

    @rule
    def step(self, state: State, action: tuple[float, ...], noise: Noise, memory: Any = ()) -> tuple[State, float]:
        """The state at t + dt and the reward."""
        now, held, moves = self.now(state, memory), self.hedges.positions(), self.financing.moves()
        trading = head(action, moves)
        dealt = self.venue.deal(self, state, head(trading, held), noise, memory)
        hedged = self.hedge(dealt.account, tail(trading, held), dealt.dt, now)
        trades = difference(hedged.hedges, dealt.account.hedges)
        managed, loan = self.financing.manage(hedged, tail(action, moves), noise, dealt.dt, now)
        moved = self.price.move(state.mid, state.world.price, noise, dealt.dt, now)
        mid = self.venue.mid_after(moved, dealt, memory)
        price = self.price.evolve(state.world.price, noise, dealt.dt, now)
        ended = Now(now.time + dealt.dt, now.time_left - dealt.dt, state.mid, now.world, now.tables)
        variance = self.price.variance(state.world.price, dealt.dt, ended)
        left = self.price.unread(noise)
        hedges = self.hedges.evolve(state.world.hedges, now, mid, left, dealt.dt, variance, trades)
        unforeseen = moved - self.price.expected(state.mid, state.world.price, dealt.dt, now)
        shock = unforeseen / math.sqrt(variance) if variance > 0.0 else 0.0
        account, owed = self.financing.evolve(managed, loan, shock, noise, dealt.dt, now)
        world = World(price, dealt.flow, dealt.venue, hedges, state.world.margin, owed)
        after = Now(now.time + dealt.dt, now.time_left - dealt.dt, mid, world, now.tables)
        drifted = self.financing.surprised(account.inventory * unforeseen, loan, owed, dealt.dt)
        hedge_noise = self.hedges.surprise(account.hedges, trades, now, after, mid - unforeseen, dealt.dt)
        surprise = drifted + dealt.surprise + hedge_noise
        traded = Dealt(account, dealt.flow, dealt.venue, dealt.jump, surprise, dealt.captured, dealt.fills,
                       dealt.arrivals, dealt.dt)  # fmt: skip
        return self.settle(state, traded, after, now)

    @rule
    def hedge(self, account: Portfolio, action: tuple[float, ...], dt: float, now: Now) -> Portfolio:
        """The account after its hedges are traded to their targets at their marks, and what holding them pays over dt."""
        wanted = self.hedges.targets(action, account.inventory, account.hedges, now)
        trades = difference(wanted, account.hedges)
        cash = account.cash - weighted(self.hedges.cost(trades, now, dt), trades, self.hedges.marks(now))
        return Portfolio(cash + self.hedges.carry(wanted, dt, now), account.inventory, wanted)

    @rule
    def settle(self, state: State, dealt: Dealt, after: Now, now: Now) -> tuple[State, float]:
        """The state at the next decision and the reward, from what was traded, and the present `after` it and when it was."""
        held, marks, marks_after = state.account, self.hedges.marks(now), self.hedges.marks(after)
        traded, owned = weighted(held.cash + held.inventory * state.mid, held.hedges, marks), dealt.account
        wealth = self.financing.added(traded, now)
        marked = weighted(owned.cash + owned.inventory * after.mid, owned.hedges, marks_after)
        worth = self.financing.added(marked, after)
        standing = self.standing(state.tally, dealt.account, worth - wealth, marks_after, after.mid)
        variance = self.price.variance(after.world.price, dealt.dt, after)
        account, margin, cost = self.margin.judge(dealt.account, standing, worth, after)
        change = worth - wealth - cost
        loan = self.financing.closed(after.world.financing, 1.0 if self.margin.is_open(margin) else 0.0)
        world = World(after.world.price, after.world.flow, after.world.venue, after.world.hedges, margin, loan)
        final = self.clock.final(state.step + 1.0) if self.margin.is_open(margin) else 1.0
        profit = state.tally.profit + change
        present = Now(after.time, after.time_left, after.mid, world, after.tables)
        square = self.hedges.square(account.inventory, account.hedges, variance, present)
        outcome = Outcome(change, profit, account.inventory, after.mid - state.mid, dealt.surprise, dealt.dt, final, present,
                          variance, square)  # fmt: skip
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
        return State(state.step + 1.0, state.episode, account, after.mid, world, tally), reward

    @rule
    def standing(
        self, tally: Tally, account: Portfolio, change: float, marks: tuple[float, ...], mid: float
    ) -> Standing:
        """What margin and limits judge the account by."""
        profit, held = tally.profit + change, abs(account.inventory)
        return Standing(profit, max(tally.peak, profit), gross(held * mid, account.hedges, marks), held)

    @rule
    def stands(self, state: State, now: Now) -> Standing:
        """What the limits judge the account by when quotes are set."""
        return self.standing(state.tally, state.account, 0.0, self.hedges.marks(now), state.mid)

    @rule
    def quoted(self, action: tuple[float, ...], state: State, memory: Any = ()) -> Quote:
        """The quote that an action means in a state, moved out to where the limits hold it."""
        now = self.now(state, memory)
        return self.limits.held_to(self.quote.decode(action, now), self.stands(state, now), now)

    @rule
    def open_sides(self, inventory: float, long: float = math.inf, short: float = math.inf) -> tuple[bool, bool]:
        """Whether one more order may be bought, and sold, within the market's limit and each side's; safe against rounding."""
        bid_open = inventory + 0.5 * self.order_size < min(self.max_inventory, long)
        ask_open = inventory - 0.5 * self.order_size > -min(self.max_inventory, short)
        return bid_open, ask_open

    @rule
    def exposure(self, inventory: float, state: State) -> float:
        """What an inventory, and the hedges held in a state, gain per unit that the mid moves, units."""
        return weighted(inventory, state.account.hedges, self.hedges.deltas(self.now(state, ())))

    @rule
    def sides(self, inventory: float, state: State, now: Now) -> tuple[bool, bool]:
        """`open_sides` at an inventory, within the limits that hold in a state."""
        long, short = self.reach(state, now)
        return self.open_sides(inventory, long, short)

    @rule
    def reach(self, state: State, now: Now) -> tuple[float, float]:
        """The largest inventory, and the largest short position, that the limits allow in a state, units."""
        standing = self.stands(state, now)
        longest = self.limits.longest(self.max_inventory, standing, now)
        return longest, self.limits.shortest(self.max_inventory, standing, now)

    @rule
    def orders_cut(self, inventory: float, cut: float) -> float:
        """How many order sizes a market order trades that closes the share `cut` of the inventory."""
        return math.floor(cut * abs(inventory) / self.order_size + 0.5)

    @rule
    def cross(self, account: Portfolio, mid: float, cut: float, cost: float, now: Now) -> Portfolio:
        """The account after a market order that closes the share `cut` of the inventory, in whole order sizes."""
        size = self.orders_cut(account.inventory, cut) * self.order_size
        trade = -size if account.inventory > 0.0 else size
        price = mid - cost if account.inventory > 0.0 else mid + cost
        return buy(account, trade, price, self.fees.taker_fee(price, now))

    def _check_hedges(self) -> None:
        if self.hedges.names and not isinstance(self.quote.space, gym.spaces.Box):
            raise ValueError(
                f"Market.hedges need a quoting with a Box of actions, as one number a hedge goes with it, got {self.quote}"
            )
        if self.financing.names and not isinstance(self.quote.space, gym.spaces.Box):
            raise ValueError(
                "Market.financing needs a quoting with a Box of actions, as the numbers that manage the loan go with it, got "
                f"{self.quote}"
            )
        if self.hedges.names and self.removes_noise and not self.hedges.says_surprise:
            raise ValueError(
                f"reward.noise must be 1 where hedges are held that do not say what of their moves is noise (`surprise`), got "
                f"{self.reward} beside {type(self.hedges).__name__}"
            )

    def _check_states(self) -> None:
        """Refuse states that are no floats, and hedges that do not give one number each: machine code would say it in pages."""
        rules, hedges = record(self), type(self.hedges).__name__
        state = rules.begin(0.0, rules.initial_mid)
        for name, part in {**state.world._asdict(), "hedges' positions": state.account.hedges}.items():
            if not all(isinstance(number, float) for number in flat(part)):
                raise TypeError(f"states must start with floats (0.0, not 0), got {part} for the market's {name}")
        if not self.hedges.names:
            return
        now, held, action = rules.opening(), state.account.hedges, (0.0,) * len(self.hedges.names)
        given = {"positions": held, "marks": rules.hedges.marks(now),
                 "targets": rules.hedges.targets(action, 0.0, held, now)}  # fmt: skip
        rules.hedges.square(0.0, held, 1.0, now)  # whoever leaves it out is told so
        for name, numbers in given.items():
            if not isinstance(numbers, tuple) or len(numbers) != len(action):
                raise TypeError(
                    f"{hedges}.{name} must give a tuple of one number for each of {list(self.hedges.names)}, got {numbers}"
                )

    def _check_expected(self) -> None:
        for kind in (type(part) for _, part in parts(self.price) if isinstance(part, Price)):
            if kind.expected is Price.expected:
                raise ValueError(
                    f"reward.noise must be 1 unless the price gives its `expected` move, got {self.reward}"
                )
            if later := overridden(kind, "expected", "move"):
                raise ValueError(
                    f"reward.noise must be 1 here, as {later} is not what the inherited `expected` is the mean of (give "
                    f"{kind.__name__} its own `expected`), got {self.reward}"
                )

    def _check_variance(self, reader: Component) -> None:
        for path, part in parts(self.price, "price"):
            if isinstance(part, Price) and (
                type(part).variance is Price.variance or overridden(type(part), "variance", "move")
            ):
                raise ValueError(
                    f"Market.{path} must give a rule `variance` of its moves, which {reader} reads: {part}"
                )

    def _whole_orders(self, name: str, value: Any) -> None:
        orders = np.asarray(value, np.float64) / self.order_size
        if (np.abs(orders - np.rint(orders)) > 1e-9).any():
            raise ValueError(f"Market.{name} must be whole order sizes of {self.order_size:g}, got {value}")
