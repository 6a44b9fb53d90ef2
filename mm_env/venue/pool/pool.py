"""A pool of two tokens, traded by arbitrageurs to the band of its fee around an outside mid, and by the uninformed."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import parts, record, rule
from mm_env.core.maths import clip, log, one_minus_exp, scalar
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, NonNegative, Positive, Probability
from mm_env.core.tuples import both, each, joined, total
from mm_env.limits import NoLimits
from mm_env.portfolio import Portfolio, buy
from mm_env.price.models import Price
from mm_env.venue.pool.blocks import Blocks, FixedBlocks
from mm_env.venue.pool.exploits import Exploits, NoExploits
from mm_env.venue.pool.liquidity import Level, Pair, Position, thinned
from mm_env.venue.pool.positions import (
    Moment,
    active,
    active_of,
    any_in_range,
    empty,
    moves_of,
    placed_at,
    realised_of,
    replaced,
    swap_of,
    tokens_in,
)
from mm_env.venue.pool.swaps import Core, fees_of
from mm_env.venue.pool.traders import NoTraders, Traders
from mm_env.venue.venue import Dealt, Venue
from mm_env.world import Now

_LEAST = 1e-12  # price that a mid at or below zero counts as
_INSTANT = 1e-300  # time
_OF_A_RANGE = ("range_offset", "range_half_width", "share_in_range")


class Told(NamedTuple):
    """What has come of our liquidity so far in an episode, in price units at the mid of the moment but for counts."""

    fees: float
    lost: float  # to arbitrageurs, before fees: what they got less what they gave, which is loss versus rebalancing
    costs: float  # gas, and fees of what was traded outside
    impermanent: float  # what positions taken out were worth less what was put in
    in_range: float  # steps
    moves: float


class PoolState(NamedTuple):
    """The state of a pool between two blocks."""

    core: Core
    fee: float
    others: float  # liquidity over all prices
    oracle: float  # the outside price as arbitrageurs saw it last
    told: Told


class _Beside(NamedTuple):
    """What a position is seen beside."""

    price: Level
    liquidity: float  # all that is active at the price
    width_scale: float


class Pool(Venue):
    """Constant product for all others' `liquidity`, and a position of ours, or several, each over its range of prices.

    A step is a block: what is exploited is gone -> arbitrageurs trade the pool's price P into [S (1 - fee), S / (1 - fee)]
    around the mid S as their oracle shows it, if that earns them more than `arbitrage_gas` -> our liquidity is moved as the
    quoting says, for `gas` a position and Market.fees.taker_fee a unit traded outside at the mid, one position's tokens serving
    another first -> uninformed `traders` come, and
    fees are collected. So who moves away from a mid that has moved comes too late: arbitrageurs pay to be first. A new
    `fee` holds from then on.

    Fees are `fee` of what comes in, in that token, shared by liquidity in range, and kept as they are. All of our tokens
    count as cash and inventory, in the pool or not.
    """

    fee: Probability  # of what comes in
    liquidity: NonNegative = 1.0  # others', over all prices: sqrt(x y)
    traders: Traders = NoTraders()
    blocks: Blocks = FixedBlocks()
    gas: NonNegative = 0.0  # price units, of a move of our liquidity
    arbitrage_gas: NonNegative = 0.0  # price units, of a trade of arbitrageurs
    oracle_lag: NonNegative = 0.0  # time that arbitrageurs' price is behind the mid, on average; 0: it is the mid
    exploits: Exploits = NoExploits()
    mispricing_scale: Positive = 0.001  # log price that is observed as 1
    width_scale: Positive = 0.01  # log price that is observed as 1, for places and widths of ranges

    takes_ranges: ClassVar[bool] = True
    unsolvable: ClassVar[str] = (
        "a pool's provider has a recursion over the price within its range, which agents.exact.pool solves, and none over "
        "the inventory"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if _highest(self.fee) >= 1.0:
            raise ValueError(f"Pool.fee must be < 1, got {self.fee}")

    @property
    def signals(self) -> tuple[str, ...]:
        return ("mispricing", *_OF_A_RANGE)

    def signals_beside(self, quote: Any) -> tuple[str, ...]:
        """Those of one range, and of each further one that the quoting places, counted from the second."""
        more = range(2, len(record(quote).slots()) + 1)
        return (*self.signals, *(f"{name}_{i}" for i in more for name in _OF_A_RANGE))

    def check(self, market: Any) -> None:
        super().check(market)
        if market.limits != NoLimits():
            raise ValueError(
                f"Market.limits must be NoLimits in a Pool, whose traders no limit stops, got {market.limits}"
            )
        if not _lowest(market.initial_mid) > 0.0:
            raise ValueError(f"Market.initial_mid must be > 0 beside a Pool, got {market.initial_mid}")
        for _, part in parts(market.price):
            if self.blocks.random and isinstance(part, Price) and _goes_by_time(type(part)):
                raise ValueError(
                    f"Pool.blocks must be FixedBlocks beside a {type(part).__name__}, which goes by the time, got {self.blocks}"
                )

    def most_held(self, market: Any) -> float:
        """No bound: who trades with a range decides what is held."""
        return math.inf

    def figures(self, market: Any, state: Any) -> dict[str, Any]:
        told, core, mid = state.world.venue.told, state.world.venue.core, state.mid
        unrealised = sum(_gained(position, core.price, mid) for position in core.positions)
        return {
            "pool_fees": told.fees, "loss_versus_rebalancing": told.lost, "impermanent_loss": told.impermanent + unrealised,
            "moving_costs": told.costs, "moves": told.moves, "time_in_range": told.in_range / np.maximum(state.step, 1.0),
        }  # fmt: skip

    @rule
    def begin(self, mid: float, quote: Any) -> Any:
        root = math.sqrt(max(mid, _LEAST))
        price = Level(root, 1.0 / root)
        core = Core(price, each(empty, quote.slots(), price))
        return PoolState(core, self.fee, self.liquidity, mid, Told(0.0, 0.0, 0.0, 0.0, 0.0, 0.0))

    @rule
    def observe(self, now: Now) -> tuple[float, ...]:
        core, price = now.world.venue.core, now.world.venue.core.price
        liquidity = now.world.venue.others + active(core.positions, price)
        mispricing = log(max(now.mid, _LEAST) * price.inverse * price.inverse) / self.mispricing_scale
        return (mispricing,) + joined(each(_seen, core.positions, _Beside(price, liquidity, self.width_scale)))

    @rule
    def arbitraged(self, core: Core, others: float, fee: float, seen: float) -> tuple[Level, Pair]:
        """The pool's price once arbitrageurs have traded, who see an outside price, and the tokens that ours gained."""
        outside, kept = math.sqrt(max(seen, _LEAST)), math.sqrt(1.0 - fee)
        inverse, gross, price = 1.0 / outside, 1.0 / kept, core.price
        root = clip(price.root, outside * kept, outside * gross)
        target = Level(root, clip(price.inverse, inverse * kept, inverse * gross))
        before, after, dearer = tokens_in(core.positions, price), tokens_in(core.positions, target), gross * gross
        ours = Pair(after.x - before.x, after.y - before.y)
        x = ours.x + others * (target.inverse - price.inverse)
        y = ours.y + others * (target.root - price.root)
        profit = -(x * dearer if x > 0.0 else x) * seen - (y * dearer if y > 0.0 else y)
        pays = (self.arbitrage_gas <= 0.0) | (profit > self.arbitrage_gas)
        reached = Level(target.root if pays else price.root, target.inverse if pays else price.inverse)
        return reached, Pair(ours.x if pays else 0.0, ours.y if pays else 0.0)

    @rule
    def deal(self, market: Any, state: Any, action: Any, noise: Noise, memory: Any) -> Dealt:
        now, mid, pool, told = market.now(state, memory), state.mid, state.world.venue, state.world.venue.told
        lasts, wanted = self.blocks.lasts(market.clock.dt(), noise), market.quote.placements(action, now)
        kept, markup = self.exploits.kept(noise, market.clock.dt(), now), pool.fee / (1.0 - pool.fee)
        begun, others = Core(pool.core.price, each(thinned, pool.core.positions, kept)), kept * pool.others
        seen = pool.oracle + (mid - pool.oracle) * self.caught_up(market.clock.dt())
        price, arbitraged = self.arbitraged(begun, others, pool.fee, seen)
        earned, charging = fees_of(arbitraged, markup), wanted[0].fee
        moved = both(replaced, begun.positions, wanted, Moment(price, mid))
        core, moves = Core(price, each(placed_at, moved, 0.0)), total(each(moves_of, moved, 0.0))
        orders, charged = self.traders.orders(charging, noise, market.clock.dt(), now), charging / (1.0 - charging)
        ours = charged * orders.turnover * active(core.positions, price)
        last, traded = self.traders.trade(core, orders, charged)
        robbed, lost, swap = (
            tokens_in(pool.core.positions, pool.core.price),
            1.0 - kept,
            total(each(swap_of, moved, 0.0)),
        )
        fees = Pair(earned.x + ours * price.inverse + traded.fees.x, earned.y + ours * price.root + traded.fees.y)
        x = arbitraged.x + traded.tokens.x + fees.x - lost * robbed.x
        y = arbitraged.y + traded.tokens.y + fees.y - lost * robbed.y
        charge, fee = self.gas * moves, market.fees.taker_fee(mid, now)
        bought = buy(state.account, swap, mid, fee)
        account = Portfolio(bought.cash + y - charge, bought.inventory + x, bought.hedges)
        paid, inside = charge + abs(swap) * fee, any_in_range(last.positions, last.price)
        brought = Told(
            told.fees + fees.x * mid + fees.y,
            told.lost - arbitraged.x * mid - arbitraged.y,
            told.costs + paid,
            told.impermanent + total(each(realised_of, moved, 0.0)),
            told.in_range + inside,
            told.moves + moves,
        )
        fills, hit = 1.0 if arbitraged.x != 0.0 else 0.0, 1.0 if price.root != begun.price.root else 0.0
        traders = (1.0 if orders.up > 0.0 else 0.0) + (1.0 if orders.down > 0.0 else 0.0)
        venue, gained = PoolState(last, charging, others, seen, brought), x * mid + y - paid
        return Dealt(account, state.world.flow, venue, 0.0, 0.0, gained, fills + inside * traders, hit + traders, lasts)

    @rule
    def caught_up(self, dt: float) -> float:
        """The share of the way to the mid that arbitrageurs' oracle goes within dt."""
        return one_minus_exp(dt / max(self.oracle_lag, _INSTANT))


@scalar
def _seen(position: Position, beside: _Beside) -> tuple[float, float, float]:
    """One number of order one each: the price from a range's middle, its half-width, and the share of its liquidity."""
    half_width, root = position.half_width / beside.width_scale, beside.price.root
    return (
        log((root * position.lower.inverse) * (root * position.upper.inverse)) / beside.width_scale,
        half_width / (1.0 + half_width),
        active_of(position, beside.price) / max(beside.liquidity, _LEAST),
    )


def tokens_of(position: Any, price: Any) -> Pair:
    """`tokens` of many lanes, whose numbers are arrays."""
    lower, upper = position.lower, position.upper
    x = np.clip(price.inverse, upper.inverse, lower.inverse) - upper.inverse
    return Pair(position.liquidity * x, position.liquidity * (np.clip(price.root, lower.root, upper.root) - lower.root))


def _gained(position: Any, price: Any, mid: Any) -> Any:
    """What positions of many lanes are worth more than what was put in, at the mid."""
    held, put_in = tokens_of(position, price), position.deposit
    return held.x * mid + held.y - put_in.x * mid - put_in.y


def _goes_by_time(kind: type[Price]) -> bool:
    return kind.law_at is not Price.law_at or kind.tables is not Price.tables


def _highest(value: Any) -> float:
    return float(np.max(value.support if isinstance(value, Distribution) else value))


def _lowest(value: Any) -> float:
    return float(np.min(value.support if isinstance(value, Distribution) else value))
