"""A venue whose clients choose among several makers."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, NamedTuple

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.makers.contested_book import ContestedBook
from mm_env.quote import Quote
from mm_env.venue.venue import Dealt, Trades, Transition, Venue
from mm_env.world import Now


class Won(NamedTuple):
    """What one maker learns of whom the orders of a step go to, each number 1.0 or 0.0 but for depths and shift."""

    bid_depth: float  # of who is chosen to buy, price units from the mid
    ask_depth: float
    bid_open: float  # somebody may buy
    ask_open: float
    bid: float  # it is this maker who is chosen to buy
    ask: float
    shift: float  # price units: of the mid, by makers who were sold out in this step


class Contested(Venue):
    """A venue in which each side's order of a step goes to one of several makers: what `contested` makes of one of a class.

    Clients come, fill and move the mid as they do in the venue itself at the quotes of those who are chosen.
    """

    loops: ClassVar[str] = "makers"
    unsolvable: ClassVar[str] = (
        "several makers quote its clients, and what one earns depends on all of their inventories"
    )

    @rule
    def traded(
        self, quote: Quote, bid_open: bool, ask_open: bool, noise: Noise, dt: float, now: Now, memory: Any
    ) -> Trades:
        chosen = Quote(memory.bid_depth, memory.ask_depth, 0.0, 0.0)
        return self.trade(chosen, memory.bid_open > 0.5, memory.ask_open > 0.5, noise, dt, now)

    @rule
    def ours(self, trades: Trades, memory: Any) -> Trades:
        bought, sold = trades.bid_filled * memory.bid, trades.ask_filled * memory.ask
        bid_chance, ask_chance = trades.bid_chance * memory.bid, trades.ask_chance * memory.ask
        return Trades(bought, sold, bid_chance, ask_chance, trades.arrivals, trades.jump)

    @rule
    def mid_after(self, moved: float, dealt: Dealt, memory: Any) -> float:
        return moved + dealt.jump + memory.shift

    @rule
    def transitions(self, market: Any, state: Any, quote: Quote) -> tuple[Transition, ...]:
        """Refused: what comes of a quote depends on those of others."""
        raise NotImplementedError("what comes of a quote depends on the quotes of the other makers")


def contested(venue: Venue, makers: int) -> Venue:
    """The venue with so many makers, at least 2."""
    one = alone(venue)
    return _like(one, _book(type(one), makers) if one.makes_mid else _kind(type(one)))


def alone(venue: Venue) -> Venue:
    """The venue with one maker: itself if it has but one."""
    return _like(venue, venue.of_one) if venue.of_one is not None else venue


def _like(venue: Venue, kind: type[Venue]) -> Venue:
    """A venue of this class with the parameters of another."""
    return kind(**{field.name: getattr(venue, field.name) for field in fields(venue)})  # pyright: ignore[reportArgumentType]


def _reduced(venue: Venue) -> Any:
    """How a copy of one is made: its class is made anew where it is read."""
    return contested, (alone(venue), int(getattr(venue, "makers", 2)))


@cache
def _kind(kind: type[Venue]) -> type[Venue]:
    said = {"__module__": __name__, "__doc__": Contested.__doc__, "of_one": kind, "__reduce__": _reduced}
    return type(f"Contested{kind.__name__}", (Contested, kind), said)


@cache
def _book(kind: type[Venue], makers: int) -> type[Venue]:
    said = {"__module__": __name__, "__doc__": ContestedBook.__doc__, "of_one": kind, "__reduce__": _reduced}
    return type(f"Contested{kind.__name__}", (ContestedBook, kind), {**said, "makers": makers})
