"""When the account is closed: a contract, and its neutral default."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import count, leaves, nest, record, rule
from mm_env.core.parameters import Distribution
from mm_env.core.tuples import scaled
from mm_env.portfolio import Portfolio
from mm_env.watched import Watching
from mm_env.world import Now


class Open(NamedTuple):
    """The state of an account that may be closed."""

    alive: float  # 1.0 while it may trade, 0.0 once it is closed


class Standing(NamedTuple):
    """What an account is judged by, at the marks after a step."""

    profit: float  # wealth less that at the start of the episode, price units
    peak: float  # the highest profit so far
    exposure: float  # |inventory| x mid + the sum of |position| x mark over the hedges, price units
    held: float = 0.0  # |inventory|, units


class Margin(Watching):
    """When an account is closed, and what it costs. Override `holds`, and `closing_cost` where selling out costs something.

    Judged once a step, after wealth is marked. An account that does not hold is closed: all positions are sold at their marks
    less `closing_cost`, the terminal penalty is due, the episode terminates, and nothing happens in that lane until its reset.
    A state of its own is a named tuple whose first field is `alive`, started by `start` and moved by `evolve`.
    """

    watches: ClassVar[tuple[str, ...]] = ("profit",)

    def check(self, market: Any) -> None:
        """Refuse a market in which an account may be closed before it has traded: at the start of some lane or episode."""
        for rules in starts(market):
            now = rules.opening()
            standing = rules.stands(rules.begin(0.0, rules.initial_mid), now)
            if not rules.margin.holds(standing, now):
                raise ValueError(
                    f"Market.margin must hold at the start (more capital, or less inventory), got {self} with "
                    f"{standing.held:g} units held and an exposure of {standing.exposure:g}"
                )

    @rule
    def may_close(self) -> bool:
        """Whether any account is ever closed; where not, nothing of this is part of the machine code."""
        return True

    @rule
    def start(self) -> Any:
        """The state at the start of an episode, a named tuple whose field `alive` is 1.0."""
        return Open(1.0)

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        """Whether the account may go on trading."""
        raise NotImplementedError

    @rule
    def closing_cost(self, standing: Standing, inventory: float, now: Now) -> float:
        """What selling all positions costs beside their marks, price units, >= 0."""
        return 0.0

    @rule
    def evolve(self, state: Any, standing: Standing, alive: float, now: Now) -> Any:
        """The state after a step; `alive` is what its field of that name must then be."""
        return Open(alive)

    @rule
    def is_open(self, state: Any) -> bool:
        """Whether the account trades, by its state."""
        return state.alive > 0.0

    @rule
    def judge(self, account: Portfolio, standing: Standing, worth: float, now: Now) -> tuple[Portfolio, Any, float]:
        """The account after the margin call, if it comes to one; this part's state; and what selling out cost."""
        alive = 1.0 if self.holds(standing, now) else 0.0
        cost = (1.0 - alive) * self.closing_cost(standing, account.inventory, now)
        cash = account.cash if alive > 0.0 else worth - cost
        left = Portfolio(cash, alive * account.inventory, scaled(alive, account.hedges))
        return left, self.evolve(now.world.margin, standing, alive, now), cost


class NoMargin(Margin):
    """The account is unlimited: it trades to the end whatever it has lost."""

    watches: ClassVar[tuple[str, ...]] = ()

    def check(self, market: Any) -> None:
        """Nothing to refuse."""

    @rule
    def may_close(self) -> bool:
        return False

    @rule
    def start(self) -> Any:
        return ()

    @rule
    def is_open(self, state: Any) -> bool:
        return True

    @rule
    def judge(self, account: Portfolio, standing: Standing, worth: float, now: Now) -> tuple[Portfolio, Any, float]:
        return account, now.world.margin, 0.0


def starts(market: Any) -> Iterator[Any]:
    """Records of a market as an episode may begin in it: with the margin, mid and inventory of each lane, and with both ends of
    what is drawn."""
    usual, margin = record(market), [leaf.value for leaf in leaves(market.margin)]
    values = [*margin, market.initial_mid, market.initial_inventory]
    for ends in product(*(value.support if isinstance(value, Distribution) else (value,) for value in values)):
        lanes = max(np.size(value) for value in ends)
        for row in np.unique(np.stack([np.resize(value, lanes) for value in ends], axis=1), axis=0).tolist():
            here = nest(usual.margin, iter(row)) if count(usual.margin) == len(margin) else usual.margin
            yield usual._replace(margin=here, initial_mid=float(row[-2]), initial_inventory=float(row[-1]))
