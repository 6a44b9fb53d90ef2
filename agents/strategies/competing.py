"""Quotes for one of several makers whom a logit of depths chooses among."""

from __future__ import annotations

import math
from typing import Any

from agents.strategies.cartea_jaimungal import CarteaJaimungal
from agents.strategies.theory import theory
from mm_env.makers.competition import Competition
from mm_env.makers.routing import LogitRouting


def competing(market: Any) -> CarteaJaimungal:
    """The quotes of Cartea & Jaimungal for the orders that are left to one of D makers who all do as well as they can.

    Of orders that come at `rate` and fill with exp(-k depth) a maker at depth x gets, beside D - 1 others at depth y,

        rate exp(-k x) / (1 + (D - 1) exp((x - y) / scale)),  whose logarithm falls by  k' = k + (1 - 1/D) / scale  at x = y.

    Without risk all quote y = 1 / k': nobody gains by another depth (the first-order condition of x times the above). Near it
    the orders are A' exp(-k' x) with A' = rate / D exp((k' - k) y), to which the closed form is applied: exact without risk,
    and with it as far as others stay near y. Price units and units of time of the market; as `CarteaJaimungal`.

    Raises: ValueError for a market without several makers or without `LogitRouting`, or where the theory does not reach.
    """
    if not isinstance(market, Competition) or not isinstance(market.routing, LogitRouting):
        raise ValueError(f"who competes needs a Competition with LogitRouting, got a {_named(market)}")
    found = theory(market)
    steeper = found.k + (1.0 - 1.0 / market.makers) / market.routing.scale
    rate = found.rate / market.makers * math.exp((steeper - found.k) / steeper)
    return CarteaJaimungal(rate=rate, kappa=steeper, phi=found.phi, alpha=found.alpha, horizon=found.horizon,
                           max_inventory=found.orders, jump=found.jump)  # fmt: skip


def _named(market: Any) -> str:
    """What a market is, in short."""
    routing = f" with {type(market.routing).__name__}" if isinstance(market, Competition) else ""
    return f"{type(market).__name__}{routing}"
