"""A market with several makers, who share its price and its clients."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import leaves
from mm_env.core.parameters import Count
from mm_env.core.storage import SHARED
from mm_env.makers.contested import alone, contested
from mm_env.makers.contested_book import check_contested
from mm_env.makers.fire_sale import FireSale, NoFireSale
from mm_env.makers.routing import BestQuote, Routing
from mm_env.market import Market


class Competition(Market):
    """D makers who quote the clients of one market: quotes of all around S_t -> an order that arrives in [t, t + dt) goes to
    one of them, by `routing`, and fills with the venue's chance at its depth -> the mid moves to S_{t+dt}, for all -> wealth
    and margin of each, and where accounts are closed the `fire_sale` of their positions -> rewards.

    Each maker has its own account, inventory, margin, limits and reward: a parameter of those may be an array with one number
    a maker. Price, clients and clock are those of all. With one maker it is that `Market`, to the bit.

    In a simulated order book every maker has its own orders in the queues, where price and time decide whose trades: see
    `docs/several_makers.md`. There is no `routing` there.

    The lanes of a simulation are its makers, D of each world side by side: maker d of world w is lane w D + d. A maker whose
    account is closed waits, without rewards, for its world's episode to end: at the last step, or when all are closed.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    makers: Count = 2  # D
    routing: Routing = BestQuote()
    fire_sale: FireSale = NoFireSale()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.venue.takes_makers:
            raise ValueError(f"Competition.venue must be a dealer market or a simulated order book, got {self.venue}")
        if self.venue.makes_mid:
            self._check_book()
        if self.financing.names:
            raise ValueError(f"Competition.financing must be NoFinancing, got {self.financing}")
        if self.price.tables(self):
            raise ValueError(f"Competition.price must not read a table, got {self.price}")
        if self.hedges.names:
            raise ValueError(f"Competition.hedges must be NoHedges, got {self.hedges}")
        for leaf in leaves(self):
            if np.ndim(leaf.value) and leaf.path.startswith(SHARED):
                raise TypeError(f"Competition.{leaf.path} must be the same for all makers, got {leaf.value!r}")
        self.fire_sale.check(self)
        object.__setattr__(
            self, "venue", contested(self.venue, int(self.makers)) if self.makers > 1 else alone(self.venue)
        )

    def _check_book(self) -> None:
        """Refuse what an order book of several makers does not hold."""
        check_contested(self.venue)
        if self.routing != BestQuote():
            raise ValueError(
                f"Competition.routing must be left out in an order book, where price and time decide whose order trades, got "
                f"{self.routing}"
            )
        if self.fire_sale != NoFireSale():
            raise ValueError(
                f"Competition.fire_sale must be NoFireSale in an order book, whose mid is that of the flow's orders, got "
                f"{self.fire_sale}"
            )

    @property
    def lanes_a_world(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The makers of a world."""
        return int(self.makers)

    def seat(self, maker: int) -> Any:
        """The rows of maker 0, 1, ... in the arrays of a simulation's lanes."""
        return slice(maker, None, int(self.makers))
