"""How the positions of makers whose accounts are closed move the mid for those that are left."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.component import Component, rule
from mm_env.core.parameters import Positive


class FireSale(Component):
    """The move of the mid when makers are closed out: override `move`.

    Margins are judged at the mid after a step. Who is called sells all at that mid, at the closing cost of its margin; the mid
    moves by what was sold so far; the others' wealth is marked and judged again there; and so on until nobody more is called.
    So no account that is open after a step breaks its margin at the mid that is left, which is where the price goes on from.
    """

    @rule
    def spreads(self) -> bool:
        """Whether anything ever moves; where not, nothing of this is part of the machine code."""
        return True

    @rule
    def move(self, sold: float) -> float:
        """The mid's move by `sold` units that were sold in a step so far, bought ones off; price units."""
        raise NotImplementedError

    def check(self, market: Any) -> None:
        """Refuse a market in which nobody is ever sold out."""
        if not market.may_close:
            raise ValueError(f"Competition.fire_sale needs a margin by which accounts are closed, got {market.margin}")


class NoFireSale(FireSale):
    """Positions that are closed out move nothing."""

    @rule
    def spreads(self) -> bool:
        return False

    @rule
    def move(self, sold: float) -> float:
        return 0.0

    def check(self, market: Any) -> None:
        """Nothing to refuse."""


class LinearFireSale(FireSale):
    """The mid falls by `impact` for each unit that is sold."""

    impact: Positive  # price / unit

    @rule
    def move(self, sold: float) -> float:
        return -self.impact * sold


class SquareRootFireSale(FireSale):
    """The mid falls by `coefficient` x the square root of the units that are sold (square-root law of market impact)."""

    coefficient: Positive  # price / sqrt(unit)

    @rule
    def move(self, sold: float) -> float:
        size = math.sqrt(abs(sold))
        return -self.coefficient * size if sold > 0.0 else self.coefficient * size
