"""The competitions that have a name; `conf/market/` holds the same for Hydra, and a test keeps the two equal."""

from __future__ import annotations

from collections.abc import Callable

from mm_env.clock import FiniteHorizon
from mm_env.desks import two_bonds
from mm_env.makers.competition import Competition
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.makers.fire_sale import LinearFireSale
from mm_env.makers.routing import LogitRouting
from mm_env.margins import MaintenanceMargin
from mm_env.price.models import Brownian, FromBook
from mm_env.quote import SpreadAndSkew, Touch
from mm_env.reward import InventoryPenalty
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Poisson
from mm_env.venue.order_book import published
from mm_env.venue.order_book.book import Book


def duopoly() -> Competition:
    """Two makers who quote the clients of the market of Cartea, Jaimungal & Penalva 2015, ch. 10, who compare their depths."""
    return Competition(
        makers=2,
        routing=LogitRouting(scale=0.5),
        price=Brownian(sigma=0.1),
        venue=Dealer(flow=Poisson(rate=10.0), fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=1.0, steps=100),
        quote=SpreadAndSkew(max_half_spread=4.0, max_skew=4.0),
        reward=InventoryPenalty(phi=0.5, alpha=0.001),
        max_inventory=5.0,
        inventory_scale=3.0,
    )


def cascade() -> Competition:
    """Four makers with little capital in a volatile market: a maker that breaks its margin is closed out, and moves the mid for
    all."""
    return Competition(
        makers=4,
        routing=LogitRouting(scale=0.5),
        fire_sale=LinearFireSale(impact=0.3),
        price=Brownian(sigma=2.0),
        venue=Dealer(flow=Poisson(rate=40.0), fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=1.0, steps=100),
        quote=SpreadAndSkew(max_half_spread=4.0, max_skew=4.0),
        reward=InventoryPenalty(phi=0.05, alpha=0.001),
        margin=MaintenanceMargin(capital=8.0, per_unit=1.5, liquidation_cost=0.5),
        max_inventory=5.0,
        inventory_scale=3.0,
        profit_scale=5.0,
    )


def bonds_duopoly() -> CompetingDesks:
    """Two makers of the two bonds of Bergault, Evangelista, Gueant & Vieira 2021, whose clients compare their depths by a logit
    with the scale at which they mind depths anyhow."""
    desk = two_bonds()
    return CompetingDesks(
        makers=2,
        routing=LogitRouting(scale=0.03),
        instruments=desk.instruments,
        prices=desk.prices,
        clock=desk.clock,
        reward=desk.reward,
        quotes=desk.quotes,
    )


def book_duopoly() -> Competition:
    """Two makers with orders in one book of Smith, Farmer, Gillemot & Krishnamurthy 2003, in ticks and minutes."""
    return Competition(
        makers=2,
        price=FromBook(),
        venue=Book(flow=published.plain()),
        clock=FiniteHorizon(horizon=20.0, steps=80),
        quote=Touch(),
        reward=InventoryPenalty(phi=0.05),
        initial_mid=1000.0,
        max_inventory=5.0,
        inventory_scale=2.0,
    )


COMPETITIONS: dict[str, Callable[[], Competition | CompetingDesks]] = {
    "duopoly": duopoly,
    "cascade": cascade,
    "bonds_duopoly": bonds_duopoly,
    "book_duopoly": book_duopoly,
}
