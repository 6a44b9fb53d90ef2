"""A desk with several makers, who share its instruments, their mids and their clients."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import numpy as np

from mm_env.core.component import differs, leaves
from mm_env.core.parameters import Count, Distribution, Interval, Several
from mm_env.desk.desk import Desk
from mm_env.desk.instrument import Instrument
from mm_env.desk.rules import DeskRules
from mm_env.makers.routing import BestQuote, Routing

Shares = Annotated[tuple[float, ...], Several(Interval(0.0, 1.0, low_open=True))]


class CompetingRules(DeskRules):
    """`DeskRules`, how many makers a world has, and how requests choose among them."""

    makers: Count = 1
    routing: Routing = BestQuote()


class CompetingDesks(Desk):
    """A `Desk` of D makers: trades outside of all makers, at the mids of t -> requests arrive in [t, t + dt), each goes to one
    of the makers who are open for its size, by `routing`, and fills as a desk's does at that maker's depth -> the mids move
    together, for all, by their own noise and by what all makers trade outside -> wealth of each -> rewards.

    Each maker has its own inventories, cash, limits and rewards: a parameter of the reward may be an array with one number a
    maker, and the limits of maker d are `limit_shares[d]` of the instruments' max_inventory, in which all observe inventories.
    Instruments, prices, clients and clock are those of all. A side is off for a maker whom the size would carry beyond its
    limit: requests go to the others. As those of a `Desk`, accounts are never closed. With one maker it is that `Desk`, to the
    bit.

    The lanes of a simulation are its makers, D of each world side by side: maker d of world w is lane w D + d.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    makers: Count = 2  # D
    routing: Routing = BestQuote()
    limit_shares: Shares = (1.0,)  # of max_inventory: one for all makers, or one each

    def __post_init__(self) -> None:
        if getattr(self.prices, "has_marks", False):
            raise ValueError(
                f"CompetingDesks.prices must not be marks of options, whose desks have one maker, got {self.prices}"
            )
        super().__post_init__()
        if len(self.limit_shares) not in (1, self.makers):
            raise ValueError(
                f"CompetingDesks.limit_shares must be one for all or one for each of {self.makers} makers, got "
                f"{self.limit_shares}"
            )
        for leaf in leaves(self.routing, "routing"):
            if differs(leaf.value):
                raise TypeError(f"CompetingDesks.{leaf.path} must be the same for all makers, got {leaf.value!r}")
        for maker in range(self.makers):
            self.instruments_of(maker)

    def _check_shared(self) -> None:
        for leaf in leaves(self.clock):
            if differs(leaf.value):
                raise TypeError(
                    f"{type(self.clock).__name__}.{leaf.path} must be the same in all lanes, got {leaf.value!r}"
                )
        for leaf in leaves(self.reward):
            if isinstance(leaf.value, Distribution) or np.size(leaf.value) not in (1, self.makers):
                raise TypeError(
                    f"{type(self.reward).__name__}.{leaf.path} must be one number, or one for each of {self.makers} makers, "
                    f"got {leaf.value!r}"
                )

    @property
    def lanes_a_world(self) -> int:
        """The makers of a world."""
        return int(self.makers)

    @property
    def rules(self) -> CompetingRules:
        """What its kernel is given."""
        return CompetingRules(*self._rules_shared, makers=self.makers, routing=self.routing)

    def seat(self, maker: int) -> Any:
        """The rows of maker 0, 1, ... in the arrays of a simulation's lanes."""
        return slice(maker, None, int(self.makers))

    def instruments_of(self, maker: int) -> tuple[Instrument, ...]:
        """The instruments, as the limits of one maker have them."""
        return self._limited(self.alike, maker)

    def _limited(self, instruments: tuple[Instrument, ...], maker: int) -> tuple[Instrument, ...]:
        by = self.limit_shares[maker % len(self.limit_shares)]
        return tuple(replace(one, max_inventory=by * one.max_inventory) for one in instruments)

    def alone(self, maker: int = 0) -> Desk:
        """The desk that one of its makers would have by itself: its limits and its reward, and all clients."""
        own = {
            leaf.field: float(np.ravel(leaf.value)[maker]) for leaf in leaves(self.reward) if np.size(leaf.value) > 1
        }
        of_one = self._limited(self.instruments, maker)
        return Desk(of_one, self.prices, self.clock, replace(self.reward, **own), self.quotes, self.numbers)
