"""What each number of an action is, in words and units."""

from __future__ import annotations

import inspect
from functools import singledispatch
from typing import Any, NamedTuple

import gymnasium as gym

from mm_env.desk.actions import depth_ends
from mm_env.desk.desk import Desk
from mm_env.hedging import HedgePortfolio, Traded
from mm_env.quote import Depths, MarketOrders, Skew, SpreadAndSkew, Unbounded
from mm_env.venue.channel.quoting import RebalancingQuotes
from mm_env.venue.pool.ranges import DynamicFee, Range
from mm_env.venue.pool.several import Ranges


class Number(NamedTuple):
    """One number of an action, with what it means at -1 and at +1."""

    name: str
    low: str
    high: str
    unit: str


_PRICE, _FROM_MID = "price units", "price units from the mid"


def acted(market: Any) -> list[Number]:
    """What the agent sets, number by number, in order; [] where it chooses an index."""
    if isinstance(market, Desk):
        return _of_desk(market)
    if isinstance(market.action_space, gym.spaces.Discrete):
        return []
    return [*numbers(market.quote), *_hedged(market.hedges), *_financed(market.financing)]


def chosen(market: Any) -> str:
    """What an index means, where the agent chooses one."""
    return inspect.cleandoc(type(market.quote).__doc__ or "")


@singledispatch
def numbers(quote: Any) -> list[Number]:
    """The numbers of a quoting of one's own: its docstring says what they mean."""
    see = f"see help({type(quote).__name__})"
    return [Number(f"{type(quote).__name__}[{i}]", see, see, "") for i in range(quote.width)]


@numbers.register
def _(quote: Depths) -> list[Number]:
    ends = _ends(quote.min_depth, quote.max_depth)
    return [Number(f"{side} depth", *ends, _FROM_MID) for side in ("bid", "ask")]


@numbers.register
def _(quote: SpreadAndSkew) -> list[Number]:
    half = Number("half-spread", *_ends(quote.min_half_spread, quote.max_half_spread), _FROM_MID)
    return [half, _skew(quote.max_skew)]


@numbers.register
def _(quote: Skew) -> list[Number]:
    return [_skew(quote.max_skew)]


@numbers.register
def _(quote: Unbounded) -> list[Number]:
    return [Number(f"{side} depth", "as it is", "as it is", _FROM_MID) for side in ("bid", "ask")]


@numbers.register
def _(quote: MarketOrders) -> list[Number]:
    return [
        *numbers(quote.quoting),
        Number("market order", "none up to 0", "1", "share of the inventory closed at once"),
    ]


@numbers.register
def _(quote: RebalancingQuotes) -> list[Number]:
    return [*numbers(quote.quoting), Number("rebalancing", "not asked for up to 0", "asked for", "")]


@numbers.register
def _(quote: DynamicFee) -> list[Number]:
    return [Number("fee", *_ends(quote.min_fee, quote.max_fee), "share of what comes in")]


@numbers.register
def _(quote: Range) -> list[Number]:
    return _placed("", quote, quote.max_centre)


@numbers.register
def _(quote: Ranges) -> list[Number]:
    each = [_placed(f" {i}", quote, centre) for i, centre in enumerate(quote.max_centres, 1)]
    return [one for kind in zip(*each, strict=True) for one in kind]


def _placed(which: str, quote: Any, centre: float) -> list[Number]:
    """The four numbers that place one range."""
    return [
        Number(f"half-width{which}", *_ends(quote.min_half_width, quote.max_half_width), "log price, even in its logarithm"),
        Number(f"centre{which}", *_ends(-centre, centre), "log price around the pool's"),
        Number(f"share{which}", "0", "1", f"of the capital of {quote.capital:g} price units"),
        Number(f"move{which}", "stays up to 0", "moves", ""),
    ]  # fmt: skip


def _skew(most: float) -> Number:
    return Number("skew", *_ends(-most, most), f"{_PRICE}, added to both quotes' prices")


def _hedged(hedges: Any) -> list[Number]:
    """A target for each hedge."""
    held = hedges.hedges if isinstance(hedges, HedgePortfolio) else (hedges,)
    owners = [one for one in held for _ in one.names]
    many = len(owners) > 1
    return [
        Number(f"target of hedge {i}" if many else "target of the hedge", *_most(one), f"units, {type(one).__name__}")
        for i, one in enumerate(owners, 1)
    ]


def _most(hedge: Any) -> tuple[str, str]:
    return _ends(-hedge.max_position, hedge.max_position) if isinstance(hedge, Traded) else ("-1", "1")


def _financed(financing: Any) -> list[Number]:
    return [Number(name, "withdraw", "repay", f"see help({type(financing).__name__})") for name in financing.names]


def _of_desk(desk: Any) -> list[Number]:
    """Bids and asks of a desk, then what it trades outside."""
    low, high = depth_ends(desk.instruments, desk.quotes)
    quotes = [Number(n, *_ends(a, b), _FROM_MID) for n, a, b in zip(desk.action_names, low, high, strict=False)]
    outside = {f"outside_{one.name}": one.outside for one in desk.instruments}
    rest = desk.action_names[len(quotes) :]
    return [*quotes, *(Number(name, "-1", "1", f"see help({type(outside[name]).__name__})") for name in rest)]


def _ends(low: float, high: float) -> tuple[str, str]:
    return f"{low:g}", f"{high:g}"
