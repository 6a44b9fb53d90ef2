"""A named crisis that any market of one quoted instrument can be put through: what happens, when, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from mm_env.core.component import Component
from mm_env.core.parameters import Interval, NonNegative, Probability, Real
from mm_env.market import Market
from mm_env.stress.forms import PARTS, Blow, bears, duration, under

_RATES = ("volatility", "sells", "buys", "liquidity")  # multiples, of which 1 is none
_SIZES = ("gap", "adverse")
_SHARES = ("latency", "exploit", "collateral", "correlation")  # of which 1 is all
_CURES = {
    "volatility": "a mid that moves by itself, or an order book that is simulated",
    "gap": "a mid that moves by itself, or an order book that is simulated",
    "sells": "clients who come at a rate: those of a Dealer, a Channel, a simulated Book or a Pool's traders",
    "buys": "clients who come at a rate: those of a Dealer, a Channel, a simulated Book or a Pool's traders",
    "adverse": "clients of a Dealer",
    "liquidity": "others' limit orders, which a simulated Book has",
    "latency": "orders that take time to arrive, as in a simulated Book",
    "exploit": "a Pool",
    "collateral": "a loan against collateral",
    "correlation": "hedges or collateral that say a correlation with the mid",
    "hedging": "hedges",
}  # what a market must have for each


class Stress(Component):
    """What happens from `begins` on, for `lasts`, both shares of a market's horizon; several at once are a combination. Where
    a clock counts events of an order book they are shares of the mean time that an episode takes without us.

    Times and sizes are in a market's own measures, so that one stress goes with any: a gap in standard deviations of the mid
    over an episode, as its price's `sigma` says it or, in an order book, as it is without us; adverse selection in those of a
    step. `against` is of the gap both ways. What each of it does to a part of the market says `mm_env.stress.forms`.
    """

    begins: Probability = 0.5  # share of the horizon
    lasts: Probability = 0.2  # the same
    volatility: NonNegative = 1.0  # times the mid's moves; in an order book its square, times all that happens
    gap: Real = 0.0  # standard deviations of the mid over an episode, in the first step of the stress
    sells: NonNegative = 1.0  # times the rate at which clients sell to us
    buys: NonNegative = 1.0  # times the rate at which they buy from us
    adverse: NonNegative = 0.0  # standard deviations of a step, by which a fill moves the mid against it on average
    hedging: Probability = 1.0  # 0: hedges cannot be traded
    liquidity: NonNegative = 1.0  # times the rate of others' limit orders in an order book
    latency: Probability = 0.0  # share of what is left of a step, by which our orders reach a book later
    exploit: Probability = 0.0  # share of a pool's liquidity that is taken in the first step of the stress
    collateral: Probability = 0.0  # share of the collateral's price that is lost in the first step of the stress
    correlation: Annotated[float, Interval(-1.0, 1.0)] = (
        0.0  # 1: hedges and collateral move as the mid; -1: apart from it
    )

    def applied(self, market: Any) -> Market:
        """The market under this stress; agents see what they saw.

        Raises: ValueError for a market of several instruments, or none of whose parts bears what happens; for a gap or adverse
        selection where the price says no sigma.
        """
        for reason in self._refusals(market):
            raise ValueError(f"Stress needs {reason}")
        horizon = duration(market)
        blow = Blow(self, market, self.begins * horizon, (self.begins + self.lasts) * horizon)
        return replace(market, **{name: under(getattr(market, name), blow) for name in PARTS})

    def against(self) -> tuple[Stress, ...]:
        """The stress with its gap down and up: what goes against a position is one of the two. Itself without a gap."""
        return (replace(self, gap=-abs(self.gap)), replace(self, gap=abs(self.gap))) if self.gap else (self,)

    def times(self, severity: float) -> Stress:
        """The stress `severity` times as severe, from 0, which is none, over 1, which is itself; rates do not fall below 0, nor
        do shares rise above 1."""
        scaled = {name: max(1.0 + severity * (getattr(self, name) - 1.0), 0.0) for name in _RATES}
        scaled |= {name: severity * getattr(self, name) for name in _SIZES}
        scaled |= {name: min(max(severity * getattr(self, name), -1.0), 1.0) for name in _SHARES}
        return replace(self, **scaled, hedging=self.hedging if severity > 0.0 else 1.0)

    def changes(self) -> dict[str, float]:
        """What is not as in calm, but for the time."""
        said = {name: value for name, value in vars(self).items() if value != getattr(CALM, name)}
        return {name: value for name, value in said.items() if name not in ("begins", "lasts")}

    def _refusals(self, market: Any) -> Iterator[str]:
        if not isinstance(market, Market):
            yield f"a market of one quoted instrument, got a {type(market).__name__}"
            return
        borne = {name for part in PARTS for name in bears(getattr(market, part))}
        for name, value in self.changes().items():
            if name not in borne:
                yield f"a market with {_CURES[name]}, for {name}={value:g}, got a {type(market.venue).__name__}"


CALM = Stress()
